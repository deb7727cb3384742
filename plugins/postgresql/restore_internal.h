/*
 * What the files of restore*.c share.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_POSTGRESQL_RESTORE_INTERNAL_H
#define SME_POSTGRESQL_RESTORE_INTERNAL_H

#include "restore.h"
#include "settings.h"
#include "toc.h"

#define RESTORE_KEPT_MAX (64u << 20) /* bytes of roles, or of the head of an archive */
#define RESTORE_WORKERS 64

enum restore_part {
    RESTORE_GLOBALS,
    RESTORE_ALL,
    RESTORE_PRE_DATA,
    RESTORE_DATA,
    RESTORE_TABLE,
    RESTORE_POST_DATA
};

/* Where the content of the item goes. */
enum restore_way {
    RESTORE_KEEP,   /* memory: roles                                              */
    RESTORE_FEED,   /* ${child}, a pg_restore                                     */
    RESTORE_SPOOL,  /* ${spool}, for parallel workers                             */
    RESTORE_SCAN,   /* memory and two programs that say what the archive has      */
    RESTORE_DISCARD /* nowhere: nothing that is left of it is wanted              */
};

/* A file in the private folder that a program opens by its name. */
struct restore_temp {
    char *path; /* NULL: none */
    int fd;
};

struct restore_worker {
    struct child *child;
    char *item; /* its path */
    struct restore_temp file;
};

struct restore_database {
    char *name;   /* in the snapshot; NULL: none has come yet */
    char *target; /* at the server */
    bool created; /* by this restore */
    bool cleaned; /* the tables that are to be replaced have been dropped */
    bool touched; /* pg_restore has begun */
    bool split;
    bool ended; /* its last part has been taken back */
    struct toc_wanted wanted;
    struct settings settings; /* to be run at its end */
};

struct restore {
    const struct sme_host *host;
    const struct pg_restore_options *options;
    bool replace, no_owner;
    size_t jobs;
    struct server server;
    const char **env;
    char *pg_restore;
    char *into_database; /* dbname of --into when it is a target; NULL: none was given */
    char *schema, *table;
    char *folder; /* private; NULL: not made yet */
    int folder_fd;
    char **seen; /* names of databases in the snapshot */
    size_t seen_count;
    bool matched; /* one of them was wanted */
    struct restore_database database;
    /* the current item */
    char *item; /* its path; NULL: none */
    enum restore_part part;
    enum restore_way way;
    struct child *child;
    struct child *settings;   /* says what is of the database itself */
    struct restore_temp list; /* what ${child} takes of its archive */
    struct restore_temp spool;
    char *kept;
    size_t kept_len, kept_room;
    struct child *scans[2];
    struct restore_temp scanned[2];
    struct restore_worker workers[RESTORE_WORKERS];
    size_t worker_count;
};

int restore_no_memory(struct sme_error *err);
/* Fill the hint, unless there is one; returns err's status. */
int restore_hint(struct sme_error *err, const char *fmt, ...) SME_PRINTF(2, 3);
int restore_keep(struct restore *restore, const void *buf, size_t len, struct sme_error *err);

/* ---- restore_scratch.c */

/* A new empty file that the programs' user may read and write. */
int restore_temp_new(struct restore *restore, const char *name, struct restore_temp *ret_file,
                     struct sme_error *err);
int restore_temp_write(struct restore *restore, const struct restore_temp *file, const void *buf,
                       size_t len, struct sme_error *err);
/* All of it, NUL behind it, to be freed. */
int restore_temp_read(const struct restore_temp *file, char **ret_text, struct sme_error *err);
void restore_temp_remove(struct restore *restore, struct restore_temp *file);
/* Everything that is left. */
void restore_scratch_remove(struct restore *restore);

/* ---- restore_database.c */

/* Begin with database ${name}, whose item is ${item}: it is empty, or may be replaced. */
int restore_database_begin(struct restore *restore, const char *name, const struct sme_item *item,
                           struct sme_error *err);
/* Every worker of it has ended. */
int restore_database_end(struct restore *restore, struct sme_error *err);
void restore_database_forget(struct restore *restore);
/* Look whether the tables that are wanted, and their schema, exist at the destination.  One with
 * partitions that is to be replaced is dropped. */
int restore_database_check_tables(struct restore *restore, struct toc_wanted *wanted,
                                  struct sme_error *err);
/* Log that what was begun is half there. */
void restore_database_mourn(struct restore *restore);

/* ---- restore_run.c */

/* Start a pg_restore: of standard input, or of ${file} with ${jobs} connections. */
int restore_start(struct restore *restore, const struct restore_temp *file, size_t jobs,
                  const struct restore_temp *list, struct child **ret_child, struct sme_error *err);
/* Hand content to restore->child. */
int restore_feed(struct restore *restore, const void *buf, size_t len, struct sme_error *err);
/* Wait for a pg_restore, and report what it says of ${item}.  Frees *${child}, sets it to NULL. */
int restore_judge(struct restore *restore, struct child **child, const char *item,
                  struct sme_error *err);
/* Let a worker take the spooled item; waits for another one when all are busy. */
int restore_worker_start(struct restore *restore, struct sme_error *err);
int restore_workers_wait(struct restore *restore, struct sme_error *err);
void restore_workers_kill(struct restore *restore);

/* ---- restore_table.c: one table of an archive */

int restore_scan_start(struct restore *restore, struct sme_error *err);
int restore_scan_data(struct restore *restore, const void *buf, size_t len, struct sme_error *err);
/* The archive has ended before the programs knew all of it, or they do just now. */
int restore_scan_end(struct restore *restore, struct sme_error *err);
void restore_scan_kill(struct restore *restore);

/* ---- restore_settings.c: what is of the database itself */

int restore_settings_start(struct restore *restore, struct sme_error *err);
/* The next bytes of the archive. */
int restore_settings_data(struct restore *restore, const void *buf, size_t len,
                          struct sme_error *err);
int restore_settings_end(struct restore *restore, struct sme_error *err);
/* Run what was found, now that the database is complete. */
int restore_settings_apply(struct restore *restore, struct sme_error *err);

/* ---- restore_roles.c */

/* Run what was kept through psql. */
int restore_roles(struct restore *restore, struct sme_error *err);

#endif
