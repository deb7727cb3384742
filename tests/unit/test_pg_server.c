/*
 * Finding a PostgreSQL server, being who it expects, and what it must allow.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../harness/serverrig.h"

#include <stdlib.h>
#include <unistd.h>

/* As root and with peer authentication: the connection is the system user's, the process stays. */
static void a_data_directory_is_all_that_is_needed(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    uid_t before = geteuid();

    f->options.data_directory = f->rig.data;
    serverrig_must(f, serverrig_find(f));
    serverrig_must(f, server_look(&f->server, &f->options, &f->err));
    assert_true(f->server.version >= 120000);
    assert_true(f->server.is_superuser);
    assert_false(f->server.in_recovery);
    assert_int_not_equal(f->server.system_identifier, 0);
    assert_string_equal(f->server.data_directory, f->rig.data);
    assert_true(f->server.client_version >= f->server.version / 10000);
    assert_int_equal(geteuid(), before);
    char *program = NULL;
    serverrig_must(f, server_program(&f->server, "pg_dump", &program, &f->err));
    assert_int_equal(access(program, X_OK), 0);
    free(program);
}

static void programs_reach_it_as_the_same_user(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    char *path = NULL;
    char *text = NULL;
    size_t len = 0;

    f->options.data_directory = f->rig.data;
    serverrig_must(f, serverrig_find(f));
    serverrig_must(f, server_look(&f->server, &f->options, &f->err));
    serverrig_must(f, server_program(&f->server, "psql", &path, &f->err));
    char *dbname = server_dbname(&f->server, "template1");
    const char **env = server_environment(&f->server);
    const char *const argv[] = {path, "-XAtc", "select current_user", dbname, NULL};
    struct child_spec spec = {.argv = argv, .has_stdout = true};
    server_spec(&f->server, (const char *const *)env, &spec);
    serverrig_must(f, child_output(&spec, 1000, &text, &len, &f->err));
    text[strcspn(text, "\n")] = '\0';
    assert_string_equal(text, f->rig.user);
    free(text);
    free(env);
    free(dbname);
    free(path);
}

static void a_connection_string_does_as_well(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    char uri[256];

    f->options.connection = f->rig.info;
    serverrig_must(f, serverrig_find(f));
    serverrig_must(f, server_look(&f->server, &f->options, &f->err));
    server_done(&f->server);
    (void)snprintf(uri, sizeof uri, "postgresql:///template1?host=%s", f->rig.dir);
    f->options.connection = uri;
    serverrig_must(f, serverrig_find(f));
    assert_string_equal(f->server.database, "template1");
    serverrig_must(f, server_look(&f->server, &f->options, &f->err));
}

static void another_servers_data_directory_is_refused(void **state)
{
    struct serverrig *f = serverrig_begin(state);

    f->options.connection = f->rig.info;
    f->options.data_directory = f->rig.dir;
    serverrig_must(f, serverrig_find(f));
    assert_int_equal(server_look(&f->server, &f->options, &f->err), SME_E_INVALID);
    assert_non_null(strstr(f->err.message, f->rig.data));
    assert_non_null(strstr(f->err.message, "not '"));
}

static void what_is_no_data_directory_is_told(void **state)
{
    struct serverrig *f = serverrig_begin(state);

    f->options.data_directory = f->rig.dir;
    assert_int_equal(serverrig_find(f), SME_E_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "PG_VERSION"));
}

static void passwords_have_no_place_in_it(void **state)
{
    struct serverrig *f = *state;

    f->options.connection = "host=/nowhere password=geheim-1";
    assert_int_equal(serverrig_find(f), SME_E_INVALID);
    assert_null(strstr(f->err.message, "geheim"));
    assert_non_null(strstr(f->err.hint, "passfile"));
    f->options.connection = "postgresql://me:geheim-2@host/db";
    assert_int_equal(serverrig_find(f), SME_E_INVALID);
    assert_null(strstr(f->err.message, "geheim"));
    f->options.connection = "password='geheim-3 host=x";
    assert_int_equal(serverrig_find(f), SME_E_INVALID);
    assert_null(strstr(f->err.message, "geheim"));
    f->options.connection = "postgresql://me:geheim-4@[::1/db"; /* libpq would repeat all of it */
    assert_int_equal(serverrig_find(f), SME_E_INVALID);
    assert_null(strstr(f->err.message, "geheim"));
    f->options.connection = "no such = thing";
    assert_int_equal(serverrig_find(f), SME_E_INVALID);
    assert_non_null(strstr(f->err.message, "\"no\""));
    assert_null(strstr(f->err.message, "\n"));
}

