/*
 * The commands: what they take and what "help" says of them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Lines of text have at most 80 columns; a test looks at what "help" prints.
 */
#include "cli.h"

const struct command_option global_options[] = {
    {OPT_CONFIG, "folder of *.ini files, or one file"},
    {OPT_JSON, "one JSON document on standard output"},
    {OPT_QUIET, "say nothing but failures"},
    {OPT_VERBOSE, "say more; twice: for debugging"},
    {OPT_NO_PROGRESS, "no progress line on the terminal"},
    {OPT_HELP, "show help"},
    {OPT_VERSION, "show the version"},
    {OPT_COUNT, NULL},
};

static const struct command_option cat_options[] = {
    {OPT_SINK, "take it from this sink"},
    {OPT_COUNT, NULL},
};

static const struct command_option check_options[] = {
    {OPT_READ_DATA, "read the packs too: all, part N/M, or a share P%"},
    {OPT_SINK, "only this sink"},
    {OPT_COUNT, NULL},
};

static const struct command_option doctor_options[] = {
    {OPT_MAX_AGE, "a newest snapshot older than this is a failure"},
    {OPT_SINK, "only this sink"},
    {OPT_COUNT, NULL},
};

static const struct command_option init_options[] = {
    {OPT_WRITE_ONLY, "leave this host a key that can add but not read"},
    {OPT_KIT, "write the recovery kit to this new file"},
    {OPT_USE_KEY, "use the key file that is there"},
    {OPT_DRY_RUN, "only say what would be made"},
    {OPT_COUNT, NULL},
};

static const struct command_option list_options[] = {
    {OPT_SINK, "only this sink"},
    {OPT_COUNT, NULL},
};

static const struct command_option ls_options[] = {
    {OPT_LONG, "with mode, owner, size and time"},
    {OPT_NULL, "end each name with a NUL byte"},
    {OPT_SINK, "take it from this sink"},
    {OPT_COUNT, NULL},
};

static const struct command_option plugin_options[] = {
    {OPT_INI, "describe: as a sample section for conf.d"},
    {OPT_POD, "describe: as a part of a manual page"},
    {OPT_SINK, "test: work in the place of this sink"},
    {OPT_COUNT, NULL},
};

static const struct command_option policy_options[] = {
    {OPT_ROLE, "run, restore, prune or setup"},
    {OPT_SINK, "for this sink"},
    {OPT_COUNT, NULL},
};

static const struct command_option restore_options[] = {
    {OPT_TO, "write under this folder; it is made if missing"},
    {OPT_IN_PLACE, "write to where the source has it"},
    {OPT_OVERWRITE, "what exists: never (default), if-changed, always"},
    {OPT_VERIFY, "read everything back and compare"},
    {OPT_NO_OWNER, "do not set owners and groups"},
    {OPT_THAW, "ask for what is archived: bulk, standard, expedited"},
    {OPT_DRY_RUN, "only say what would be restored"},
    {OPT_SINK, "take it from this sink"},
    {OPT_COUNT, NULL},
};

static const struct command_option run_options[] = {
    {OPT_DRY_RUN, "read and count, but store nothing; no hooks"},
    {OPT_READ_ALL, "read files even if they look unchanged"},
    {OPT_COUNT, NULL},
};

static const struct command_option setup_options[] = {
    {OPT_DRY_RUN, "only say what would be changed"},
    {OPT_SINK, "this sink"},
    {OPT_COUNT, NULL},
};

