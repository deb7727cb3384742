/*
 * Talking to a PostgreSQL server: connections, queries, lists, and what is said when they fail.
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
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void nobody_listens(void **state)
{
    struct serverrig *f = serverrig_begin(state);

    f->options.connection = "host=/nonexistent port=1 user=x";
    serverrig_must(f, serverrig_find(f));
    assert_int_equal(server_look(&f->server, &f->options, &f->err), SME_E_UNREACHABLE);
    assert_non_null(strstr(f->err.message, "/nonexistent"));
    assert_string_not_equal(f->err.hint, "");
}

static void a_stopped_server_is_told_before_anything(void **state)
{
    struct serverrig *f = serverrig_begin(state);

    pgrig_halt(&f->rig, true); /* leaves postmaster.pid behind */
    f->options.data_directory = f->rig.data;
    assert_int_equal(serverrig_find(f), SME_E_UNREACHABLE);
    assert_non_null(strstr(f->err.message, "not running"));
    pgrig_resume(&f->rig);
}

static void an_unknown_database_and_role(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    PGconn *conn = NULL;
    char info[256];

    f->options.connection = f->rig.info;
    serverrig_must(f, serverrig_find(f));
    assert_int_equal(server_connect(&f->server, "nowhere", false, &conn, &f->err), SME_E_NOT_FOUND);
    server_done(&f->server);
    (void)snprintf(info, sizeof info, "host=%s user=somebody_else", f->rig.dir);
    f->options.connection = info;
    serverrig_must(f, serverrig_find(f));
    assert_int_equal(server_connect(&f->server, NULL, false, &conn, &f->err), SME_E_DENIED);
    assert_non_null(strstr(f->err.hint, "peer"));
    assert_null(conn);
}

static size_t list(struct serverrig *f, struct pg_database **ret_list)
{
    PGconn *conn = NULL;
    size_t count = 0;

    f->options.data_directory = f->rig.data;
    serverrig_must(f, serverrig_find(f));
    serverrig_must(f, server_connect(&f->server, NULL, false, &conn, &f->err));
    int status = server_databases(&f->server, &f->options, conn, ret_list, &count, &f->err);
    PQfinish(conn);
    server_done(&f->server);
    return status < 0 ? 0 : count;
}

static void databases_are_chosen_by_patterns(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    struct pg_database *databases = NULL;
    const char *const shops[] = {"shop*"};
    const char *const test[] = {"*_test"};
    const char *const missing[] = {"shop", "shoq"};

    char command[600];

    (void)snprintf(
        command, sizeof command,
        "for d in shop shop_test 'odd \"=x'; do '%s/createdb' -h '%s' \"$d\" || exit 1; done",
        f->rig.bin, f->rig.dir);
    assert_int_equal(pgrig_shell(&f->rig, command), 0);
    assert_int_equal(list(f, &databases), 4);
    assert_string_equal(databases[0].name, "odd \"=x");
    assert_string_equal(databases[1].name, "postgres");
    assert_string_equal(databases[2].encoding, "UTF8");
    assert_string_equal(databases[2].owner, f->rig.user);
    assert_true(databases[2].size > 1000000);
    server_databases_free(databases, 4);
    f->options.databases = (struct sme_list){1, shops};
    f->options.exclude_databases = (struct sme_list){1, test};
    assert_int_equal(list(f, &databases), 1);
    assert_string_equal(databases[0].name, "shop");
    server_databases_free(databases, 1);
    f->options.databases = (struct sme_list){2, missing};
    assert_int_equal(list(f, &databases), 0);
    assert_non_null(strstr(f->err.message, "'shoq'"));
}

static void waiting_ends_when_the_run_is_cancelled(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    PGconn *conn = NULL;

    f->options.data_directory = f->rig.data;
    serverrig_must(f, serverrig_find(f));
    serverrig_must(f, server_connect(&f->server, NULL, false, &conn, &f->err));
    f->fake.cancel_at = f->fake.polls + 1;
    assert_int_equal(server_do(&f->server, conn, "select pg_sleep(100)", &f->err), SME_E_CANCELLED);
    PQfinish(conn);
}

