/*
 * The command source: backs up what a program writes to its standard output.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "command.h"

static const struct sme_option options[] = {
    SME_OPTION_STRING(struct command_options, command, "command", SME_OPT_REQUIRED, NULL,
                      "Program and its arguments, quoted as for a shell but run without one."),
    SME_OPTION_STRING(struct command_options, name, "name", 0, NULL,
                      "Name of its output in the snapshot; without it that of the program."),
    SME_OPTION_LIST(struct command_options, environment, "environment", 0, NULL,
                    "Variables for the program, each as NAME=VALUE."),
    SME_OPTION_PATH(struct command_options, folder, "folder", 0, NULL,
                    "Folder in which the program is run; without it the root folder."),
    SME_OPTION_SIZE(struct command_options, min_size, "min_size", 0, "1", 0, 0,
                    "Less output than this is a failure."),
    SME_OPTION_PERCENT(struct command_options, max_shrink, "max_shrink", 0, "0%", 0, 10000,
                       "How much smaller than that of the last good run the output may be; 0% does "
                       "not compare them."),
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PER_HANDLE,
    .option_count = sizeof options / sizeof options[0],
    .name = "command",
    .version = "1.0",
    .summary = "the output of a program, such as the dump of a database",
    .options = options,
    .config_size = sizeof(struct command_options),
    .source = &command_ops,
};
