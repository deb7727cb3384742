/*
 * A physical backup of a real cluster: complete, verified by the server's own tools, and honest
 * about damage.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/postgresql/physical.h"
#include "../harness/fakehost.h"
#include "../harness/pgrig.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_SLOT_LEFT "select count(*) from pg_replication_slots"
#define NO_SENDER_LEFT "select count(*) from pg_stat_replication"

struct fixture {
    struct pgrig rig;
    struct fakehost fake;
    struct pg_options options;
    struct server server;
    struct physical *physical;
    struct sme_error err;
    char to[128]; /* where items are written */
    unsigned items, problems;
    char problem_path[256], problem_text[256];
    uint64_t stop_after; /* bytes; then the server's process is ended; 0: never */
    bool skip_content;
};

static struct fixture *current; /* host functions have no cookie */

static void on_problem(const struct sme_host *host, const char *path, size_t len, const char *text)
{
    (void)host;
    /* The server tells of the page, and then how many pages of the file. */
    if (current->problems++ == 0) {
        (void)snprintf(current->problem_path, sizeof current->problem_path, "%.*s", (int)len, path);
        (void)snprintf(current->problem_text, sizeof current->problem_text, "%s", text);
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    if (pgrig_start(&f->rig, false)) {
        fakehost_init(&f->fake, "cluster");
        f->fake.host.problem = on_problem;
        f->fake.host.struct_size = sizeof f->fake.host;
        f->options.mode = PG_PHYSICAL;
        f->options.connection = f->rig.info;
        f->err.struct_size = sizeof f->err;
        (void)snprintf(f->to, sizeof f->to, "%s/copy", f->rig.dir);
        assert_int_equal(mkdir(f->to, 0755), 0);
        if (geteuid() == 0) {
            assert_int_equal(chown(f->to, f->rig.uid, f->rig.gid), 0);
        }
        current = f;
    }
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->rig.dir[0] != '\0') {
        physical_free(f->physical);
        server_done(&f->server);
        fakehost_done(&f->fake);
        pgrig_stop(&f->rig);
    }
    free(f);
    return 0;
}

static struct fixture *begin(void **state)
{
    struct fixture *f = *state;

    if (!f->rig.running) {
        skip(); /* PostgreSQL is not installed */
    }
    return f;
}

static void open_server(struct fixture *f)
{
    if (server_find(&f->fake.host, &f->options, &f->server, &f->err) < 0 ||
        server_look(&f->server, &f->options, &f->err) < 0) {
        fail_msg("%s", f->err.message);
    }
}

static void give(struct fixture *f, const char *path, const struct sme_item *item)
{
    if (geteuid() == 0) {
        assert_int_equal(lchown(path, f->rig.uid, f->rig.gid), 0);
    }
    if (item->type != SME_ITEM_SYMLINK) {
        assert_int_equal(chmod(path, item->mode), 0);
    }
}

/* As "restore --to" would: but parents may come later than what is in them, as the server likes. */
static int write_item(struct fixture *f, const struct sme_item *item)
{
    static uint8_t buf[100000];
    char path[PATH_MAX];
    int64_t got = 0;

    (void)snprintf(path, sizeof path, "%s/%.*s", f->to, (int)item->path_len, item->path);
    for (char *slash = strchr(path + strlen(f->to) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) == 0 && geteuid() == 0) {
            assert_int_equal(chown(path, f->rig.uid, f->rig.gid), 0);
        }
        *slash = '/';
    }
    if (item->type == SME_ITEM_DIRECTORY) {
        (void)mkdir(path, 0700);
    } else if (item->type == SME_ITEM_SYMLINK) {
        assert_int_equal(symlink(item->link_target, path), 0);
    } else if (!f->skip_content) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        uint64_t size = 0;
        while ((got = physical_read(f->physical, buf, sizeof buf, &f->err)) > 0) {
            assert_int_equal(write(fd, buf, (size_t)got), got);
            size += (uint64_t)got;
        }
        (void)close(fd);
        if (got < 0) {
            return (int)got;
        }
        assert_true(size == item->size || strcmp(item->path, "data/backup_manifest") == 0);
    } else {
        return SME_OK;
    }
    give(f, path, item);
    return SME_OK;
}

static int back_up(struct fixture *f)
{
    int status = physical_begin(&f->server, &f->options, &f->physical, &f->err);

    while (status == SME_OK) {
        struct sme_item item = {.struct_size = sizeof item, .dir_fd = -1};
        int more = physical_next(f->physical, &item, &f->err);
        if (more <= 0) {
            status = more;
            break;
        }
        f->items++;
        status = write_item(f, &item);
        if (f->stop_after > 0 && f->items > f->stop_after) {
            free(pgrig_sql(&f->rig, "postgres",
                           "select pg_terminate_backend(pid) from pg_stat_replication"));
            f->stop_after = 0;
        }
    }
    physical_free(f->physical);
    f->physical = NULL;
    return status;
}

