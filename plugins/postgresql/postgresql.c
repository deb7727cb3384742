/*
 * The PostgreSQL source: consistent dumps, or physical base backups, of a running server.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "dump.h"
#include "options.h"
#include "physical.h"
#include "restore.h"
#include "server.h"

#include <stdlib.h>

static const char *const modes[] = {"dump", "physical", NULL};
static const char *const row_counts[] = {"estimate", "exact", "off", NULL};
static const char *const checkpoints[] = {"fast", "spread", NULL};

static const struct sme_option options[] = {
    SME_OPTION_PATH(struct pg_options, data_directory, "data_directory", 0, NULL,
                    "Data directory of the server; its postmaster.pid tells where the server "
                    "listens."),
    SME_OPTION_STRING(struct pg_options, connection, "connection", 0, NULL,
                      "Connection string or URI of libpq, without a password; needed for a server "
                      "on another host."),
    SME_OPTION_PATH(struct pg_options, passfile, "passfile", 0, NULL,
                    "File with passwords in the form of .pgpass."),
    SME_OPTION_STRING(
        struct pg_options, system_user, "system_user", 0, NULL,
        "System user to reach the server as when run by root; without it the owner of "
        "the data directory, or of the server's socket."),
    SME_OPTION_PATH(struct pg_options, bin_dir, "bin_dir", 0, NULL,
                    "Folder of pg_dump, pg_dumpall, pg_restore and psql; without it the usual "
                    "places are searched."),
    SME_OPTION_CHOICE(struct pg_options, mode, "mode", 0, "dump", modes,
                      "dump stores every database as an archive of pg_dump, physical the files of "
                      "the whole cluster."),
    SME_OPTION_LIST(struct pg_options, databases, "databases", 0, NULL,
                    "Databases to dump, as names or patterns with * and ?; without it all but "
                    "templates."),
    SME_OPTION_LIST(struct pg_options, exclude_databases, "exclude_databases", 0, NULL,
                    "Names or patterns of databases to leave out."),
    SME_OPTION_INT(struct pg_options, jobs, "jobs", 0, "3", 1, 12,
                   "How many databases or large tables are dumped side by side."),
    SME_OPTION_SIZE(struct pg_options, split_above, "split_above", 0, "1GiB", 0, 0,
                    "Dump the large tables of a database with more bytes than this side by side; "
                    "0 is never."),
    SME_OPTION_CHOICE(struct pg_options, row_counts, "row_counts", 0, "estimate", row_counts,
                      "Rows of each table among the facts: the server's estimate, counted exactly, "
                      "or none."),
    SME_OPTION_DURATION(struct pg_options, lock_wait_ms, "lock_wait", 0, "10min", 0, 0,
                        "How long to wait for a table that is locked; 0 is without end."),
    SME_OPTION_LIST(struct pg_options, accept_warnings, "accept_warnings", 0, NULL,
                    "Patterns with * of warnings of pg_dump that are known and harmless; any other "
                    "fails the backup."),
    SME_OPTION_CHOICE(struct pg_options, checkpoint, "checkpoint", 0, "fast", checkpoints,
                      "Checkpoint at the start of a physical backup: at once, or spread over some "
                      "minutes."),
};

static const struct sme_option restore_options[] = {
    SME_OPTION_STRING(struct pg_restore_options, into, "into", SME_OPT_REQUIRED, NULL,
                      "Connection string or URI of the server, without a password."),
    SME_OPTION_STRING(struct pg_restore_options, database, "database", 0, NULL,
                      "Name of the database in the snapshot."),
    SME_OPTION_STRING(struct pg_restore_options, table, "table", 0, NULL,
                      "Name of a table in it, with or without its schema."),
    SME_OPTION_INT(struct pg_restore_options, jobs, "jobs", 0, "1", 1, 64,
                   "How many workers restore side by side."),
    SME_OPTION_PATH(struct pg_restore_options, scratch, "scratch", 0, NULL,
                    "Folder for archives while workers read them."),
};

struct source {
    const struct sme_host *host;
    const struct pg_options *options;
    struct server server;
    bool looked; /* ${server} is filled */
    /* one of them, from begin() to end() */
    struct dump *dump;
    struct physical *physical;
    /* from restore_open() to restore_close() */
    struct restore *restore;
};

static void forget_server(struct source *source)
{
    if (source->looked) {
        server_done(&source->server);
        source->looked = false;
    }
}