const struct command cli_commands[] = {
    {"cat", "SOURCE[@SNAPSHOT] PATH", "write one file to standard output",
     "Write the content of the file PATH, as the snapshot has it, to standard\n"
     "output.  Holes become zeroes.  See 'help restore' for SNAPSHOT.\n",
     2, 2, cat_options, cmd_cat},
    {"check", "[SOURCE]", "check that a repository is whole",
     "Check structure and presence: every snapshot, index and pack that is needed\n"
     "is there, has the right size, and opens.  Data is read only with --read-data;\n"
     "a share such as 5% goes on day by day until everything was read.  Nothing is\n"
     "changed.  Exit 4 if anything is damaged.\n",
     0, 1, check_options, cmd_check},
    {"config", "check | show", "check or show the configuration",
     "check: load every plugin, and report every key that is unknown, wrong or\n"
     "missing, with file and line; then look at the key files.\n"
     "show: the values that are in force, defaults included; secrets are hidden.\n",
     1, 1, NULL, cmd_config},
    {"doctor", "[SINK]", "examine set-up and protections",
     "Examine this host (permissions, folders, schedule) and every sink, or one:\n"
     "keys, repository, clock, age of the newest snapshots, and what protects the\n"
     "place.  What is wrong is shown with the way to put it right.  Nothing is\n"
     "changed, and nothing stays behind.\n"
     "\n"
     "A newest snapshot older than 26 hours is a warning, one older than 7 days a\n"
     "failure; with --max-age (for instance 36h) older than that is a failure.\n"
     "\n"
     "Exit: 0 no failure; 1 any other failure; 4 repository damaged; 6 key or\n"
     "authentication; 7 sink unreachable.\n",
     0, 1, doctor_options, cmd_doctor},
    {"help", "[COMMAND]", "explain a command", "Show the commands, or the options of one.\n", 0, 1,
     NULL, cmd_help},
    {"init", "[SINK]", "make keys and a repository",
     "Make the keys, the key file and the repository of a sink, and print the\n"
     "recovery kit: everything that is needed to restore after the loss of this\n"
     "host.  Keep it elsewhere, on paper for instance.\n"
     "\n"
     "With --write-only this host gets a key that can add backups, but neither\n"
     "read nor decrypt any.  Then the recovery kit is the only way to restore:\n"
     "whoever loses it has lost the data.\n"
     "\n"
     "Nothing that exists is overwritten.\n",
     0, 1, init_options, cmd_init},
    {"list", "[SOURCE]", "list snapshots", "List the snapshots of all sources, or of one.\n", 0, 1,
     list_options, cmd_list},
    {"ls", "SOURCE[@SNAPSHOT] [PATTERN...]", "list what is in a snapshot",
     "List the items of a snapshot, all or those that a path or pattern selects;\n"
     "see 'help restore' for both.\n",
     1, WORDS_ANY, ls_options, cmd_ls},
    {"plugin", "list | describe NAME | test NAME", "show plugins and their options; test them",
     "list: the plugins that are found.\n"
     "describe: a plugin and its options, by name or by file; 'core', 'sink' and\n"
     "'source' show the options that belong to no plugin.\n"
     "test: does a plugin, by name or by file, do what sme-backup relies on?  A sink\n"
     "is tested in the place that is configured for it, with objects below\n"
     "'conformance-' and a random number, which are removed again; that takes the\n"
     "permission to read and remove there.  Exit: 0 it does; 1 it does not; 2 usage\n"
     "or configuration; 7 the place is not reachable.\n",
     1, 2, plugin_options, cmd_plugin},
    {"policy", "--role ROLE [SINK]", "print the permissions that a role needs",
     "Print the least permissions that a role needs at the place of a sink, in the\n"
     "form that its administrator enters (IAM JSON for S3).  No request is made,\n"
     "and no key is needed.  The roles: run (back up), restore (read, too), prune\n"
     "(remove, too), setup (make and protect the place).\n",
     0, 1, policy_options, cmd_policy},
    {"restore", "SOURCE[@SNAPSHOT] [PATTERN...] --to DIR", "restore from a snapshot",
     "Restore everything, or what paths and patterns select, under DIR.  A path\n"
     "selects an item with all that is below it; in a pattern * and ? do not match\n"
     "'/', ** does.  Paths are relative to the source's path, as 'ls' shows them.\n"
     "\n"
     "SNAPSHOT is a name from 'list', the beginning of one, 'latest' (the default)\n"
     "or 'latest-N', the N-th before it.\n"
     "\n"
     "SOURCE may be one that is no longer configured.\n"
     "\n"
     "Where objects that are needed are archived (S3 Glacier), nothing is written:\n"
     "what they are, and what making them readable takes, is shown; exit 8.  With\n"
     "--thaw[=SPEED] they are asked for.  Repeat the command until they can be\n"
     "read: then it restores.\n",
     1, WORDS_ANY, restore_options, cmd_restore},
    {"run", "[SOURCE...]", "back up",
     "Back up all sources, or those that are named.  With a terminal there is a\n"
     "progress line and a result for each; without one nothing is printed on\n"
     "success.  Every result is a line in the log.\n"
     "\n"
     "Exit: 0 done; 1 failed; 2 usage or configuration; 3 committed, but items\n"
     "failed or changed; 4 repository damaged; 5 already running; 6 key;\n"
     "7 sink unreachable; 8 not possible now; 130 signal.\n",
     0, WORDS_ANY, run_options, cmd_run},
    {"setup", "[SINK]", "make and protect the place of a repository",
     "Make the place of a sink (for S3: the bucket) if it is missing, and bring its\n"
     "protections into the state that the configuration asks for.  What is right\n"
     "is left alone, and so is what others have made.  --dry-run shows the plan.\n"
     "Needs more permissions than a run; see 'help policy'.\n",
     0, 1, setup_options, cmd_setup},
    {"version", "", "show the version", "Show the version of the program and of its libraries.\n",
     0, 0, NULL, cmd_version},
};
const size_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];