static void old_or_missing_programs_are_refused(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    char folder[128], command[512];

    (void)snprintf(folder, sizeof folder, "%s/old", f->rig.dir);
    (void)snprintf(command, sizeof command,
                   "mkdir -p %s && printf '#!/bin/sh\\necho pg_dump \\(PostgreSQL\\) 9.6.24\\n' "
                   ">%s/pg_dump && chmod 755 %s/pg_dump",
                   folder, folder, folder);
    assert_int_equal(pgrig_shell(&f->rig, command), 0);
    f->options.data_directory = f->rig.data;
    f->options.bin_dir = folder;
    serverrig_must(f, serverrig_find(f));
    assert_int_equal(server_look(&f->server, &f->options, &f->err), SME_E_UNSUPPORTED);
    assert_non_null(strstr(f->err.message, "version 9"));
    assert_non_null(strstr(f->err.hint, "postgresql-client-"));
    server_done(&f->server);
    f->options.bin_dir = "/nonexistent";
    serverrig_must(f, serverrig_find(f));
    assert_int_equal(server_look(&f->server, &f->options, &f->err), SME_E_UNSUPPORTED);
    assert_non_null(strstr(f->err.message, "/nonexistent"));
}

/* Lines before those of initdb, which let in the server's own user alone. */
static void let_in(struct serverrig *f, const char *lines)
{
    char command[1024];

    (void)snprintf(command, sizeof command,
                   "cd '%s' && { test -f hba || cp pg_hba.conf hba; } && "
                   "{ echo '%s'; cat hba; } >pg_hba.conf",
                   f->rig.data, lines);
    assert_int_equal(pgrig_shell(&f->rig, command), 0);
    /* A reload would be in force only some time later. */
    pgrig_halt(&f->rig, false);
    pgrig_resume(&f->rig);
}

static void make_reader(struct serverrig *f)
{
    serverrig_sql(f, "do $$begin create role reader; exception when duplicate_object then end$$");
    serverrig_sql(f, "alter role reader login noreplication password 'geheim'");
}

static void write_passfile(struct serverrig *f, const char *password, char path[static 128])
{
    char command[512];

    (void)snprintf(path, 128, "%s/passwords", f->rig.dir);
    (void)snprintf(command, sizeof command, "umask 077 && echo '*:*:*:reader:%s' >'%s/passwords'",
                   password, f->rig.dir);
    assert_int_equal(pgrig_shell(&f->rig, command), 0);
}

/* One that is no superuser, has a password, and is known by that alone. */
static void a_role_with_a_password(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    PGconn *conn = NULL;
    char info[256], path[128];

    let_in(f, "local all reader scram-sha-256");
    make_reader(f);
    (void)snprintf(info, sizeof info, "host=%s user=reader dbname=postgres", f->rig.dir);
    f->options.connection = info;
    serverrig_must(f, serverrig_find(f));
    assert_int_equal(server_look(&f->server, &f->options, &f->err), SME_E_DENIED);
    assert_non_null(strstr(f->err.hint, "passfile"));
    server_done(&f->server);

    write_passfile(f, "wrong", path);
    f->options.passfile = path;
    serverrig_must(f, serverrig_find(f));
    assert_int_equal(server_look(&f->server, &f->options, &f->err), SME_E_DENIED);
    assert_non_null(strstr(f->err.message, "reader"));
    assert_non_null(strstr(f->err.hint, "passfile"));
    server_done(&f->server);

    write_passfile(f, "geheim", path);
    serverrig_must(f, serverrig_find(f));
    serverrig_must(f, server_look(&f->server, &f->options, &f->err));
    assert_false(f->server.is_superuser);
    assert_false(f->server.may_replicate);
    assert_null(f->server.data_directory);
    assert_true(fakehost_logged(&f->fake, SME_LOG_WARNING, "pg_read_all_data"));
    char *dbname = server_dbname(&f->server, "x'y\\z");
    assert_non_null(strstr(dbname, "dbname='x\\'y\\\\z'"));
    assert_null(strstr(dbname, "geheim"));
    free(dbname);

    serverrig_must(f, server_connect(&f->server, NULL, false, &conn, &f->err));
    assert_int_equal(server_do(&f->server, conn, "select * from pg_catalog.pg_authid", &f->err),
                     SME_E_DENIED);
    assert_non_null(strstr(f->err.message, "pg_authid"));
    assert_non_null(strstr(f->err.hint, "GRANT"));
    PQfinish(conn);
    serverrig_sql(f, "revoke connect on database template1 from public");
    assert_int_equal(server_connect(&f->server, "template1", false, &conn, &f->err), SME_E_DENIED);
    assert_non_null(strstr(f->err.hint, "GRANT CONNECT"));
}

