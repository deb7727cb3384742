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

static const struct command_option find_options[] = {
    {OPT_TAKEN, "photos of a time: 2024, 2024-06-30, 2024-06..2024-08"},
    {OPT_CAMERA, "by a camera with this in its name, or a pattern"},
    {OPT_LENS, "by a lens with this in its name, or a pattern"},
    {OPT_KEYWORD, "with a keyword that has this in it, or a pattern"},
    {OPT_RATING, "with so many stars: 5, 3..5, 4.."},
    {OPT_NEAR, "taken near a place: LAT,LON,5km"},
    {OPT_KIND, "photo, raw, video, sidecar or other"},
    {OPT_DAMAGED, "only what was damaged when it was backed up"},
    {OPT_ALONE, "without the sidecars and others that belong to it"},
    {OPT_NULL, "only paths, each ended with a NUL byte"},
    {OPT_SINK, "take it from this sink"},
    {OPT_COUNT, NULL},
};

static const struct command_option gallery_options[] = {
    {OPT_TO, "the file to write; it must not be there yet"},
    {OPT_OVERWRITE, "a file that is there: never (default), always"},
    {OPT_SINK, "take it from this sink"},
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
    {OPT_SOURCE, "test: with the options of this source"},
    {OPT_COMMIT, "test: end runs of a source as if they were stored, too"},
    {OPT_KIND, "new: source or sink"},
    {OPT_DIR, "new: the folder to make; NAME without it"},
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
    {OPT_INTO, "give it back to the plugin: to a database server"},
    {OPT_DATABASE, "with --into: this database, not all"},
    {OPT_TABLE, "with --into: this table with all that belongs to it"},
    {OPT_JOBS, "with --into: so many at once; needs --scratch"},
    {OPT_SCRATCH, "with --into: folder for archives while they are read"},
    {OPT_OVERWRITE, "what exists: never (default), if-changed, always"},
    {OPT_VERIFY, "read everything back and compare"},
    {OPT_NO_OWNER, "do not set owners and groups"},
    {OPT_LAYOUT, "taken: photos into folders by day, YYYY/MM/DD"},
    {OPT_TAKEN, "photos of a time: 2024, 2024-06-30, 2024-06..2024-08"},
    {OPT_CAMERA, "by a camera with this in its name, or a pattern"},
    {OPT_LENS, "by a lens with this in its name, or a pattern"},
    {OPT_KEYWORD, "with a keyword that has this in it, or a pattern"},
    {OPT_RATING, "with so many stars: 5, 3..5, 4.."},
    {OPT_NEAR, "taken near a place: LAT,LON,5km"},
    {OPT_KIND, "photo, raw, video, sidecar or other"},
    {OPT_DAMAGED, "only what was damaged when it was backed up"},
    {OPT_ALONE, "without the sidecars and others that belong to it"},
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
    {"find", "SOURCE[@SNAPSHOT] [PATTERN...]", "find photos, or files by their names",
     "Show the photos that were taken at a time, near a place, with a camera and so\n"
     "on, with the time by their camera's clock.  All that is asked for must hold.\n"
     "A PATTERN with '/' is as for 'restore'; one without is a name, or a pattern\n"
     "for names, of items or of folders that they are in.  With PATTERN only, this\n"
     "works for every source.\n"
     "\n"
     "What belongs to a photo comes along, marked with '+': sidecars, the raw file\n"
     "beside a JPEG, the film of a moving picture.  Exit 1 if nothing is found.\n",
     1, WORDS_ANY, find_options, cmd_find},
    {"gallery", "SOURCE[@SNAPSHOT] [PATTERN...] --to FILE", "make a page of the photos",
     "Write one page of HTML with the small pictures of all photos and videos of a\n"
     "snapshot, or of those that paths and patterns select.  It needs nothing but a\n"
     "browser: search it, select photos, and copy the command that restores them.\n"
     "Only the owner of the file can read it.\n",
     1, WORDS_ANY, gallery_options, cmd_gallery},
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
    {"plugin", "list | describe NAME | test NAME | new NAME",
     "show plugins and their options; test them, or begin one",
     "list: the plugins that are found.\n"
     "describe: a plugin and its options, by name or by file; 'core', 'sink' and\n"
     "'source' show the options that belong to no plugin.\n"
     "test: does a plugin, by name or by file, do what sme-backup relies on?  A sink\n"
     "is tested in the place that is configured for it, with objects below\n"
     "'conformance-' and a random number, which are removed again; that takes the\n"
     "permission to read and remove there.  A source is tested with the options of\n"
     "the section that is configured for it, or with defaults: it is read, several\n"
     "times, and nothing is stored.  Exit: 0 it does; 1 it does not; 2 usage or\n"
     "configuration; 7 the place is not reachable.\n"
     "new: write a plugin to begin with, --kind source (the default) or sink, into a\n"
     "new folder.  It builds with make, and passes the test.\n",
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
     "With --taken, --near and so on, only photos are restored, with what belongs to\n"
     "them; see 'help find'.  --layout taken makes DIR/YYYY/MM/DD/NAME of photos,\n"
     "DIR/undated/NAME without a date, and DIR/other/PATH of other files.  Nothing\n"
     "is overwritten: a name that is taken becomes NAME-2, the same file stays.\n"
     "\n"
     "--into CONNINFO takes databases back into a running PostgreSQL server, for\n"
     "instance --database shop --into 'host=/run/postgresql dbname=shop_again'.  A\n"
     "database that has something in it is left alone unless --overwrite always.\n"
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
