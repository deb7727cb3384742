/*
 * A throw-away PostgreSQL cluster for tests.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgrig.h"

#include <glob.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int pgrig_shell(struct pgrig *rig, const char *command)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (geteuid() == 0 &&
            (setgid(rig->gid) < 0 || setuid(rig->uid) < 0 || chdir(rig->dir) < 0)) {
            _exit(126);
        }
        (void)setenv("LC_ALL", "C", 1);
        (void)unsetenv("PGHOST");
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool find_programs(struct pgrig *rig)
{
    glob_t found;

    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0) {
        return false;
    }
    (void)snprintf(rig->bin, sizeof rig->bin, "%s", found.gl_pathv[found.gl_pathc - 1]);
    *strrchr(rig->bin, '/') = '\0';
    globfree(&found);
    return true;
}

static bool choose_user(struct pgrig *rig)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : getpwuid(geteuid());

    if (user == NULL || user->pw_uid == 0) {
        return false;
    }
    rig->uid = user->pw_uid;
    rig->gid = user->pw_gid;
    (void)snprintf(rig->user, sizeof rig->user, "%s", user->pw_name);
    return true;
}

void pgrig_resume(struct pgrig *rig)
{
    char command[512];

    (void)snprintf(command, sizeof command,
                   "'%s/pg_ctl' -D '%s' -l '%s/log' -w -t 60 start >/dev/null </dev/null", rig->bin,
                   rig->data, rig->dir);
    assert_int_equal(pgrig_shell(rig, command), 0);
    rig->running = true;
}

void pgrig_halt(struct pgrig *rig, bool immediate)
{
    char command[512];

    (void)snprintf(command, sizeof command,
                   "'%s/pg_ctl' -D '%s' -w -m %s stop >/dev/null </dev/null", rig->bin, rig->data,
                   immediate ? "immediate" : "fast");
    if (rig->running) {
        (void)pgrig_shell(rig, command);
        rig->running = false;
    }
}

bool pgrig_start(struct pgrig *rig, bool peer)
{
    char command[1024];

    memset(rig, 0, sizeof *rig);
    rig->peer = peer;
    if (!find_programs(rig) || !choose_user(rig)) {
        return false;
    }
    /* The name of a socket may have 107 bytes: not below the test's own folder. */
    (void)snprintf(rig->dir, sizeof rig->dir, "/tmp/sme-pg-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    if (geteuid() == 0) {
        assert_int_equal(chown(rig->dir, rig->uid, rig->gid), 0);
    }
    assert_int_equal(chmod(rig->dir, 0755), 0);
    (void)snprintf(rig->data, sizeof rig->data, "%s/data", rig->dir);
    (void)snprintf(rig->info, sizeof rig->info, "host=%s user=%s", rig->dir,
                   peer ? rig->user : "postgres");
    (void)snprintf(command, sizeof command,
                   "'%s/initdb' -D '%s' --no-sync --data-checksums --encoding=UTF8 --locale=C "
                   "--auth=%s --username='%s' >/dev/null && "
                   "cat >>'%s/postgresql.conf' <<'END'\n"
                   "listen_addresses = ''\n"
                   "unix_socket_directories = '%s'\n"
                   "fsync = off\nshared_buffers = 16MB\nwal_level = replica\n"
                   "max_wal_senders = 4\nmax_replication_slots = 2\nmax_wal_size = 128MB\n"
                   "log_statement = none\nautovacuum = off\nEND\n",
                   rig->bin, rig->data, peer ? "peer" : "trust", peer ? rig->user : "postgres",
                   rig->data, rig->dir);
    assert_int_equal(pgrig_shell(rig, command), 0);
    pgrig_resume(rig);
    return true;
}

void pgrig_stop(struct pgrig *rig)
{
    char command[256];

    if (rig->dir[0] == '\0') {
        return;
    }
    pgrig_halt(rig, true);
    (void)snprintf(command, sizeof command, "rm -rf '%s'/*", rig->dir);
    (void)pgrig_shell(rig, command);
    (void)rmdir(rig->dir);
    rig->dir[0] = '\0';
}

/* The first value, or with a '!' before it why there is none; to be freed. */
static char *ask(const char *info, const char *sql)
{
    PGconn *conn = PQconnectdb(info);
    PGresult *result = PQstatus(conn) == CONNECTION_OK ? PQexec(conn, sql) : NULL;
    ExecStatusType state = result != NULL ? PQresultStatus(result) : PGRES_FATAL_ERROR;
    char *text = NULL;

    if (state != PGRES_TUPLES_OK && state != PGRES_COMMAND_OK) {
        if (asprintf(&text, "!%s", PQerrorMessage(conn)) < 0) {
            text = NULL;
        }
    } else if (PQntuples(result) > 0 && PQnfields(result) > 0) {
        text = strdup(PQgetvalue(result, 0, 0));
    } else {
        text = strdup("");
    }
    PQclear(result);
    PQfinish(conn);
    return text;
}

/* In a process of its own, which is the server's user: peer authentication lets in nobody else. */
static char *ask_as_user(struct pgrig *rig, const char *info, const char *sql)
{
    size_t len = 0, room = 4096;
    char *text = malloc(room + 1);
    int ends[2];

    assert_non_null(text);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgid(rig->gid) < 0 || setuid(rig->uid) < 0) {
            _exit(126);
        }
        char *got = ask(info, sql);
        ssize_t sent = got != NULL ? write(ends[1], got, strlen(got)) : -1;
        _exit(sent < 0 ? 1 : 0);
    }
    (void)close(ends[1]);
    for (ssize_t got = 1; got > 0 && len<room; len += got> 0 ? (size_t)got : 0) {
        got = read(ends[0], text + len, room - len);
    }
    (void)close(ends[0]);
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);
    text[len] = '\0';
    return text;
}

char *pgrig_sql(struct pgrig *rig, const char *database, const char *sql)
{
    char info[320];

    (void)snprintf(info, sizeof info, "%s dbname='%s'", rig->info, database);
    char *text = rig->peer && rig->uid != geteuid() ? ask_as_user(rig, info, sql) : ask(info, sql);
    assert_non_null(text);
    if (text[0] == '!') {
        fail_msg("%s: %s", sql, text + 1);
    }
    return text;
}

void pgrig_expect(struct pgrig *rig, const char *database, const char *sql, const char *expected)
{
    char *text = pgrig_sql(rig, database, sql);

    if (strcmp(text, expected) != 0) {
        fail_msg("%s: '%s' instead of '%s'", sql, text, expected);
    }
    free(text);
}
