/*
 * A throw-away PostgreSQL cluster for tests: a socket in a folder of its own, no network.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_TESTS_PGRIG_H
#define SME_TESTS_PGRIG_H

#include <stdbool.h>
#include <sys/types.h>

struct pgrig {
    char dir[64];   /* holds everything; the server's user owns it */
    char data[144]; /* data directory                              */
    char bin[128];  /* programs of the server                      */
    char user[64];  /* system user that it runs as                 */
    char info[160]; /* connection string: host and user            */
    uid_t uid;
    gid_t gid;
    bool peer;
    bool running;
};

/* Make and start one, with data checksums.  ${peer}: only the system user may connect, as the role
 * of the same name; otherwise everybody, as postgres.  False: PostgreSQL is not installed here. */
bool pgrig_start(struct pgrig *rig, bool peer);
/* Stop it at once (immediate: as after a crash) or in order, and start it again. */
void pgrig_halt(struct pgrig *rig, bool immediate);
void pgrig_resume(struct pgrig *rig);
/* Stop it and remove everything. */
void pgrig_stop(struct pgrig *rig);
/* Run ${sql} in ${database} as superuser; a failure fails the test.  The first column of the first
 * row, to be freed; "" if there is none. */
char *pgrig_sql(struct pgrig *rig, const char *database, const char *sql);
/* The same, and compare with ${expected}. */
void pgrig_expect(struct pgrig *rig, const char *database, const char *sql, const char *expected);
/* Run a shell command as the server's user; its exit status. */
int pgrig_shell(struct pgrig *rig, const char *command);

#endif
