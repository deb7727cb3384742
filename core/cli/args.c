/*
 * The command line: parsing it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "args.h"

#include "../base/str.h"

#include <stdlib.h>
#include <string.h>

const struct option_name option_names[OPT_COUNT] = {
    [OPT_CONFIG] = {"config", 'c', false, "PATH"},
    [OPT_JSON] = {"json", '\0', false, NULL},
    [OPT_QUIET] = {"quiet", 'q', false, NULL},
    [OPT_VERBOSE] = {"verbose", 'v', false, NULL},
    [OPT_NO_PROGRESS] = {"no-progress", '\0', false, NULL},
    [OPT_HELP] = {"help", 'h', false, NULL},
    [OPT_VERSION] = {"version", 'V', false, NULL},
    [OPT_ALONE] = {"alone", '\0', false, NULL},
    [OPT_CAMERA] = {"camera", '\0', false, "TEXT"},
    [OPT_COMMIT] = {"commit", '\0', false, NULL},
    [OPT_DAMAGED] = {"damaged", '\0', false, NULL},
    [OPT_DATABASE] = {"database", '\0', false, "NAME"},
    [OPT_DIR] = {"dir", '\0', false, "DIR"},
    [OPT_DRY_RUN] = {"dry-run", 'n', false, NULL},
    [OPT_IN_PLACE] = {"in-place", '\0', false, NULL},
    [OPT_INI] = {"ini", '\0', false, NULL},
    [OPT_INTO] = {"into", '\0', false, "CONNINFO"},
    [OPT_JOBS] = {"jobs", 'j', false, "N"},
    [OPT_KEYWORD] = {"keyword", '\0', false, "TEXT"},
    [OPT_KIND] = {"kind", '\0', false, "KIND"},
    [OPT_KIT] = {"kit", '\0', false, "FILE"},
    [OPT_LAYOUT] = {"layout", '\0', false, "NAME"},
    [OPT_LENS] = {"lens", '\0', false, "TEXT"},
    [OPT_LONG] = {"long", 'l', false, NULL},
    [OPT_MAX_AGE] = {"max-age", '\0', false, "DURATION"},
    [OPT_NEAR] = {"near", '\0', false, "PLACE"},
    [OPT_NO_OWNER] = {"no-owner", '\0', false, NULL},
    [OPT_NULL] = {"null", '0', false, NULL},
    [OPT_OVERWRITE] = {"overwrite", '\0', false, "WHEN"},
    [OPT_POD] = {"pod", '\0', false, NULL},
    [OPT_RATING] = {"rating", '\0', false, "RANGE"},
    [OPT_READ_ALL] = {"read-all", '\0', false, NULL},
    [OPT_READ_DATA] = {"read-data", '\0', true, "PART"},
    [OPT_ROLE] = {"role", '\0', false, "ROLE"},
    [OPT_SCRATCH] = {"scratch", '\0', false, "DIR"},
    [OPT_SINK] = {"sink", '\0', false, "NAME"},
    [OPT_SOURCE] = {"source", '\0', false, "NAME"},
    [OPT_TABLE] = {"table", '\0', false, "NAME"},
    [OPT_TAKEN] = {"taken", '\0', false, "RANGE"},
    [OPT_THAW] = {"thaw", '\0', true, "SPEED"},
    [OPT_TO] = {"to", '\0', false, "PATH"},
    [OPT_USE_KEY] = {"use-key", '\0', false, NULL},
    [OPT_VERIFY] = {"verify", '\0', false, NULL},
    [OPT_WRITE_ONLY] = {"write-only", '\0', false, NULL},
};

/* A distance up to which a name counts as mistyped. */
static unsigned near_enough(const char *name)
{
    size_t len = strlen(name);
    return len <= 3 ? 1 : len <= 6 ? 2 : 3;
}

