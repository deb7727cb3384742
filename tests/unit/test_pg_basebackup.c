/*
 * Base backups as each version of the server sends them, and everything that may go wrong.
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
#include "../harness/pgfake.h"

#include <stdlib.h>

static const int versions[] = {120022, 130018, 140015, 150010, 160006, 180001};
#define VERSION_COUNT (sizeof versions / sizeof versions[0])

struct outcome {
    int status;
    unsigned items, problems;
    uint64_t bytes;
    char problem_path[128];
    char seen[2048]; /* "path " of each item, in order */
    char table_owner[64];
    char link[128];
    struct sme_error err;
};

struct rig {
    struct fakehost fake;
    struct pgfake server;
    struct outcome out;
    char place[32];
    bool without_problem; /* an older core: the host does not take problems */
    size_t piece;
    bool skip_content;
};

static struct rig *current; /* host functions have no cookie */

static void on_problem(const struct sme_host *host, const char *path, size_t len, const char *text)
{
    struct outcome *out = &current->out;

    (void)host;
    assert_non_null(text);
    (void)snprintf(out->problem_path, sizeof out->problem_path, "%.*s", (int)len, path);
    out->problems++;
}

/* The user gives up when the server falls silent. */
static int on_poll(const struct sme_host *host)
{
    (void)host;
    return atomic_load(&current->server.stalled) ? 1 : 0;
}

/* Read an item as the core would. */
static int64_t take(struct physical *physical, struct outcome *out)
{
    char buf[3000];
    int64_t got = 0;

    while ((got = physical_read(physical, buf, sizeof buf, &out->err)) > 0) {
        out->bytes += (uint64_t)got;
    }
    return got;
}

static void note(struct outcome *out, const struct sme_item *item)
{
    size_t used = strlen(out->seen);

    out->items++;
    (void)snprintf(out->seen + used, sizeof out->seen - used, "%.*s ", (int)item->path_len,
                   item->path);
    assert_int_equal(strlen(item->path), item->path_len);
    if (strstr(item->path, PGFAKE_TABLE) != NULL) {
        (void)snprintf(out->table_owner, sizeof out->table_owner, "%u:%u %o%s", item->uid,
                       item->gid, item->mode,
                       (item->flags & SME_ITEM_FIXED_CHUNKS) != 0 ? " fixed" : "");
    }
    if (strcmp(item->path, "data/pg_wal/" PGFAKE_SEGMENT) == 0) {
        assert_int_equal(item->flags & SME_ITEM_FIXED_CHUNKS, 0);
    }
    if (strcmp(item->path, "data") == 0) {
        assert_int_equal(item->uid, 101);
        assert_int_equal(item->mode, 0750);
    }
    if (item->type == SME_ITEM_SYMLINK) {
        assert_int_equal(item->extra_count, 1);
        (void)snprintf(out->link, sizeof out->link, "%s %s=%s", item->link_target,
                       item->extras[0].name, item->extras[0].value);
    }
}

/* A whole backup of a fake of ${version} with ${faults}. */
static struct outcome *run(struct rig *rig, int version, unsigned faults)
{
    struct pg_options options = {.mode = PG_PHYSICAL, .checkpoint = PG_CHECKPOINT_FAST};
    struct physical *physical = NULL;
    struct outcome *out = &rig->out;

    memset(out, 0, sizeof *out);
    out->err.struct_size = sizeof out->err;
    fakehost_done(&rig->fake);
    fakehost_init(&rig->fake, "cluster");
    rig->fake.host.struct_size = sizeof rig->fake.host;
    rig->fake.host.problem = rig->without_problem ? NULL : on_problem;
    rig->fake.host.cancelled = on_poll;
    pgfake_stop(&rig->server);
    pgfake_start(&rig->server, version, faults);
    if (rig->piece > 0) {
        rig->server.piece = rig->piece;
    }
    current = rig;
    struct server server = {
        .host = &rig->fake.host,
        .conninfo = rig->server.info,
        .place = rig->place,
        .version = version,
        .system_identifier = 7,
    };
    out->status = physical_begin(&server, &options, &physical, &out->err);
    while (out->status == SME_OK) {
        struct sme_item item = {.struct_size = sizeof item, .dir_fd = -1};
        int more = physical_next(physical, &item, &out->err);
        if (more <= 0) {
            out->status = more;
            break;
        }
        note(out, &item);
        if (item.type == SME_ITEM_FILE && !rig->skip_content) {
            out->status = (int)take(physical, out);
        }
    }
    physical_free(physical);
    return out;
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    (void)snprintf(rig->place, sizeof rig->place, "socket 'fake'");
    fakehost_init(&rig->fake, "cluster");
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    pgfake_stop(&rig->server);
    fakehost_done(&rig->fake);
    free(rig);
    return 0;
}

