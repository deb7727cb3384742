/*
 * Tests of core/config/ini.c: what is understood, and that nothing is shortened or ignored.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/cleanup.h"
#include "../../core/base/fileio.h"
#include "../../core/base/str.h"
#include "../../core/config/ini.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static int parse(struct ini_doc *doc, const char *text, struct sme_error *err)
{
    return ini_parse_text(doc, "t.ini", text, strlen(text), err);
}

static const char *value_of(const struct ini_doc *doc, size_t section, const char *name)
{
    assert_true(section < doc->count);
    const struct ini_entry *entry = ini_find(&doc->sections[section], name);
    return entry != NULL ? entry->value : NULL;
}

static void sections_and_entries_keep_their_lines(void **state)
{
    (void)state;
    CLEANUP(ini_free) struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    static const char text[] = "; a comment\n"
                               "\n"
                               "[core]\n"
                               "log_file = /l\n"
                               "# another\n"
                               "[ source   documents ] ; who\n"
                               "path: /data\n"
                               "empty =\n";
    assert_int_equal(parse(&doc, text, &err), SME_OK);
    assert_int_equal(doc.count, 2);
    assert_string_equal(doc.sections[0].kind, "core");
    assert_string_equal(doc.sections[0].name, "");
    assert_string_equal(doc.sections[0].file, "t.ini");
    assert_int_equal(doc.sections[0].line, 3);
    assert_int_equal(doc.sections[0].entries[0].line, 4);
    assert_string_equal(doc.sections[1].kind, "source");
    assert_string_equal(doc.sections[1].name, "documents");
    assert_int_equal(doc.sections[1].line, 6);
    assert_int_equal(doc.sections[1].count, 2);
    assert_string_equal(value_of(&doc, 1, "path"), "/data");
    assert_string_equal(value_of(&doc, 1, "empty"), "");
    assert_null(value_of(&doc, 1, "log_file"));
    assert_false(doc.sections[1].readable_by_others);
}

static void empty_texts_and_empty_sections_count(void **state)
{
    (void)state;
    CLEANUP(ini_free) struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(ini_parse_text(&doc, "t.ini", NULL, 0, &err), SME_OK);
    assert_int_equal(parse(&doc, "\n\n", &err), SME_OK);
    assert_int_equal(doc.count, 0);
    assert_int_equal(parse(&doc, "[sink a]\n[sink b]", &err), SME_OK);
    assert_int_equal(doc.count, 2);
    assert_string_equal(doc.sections[1].name, "b");
    assert_int_equal(doc.sections[1].count, 0);
}

static void inline_comments_need_a_blank(void **state)
{
    (void)state;
    CLEANUP(ini_free) struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(parse(&doc,
                           "[core]\na = 1 ; comment\nb = 1;2\nc = x # y\nd = p\t; q\n"
                           "e = one ; c\n  two ; d\n  ; all of it\n  three;four\n",
                           &err),
                     SME_OK);
    assert_string_equal(value_of(&doc, 0, "a"), "1");
    assert_string_equal(value_of(&doc, 0, "b"), "1;2");
    assert_string_equal(value_of(&doc, 0, "c"), "x # y");
    assert_string_equal(value_of(&doc, 0, "d"), "p");
    assert_string_equal(value_of(&doc, 0, "e"), "one\ntwo\nthree;four");
}

static void indented_lines_continue_a_value(void **state)
{
    (void)state;
    CLEANUP(ini_free) struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(parse(&doc,
                           "[source s]\r\n"
                           "  first = 1\r\n"
                           "exclude =\r\n"
                           "\t*.tmp\r\n"
                           "\r\n"
                           "  name = value\r\n"
                           "  [a-z]*\r\n"
                           "a_name_that_is_longer_than_the_fifty_bytes_that_inih_keeps = 1\r\n"
                           " 2\r\n"
                           "last = x",
                           &err),
                     SME_OK);
    assert_int_equal(doc.sections[0].count, 4);
    assert_string_equal(value_of(&doc, 0, "first"), "1");
    assert_string_equal(value_of(&doc, 0, "exclude"), "*.tmp\nname = value\n[a-z]*");
    assert_string_equal(
        value_of(&doc, 0, "a_name_that_is_longer_than_the_fifty_bytes_that_inih_keeps"), "1\n2");
    assert_string_equal(value_of(&doc, 0, "last"), "x");
}

static void long_section_names_are_kept_whole(void **state)
{
    (void)state;
    CLEANUP(ini_free) struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(
        parse(&doc,
              "[source a-name-of-sixty-four-bytes-that-inih-would-cut-after-fifty-aaaaa]\nx = 1\n"
              "[source a-name-of-sixty-four-bytes-that-inih-would-cut-after-fifty-bbbbb]\nx = 2\n",
              &err),
        SME_OK);
    assert_int_equal(doc.count, 2);
    assert_string_equal(doc.sections[1].name,
                        "a-name-of-sixty-four-bytes-that-inih-would-cut-after-fifty-bbbbb");
    assert_string_equal(value_of(&doc, 0, "x"), "1");
    assert_string_equal(value_of(&doc, 1, "x"), "2");
}

static void a_byte_order_mark_is_no_text(void **state)
{
    (void)state;
    CLEANUP(ini_free) struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(parse(&doc, "\xef\xbb\xbf[core]\na = 1\n", &err), SME_OK);
    assert_string_equal(value_of(&doc, 0, "a"), "1");
}

static void wrong_texts_name_file_and_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a = 1\n", "t.ini:1: 'a' stands before any section"},
        {"  a = 1\n", "t.ini:1: 'a' stands before any section"},
        {"[core]\nnonsense\n", "t.ini:2: 'nonsense' is not of the form 'name = value'"},
        {"[core]\nnonsense\n[core]\n", "t.ini:2: 'nonsense' is not of the form 'name = value'"},
        {"[core]\na = 1\n\x1b[2J\n", "t.ini:3: '\\x1b[2J' is not of the form 'name = value'"},
        {"[core]\n= 1\n", "t.ini:2: a name is missing before '='"},
        {"\n[core\na = 1\n", "t.ini:2: '[core' is not a section header"},
        {"[core] x = 1\n", "t.ini:1: '[core] x = 1' is not a section header"},
        {"[core ;]\n", "t.ini:1: '[core ;]' is not a section header"},
        {"[core]\na = 1\nb = 2\na = 3\n", "t.ini:4: option 'a' is already set at t.ini:2"},
        {"[source x]\na = 1\n[sink x]\n[source  x ]\n",
         "t.ini:4: section [source  x] is already in t.ini:1"},
        {"[source x]\npath = /a\n [source y]\n",
         "t.ini:3: '[source y]' is indented and so continues the value of 'path'"},
        {"[source x]\npath = /a\n  [core]  ; c\n",
         "t.ini:3: '[core]  ; c' is indented and so continues the value of 'path'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(ini_free) struct ini_doc doc = {0};
        struct sme_error err = SME_ERROR_INIT;
        assert_int_equal(parse(&doc, cases[i][0], &err), SME_E_INVALID);
        assert_string_equal(err.message, cases[i][1]);
        assert_int_equal(doc.count, 0);
    }
}

static void nul_bytes_are_refused(void **state)
{
    (void)state;
    CLEANUP(ini_free) struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    static const char text[] = "[core]\na = 1\nb = \0 2\n";
    assert_int_equal(ini_parse_text(&doc, "t.ini", text, sizeof text - 1, &err), SME_E_INVALID);
    assert_string_equal(err.message, "t.ini:3: a NUL byte; this is not a text file");
}

/* "[core]", an option with a value of ${len} bytes in the second line, and another one. */
static int parse_long(struct ini_doc *doc, size_t len, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(1000000);
    buf_add_str(&text, "[core]\na =");
    uint8_t *value = buf_grow(&text, len);
    assert_non_null(value);
    memset(value, 'v', len);
    buf_add_str(&text, "\nb = 2\n");
    return ini_parse_text(doc, "t.ini", (const char *)text.data, text.len, err);
}

