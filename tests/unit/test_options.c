/*
 * Tests of core/config/options.c: each type of option, messages, and checks of the tables.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/cleanup.h"
#include "../../core/config/options.h"

#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

struct sample {
    const char *text, *path, *password, *needed;
    struct sme_list list, paths;
    bool flag;
    int64_t number;
    uint64_t size, limit, time;
    uint32_t share, choice;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct sme_option rows[] = {
    SME_OPTION_STRING(struct sample, text, "text", 0, "hello", "A text."),
    SME_OPTION_PATH(struct sample, path, "path", 0, NULL, "A path."),
    SME_OPTION_STRING(struct sample, password, "password", SME_OPT_SECRET, NULL, "A secret."),
    SME_OPTION_STRING(struct sample, needed, "needed", SME_OPT_REQUIRED, NULL, "Give it."),
    SME_OPTION_LIST(struct sample, list, "exclude", 0, "a, b", "A list."),
    SME_OPTION_LIST(struct sample, paths, "paths", SME_OPT_PATHS, NULL, "A list of paths."),
    SME_OPTION_BOOL(struct sample, flag, "flag", 0, "yes", "A switch."),
    SME_OPTION_INT(struct sample, number, "number", 0, "3", -5, 10, "A number."),
    SME_OPTION_SIZE(struct sample, size, "size", 0, "32MiB", 4 << 20, 64 << 20, "A size."),
    SME_OPTION_SIZE(struct sample, limit, "limit", 0, "1GiB", 1 << 20, INT64_MAX, "A limit."),
    SME_OPTION_DURATION(struct sample, time, "time", 0, "0", 0, 86400000, "A duration."),
    SME_OPTION_PERCENT(struct sample, share, "share", 0, "2%", 50, 10000, "A share."),
    SME_OPTION_CHOICE(struct sample, choice, "colour", 0, "green", colours, "A colour."),
};
#define ROWS (sizeof rows / sizeof rows[0])

struct fixture {
    struct ini_doc doc;
    struct option_store store;
    struct sample sample;
    struct sme_error err;
};

static void fixture_done(struct fixture *f)
{
    option_store_free(&f->store);
    ini_free(&f->doc);
}

/* Fill the sample from "[source s]", "needed = 1" and ${lines}. */
static int fill_raw(struct fixture *f, const char *begin, const char *lines, unsigned flags)
{
    char text[1000];
    fixture_done(f);
    memset(&f->sample, 0x5a, sizeof f->sample);
    (void)snprintf(text, sizeof text, "%s%s", begin, lines);
    assert_int_equal(ini_parse_text(&f->doc, "t.ini", text, strlen(text), &f->err), SME_OK);
    const struct option_set set = {rows, ROWS, &f->sample};
    return options_fill(&set, 1, &f->doc.sections[0], flags, &f->store, &f->err);
}

static int fill(struct fixture *f, const char *lines)
{
    return fill_raw(f, "[source s]\nneeded = 1\n", lines, 0);
}

static void assert_refused(const char *lines, const char *message, const char *hint)
{
    CLEANUP(fixture_done) struct fixture f = {.err = SME_ERROR_INIT};
    assert_int_equal(fill(&f, lines), SME_E_INVALID);
    assert_string_equal(f.err.message, message);
    assert_string_equal(f.err.hint, hint);
}

static void defaults_fill_every_field(void **state)
{
    (void)state;
    CLEANUP(fixture_done) struct fixture f = {.err = SME_ERROR_INIT};
    memset(&f.sample, 0x5a, sizeof f.sample);
    const struct option_set set = {rows, ROWS, &f.sample};
    assert_int_equal(options_fill(&set, 1, NULL, 0, &f.store, &f.err), SME_OK);
    assert_string_equal(f.sample.text, "hello");
    assert_null(f.sample.path);
    assert_null(f.sample.needed);
    assert_int_equal(f.sample.list.count, 2);
    assert_string_equal(f.sample.list.items[1], "b");
    assert_null(f.sample.list.items[2]);
    assert_int_equal(f.sample.paths.count, 0);
    assert_null(f.sample.paths.items);
    assert_true(f.sample.flag);
    assert_int_equal(f.sample.number, 3);
    assert_int_equal(f.sample.size, 32 << 20);
    assert_int_equal(f.sample.time, 0);
    assert_int_equal(f.sample.share, 200);
    assert_int_equal(f.sample.choice, 1);
}

