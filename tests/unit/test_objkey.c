/*
 * Object names: made, parsed, and refused.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/repo/objkey.h"

static const uint8_t hash[32] = {0xab, 0xcd, 0x01};

static void names_are_those_of_the_design(void **state)
{
    static const uint8_t id[4] = {0x1f, 0x3a, 0x9c, 0x04};
    char name[OBJKEY_SNAPSHOT_NAME];
    objkey_text key;

    (void)state;
    objkey_snapshot_name(1795399200, id, name);
    assert_string_equal(name, "20261123T020000Z-1f3a9c04");
    objkey_snapshot("documents", name, key);
    assert_string_equal(key, "backups/documents/20261123T020000Z-1f3a9c04");
    objkey_pack("documents", false, hash, key);
    assert_string_equal(
        key, "documents/data/abcd010000000000000000000000000000000000000000000000000000000000");
    objkey_prefix(OBJKEY_SNAPSHOT, NULL, key);
    assert_string_equal(key, "backups/");
    objkey_prefix(OBJKEY_INDEX, "documents", key);
    assert_string_equal(key, "documents/index/");
}

static void what_is_made_is_parsed(void **state)
{
    objkey_text text;
    struct objkey key;

    (void)state;
    objkey_pack("a.b-c_d", true, hash, text);
    objkey_parse(text, &key);
    assert_int_equal(key.kind, OBJKEY_META_PACK);
    assert_string_equal(key.source, "a.b-c_d");
    assert_memory_equal(key.hash, hash, 32);
    objkey_index("photos", 1795399200, hash, text);
    objkey_parse(text, &key);
    assert_int_equal(key.kind, OBJKEY_INDEX);
    assert_int_equal(key.time_sec, 1795399200);
    assert_memory_equal(key.hash, hash, 32);
    objkey_session("photos", "20261123T020000Z-1f3a9c04", text);
    objkey_parse(text, &key);
    assert_int_equal(key.kind, OBJKEY_SESSION);
    assert_string_equal(key.snapshot, "20261123T020000Z-1f3a9c04");
    objkey_parse("backups/photos/20261123T020000Z-1f3a9c04", &key);
    assert_int_equal(key.kind, OBJKEY_SNAPSHOT);
    assert_string_equal(key.source, "photos");
    objkey_parse("repository", &key);
    assert_int_equal(key.kind, OBJKEY_DESCRIPTOR);
}

static void anything_else_is_foreign(void **state)
{
    static const char *const foreign[] = {
        "",
        "repository2",
        "README.txt",
        "documents",
        "documents/data",
        "documents/data/",
        "documents/data/abcd",
        "documents/data/ABCD010000000000000000000000000000000000000000000000000000000000",
        "documents/data/abcd010000000000000000000000000000000000000000000000000000000000.tmp",
        "documents/other/abcd010000000000000000000000000000000000000000000000000000000000",
        "/data/abcd010000000000000000000000000000000000000000000000000000000000",
        "backups/documents",
        "backups/documents/",
        "backups/documents/20261123T020000Z",
        "backups/documents/20261123T020000Z-1f3a9c0",
        "backups/documents/20261123T020000Z-1f3a9c04x",
        "backups/documents/20261323T020000Z-1f3a9c04",
        "documents/gc/session-x",
        "documents/gc/other",
    };
    struct objkey key;

    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        objkey_parse(foreign[i], &key);
        if (key.kind != OBJKEY_FOREIGN) {
            fail_msg("'%s' was taken for kind %d", foreign[i], (int)key.kind);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_design),
        cmocka_unit_test(what_is_made_is_parsed),
        cmocka_unit_test(anything_else_is_foreign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