static void lines_are_whole_or_an_error(void **state)
{
    (void)state;
    size_t longest = 0;
    for (size_t len = 1; len < 3000; len++) {
        CLEANUP(ini_free) struct ini_doc doc = {0};
        struct sme_error err = SME_ERROR_INIT;
        if (parse_long(&doc, len, &err) == SME_OK) {
            assert_int_equal(longest, len - 1); /* none that is longer than a refused one */
            longest = len;
            assert_int_equal(strlen(value_of(&doc, 0, "a")), len);
            assert_string_equal(value_of(&doc, 0, "b"), "2");
        } else {
            assert_int_equal(err.status, SME_E_INVALID);
            assert_true(str_starts(err.message, "t.ini:2: line of "));
            assert_non_null(strstr(err.message, " bytes is too long, "));
            assert_int_equal(doc.count, 0);
        }
    }
    assert_true(longest >= 150);
}

static void too_many_sections_are_refused(void **state)
{
    (void)state;
    CLEANUP(ini_free) struct ini_doc doc = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(1000000);
    struct sme_error err = SME_ERROR_INIT;
    for (int i = 0; i <= 4096; i++)
        buf_add_fmt(&text, "[source s%d]\n", i);
    assert_int_equal(ini_parse_text(&doc, "t.ini", (const char *)text.data, text.len, &err),
                     SME_E_INVALID);
    assert_string_equal(err.message, "t.ini:4097: more than 4096 sections");
}

