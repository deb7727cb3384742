/*
 * "help" and "version".
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "cli.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <zstd.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static void print_options(const char *title, const struct command_option *options)
{
    (void)printf("\n%s:\n", title);
    for (const struct command_option *o = options; o->help != NULL; o++) {
        const struct option_name *name = &option_names[o->id];
        char left[48];
        (void)snprintf(left, sizeof left, "--%s%s%s%s%s", name->name, name->optional ? "[=" : "",
                       name->argument != NULL && !name->optional ? " " : "",
                       name->argument != NULL ? name->argument : "", name->optional ? "]" : "");
        if (name->letter != '\0') {
            (void)printf("  -%c, %-19s %s\n", name->letter, left, o->help);
        } else {
            (void)printf("      %-19s %s\n", left, o->help);
        }
    }
}

static void print_overview(void)
{
    (void)printf("Usage: sme-backup [OPTION...] COMMAND [ARGUMENT...]\n"
                 "\n"
                 "Back up servers, and prove that they can be restored.\n"
                 "\n"
                 "Commands:\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        (void)printf("  %-10s %s\n", cli_commands[i].name, cli_commands[i].summary);
    }
    print_options("Options", global_options);
    (void)printf("\n"
                 "'sme-backup help COMMAND' explains one; sme-backup(1) and sme-backup.conf(5)\n"
                 "are the manual pages.\n");
}

static void print_command(const struct command *command)
{
    (void)printf("Usage: sme-backup %s%s%s", command->name, command->synopsis[0] != '\0' ? " " : "",
                 command->synopsis);
    (void)printf("%s\n\n%s", command->options != NULL ? " [OPTION...]" : "", command->text);
    if (command->options != NULL) {
        print_options("Options", command->options);
    }
    print_options("Options of every command", global_options);
}

enum exit_code cmd_help(struct cli *cli)
{
    const struct command *command = cli->args.command;

    if (command != NULL && command->run == cmd_help && cli->args.given[OPT_HELP] == 0) {
        command = NULL;
        if (cli->args.word_count > 0) {
            command = command_find(cli->args.words[0], &cli->err);
            if (command == NULL) {
                return cli_fail(cli);
            }
        }
    }
    if (command == NULL) {
        print_overview();
    } else {
        print_command(command);
    }
    return EXIT_DONE;
}

enum exit_code cmd_version(struct cli *cli)
{
    if (cli->json) {
        return cli_print_json(cli,
                              json_pack("{s:s, s:i, s:s, s:s}", "version", PACKAGE_VERSION, "abi",
                                        SME_ABI, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING),
                                        "zstd", ZSTD_versionString()));
    }
    (void)printf("sme-backup %s\nplugin ABI %d, OpenSSL %s, zstd %s\n", PACKAGE_VERSION, SME_ABI,
                 OpenSSL_version(OPENSSL_VERSION_STRING), ZSTD_versionString());
    return EXIT_DONE;
}
