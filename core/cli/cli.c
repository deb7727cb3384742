/*
 * What the commands share: start, failures, JSON, names and numbers.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "cli.h"

#include "../base/cleanup.h"
#include "../base/hex.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../run/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- failures ----------------------------------------------------------------------------- */

void cli_complain(const struct sme_error *failure)
{
    char text[2 * sizeof failure->message];

    (void)fflush(stdout);
    (void)fprintf(stderr, "sme-backup: %s\n",
                  str_escape(failure->message, strlen(failure->message), text, sizeof text));
    if (failure->hint[0] != '\0') {
        (void)fprintf(stderr, "  hint: %s\n",
                      str_escape(failure->hint, strlen(failure->hint), text, sizeof text));
    }
}

enum exit_code cli_fail(struct cli *cli)
{
    if (cli->err.status >= 0) {
        cli->err.status = SME_E_IO;
    }
    /* A configuration that cannot be read is one that is wrong. */
    enum exit_code code = cli->conf_failed ? EXIT_USAGE : error_exit_code(cli->err.status);
    if (!cli->json) {
        cli_complain(&cli->err);
        return code;
    }
    json_t *document = json_object();
    json_t *failure = report_error_json(&cli->err);
    json_add(failure, "exit", (uint64_t)code);
    (void)json_object_set_new(document, "error", failure);
    (void)cli_print_json(cli, document);
    return code;
}

/* ---- JSON --------------------------------------------------------------------------------- */

void json_drop(json_t **value)
{
    json_decref(*value);
}

void json_add(json_t *object, const char *name, uint64_t value)
{
    (void)json_object_set_new(object, name, json_integer((json_int_t)value));
}

void json_add_text(json_t *object, const char *name, const char *text)
{
    (void)json_object_set_new(object, name,
                              text != NULL ? report_text_json(text, strlen(text)) : json_null());
}

void json_add_path(json_t *object, const char *path, size_t len)
{
    json_t *text = json_stringn(path, len);

    if (text == NULL) {
        CLEANUP(free_ptr) char *hex = malloc(2 * len + 1);
        text = report_text_json(path, len);
        if (hex != NULL) {
            hex_encode(path, len, hex);
            (void)json_object_set_new(object, "path_hex", json_string(hex));
        }
    }
    (void)json_object_set_new(object, "path", text);
}

enum exit_code cli_print_json(struct cli *cli, json_t *document)
{
    CLEANUP(json_drop) json_t *body = document;
    CLEANUP(json_drop) json_t *whole = json_object();

    (void)json_object_set_new(whole, "schema", json_integer(JSON_SCHEMA));
    if (cli->args.command != NULL) {
        (void)json_object_set_new(whole, "command", json_string(cli->args.command->name));
    }
    if (body == NULL || json_object_update(whole, body) < 0 ||
        json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0 ||
        putchar('\n') == EOF) {
        (void)fprintf(stderr, "sme-backup: cannot write the result as JSON\n");
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

/* ---- names and numbers -------------------------------------------------------------------- */

void cli_print_name(const struct cli *cli, const char *name, size_t len)
{
    if (!cli->out_terminal) {
        (void)fwrite(name, 1, len, stdout);
        return;
    }
    size_t room = 4 * len + 8;
    CLEANUP(free_ptr) char *escaped = malloc(room);
    if (escaped != NULL) {
        (void)fputs(str_escape(name, len, escaped, room), stdout);
    }
}

char *cli_count(uint64_t count, const char *one, const char *many, char out[48])
{
    (void)snprintf(out, 48, "%" PRIu64 " %s", count, count == 1 ? one : many);
    return out;
}

char *cli_local_time(int64_t sec, char out[20])
{
    time_t t = (time_t)sec;
    struct tm tm;

    if (localtime_r(&t, &tm) == NULL || strftime(out, 20, "%Y-%m-%d %H:%M", &tm) == 0) {
        (void)snprintf(out, 20, "%s", "?");
    }
    return out;
}

/* ---- start -------------------------------------------------------------------------------- */

int cli_load_conf(struct cli *cli)
{
    if (cli->conf != NULL) {
        return SME_OK;
    }
    int status = conf_load(cli->args.value[OPT_CONFIG], &cli->conf, &cli->err);
    cli->conf_failed = status < 0;
    return status;
}

static bool can_rewrite(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) == 1 && term != NULL && strcmp(term, "dumb") != 0;
}

static void set_up(struct cli *cli, int argc, char *const *argv)
{
    cli->err.struct_size = sizeof cli->err;
    cli->out_terminal = isatty(STDOUT_FILENO) == 1;
    /* A failure to understand the command line is told in JSON too. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        cli->json = cli->json || strcmp(argv[i], "--json") == 0;
    }
}

static void take_global_options(struct cli *cli)
{
    const struct args *args = &cli->args;

    cli->quiet = args->given[OPT_QUIET] > 0;
    cli->verbose = args->given[OPT_VERBOSE];
    cli->progress = can_rewrite() && !cli->quiet && !cli->json && args->given[OPT_NO_PROGRESS] == 0;
    log_set_stderr(cli->verbose > 1    ? LOG_LEVEL_DEBUG
                   : cli->verbose == 1 ? LOG_LEVEL_INFO
                   : cli->quiet        ? LOG_LEVEL_ERROR
                                       : LOG_LEVEL_WARN);
}

static enum exit_code dispatch(struct cli *cli)
{
    if (cli->args.given[OPT_HELP] > 0) {
        return cmd_help(cli);
    }
    if (cli->args.given[OPT_VERSION] > 0) {
        return cmd_version(cli);
    }
    if (cli->args.command == NULL) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "no command was given");
        (void)error_hint(&cli->err, "'sme-backup help' lists the commands");
        return cli_fail(cli);
    }
    return cli->args.command->run(cli);
}

enum exit_code cli_main(int argc, char *const *argv)
{
    struct cli cli = {.conf = NULL};
    enum exit_code code;

    set_up(&cli, argc, argv);
    if (args_parse(argc, argv, &cli.args, &cli.err) < 0) {
        code = cli_fail(&cli);
    } else {
        take_global_options(&cli);
        code = dispatch(&cli);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        /* A reader that has seen enough is no failure worth a message. */
        if (errno != EPIPE) {
            (void)fprintf(stderr, "sme-backup: cannot write to standard output: %s\n",
                          strerror(errno));
        }
        code = error_worse_exit(code, EXIT_FAILED);
    }
    conf_free(cli.conf);
    args_free(&cli.args);
    return code;
}