static void a_failure_leaves_earlier_files_alone(void **state)
{
    (void)state;
    CLEANUP(ini_free) struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(ini_parse_text(&doc, "1.ini", "[sink a]\nx = 1\n", 15, &err), SME_OK);
    assert_int_equal(ini_parse_text(&doc, "2.ini", "[sink b]\n\n[sink a]\n", 19, &err),
                     SME_E_INVALID);
    assert_string_equal(err.message, "2.ini:3: section [sink a] is already in 1.ini:1");
    assert_int_equal(doc.count, 1);
    assert_string_equal(value_of(&doc, 0, "x"), "1");
}

static char folder[256];

static int enter(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/sme-ini-XXXXXX", base != NULL ? base : "/tmp");
    (void)umask(022);
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[300];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void files_are_loaded_with_their_mode(void **state)
{
    (void)state;
    CLEANUP(ini_free) struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(io_create("a.ini", "[sink a]\nx = 1\n", 15, 0644, &err), SME_OK);
    assert_int_equal(io_create("b.ini", "[sink b]\nx = 2\n", 15, 0600, &err), SME_OK);
    assert_int_equal(ini_load(&doc, "a.ini", &err), SME_OK);
    assert_int_equal(ini_load(&doc, "b.ini", &err), SME_OK);
    assert_int_equal(doc.count, 2);
    assert_true(doc.sections[0].readable_by_others);
    assert_false(doc.sections[1].readable_by_others);
    assert_string_equal(doc.sections[1].file, "b.ini");
    assert_string_equal(value_of(&doc, 1, "x"), "2");
}

static void files_that_cannot_be_trusted_are_refused(void **state)
{
    (void)state;
    CLEANUP(ini_free) struct ini_doc doc = {0};
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(ini_load(&doc, "none.ini", &err), SME_E_NOT_FOUND);
    assert_string_equal(err.message,
                        "cannot open configuration file 'none.ini': No such file or directory");
    assert_int_equal(io_create("w.ini", "", 0, 0664, &err), SME_OK);
    assert_int_equal(ini_load(&doc, "w.ini", &err), SME_E_DENIED);
    assert_string_equal(err.message,
                        "configuration file 'w.ini' can be written by others (mode 0664)");
    assert_int_equal(ini_load(&doc, folder, &err), SME_E_INVALID);
    assert_non_null(strstr(err.message, "is not a regular file"));
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(ini_load(&doc, "fifo", &err), SME_E_INVALID);
    assert_string_equal(err.message, "configuration file 'fifo' is not a regular file");
    assert_int_equal(io_create("big.ini", "", 0, 0600, &err), SME_OK);
    assert_int_equal(truncate("big.ini", 1024 * 1024 + 1), 0);
    assert_int_equal(ini_load(&doc, "big.ini", &err), SME_E_INVALID);
    assert_string_equal(err.message, "configuration file 'big.ini' is larger than 1048576 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_and_entries_keep_their_lines),
        cmocka_unit_test(empty_texts_and_empty_sections_count),
        cmocka_unit_test(inline_comments_need_a_blank),
        cmocka_unit_test(indented_lines_continue_a_value),
        cmocka_unit_test(long_section_names_are_kept_whole),
        cmocka_unit_test(a_byte_order_mark_is_no_text),
        cmocka_unit_test(wrong_texts_name_file_and_line),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(lines_are_whole_or_an_error),
        cmocka_unit_test(too_many_sections_are_refused),
        cmocka_unit_test(a_failure_leaves_earlier_files_alone),
        cmocka_unit_test_setup_teardown(files_are_loaded_with_their_mode, enter, leave),
        cmocka_unit_test_setup_teardown(files_that_cannot_be_trusted_are_refused, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
