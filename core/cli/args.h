/*
 * The command line: options that are the same everywhere, and one table per command.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CLI_ARGS_H
#define SME_CLI_ARGS_H

#include "../base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Every option of every command; a name means the same wherever it stands. */
enum option_id {
    OPT_CONFIG,
    OPT_JSON,
    OPT_QUIET,
    OPT_VERBOSE,
    OPT_NO_PROGRESS,
    OPT_HELP,
    OPT_VERSION,
    OPT_GLOBAL_COUNT, /* those above are for every command */
    OPT_ALONE = OPT_GLOBAL_COUNT,
    OPT_CAMERA,
    OPT_COMMIT,
    OPT_DAMAGED,
    OPT_DATABASE,
    OPT_DIR,
    OPT_DRY_RUN,
    OPT_IN_PLACE,
    OPT_INI,
    OPT_INTO,
    OPT_JOBS,
    OPT_KIND,
    OPT_KEYWORD,
    OPT_KIT,
    OPT_LAYOUT,
    OPT_LENS,
    OPT_LONG,
    OPT_MAX_AGE,
    OPT_NEAR,
    OPT_NO_OWNER,
    OPT_NULL,
    OPT_OVERWRITE,
    OPT_POD,
    OPT_RATING,
    OPT_READ_ALL,
    OPT_READ_DATA,
    OPT_ROLE,
    OPT_SCRATCH,
    OPT_SINK,
    OPT_SOURCE,
    OPT_TABLE,
    OPT_TAKEN,
    OPT_THAW,
    OPT_TO,
    OPT_USE_KEY,
    OPT_VERIFY,
    OPT_WRITE_ONLY,
    OPT_COUNT,
};

struct option_name {
    const char *name;     /* without "--" */
    char letter;          /* '\0': none */
    bool optional;        /* the argument may be left out: only --name=value gives it one */
    const char *argument; /* NULL: takes none */
};
extern const struct option_name option_names[OPT_COUNT];

struct cli;

struct command_option {
    enum option_id id;
    const char *help;
};

struct command {
    const char *name;
    const char *synopsis; /* behind the name */
    const char *summary;  /* one line of the overview */
    const char *text;     /* paragraphs of "help NAME" */
    size_t min_words, max_words;
    const struct command_option *options; /* ends with .help == NULL; may be NULL */
    enum exit_code (*run)(struct cli *cli);
};
#define WORDS_ANY ((size_t)-1)

/* The commands, and what the global options say of themselves; commands.c. */
extern const struct command cli_commands[];
extern const size_t cli_command_count;
extern const struct command_option global_options[];

struct args {
    const struct command *command; /* NULL: none was named */
    const char **words;            /* behind the command; one allocation */
    size_t word_count;
    unsigned given[OPT_COUNT]; /* how often */
    const char *value[OPT_COUNT];
};

/* Parse.  SME_E_INVALID names what is wrong and offers the nearest name.  What was understood
 * before a failure is in ${args} (for --json). */
int args_parse(int argc, char *const *argv, struct args *args, struct sme_error *err);
void args_free(struct args *args);

/* By name; NULL and a failure with the nearest name as a hint. */
const struct command *command_find(const char *name, struct sme_error *err);

#endif