static void fill(struct fixture *f)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql, "%s/fast", f->rig.dir);
    char command[300];
    (void)snprintf(command, sizeof command, "mkdir -m 700 '%s'", sql);
    assert_int_equal(pgrig_shell(&f->rig, command), 0);
    (void)snprintf(sql, sizeof sql, "create tablespace fast location '%s/fast'", f->rig.dir);
    free(pgrig_sql(&f->rig, "postgres", sql));
    free(pgrig_sql(&f->rig, "postgres",
                   "create table t tablespace fast as select i, repeat('x', 100) as filler "
                   "from generate_series(1, 20000) i"));
    free(pgrig_sql(&f->rig, "postgres",
                   "create table u as select i from generate_series(1, 50000) i"));
}

/* Run ${command}, in which $BIN, $DIR and $TO stand for the folders of the test. */
static int shell(struct fixture *f, const char *command)
{
    char all[1024];

    (void)snprintf(all, sizeof all, "BIN='%s' DIR='%s' TO='%s'; %s", f->rig.bin, f->rig.dir, f->to,
                   command);
    return pgrig_shell(&f->rig, all);
}

static void a_copy_that_starts(void **state)
{
    struct fixture *f = begin(state);
    char link[256] = "";
    char path[256];

    fill(f);
    open_server(f);
    if (back_up(f) < 0) {
        fail_msg("%s", f->err.message);
    }
    assert_int_equal(f->problems, 0);
    pgrig_expect(&f->rig, "postgres", NO_SLOT_LEFT, "0");
    char *oid =
        pgrig_sql(&f->rig, "postgres", "select oid from pg_tablespace where spcname = 'fast'");
    (void)snprintf(path, sizeof path, "%s/data/pg_tblspc/%s", f->to, oid);
    assert_true(readlink(path, link, sizeof link - 1) > 0);
    assert_memory_equal(link, "../../tablespaces/", 18);
    assert_string_equal(link + 18, oid);
    free(oid);
    assert_int_equal(shell(f, "\"$BIN/pg_verifybackup\" -q \"$TO/data\" >\"$DIR/verify\" 2>&1"), 0);
    /* Stock PostgreSQL starts from it, beside nothing of the original. */
    pgrig_halt(&f->rig, false);
    assert_int_equal(shell(f, "mv \"$DIR/data\" \"$DIR/gone\" && rm -rf \"$DIR/fast\""), 0);
    (void)snprintf(f->rig.data, sizeof f->rig.data, "%s/data", f->to);
    pgrig_resume(&f->rig);
    pgrig_expect(&f->rig, "postgres", "select count(*) || ' ' || sum(i) from t", "20000 200010000");
    pgrig_expect(&f->rig, "postgres", "select count(*) from u", "50000");
}

static void content_that_nobody_reads_is_still_checked(void **state)
{
    struct fixture *f = begin(state);

    open_server(f);
    f->skip_content = true;
    if (back_up(f) < 0) {
        fail_msg("%s", f->err.message);
    }
    assert_true(f->items > 500);
    assert_true(fakehost_logged(&f->fake, SME_LOG_INFO, "are what the server says"));
}

static void a_damaged_page_is_listed_and_the_copy_goes_on(void **state)
{
    struct fixture *f = begin(state);
    char path[256];

    fill(f);
    char *file = pgrig_sql(&f->rig, "postgres", "select pg_relation_filepath('u')");
    pgrig_halt(&f->rig, false);
    (void)snprintf(path, sizeof path, "%s/%s", f->rig.data, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "damage", 6, 3 * 8192 + 5000), 6);
    (void)close(fd);
    pgrig_resume(&f->rig);
    open_server(f);
    if (back_up(f) < 0) {
        fail_msg("%s", f->err.message);
    }
    assert_true(f->problems >= 1);
    (void)snprintf(path, sizeof path, "data/%s", file);
    assert_string_equal(f->problem_path, path);
    assert_non_null(strstr(f->problem_text, "block 3"));
    free(file);
}

static void a_connection_that_is_cut_fails_it(void **state)
{
    struct fixture *f = begin(state);

    fill(f);
    open_server(f);
    f->stop_after = 300;
    assert_int_equal(back_up(f), SME_E_UNREACHABLE);
    assert_string_not_equal(f->err.hint, "");
    pgrig_expect(&f->rig, "postgres", NO_SLOT_LEFT, "0");
}

