/*
 * Tests of the head of an archive: what pg_dump writes passes, all else is refused with a reason.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/postgresql/archive.h"

/* As pg_dump 15 writes it. */
static const uint8_t good[ARCHIVE_HEAD] = {'P', 'G', 'D', 'M', 'P', 1, 14, 0, 4, 8, 1};

static void refuse(size_t at, uint8_t byte, const char *why)
{
    struct sme_error err = {.struct_size = sizeof err};
    uint8_t head[ARCHIVE_HEAD];

    memcpy(head, good, sizeof head);
    head[at] = byte;
    assert_int_equal(archive_check_head(head, sizeof head, "x.dump", &err), SME_E_CORRUPT);
    assert_int_equal(err.status, SME_E_CORRUPT);
    assert_non_null(strstr(err.message, "'x.dump'"));
    assert_non_null(strstr(err.message, why));
    assert_true(err.hint[0] != '\0');
}

static void heads_of_all_versions_pass(void **state)
{
    (void)state;
    struct sme_error err = {.struct_size = sizeof err};
    uint8_t head[ARCHIVE_HEAD];

    memcpy(head, good, sizeof head);
    for (uint8_t minor = 12; minor < 18; minor++) {
        head[6] = minor;
        assert_int_equal(archive_check_head(head, sizeof head, "x", &err), SME_OK);
    }
    assert_int_equal(archive_check_head(head, sizeof head, "x", NULL), SME_OK);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    refuse(0, 'p', "does not begin with 'PGDMP'");
    refuse(4, 0, "does not begin with 'PGDMP'");
    refuse(5, 2, "version of its format");
    refuse(6, 11, "version of its format");
    refuse(8, 0, "sizes in its head");
    refuse(8, 255, "sizes in its head");
    refuse(9, 3, "sizes in its head");
    refuse(10, 3, "not in the custom format");
}

static void short_heads_are_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < ARCHIVE_HEAD; len++) {
        struct sme_error err = {.struct_size = sizeof err};
        assert_int_equal(archive_check_head(good, len, "x", &err), SME_E_CORRUPT);
        assert_non_null(strstr(err.message, len == 0 ? "it is empty" : "ends within its head"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_of_all_versions_pass),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(short_heads_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
