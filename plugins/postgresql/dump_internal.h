/*
 * What the files of a logical backup share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_POSTGRESQL_DUMP_INTERNAL_H
#define SME_POSTGRESQL_DUMP_INTERNAL_H

#include "archive.h"
#include "dump.h"

#include <pthread.h>

#define DUMP_EXTRAS 16
#define DUMP_TAIL 512  /* bytes at the end of globals.sql that are looked at */
#define DUMP_LABEL 300 /* a name for messages */
#define DUMP_BIG_MAX                                                                               \
    500 /* tables with a stream of their own: their names are arguments of pg_dump */
#define DUMP_BIG_LEAST (UINT64_C(64) << 20)

enum dump_part {
    DUMP_ALL,
    DUMP_PRE_DATA,
    DUMP_DATA,
    DUMP_TABLE,
    DUMP_POST_DATA,
    DUMP_FACTS,
    DUMP_GLOBALS,
};

struct dump_table {
    char *oid; /* as text */
    char *schema;
    char *name;
    char *file; /* name of its stream; NULL: it has none of its own */
    uint64_t bytes;
    int64_t rows; /* < 0: not known */
};

/* One thing to yield: a folder, or a stream that may have been started already. */
struct dump_step {
    bool folder;
    enum dump_part part;
    const struct dump_table *table;
    struct dump_stream *stream;
    char *path;
};

/* A database whose turn has come. */
struct dump_database {
    const struct pg_database *info;
    PGconn *conn; /* holds the snapshot */
    char *label;
    char *file; /* its name in paths */
    char *snapshot;
    char *lsn;
    char *encoding;
    char version[24];
    uint64_t size;
    int64_t taken_ns;
    bool split;
    struct dump_table *tables; /* biggest first */
    size_t table_count;
    struct dump_step *steps;
    size_t step_count;
    size_t step_at;
    unsigned open;   /* streams, guarded by the lock of struct dump */
    bool is_yielded; /* no further ones, likewise */
};

struct dump_stream {
    struct dump_stream *next;       /* all of them, guarded by the lock */
    struct dump_database *database; /* NULL: globals.sql */
    enum dump_part part;
    bool is_counted; /* in the limit of streams and in its database */
    char *what;      /* for messages */
    struct child *child;
    uint8_t head[ARCHIVE_HEAD];
    size_t head_len;
    size_t head_given;
    char tail[DUMP_TAIL];
    size_t tail_len;
    char *text; /* instead of a child */
    size_t text_len;
    size_t text_given;
    bool has_ended;
    struct sme_error verdict; /* of one that has ended */
};

struct dump {
    const struct server *server;
    const struct pg_options *options;
    const struct sme_host *host;
    const char **env;
    char *pg_dump;
    char *pg_dumpall;
    char *globals_database; /* NULL: pg_dumpall's own choice */
    int64_t started_ns;
    struct pg_database *list;
    struct dump_database *databases;
    size_t count;
    size_t at;
    struct dump_database cluster; /* only its steps */
    bool cluster_done;
    /* of the item that was yielded last */
    struct sme_extra extras[DUMP_EXTRAS];
    size_t extra_count;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t closed;
    struct dump_stream *streams;
    int64_t open;
};

/* ---- dump.c ------------------------------------------------------------------------------- */

/* ${name} with '?' for control characters, at most DUMP_LABEL bytes.  To be freed. */
char *dump_label(const char *name);
int dump_no_memory(struct sme_error *err);
/* What ${err} says is a failure: SME_E_IO. */
int dump_failed(struct sme_error *err);
/* As asprintf(): NULL when there is no memory. */
char *dump_text(const char *fmt, ...) SME_PRINTF(1, 2);

/* It exists from now on: dump_free() ends it if nobody else does. */
void dump_register(struct dump *dump, struct dump_stream *stream);

/* ---- dump_plan.c -------------------------------------------------------------------------- */

int dump_plan_cluster(struct dump *dump, struct sme_error *err);
/* Take the snapshot, plan the steps, start the first streams. */
int dump_plan_database(struct dump *dump, struct dump_database *database, struct sme_error *err);
void dump_plan_free(struct dump_database *database);
/* Start the stream of ${step}. */
int dump_start(struct dump *dump, struct dump_database *database, struct dump_step *step,
               struct sme_error *err);

/* ---- dump_session.c ----------------------------------------------------------------------- */

/* Connect, export the snapshot, learn what there is.  On failure nothing is left open. */
int dump_session_open(struct dump *dump, struct dump_database *database, struct sme_error *err);
/* Drop the session and what was learnt. */
void dump_session_close(struct dump_database *database);
/* Was a table (of ${oid}, or any with NULL) truncated, rewritten or dropped since the snapshot was
 * taken?  1 and *ret_what ("table 'x' was ...", to be freed), 0, or < 0. */
int dump_session_changed(struct dump *dump, struct dump_database *database, const char *oid,
                         char **ret_what, struct sme_error *err);
/* Was it, or one of its columns or indexes, renamed or dropped?  With ${any} views, sequences and
 * the like count as well. */
int dump_session_renamed(struct dump *dump, struct dump_database *database, const char *oid,
                         bool any, char **ret_what, struct sme_error *err);

/* ---- dump_tables.c ------------------------------------------------------------------------ */

int dump_tables_list(struct dump *dump, struct dump_database *database, struct sme_error *err);
void dump_tables_free(struct dump_database *database);
/* Give big tables a file of their own, if the database is to be split. */
int dump_tables_choose(struct dump *dump, struct dump_database *database, struct sme_error *err);
/* Exact rows of every table in the snapshot; unknown for one that changed under our hands. */
int dump_tables_count(struct dump *dump, struct dump_database *database, struct sme_error *err);
/* Names of the sequences that belong to a table: patterns, ended by NULL, to be freed with
 * dump_list_free(). */
int dump_tables_sequences(struct dump *dump, struct dump_database *database,
                          const struct dump_table *table, char ***ret_patterns,
                          struct sme_error *err);
void dump_list_free(char **list);

/* ---- dump_stream.c ------------------------------------------------------------------------ */

/* Start what makes the stream of ${step}, in the calling thread.  An archive's first bytes have
 * arrived when this returns: pg_dump then holds its locks, and has read all definitions.
 * SME_E_CHANGED: by its words something was dropped in that time. */
int dump_stream_start(struct dump *dump, struct dump_database *database,
                      const struct dump_step *step, struct dump_stream **ret_stream,
                      struct sme_error *err);
int64_t dump_stream_read(struct dump *dump, struct dump_stream *stream, void *buf, size_t len,
                         struct sme_error *err);
void dump_stream_free(struct dump_stream *stream);

/* ---- dump_facts.c ------------------------------------------------------------------------- */

/* The JSON text, to be freed. */
int dump_facts_text(struct dump *dump, struct dump_database *database, char **ret_text,
                    struct sme_error *err);

#endif