static void entries_replace_defaults(void **state)
{
    (void)state;
    CLEANUP(fixture_done) struct fixture f = {.err = SME_ERROR_INIT};
    assert_int_equal(fill(&f, "text =\npath = /a b\npassword = p\nexclude =\npaths = /x\n  /y\n"
                              "flag = off\nnumber = -5\nsize = 4MiB\nlimit = 5TiB\ntime = 1d\n"
                              "share = 0.5%\ncolour = blue\n"),
                     SME_OK);
    assert_string_equal(f.sample.text, "");
    assert_string_equal(f.sample.path, "/a b");
    assert_string_equal(f.sample.password, "p");
    assert_string_equal(f.sample.needed, "1");
    assert_int_equal(f.sample.list.count, 0);
    assert_int_equal(f.sample.paths.count, 2);
    assert_string_equal(f.sample.paths.items[1], "/y");
    assert_false(f.sample.flag);
    assert_int_equal(f.sample.number, -5);
    assert_int_equal(f.sample.size, 4 << 20);
    assert_true(f.sample.limit == UINT64_C(5) << 40);
    assert_int_equal(f.sample.time, 86400000);
    assert_int_equal(f.sample.share, 50);
    assert_int_equal(f.sample.choice, 2);
}

static void wrong_values_are_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"path = a", "t.ini:3: option 'path': 'a' is not an absolute path"},
        {"path =", "t.ini:3: option 'path' is empty"},
        {"paths = /a, b", "t.ini:3: option 'paths': 'b' is not an absolute path"},
        {"flag = maybe",
         "t.ini:3: option 'flag': 'maybe' is not one of yes, no, true, false, on, off, 1, 0"},
        {"number = x", "t.ini:3: option 'number': 'x' is not a whole number"},
        {"number = -6", "t.ini:3: option 'number': '-6' is not between -5 and 10"},
        {"number = 11", "t.ini:3: option 'number': '11' is not between -5 and 10"},
        {"size = 5", "t.ini:3: option 'size': '5' is not between 4MiB and 64MiB"},
        {"size = 65MiB", "t.ini:3: option 'size': '65MiB' is not between 4MiB and 64MiB"},
        {"size = 5 MiB",
         "t.ini:3: option 'size': '5 MiB' is not a size like 4096, 64KiB, 1.5GiB or 10MB"},
        {"limit = 1KiB", "t.ini:3: option 'limit': '1KiB' is less than 1MiB"},
        {"time = 25h", "t.ini:3: option 'time': '25h' is not between 0 and 1d"},
        {"time = 5", "t.ini:3: option 'time': '5' is not a duration with its unit, like 90s, "
                     "15min, 6h or 2d"},
        {"share = 0.1%", "t.ini:3: option 'share': '0.1%' is not between 0.50% and 100%"},
        {"share = 2", "t.ini:3: option 'share': '2' is not a percentage like 2% or 0.5%"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i][0], cases[i][1], "");
}

static void wrong_values_come_with_a_remedy(void **state)
{
    (void)state;
    assert_refused("colour = grene", "t.ini:3: option 'colour': 'grene' is not one of the choices",
                   "did you mean 'green'? Possible: red, green, blue");
    assert_refused("colour = 1", "t.ini:3: option 'colour': '1' is not one of the choices",
                   "possible: red, green, blue");
    assert_refused("text = a\n  b", "t.ini:3: option 'text': 'a\\x0ab' goes on over several lines",
                   "an indented line continues the value before it");
    assert_refused("exclude = \"a",
                   "t.ini:3: option 'exclude': '\"a' has a quote that is not closed, or text "
                   "behind one",
                   "put the whole entry in \"...\", and a backslash before a quote inside");
    assert_refused("exclude = a\n  flag = yes",
                   "t.ini:3: option 'flag' is indented and so continues the value of 'exclude'",
                   "begin an option at the left margin; put quotes around a list entry that looks "
                   "like one");
}

