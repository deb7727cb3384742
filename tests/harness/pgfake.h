/*
 * A scripted PostgreSQL server on a socket of its own: a base backup as versions 12 to 18 send it,
 * with the faults that a real server does not show on demand.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The cluster has one tablespace, 16400 at /mnt/fast, and log from 0/2000028 to 0/2000100 in
 * segments of 1 MiB.  Its files belong to user 101, group 102.
 */
#ifndef SME_TESTS_PGFAKE_H
#define SME_TESTS_PGFAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PGFAKE_CONNECTIONS 4
#define PGFAKE_PAGED "base/5/1259"   /* three pages; the one with PGFAKE_WARNS */
#define PGFAKE_TABLE "PG_15/5/16401" /* in the tablespace                      */
#define PGFAKE_SEGMENT "000000010000000000000020"

/* What goes wrong. */
#define PGFAKE_CUT_STREAM 1u     /* the connection ends in the midst of a file              */
#define PGFAKE_CUT_END 2u        /* ... after the last row, before the command is complete  */
#define PGFAKE_ERROR_END 4u      /* an internal error instead of the end                    */
#define PGFAKE_CORRUPT_END 8u    /* the error after damaged pages                           */
#define PGFAKE_WARNS 16u         /* a warning while PGFAKE_PAGED is sent                    */
#define PGFAKE_WARNS_LOG 32u     /* ... while the log is sent                               */
#define PGFAKE_SHORT 64u         /* the last file of the data directory has less than told  */
#define PGFAKE_OTHER_BYTE 128u   /* one byte of PGFAKE_TABLE is not what the manifest has   */
#define PGFAKE_NO_MANIFEST 256u  /* none is sent                                            */
#define PGFAKE_NO_LOG 512u       /* the segment is missing                                  */
#define PGFAKE_NO_ARCHIVE 1024u  /* the archive of the tablespace is missing                */
#define PGFAKE_NO_SLOT 2048u     /* all slots are in use                                    */
#define PGFAKE_OTHER_RANGE 4096u /* the manifest names another end of the log               */
#define PGFAKE_REFUSES 8192u     /* BASE_BACKUP is denied                                   */
#define PGFAKE_BASE_FIRST 16384u /* the data directory comes before the tablespace          */
#define PGFAKE_STALLS 32768u     /* silence in the midst of a file                          */

struct pgfake {
    char dir[64];
    char info[128]; /* connection string */
    int version;    /* 150020 */
    unsigned faults;
    size_t piece;         /* most bytes in one message */
    char backup_sql[512]; /* as received               */
    char slot_sql[512];
    char slot_options[256]; /* of the connection that made the slot */
    atomic_bool stalled;    /* PGFAKE_STALLS has come to its place */
    int listener;
    pthread_t acceptor;
    pthread_t threads[PGFAKE_CONNECTIONS];
    int sockets[PGFAKE_CONNECTIONS];
    size_t count;
    pthread_mutex_t lock; /* guards what is received, sockets and count */
};

/* Wait for connections; fails the test if it cannot.  Does not move: threads refer to it. */
void pgfake_start(struct pgfake *fake, int version, unsigned faults);
void pgfake_stop(struct pgfake *fake);

#endif