/* The server notices when it sends the next time. */
static void wait_for_no_sender(struct fixture *f)
{
    bool gone = false;

    while (!gone) {
        char *left = pgrig_sql(&f->rig, "postgres", NO_SENDER_LEFT);
        gone = strcmp(left, "0") == 0;
        free(left);
    }
}

static void a_cancelled_one_ends_and_leaves_nothing(void **state)
{
    struct fixture *f = begin(state);

    fill(f);
    open_server(f);
    if (physical_begin(&f->server, &f->options, &f->physical, &f->err) < 0) {
        fail_msg("%s", f->err.message);
    }
    struct sme_item item = {.struct_size = sizeof item, .dir_fd = -1};
    assert_int_equal(physical_next(f->physical, &item, &f->err), 1);
    assert_string_equal(item.path, "data");
    f->fake.cancel_at = f->fake.polls + 1;
    int more = 1;
    while (more > 0) {
        more = physical_next(f->physical, &item, &f->err);
    }
    assert_int_equal(more, SME_E_CANCELLED);
    physical_free(f->physical);
    f->physical = NULL;
    wait_for_no_sender(f);
    pgrig_expect(&f->rig, "postgres", NO_SLOT_LEFT, "0");
}

/* Much is to be written, at leisure: minutes, if the server were not told. */
static void one_that_waits_for_a_checkpoint_can_be_cancelled(void **state)
{
    struct fixture *f = begin(state);

    fill(f);
    open_server(f);
    f->options.checkpoint = PG_CHECKPOINT_SPREAD;
    f->fake.cancel_at = f->fake.polls + 24;
    assert_int_equal(back_up(f), SME_E_CANCELLED);
    wait_for_no_sender(f);
    pgrig_expect(&f->rig, "postgres", NO_SLOT_LEFT, "0");
}

static void a_tablespace_in_the_data_directory_stays_there(void **state)
{
    struct fixture *f = begin(state);

    free(pgrig_sql(&f->rig, "postgres", "alter role postgres set allow_in_place_tablespaces = on"));
    /* PostgreSQL itself wants it to recover. */
    free(pgrig_sql(&f->rig, "postgres", "alter system set allow_in_place_tablespaces = on"));
    free(pgrig_sql(&f->rig, "postgres", "create tablespace inside location ''"));
    free(pgrig_sql(&f->rig, "postgres",
                   "create table v tablespace inside as select i from generate_series(1, 9) i"));
    fill(f);
    open_server(f);
    if (back_up(f) < 0) {
        fail_msg("%s", f->err.message);
    }
    assert_int_equal(shell(f, "\"$BIN/pg_verifybackup\" -q \"$TO/data\" >\"$DIR/verify\" 2>&1"), 0);
    pgrig_halt(&f->rig, false);
    (void)snprintf(f->rig.data, sizeof f->rig.data, "%s/data", f->to);
    pgrig_resume(&f->rig);
    pgrig_expect(&f->rig, "postgres", "select sum(i) from v", "45");
    pgrig_expect(&f->rig, "postgres", "select count(*) from t", "20000");
}

static void without_a_free_slot_it_warns_and_goes_on(void **state)
{
    struct fixture *f = begin(state);

    free(pgrig_sql(&f->rig, "postgres",
                   "select pg_create_physical_replication_slot('a'), "
                   "pg_create_physical_replication_slot('b')"));
    open_server(f);
    f->skip_content = true;
    if (back_up(f) < 0) {
        fail_msg("%s", f->err.message);
    }
    assert_true(fakehost_logged(&f->fake, SME_LOG_WARNING, "no replication slot"));
}

static void a_role_without_the_right_is_told_how_to_get_it(void **state)
{
    struct fixture *f = begin(state);
    char info[256];

    free(pgrig_sql(&f->rig, "postgres", "create role plain login"));
    (void)snprintf(info, sizeof info, "host=%s user=plain dbname=postgres", f->rig.dir);
    f->options.connection = info;
    assert_int_equal(server_find(&f->fake.host, &f->options, &f->server, &f->err), SME_OK);
    assert_int_equal(server_look(&f->server, &f->options, &f->err), SME_E_DENIED);
    assert_non_null(strstr(f->err.hint, "REPLICATION"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_copy_that_starts),
        TEST(content_that_nobody_reads_is_still_checked),
        TEST(a_damaged_page_is_listed_and_the_copy_goes_on),
        TEST(a_connection_that_is_cut_fails_it),
        TEST(a_cancelled_one_ends_and_leaves_nothing),
        TEST(one_that_waits_for_a_checkpoint_can_be_cancelled),
        TEST(a_tablespace_in_the_data_directory_stays_there),
        TEST(without_a_free_slot_it_warns_and_goes_on),
        TEST(a_role_without_the_right_is_told_how_to_get_it),
    };
    return cmocka_run_group_tests_name("physical backups", tests, NULL, NULL);
}