const struct command *command_find(const char *name, struct sme_error *err)
{
    const struct command *nearest = NULL;
    unsigned best = near_enough(name) + 1;
    char shown[64];

    for (size_t i = 0; i < cli_command_count; i++) {
        if (strcmp(cli_commands[i].name, name) == 0) {
            return &cli_commands[i];
        }
        unsigned distance = str_distance(name, cli_commands[i].name, best);
        if (distance < best) {
            best = distance;
            nearest = &cli_commands[i];
        }
    }
    (void)sme_fail(err, SME_E_INVALID, "unknown command '%s'",
                   str_escape(name, strlen(name), shown, sizeof shown));
    if (nearest != NULL) {
        (void)error_hint(err, "did you mean '%s'?", nearest->name);
    } else {
        (void)error_hint(err, "'sme-backup help' lists the commands");
    }
    return NULL;
}

static bool applies(const struct command *command, enum option_id id)
{
    if (id < OPT_GLOBAL_COUNT) {
        return true;
    }
    for (const struct command_option *o = command != NULL ? command->options : NULL;
         o != NULL && o->help != NULL; o++) {
        if (o->id == id) {
            return true;
        }
    }
    return false;
}

static int unknown_option(const char *text, size_t len, const struct command *command,
                          struct sme_error *err)
{
    char name[64];
    char shown[64];
    const char *nearest = NULL;

    (void)snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name), text);
    unsigned best = near_enough(name) + 1;
    for (int id = 0; id < OPT_COUNT; id++) {
        unsigned distance = str_distance(name, option_names[id].name, best);
        if (distance < best && applies(command, (enum option_id)id)) {
            best = distance;
            nearest = option_names[id].name;
        }
    }
    (void)sme_fail(err, SME_E_INVALID, "unknown option '--%s'",
                   str_escape(name, strlen(name), shown, sizeof shown));
    return nearest != NULL ? error_hint(err, "did you mean '--%s'?", nearest)
                           : error_hint(err, "'sme-backup help' shows the options");
}

static int find_long(const char *text, size_t len)
{
    for (int id = 0; id < OPT_COUNT; id++) {
        if (strlen(option_names[id].name) == len && memcmp(option_names[id].name, text, len) == 0) {
            return id;
        }
    }
    return -1;
}

static int find_letter(char letter)
{
    for (int id = 0; id < OPT_COUNT; id++) {
        if (letter != '\0' && option_names[id].letter == letter) {
            return id;
        }
    }
    return -1;
}

struct parser {
    int argc;
    char *const *argv;
    int at;
    struct args *args;
    /* Options whose name is wrong are judged when the command is known. */
    const char *unknown;
    size_t unknown_len;
};

static int take_value(struct parser *p, int id, const char *value, struct sme_error *err)
{
    const struct option_name *name = &option_names[id];

    if (name->argument == NULL && value != NULL) {
        return sme_fail(err, SME_E_INVALID, "option '--%s' takes no value", name->name);
    }
    if (name->argument != NULL && value == NULL && !name->optional) {
        if (p->at + 1 >= p->argc) {
            return sme_fail(err, SME_E_INVALID, "option '--%s' needs a value (%s)", name->name,
                            name->argument);
        }
        value = p->argv[++p->at];
    }
    if (name->argument != NULL && p->args->given[id] > 0) {
        return sme_fail(err, SME_E_INVALID, "option '--%s' stands twice", name->name);
    }
    p->args->given[id]++;
    p->args->value[id] = value;
    return SME_OK;
}

static int take_long(struct parser *p, const char *text, struct sme_error *err)
{
    const char *equals = strchr(text, '=');
    size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
    int id = find_long(text, len);

    if (id < 0) {
        if (p->unknown == NULL) {
            p->unknown = text;
            p->unknown_len = len;
        }
        return SME_OK;
    }
    return take_value(p, id, equals != NULL ? equals + 1 : NULL, err);
}