static void unknown_options_name_the_nearest(void **state)
{
    (void)state;
    assert_refused("text = x\nexlude = y", "t.ini:4: unknown option 'exlude' in [source s]",
                   "did you mean 'exclude'?");
    assert_refused("Number = 1", "t.ini:3: unknown option 'Number' in [source s]",
                   "did you mean 'number'?");
    assert_refused("something = 1", "t.ini:3: unknown option 'something' in [source s]", "");
    assert_refused("\x1b[1m = 1", "t.ini:3: unknown option '\\x1b[1m' in [source s]", "");
}

static void unknown_options_can_be_left_to_others(void **state)
{
    (void)state;
    CLEANUP(fixture_done) struct fixture f = {.err = SME_ERROR_INIT};
    assert_int_equal(
        fill_raw(&f, "[source s]\nneeded = 1\n", "bucket = b\nflag = no\n", OPTIONS_IGNORE_UNKNOWN),
        SME_OK);
    assert_false(f.sample.flag);
    assert_int_equal(
        fill_raw(&f, "[source s]\nneeded = 1\n", "bucket = b\nflag = x\n", OPTIONS_IGNORE_UNKNOWN),
        SME_E_INVALID);
}

static void required_options_must_be_there(void **state)
{
    (void)state;
    CLEANUP(fixture_done) struct fixture f = {.err = SME_ERROR_INIT};
    assert_int_equal(fill_raw(&f, "\n[source s]\n", "", 0), SME_E_INVALID);
    assert_string_equal(f.err.message, "t.ini:2: [source s] lacks the option 'needed'");
    assert_string_equal(f.err.hint, "needed: Give it.");
    assert_int_equal(fill_raw(&f, "[source s]\nneeded =\n", "", 0), SME_E_INVALID);
    assert_string_equal(f.err.message, "t.ini:2: option 'needed' is empty");
}

static void secrets_need_a_private_file_and_are_not_shown(void **state)
{
    (void)state;
    CLEANUP(fixture_done) struct fixture f = {.err = SME_ERROR_INIT};
    assert_int_equal(fill(&f, "password = hunter2\n"), SME_OK);
    f.doc.sections[0].readable_by_others = true;
    const struct option_set set = {rows, ROWS, &f.sample};
    assert_int_equal(options_fill(&set, 1, &f.doc.sections[0], 0, &f.store, &f.err), SME_E_DENIED);
    assert_string_equal(f.err.message,
                        "t.ini:3: option 'password' is a secret, but the file can be read by "
                        "others");
    assert_string_equal(f.err.hint, "chmod go-rwx 't.ini'");
    assert_refused("password = hunter2\n  rest",
                   "t.ini:3: option 'password': the value goes on over several lines",
                   "an indented line continues the value before it");
}

static void two_tables_share_a_section(void **state)
{
    (void)state;
    CLEANUP(fixture_done) struct fixture f = {.err = SME_ERROR_INIT};
    struct sample other;
    static const struct sme_option more[] = {
        SME_OPTION_STRING(struct sample, text, "bucket", 0, NULL, "A bucket."),
    };
    static const char text[] = "[sink s]\nneeded = 1\nbucket = b\n";
    assert_int_equal(ini_parse_text(&f.doc, "t.ini", text, strlen(text), &f.err), SME_OK);
    const struct option_set sets[] = {{rows, ROWS, &f.sample}, {more, 1, &other}};
    assert_int_equal(options_fill(sets, 2, &f.doc.sections[0], 0, &f.store, &f.err), SME_OK);
    assert_string_equal(f.sample.needed, "1");
    assert_string_equal(f.sample.text, "hello");
    assert_string_equal(other.text, "b");
}