static void a_physical_backup_needs_rights(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    char info[256];

    make_reader(f);
    let_in(f, "local all reader trust");
    (void)snprintf(info, sizeof info, "host=%s user=reader dbname=postgres", f->rig.dir);
    f->options.connection = info;
    f->options.mode = PG_PHYSICAL;
    serverrig_must(f, serverrig_find(f));
    assert_int_equal(server_look(&f->server, &f->options, &f->err), SME_E_DENIED);
    assert_non_null(strstr(f->err.hint, "ALTER ROLE \"reader\" REPLICATION"));
    serverrig_sql(f, "alter role reader replication");
    /* The role is right now, but pg_hba.conf has "all", which is not "replication". */
    assert_int_equal(server_look(&f->server, &f->options, &f->err), SME_E_DENIED);
    assert_non_null(strstr(f->err.hint, "'replication'"));
    let_in(f, "local all,replication reader trust");
    serverrig_must(f, server_look(&f->server, &f->options, &f->err));
    assert_int_not_equal(f->server.system_identifier, 0);
    assert_null(f->server.bin_dir); /* and needs no programs */
}

static void a_server_without_enough_wal_makes_no_physical_backup(void **state)
{
    struct serverrig *f = serverrig_begin(state);

    serverrig_sql(f, "alter system set max_wal_senders = 0");
    pgrig_halt(&f->rig, false);
    pgrig_resume(&f->rig);
    f->options.data_directory = f->rig.data;
    f->options.mode = PG_PHYSICAL;
    serverrig_must(f, serverrig_find(f));
    assert_int_equal(server_look(&f->server, &f->options, &f->err), SME_E_UNSUPPORTED);
    assert_non_null(strstr(f->err.hint, "max_wal_senders"));
    serverrig_sql(f, "alter system set wal_level = minimal");
    pgrig_halt(&f->rig, false);
    pgrig_resume(&f->rig);
    assert_int_equal(server_look(&f->server, &f->options, &f->err), SME_E_UNSUPPORTED);
    assert_non_null(strstr(f->err.hint, "wal_level"));
    serverrig_sql(f, "alter system reset all");
    pgrig_halt(&f->rig, false);
    pgrig_resume(&f->rig);
}

/* Client programs get an environment of ours: what libpq found in its own must not be lost. */
static void environment_and_services_reach_the_programs(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    char path[128], command[512];

    (void)snprintf(path, sizeof path, "%s/services", f->rig.dir);
    (void)snprintf(command, sizeof command,
                   "printf '[mine]\\nhost=%s\\nuser=%s\\n' >'%s' && chmod 644 '%s'", f->rig.dir,
                   f->rig.user, path, path);
    assert_int_equal(pgrig_shell(&f->rig, command), 0);
    (void)setenv("PGSERVICEFILE", path, 1);
    f->options.connection = "service=mine";
    f->options.system_user = f->rig.user;
    serverrig_must(f, serverrig_find(f));
    assert_non_null(strstr(f->server.place, "service"));
    serverrig_must(f, server_look(&f->server, &f->options, &f->err));
    char *dbname = server_dbname(&f->server, NULL);
    assert_null(strstr(dbname, "service"));
    assert_non_null(strstr(dbname, f->rig.dir));
    assert_non_null(strstr(f->server.place, f->rig.dir));
    free(dbname);
    server_done(&f->server);
    (void)unsetenv("PGSERVICEFILE");

    (void)setenv("PGHOST", f->rig.dir, 1);
    f->options.connection = NULL;
    f->options.system_user = NULL;
    serverrig_must(f, serverrig_find(f));
    assert_non_null(strstr(f->server.place, f->rig.dir));
    serverrig_must(f, server_look(&f->server, &f->options, &f->err));
    dbname = server_dbname(&f->server, NULL);
    assert_non_null(strstr(dbname, f->rig.dir));
    free(dbname);
    (void)unsetenv("PGHOST");
}