static int look(struct source *source, struct sme_error *err)
{
    if (source->looked) {
        return SME_OK;
    }
    int status = server_find(source->host, source->options, &source->server, err);
    if (status < 0) {
        return status;
    }
    source->looked = true;
    status = server_look(&source->server, source->options, err);
    if (status < 0) {
        forget_server(source);
    }
    return status;
}

static int pg_create(const struct sme_host *host, const void *config, void **ret_handle,
                     struct sme_error *err)
{
    struct source *source = calloc(1, sizeof *source);

    if (source == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for source '%s'", host->instance);
    }
    source->host = host;
    source->options = config;
    *ret_handle = source;
    return SME_OK;
}

static void pg_destroy(void *handle)
{
    struct source *source = handle;

    if (source != NULL) {
        forget_server(source);
        free(source);
    }
}

static int pg_check(void *handle, struct sme_error *err)
{
    return look(handle, err);
}

static int pg_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    struct source *source = handle;

    (void)run;
    int status = look(source, err);
    if (status < 0) {
        return status;
    }
    return source->options->mode == PG_PHYSICAL
               ? physical_begin(&source->server, source->options, &source->physical, err)
               : dump_begin(&source->server, source->options, &source->dump, err);
}

static int pg_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct source *source = handle;

    return source->physical != NULL ? physical_next(source->physical, item, err)
                                    : dump_next(source->dump, item, err);
}

static int64_t pg_read(void *handle, void *buf, size_t len, struct sme_error *err)
{
    struct source *source = handle;

    return physical_read(source->physical, buf, len, err);
}

static int64_t pg_read_stream(void *handle, void *stream, void *buf, size_t len,
                              struct sme_error *err)
{
    struct source *source = handle;

    return dump_read(source->dump, stream, buf, len, err);
}

static void pg_close_stream(void *handle, void *stream)
{
    struct source *source = handle;

    dump_close(source->dump, stream);
}

static int pg_end(void *handle, int outcome, struct sme_error *err)
{
    struct source *source = handle;

    (void)outcome;
    (void)err;
    physical_free(source->physical);
    source->physical = NULL;
    dump_free(source->dump);
    source->dump = NULL;
    forget_server(source);
    return SME_OK;
}

static int pg_restore_open(void *handle, const struct sme_restore *restore, struct sme_error *err)
{
    struct source *source = handle;

    return restore_open(source->host, source->options, restore, &source->restore, err);
}

static int pg_restore_begin(void *handle, const struct sme_item *item, struct sme_error *err)
{
    struct source *source = handle;

    return restore_item(source->restore, item, err);
}

static int pg_restore_write(void *handle, const void *buf, size_t len, struct sme_error *err)
{
    struct source *source = handle;

    return restore_data(source->restore, buf, len, err);
}

static int pg_restore_end(void *handle, int outcome, struct sme_error *err)
{
    struct source *source = handle;

    return restore_item_end(source->restore, outcome, err);
}

static int pg_restore_close(void *handle, int outcome, struct sme_error *err)
{
    struct source *source = handle;
    struct restore *restore = source->restore;

    source->restore = NULL;
    return restore_close(restore, outcome, err);
}

static const struct sme_source_ops source_ops = {
    .struct_size = sizeof source_ops,
    .flags = SME_SOURCE_ANY_ORDER,
    .create = pg_create,
    .destroy = pg_destroy,
    .check = pg_check,
    .begin = pg_begin,
    .next = pg_next,
    .read = pg_read,
    .end = pg_end,
    .restore_begin = pg_restore_begin,
    .restore_write = pg_restore_write,
    .restore_end = pg_restore_end,
    .read_stream = pg_read_stream,
    .close_stream = pg_close_stream,
    .restore_open = pg_restore_open,
    .restore_close = pg_restore_close,
    .restore_options = restore_options,
    .restore_option_count = sizeof restore_options / sizeof restore_options[0],
    .restore_config_size = sizeof(struct pg_restore_options),
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof sme_backup_plugin_v1,
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PER_HANDLE,
    .option_count = sizeof options / sizeof options[0],
    .name = "postgresql",
    .version = "1.0",
    .summary = "backs up PostgreSQL: dumps in one snapshot, or the files of the cluster",
    .options = options,
    .config_size = sizeof(struct pg_options),
    .source = &source_ops,
};
