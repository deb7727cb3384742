/*
 * What the commands share: the parsed command line, the configuration, output.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Results go to standard output, everything else to standard error.  With --json standard output
 * is one JSON document, failures included.
 */
#ifndef SME_CLI_CLI_H
#define SME_CLI_CLI_H

#include "../config/conf.h"
#include "args.h"

#include <jansson.h>
#include <stdint.h>

#define JSON_SCHEMA 1

struct cli {
    struct args args;
    struct conf *conf; /* after cli_load_conf() */
    bool conf_failed;
    bool json;
    bool quiet;
    unsigned verbose;
    bool progress;     /* standard error is a terminal that can be rewritten */
    bool out_terminal; /* standard output is a terminal                      */
    struct sme_error err;
};

/* Everything but the process: parse, run, print.  ${argv} as main() has it. */
enum exit_code cli_main(int argc, char *const *argv);

int cli_load_conf(struct cli *cli);

/* Print cli->err (message and hint, or the JSON document of a failure); its exit code. */
enum exit_code cli_fail(struct cli *cli);
/* Message and hint of a failure that does not end the command, on standard error. */
void cli_complain(const struct sme_error *failure);
/* Print ${document} (taken over), with "schema" and "command" added; EXIT_DONE or, if it cannot
 * be written, EXIT_FAILED. */
enum exit_code cli_print_json(struct cli *cli, json_t *document);

/* A name for standard output: as it is, or escaped on a terminal. */
void cli_print_name(const struct cli *cli, const char *name, size_t len);
/* "3 files", "1 file": ${out} has 48 bytes. */
char *cli_count(uint64_t count, const char *one, const char *many, char out[48]);
/* An item's type (SME_ITEM_*) as in JSON: "file". */
const char *cli_item_type(uint32_t type);
/* Local time "2026-11-23 02:00"; ${out} has 20 bytes. */
char *cli_local_time(int64_t sec, char out[20]);

void json_drop(json_t **value); /* for CLEANUP */
void json_add(json_t *object, const char *name, uint64_t value);
void json_add_text(json_t *object, const char *name, const char *text);
/* "path" as text, and "path_hex" too where the bytes are not UTF-8. */
void json_add_path(json_t *object, const char *path, size_t len);

/* The commands. */
enum exit_code cmd_cat(struct cli *cli);
enum exit_code cmd_check(struct cli *cli);
enum exit_code cmd_config(struct cli *cli);
enum exit_code cmd_doctor(struct cli *cli);
enum exit_code cmd_find(struct cli *cli);
enum exit_code cmd_gallery(struct cli *cli);
enum exit_code cmd_help(struct cli *cli);
enum exit_code cmd_init(struct cli *cli);
enum exit_code cmd_list(struct cli *cli);
enum exit_code cmd_ls(struct cli *cli);
enum exit_code cmd_plugin(struct cli *cli);
enum exit_code cmd_policy(struct cli *cli);
enum exit_code cmd_restore(struct cli *cli);
enum exit_code cmd_run(struct cli *cli);
enum exit_code cmd_setup(struct cli *cli);
enum exit_code cmd_version(struct cli *cli);

#endif