static void types_have_names(void **state)
{
    (void)state;
    static const char *const names[ROWS] = {"text",  "absolute path", "text",      "text",
                                            "list",  "list of paths", "yes or no", "whole number",
                                            "size",  "size",          "duration",  "percentage",
                                            "choice"};
    for (size_t i = 0; i < ROWS; i++)
        assert_string_equal(options_type_name(&rows[i]), names[i]);
}

static void the_store_keeps_and_refuses(void **state)
{
    (void)state;
    struct option_store store = {0};
    assert_true(option_store_keep(&store, strdup("x"), 2));
    assert_false(option_store_keep(&store, NULL, 0));
    assert_int_equal(store.count, 1);
    option_store_free(&store);
    assert_int_equal(store.count, 0);
    option_store_free(&store);
}

static void assert_bad_table(struct sme_option row, const char *message)
{
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(options_check_table(&row, 1, sizeof(struct sample), &err), SME_E_INVALID);
    assert_string_equal(err.message, message);
}

static void tables_are_checked(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(options_check_table(rows, ROWS, sizeof(struct sample), &err), SME_OK);
    assert_int_equal(options_check_table(NULL, 0, 0, &err), SME_OK);

    const struct sme_option good = rows[7]; /* number */
    struct sme_option bad = good;
    bad.name = NULL;
    assert_bad_table(bad, "option 1 has no name of the form 'some_name'");
    bad.name = "Upper";
    assert_bad_table(bad, "option 1 has no name of the form 'some_name'");
    bad = good;
    bad.type = 77;
    assert_bad_table(bad, "option 'number' has a type that is not known");
    bad = good;
    bad.flags = 1u << 20;
    assert_bad_table(bad, "option 'number' has a flag that is not known");
    bad = good;
    bad.flags = SME_OPT_PATHS;
    assert_bad_table(bad, "option 'number' has the flag for paths but is not a list");
    bad = good;
    bad.offset = sizeof(struct sample);
    assert_bad_table(bad, "option 'number' has a field outside the config struct");
    bad.offset = SIZE_MAX;
    assert_bad_table(bad, "option 'number' has a field outside the config struct");
    bad.offset = 3;
    assert_bad_table(bad, "option 'number' has a field that is not aligned");
    bad = good;
    bad.help = "";
    assert_bad_table(bad, "option 'number' has no help text");
    bad = good;
    bad.choices = colours;
    assert_bad_table(bad, "option 'number' must have choices if and only if it is a choice");
    bad = good;
    bad.min = 11;
    assert_bad_table(bad, "option 'number' has bounds that make no sense");
    bad = good;
    bad.flags = SME_OPT_REQUIRED;
    assert_bad_table(bad, "option 'number' is required and yet has a default");
    bad.flags = SME_OPT_SECRET;
    assert_bad_table(bad, "option 'number' is a secret and yet has a default");
    bad = good;
    bad.fallback = "12";
    assert_bad_table(bad, "default: option 'number': '12' is not between -5 and 10");
    bad = rows[8];
    bad.min = -1;
    assert_bad_table(bad, "option 'size' has a negative bound");

    const struct sme_option twice[2] = {good, good};
    assert_int_equal(options_check_table(twice, 2, sizeof(struct sample), &err), SME_E_INVALID);
    assert_string_equal(err.message, "option 'number' is there twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fill_every_field),
        cmocka_unit_test(entries_replace_defaults),
        cmocka_unit_test(wrong_values_are_named),
        cmocka_unit_test(wrong_values_come_with_a_remedy),
        cmocka_unit_test(unknown_options_name_the_nearest),
        cmocka_unit_test(unknown_options_can_be_left_to_others),
        cmocka_unit_test(required_options_must_be_there),
        cmocka_unit_test(secrets_need_a_private_file_and_are_not_shown),
        cmocka_unit_test(two_tables_share_a_section),
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(the_store_keeps_and_refuses),
        cmocka_unit_test(tables_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