static void must_fail(struct rig *rig, unsigned faults, int status, const char *message)
{
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        const struct outcome *out = run(rig, versions[i], faults);
        if (out->status != status || strstr(out->err.message, message) == NULL) {
            fail_msg("version %d, faults %u: %d '%s' instead of %d '%s'", versions[i], faults,
                     out->status, out->err.message, status, message);
        }
    }
}

static void every_version_is_understood(void **state)
{
    static const size_t pieces[] = {0, 1000, 513, 100000};
    struct rig *rig = *state;

    for (size_t i = 0; i < VERSION_COUNT * 4; i++) {
        int version = versions[i / 4];
        rig->piece = pieces[i % 4];
        const struct outcome *out = run(rig, version, i % 2 == 0 ? 0 : PGFAKE_BASE_FIRST);
        if (out->status < 0) {
            fail_msg("version %d: %s", version, out->err.message);
        }
        assert_int_equal(out->items, version >= 130000 ? 17 : 16);
        assert_memory_equal(out->seen, "data tablespaces tablespaces/16400 ", 35);
        assert_non_null(strstr(out->seen, "tablespaces/16400/" PGFAKE_TABLE " "));
        assert_non_null(strstr(out->seen, " data/" PGFAKE_PAGED " "));
        assert_true((strstr(out->seen, "data/backup_manifest ") != NULL) == (version >= 130000));
        assert_string_equal(out->table_owner, "101:102 640 fixed");
        assert_string_equal(out->link, "../../tablespaces/16400 pg.location=/mnt/fast");
        assert_true(out->bytes >= 1048576 + 24576 + 16384 + 8192 + 200);
        assert_int_equal(out->problems, 0);
        assert_true(fakehost_logged(&rig->fake, SME_LOG_INFO, "no data checksums"));
    }
}

static void each_is_asked_in_its_own_words(void **state)
{
    struct rig *rig = *state;

    (void)run(rig, 120022, 0);
    assert_string_equal(rig->server.backup_sql, "BASE_BACKUP LABEL 'sme-backup' FAST WAL NOWAIT");
    assert_string_equal(rig->server.slot_options, "");
    (void)run(rig, 140015, 0);
    assert_string_equal(rig->server.backup_sql,
                        "BASE_BACKUP LABEL 'sme-backup' FAST WAL NOWAIT MANIFEST 'yes' "
                        "MANIFEST_CHECKSUMS 'CRC32C'");
    assert_non_null(strstr(rig->server.slot_sql, " TEMPORARY PHYSICAL RESERVE_WAL"));
    /* The connection that only holds the slot must not be ended for being idle. */
    assert_string_equal(rig->server.slot_options, "-c idle_session_timeout=0");
    (void)run(rig, 150010, 0);
    assert_string_equal(rig->server.backup_sql,
                        "BASE_BACKUP (LABEL 'sme-backup', CHECKPOINT 'fast', WAL, WAIT false, "
                        "MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C')");
    assert_non_null(strstr(rig->server.slot_sql, " TEMPORARY PHYSICAL (RESERVE_WAL)"));
}

static void unread_content_is_checked_all_the_same(void **state)
{
    struct rig *rig = *state;

    rig->skip_content = true;
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        assert_int_equal(run(rig, versions[i], 0)->status, SME_OK);
        if (versions[i] >= 130000) {
            assert_int_equal(run(rig, versions[i], PGFAKE_OTHER_BYTE)->status, SME_E_CORRUPT);
        }
        assert_int_equal(run(rig, versions[i], PGFAKE_SHORT)->status, SME_E_CORRUPT);
    }
}

static void a_lost_connection_is_no_success(void **state)
{
    must_fail(*state, PGFAKE_CUT_STREAM, SME_E_UNREACHABLE, "'fake'");
    /* Everything has arrived, but the server has not said that it is good. */
    must_fail(*state, PGFAKE_CUT_END, SME_E_UNREACHABLE, "'fake'");
}

static void an_error_at_the_end_is_no_success(void **state)
{
    struct rig *rig = *state;

    must_fail(rig, PGFAKE_ERROR_END, SME_E_IO, "out of order");
    must_fail(rig, PGFAKE_ERROR_END | PGFAKE_WARNS, SME_E_IO, "out of order");
    must_fail(rig, PGFAKE_REFUSES, SME_E_DENIED, "must be replication role");
}