/* Of several hosts the one that has answered is kept: its snapshots are unknown to the others. */
static void one_of_several_hosts_is_kept(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    char info[256];

    (void)snprintf(info, sizeof info, "host=/nonexistent,%s user=%s", f->rig.dir, f->rig.user);
    f->options.connection = info;
    f->options.system_user = f->rig.user;
    serverrig_must(f, serverrig_find(f));
    serverrig_must(f, server_look(&f->server, &f->options, &f->err));
    char *dbname = server_dbname(&f->server, NULL);
    assert_null(strstr(dbname, "nonexistent"));
    assert_non_null(strstr(dbname, f->rig.dir));
    assert_null(strstr(f->server.place, "nonexistent"));
    free(dbname);
}

static void a_system_user_must_exist(void **state)
{
    struct serverrig *f = *state;

    f->options.connection = "host=/nowhere";
    f->options.system_user = "no-such-user-here";
    assert_int_equal(serverrig_find(f), SME_E_INVALID);
    assert_non_null(strstr(f->err.message, "'no-such-user-here'"));
    assert_string_not_equal(f->err.hint, "");
}

/* Lines of postmaster.pid as the server writes them at different times. */
static void check_pidfile(struct serverrig *f, const char *text, int status, const char *place)
{
    char folder[] = "/tmp/sme-pg-file-XXXXXX", path[64];

    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/PG_VERSION", folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(path, sizeof path, "%s/postmaster.pid", folder);
    if (text != NULL) {
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    f->options.data_directory = folder;
    int got = serverrig_find(f);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(got, status);
    if (status < 0) {
        assert_non_null(strstr(f->err.message, place));
        assert_non_null(strstr(f->err.message, folder));
        assert_string_not_equal(f->err.hint, "");
        return;
    }
    assert_string_equal(f->server.place, place);
    server_done(&f->server);
    memset(&f->server, 0, sizeof f->server);
}

static void what_postmaster_pid_tells(void **state)
{
    struct serverrig *f = *state;
    char text[200];

    check_pidfile(f, NULL, SME_E_UNREACHABLE, "not running");
    check_pidfile(f, "", SME_E_UNREACHABLE, "not running");
    check_pidfile(f, "-1234\n/d\n1\n", SME_E_UNREACHABLE, "not running");
    (void)snprintf(text, sizeof text, "%d\n/d\n1700000000\n5433\n", (int)getpid());
    check_pidfile(f, text, SME_E_UNREACHABLE, "starting");
    (void)snprintf(text, sizeof text, "%d\n/d\n1700000000\n5433\n/sock et\n*\n", (int)getpid());
    check_pidfile(f, text, SME_OK, "socket '/sock et', port 5433");
    (void)snprintf(text, sizeof text, "%d\n/d\n1700000000\n5433\n\n*\n", (int)getpid());
    check_pidfile(f, text, SME_OK, "host '127.0.0.1', port 5433");
    (void)snprintf(text, sizeof text, "%d\n/d\n1700000000\n5433\n\ndb.example\n", (int)getpid());
    check_pidfile(f, text, SME_OK, "host 'db.example', port 5433");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVERRIG_TEST(a_data_directory_is_all_that_is_needed),
        SERVERRIG_TEST(programs_reach_it_as_the_same_user),
        SERVERRIG_TEST(a_connection_string_does_as_well),
        SERVERRIG_TEST(another_servers_data_directory_is_refused),
        SERVERRIG_TEST(what_is_no_data_directory_is_told),
        SERVERRIG_TEST(passwords_have_no_place_in_it),
        SERVERRIG_TEST(old_or_missing_programs_are_refused),
        SERVERRIG_TEST(a_role_with_a_password),
        SERVERRIG_TEST(a_physical_backup_needs_rights),
        SERVERRIG_TEST(a_server_without_enough_wal_makes_no_physical_backup),
        SERVERRIG_TEST(environment_and_services_reach_the_programs),
        SERVERRIG_TEST(one_of_several_hosts_is_kept),
        SERVERRIG_TEST(a_system_user_must_exist),
        SERVERRIG_TEST(what_postmaster_pid_tells),
    };
    return cmocka_run_group_tests_name("a server", tests, serverrig_start, serverrig_stop);
}