static int take_letters(struct parser *p, const char *letters, struct sme_error *err)
{
    for (const char *at = letters; *at != '\0'; at++) {
        int id = find_letter(*at);
        if (id < 0) {
            char shown[8];
            (void)sme_fail(err, SME_E_INVALID, "unknown option '-%s'",
                           str_escape(at, 1, shown, sizeof shown));
            return error_hint(err, "'sme-backup help' shows the options");
        }
        if (option_names[id].argument != NULL && !option_names[id].optional && at[1] != '\0') {
            return take_value(p, id, at + 1, err);
        }
        int status = take_value(p, id, NULL, err);
        if (status < 0) {
            return status;
        }
    }
    return SME_OK;
}

static int check_words(const struct args *args, struct sme_error *err)
{
    const struct command *command = args->command;
    char shown[128];

    if (command == NULL || args->given[OPT_HELP] > 0) {
        return SME_OK;
    }
    if (args->word_count < command->min_words) {
        (void)sme_fail(err, SME_E_INVALID, "command '%s' needs more arguments: %s %s",
                       command->name, command->name, command->synopsis);
        return error_hint(err, "see 'sme-backup help %s'", command->name);
    }
    if (command->max_words != WORDS_ANY && args->word_count > command->max_words) {
        const char *extra = args->words[command->max_words];
        (void)sme_fail(err, SME_E_INVALID, "command '%s' does not take the argument '%s'",
                       command->name, str_escape(extra, strlen(extra), shown, sizeof shown));
        return error_hint(err, "see 'sme-backup help %s'", command->name);
    }
    return SME_OK;
}

static int check_options(const struct args *args, struct sme_error *err)
{
    for (int id = 0; id < OPT_COUNT; id++) {
        if (args->given[id] == 0 || applies(args->command, (enum option_id)id)) {
            continue;
        }
        if (args->command == NULL) {
            (void)sme_fail(err, SME_E_INVALID, "option '--%s' needs a command",
                           option_names[id].name);
            return error_hint(err, "'sme-backup help' lists the commands");
        }
        (void)sme_fail(err, SME_E_INVALID, "command '%s' has no option '--%s'", args->command->name,
                       option_names[id].name);
        return error_hint(err, "see 'sme-backup help %s'", args->command->name);
    }
    return SME_OK;
}

static int take_all(struct parser *p, const char **ret_command, struct sme_error *err)
{
    bool only_words = false;
    int status = SME_OK;

    for (p->at = 1; p->at < p->argc && status == SME_OK; p->at++) {
        const char *text = p->argv[p->at];
        if (!only_words && strcmp(text, "--") == 0) {
            only_words = true;
        } else if (!only_words && text[0] == '-' && text[1] == '-') {
            status = take_long(p, text + 2, err);
        } else if (!only_words && text[0] == '-' && text[1] != '\0') {
            status = take_letters(p, text + 1, err);
        } else if (*ret_command == NULL) {
            *ret_command = text;
        } else {
            p->args->words[p->args->word_count++] = text;
        }
    }
    return status;
}

int args_parse(int argc, char *const *argv, struct args *args, struct sme_error *err)
{
    struct parser p = {.argc = argc, .argv = argv, .args = args};
    const char *command = NULL;

    memset(args, 0, sizeof *args);
    args->words = calloc((size_t)argc + 1, sizeof *args->words);
    if (args->words == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the command line");
    }
    int status = take_all(&p, &command, err);
    if (status < 0) {
        return status;
    }
    if (command != NULL && (args->command = command_find(command, err)) == NULL) {
        return SME_E_INVALID;
    }
    if (p.unknown != NULL) {
        return unknown_option(p.unknown, p.unknown_len, args->command, err);
    }
    status = check_options(args, err);
    return status < 0 ? status : check_words(args, err);
}

void args_free(struct args *args)
{
    free(args->words);
    args->words = NULL;
    args->word_count = 0;
}