static void damaged_pages_are_told_and_no_failure(void **state)
{
    struct rig *rig = *state;

    for (size_t i = 0; i < VERSION_COUNT; i++) {
        const struct outcome *out = run(rig, versions[i], PGFAKE_WARNS | PGFAKE_CORRUPT_END);
        if (out->status < 0) {
            fail_msg("version %d: %s", versions[i], out->err.message);
        }
        assert_int_equal(out->problems, 1);
        assert_string_equal(out->problem_path, "data/" PGFAKE_PAGED);
        assert_true(fakehost_logged(&rig->fake, SME_LOG_WARNING, "2 page verification failures"));
    }
}

static void damage_that_cannot_be_told_is_a_failure(void **state)
{
    struct rig *rig = *state;

    must_fail(rig, PGFAKE_CORRUPT_END, SME_E_CORRUPT, "damaged pages");
    /* A warning about something else does not say where the damage is. */
    must_fail(rig, PGFAKE_CORRUPT_END | PGFAKE_WARNS_LOG, SME_E_CORRUPT, "damaged pages");
    rig->without_problem = true;
    must_fail(rig, PGFAKE_CORRUPT_END | PGFAKE_WARNS, SME_E_CORRUPT, "damaged pages");
}

static void damaged_pages_do_not_hide_other_faults(void **state)
{
    struct rig *rig = *state;

    must_fail(rig, PGFAKE_WARNS | PGFAKE_CORRUPT_END | PGFAKE_NO_LOG, SME_E_CORRUPT,
              "write-ahead log");
}

static void a_warning_about_the_log_is_only_logged(void **state)
{
    struct rig *rig = *state;

    const struct outcome *out = run(rig, 150010, PGFAKE_WARNS_LOG);
    assert_int_equal(out->status, SME_OK);
    assert_int_equal(out->problems, 0);
    assert_true(fakehost_logged(&rig->fake, SME_LOG_WARNING, "page verification"));
}

static void what_is_missing_is_noticed(void **state)
{
    struct rig *rig = *state;

    must_fail(rig, PGFAKE_SHORT, SME_E_CORRUPT, "ends within 'data/pg_wal/" PGFAKE_SEGMENT "'");
    must_fail(rig, PGFAKE_NO_LOG, SME_E_CORRUPT, "write-ahead log");
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        assert_true(run(rig, versions[i], PGFAKE_NO_ARCHIVE)->status < 0);
        assert_true(run(rig, versions[i], PGFAKE_NO_ARCHIVE | PGFAKE_BASE_FIRST)->status < 0);
        if (versions[i] >= 130000) {
            const struct outcome *out = run(rig, versions[i], PGFAKE_NO_MANIFEST);
            assert_int_equal(out->status, SME_E_CORRUPT);
            assert_non_null(strstr(out->err.message, "manifest"));
        }
    }
}

static void what_is_not_as_the_manifest_says_is_noticed(void **state)
{
    struct rig *rig = *state;

    for (size_t i = 1; i < VERSION_COUNT; i++) {
        const struct outcome *out = run(rig, versions[i], PGFAKE_OTHER_BYTE);
        assert_int_equal(out->status, SME_E_CORRUPT);
        assert_non_null(strstr(out->err.message, "pg_tblspc/16400/" PGFAKE_TABLE));
        out = run(rig, versions[i], PGFAKE_OTHER_RANGE);
        assert_int_equal(out->status, SME_E_CORRUPT);
        assert_non_null(strstr(out->err.message, "range of the log"));
    }
}

static void without_a_slot_it_goes_on(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(run(rig, 140015, PGFAKE_NO_SLOT)->status, SME_OK);
    assert_true(fakehost_logged(&rig->fake, SME_LOG_WARNING, "all replication slots are in use"));
}

static void a_silent_server_can_be_left(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(run(rig, 150010, PGFAKE_STALLS)->status, SME_E_CANCELLED);
    assert_int_equal(run(rig, 130018, PGFAKE_STALLS)->status, SME_E_CANCELLED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_version_is_understood),
        TEST(each_is_asked_in_its_own_words),
        TEST(unread_content_is_checked_all_the_same),
        TEST(a_lost_connection_is_no_success),
        TEST(an_error_at_the_end_is_no_success),
        TEST(damaged_pages_are_told_and_no_failure),
        TEST(damage_that_cannot_be_told_is_a_failure),
        TEST(damaged_pages_do_not_hide_other_faults),
        TEST(a_warning_about_the_log_is_only_logged),
        TEST(what_is_missing_is_noticed),
        TEST(what_is_not_as_the_manifest_says_is_noticed),
        TEST(without_a_slot_it_goes_on),
        TEST(a_silent_server_can_be_left),
    };
    return cmocka_run_group_tests_name("base backups of all versions", tests, NULL, NULL);
}