/* What the server says in another language is understood as well. */
static void classes_do_not_depend_on_words(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    PGconn *conn = NULL;

    f->options.connection = f->rig.info;
    serverrig_must(f, serverrig_find(f));
    serverrig_must(f, server_connect(&f->server, NULL, false, &conn, &f->err));
    const struct {
        const char *state;
        int status;
    } cases[] = {
        {"53100", SME_E_NO_SPACE}, {"53300", SME_E_UNREACHABLE}, {"57P01", SME_E_UNREACHABLE},
        {"57014", SME_E_IO},       {"55P03", SME_E_BUSY},        {"28000", SME_E_DENIED},
        {"XX001", SME_E_CORRUPT},  {"42601", SME_E_IO},          {"3D000", SME_E_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char sql[200];
        (void)snprintf(sql, sizeof sql,
                       "do $$begin raise exception 'kaputt' using errcode = '%s', "
                       "detail = 'genauer'; end$$",
                       cases[i].state);
        assert_int_equal(server_do(&f->server, conn, sql, &f->err), cases[i].status);
        assert_int_equal(f->err.status, cases[i].status);
        assert_non_null(strstr(f->err.message, "kaputt (genauer)"));
        assert_string_not_equal(f->err.hint, "");
    }
    /* Of several statements the one that failed is told. */
    assert_int_equal(server_do(&f->server, conn, "select 1; select 1/0; select 2", &f->err),
                     SME_E_IO);
    assert_non_null(strstr(f->err.message, "division by zero"));
    PQfinish(conn);
}

static void a_connection_that_is_cut_is_told(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    PGconn *conn = NULL;

    f->options.data_directory = f->rig.data;
    serverrig_must(f, serverrig_find(f));
    serverrig_must(f, server_connect(&f->server, NULL, false, &conn, &f->err));
    pgrig_halt(&f->rig, true);
    assert_int_equal(server_do(&f->server, conn, "select 1", &f->err), SME_E_UNREACHABLE);
    assert_int_equal(server_do(&f->server, conn, "select 1", &f->err), SME_E_UNREACHABLE);
    assert_string_not_equal(f->err.hint, "");
    PQfinish(conn);
    pgrig_resume(&f->rig);
}

/* Somebody listens there but never answers. */
static void a_server_that_does_not_answer(void **state)
{
    struct serverrig *f = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/sme-pg-mute-XXXXXX", info[256];
    PGconn *conn = NULL;

    assert_non_null(mkdtemp(folder));
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.7", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 4), 0);
    (void)snprintf(info, sizeof info, "host=%s port=7 user=x connect_timeout=1", folder);
    f->options.connection = info;
    serverrig_must(f, serverrig_find(f));
    assert_int_equal(server_connect(&f->server, NULL, false, &conn, &f->err), SME_E_UNREACHABLE);
    assert_non_null(strstr(f->err.message, folder));
    assert_non_null(strstr(f->err.hint, "connect_timeout"));
    f->fake.cancel_at = f->fake.polls + 1;
    assert_int_equal(server_connect(&f->server, NULL, false, &conn, &f->err), SME_E_CANCELLED);
    assert_null(conn);
    (void)close(fd);
    assert_int_equal(unlink(address.sun_path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Many at once, as parallel dumps make them, each from a thread of its own. */
static void *connect_often(void *argument)
{
    struct serverrig *f = argument;
    intptr_t failed = 0;

    for (int i = 0; i < 8; i++) {
        struct sme_error err = {.struct_size = sizeof err};
        PGconn *conn = NULL;
        if (server_connect(&f->server, NULL, false, &conn, &err) < 0) {
            failed++;
        } else {
            PQfinish(conn);
        }
        char *dbname = server_dbname(&f->server, "postgres");
        const char **env = server_environment(&f->server);
        failed += dbname == NULL || env == NULL;
        free(dbname);
        free(env);
    }
    return (void *)failed;
}

static void threads_connect_side_by_side(void **state)
{
    struct serverrig *f = serverrig_begin(state);
    pthread_t threads[4];

    f->options.data_directory = f->rig.data;
    serverrig_must(f, serverrig_find(f));
    serverrig_must(f, server_look(&f->server, &f->options, &f->err));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, connect_often, f), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVERRIG_TEST(nobody_listens),
        SERVERRIG_TEST(a_stopped_server_is_told_before_anything),
        SERVERRIG_TEST(an_unknown_database_and_role),
        SERVERRIG_TEST(databases_are_chosen_by_patterns),
        SERVERRIG_TEST(waiting_ends_when_the_run_is_cancelled),
        SERVERRIG_TEST(classes_do_not_depend_on_words),
        SERVERRIG_TEST(a_connection_that_is_cut_is_told),
        SERVERRIG_TEST(a_server_that_does_not_answer),
        SERVERRIG_TEST(threads_connect_side_by_side),
    };
    return cmocka_run_group_tests_name("talking to a server", tests, serverrig_start,
                                       serverrig_stop);
}
