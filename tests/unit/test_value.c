/*
 * Tests of core/config/value.c: what each type takes, and what it refuses.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/cleanup.h"
#include "../../core/base/error.h"
#include "../../core/config/value.h"

#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct number_case {
    const char *text;
    uint64_t wanted;
};

static void booleans(void **state)
{
    (void)state;
    static const char *const yes[] = {"yes", "true", "on", "1", "Yes", "TRUE"};
    static const char *const no[] = {"no", "false", "off", "0", "No"};
    static const char *const wrong[] = {"", "y", "yess", " yes", "yes ", "2", "01", "enabled"};
    bool value;
    for (size_t i = 0; i < COUNT(yes); i++) {
        value = false;
        assert_int_equal(value_bool(yes[i], &value), SME_OK);
        assert_true(value);
    }
    for (size_t i = 0; i < COUNT(no); i++) {
        value = true;
        assert_int_equal(value_bool(no[i], &value), SME_OK);
        assert_false(value);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        value = true;
        assert_int_equal(value_bool(wrong[i], &value), SME_E_INVALID);
        assert_true(value);
    }
}

static void whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t wanted;
    } right[] = {{"0", 0},
                 {"-0", 0},
                 {"007", 7},
                 {"-5", -5},
                 {"9223372036854775807", INT64_MAX},
                 {"-9223372036854775808", INT64_MIN}};
    static const char *const wrong[] = {"",
                                        "-",
                                        "+5",
                                        "5 ",
                                        " 5",
                                        "5x",
                                        "0x10",
                                        "1.0",
                                        "--5",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "99999999999999999999999"};
    for (size_t i = 0; i < COUNT(right); i++) {
        int64_t value = 77;
        assert_int_equal(value_int(right[i].text, &value), SME_OK);
        assert_true(value == right[i].wanted);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        int64_t value = 77;
        assert_int_equal(value_int(wrong[i], &value), SME_E_INVALID);
        assert_int_equal(value, 77);
    }
}

static void sizes(void **state)
{
    (void)state;
    static const struct number_case right[] = {
        {"0", 0},
        {"4096", 4096},
        {"4096B", 4096},
        {"64KiB", 65536},
        {"64K", 65536},
        {"64k", 65536},
        {"64KB", 64000},
        {"10MB", 10000000},
        {"1.5GiB", UINT64_C(1610612736)},
        {"0.5K", 512},
        {"1.000001M", 1048577},
        {"2TiB", UINT64_C(2) << 40},
        {"3TB", UINT64_C(3000000000000)},
        {"1PiB", UINT64_C(1) << 50},
        {"1PB", UINT64_C(1000000000000000)},
        {"16383PiB", UINT64_C(16383) << 50},
        {"18446744073709551615", UINT64_MAX},
    };
    static const char *const wrong[] = {
        "",           "K",      "KiB",      "-1",           "+1",
        "1.5",        "1.5B",   "1.K",      ".5K",          "1..5K",
        "64 KiB",     "64KiB ", " 64KiB",   "64KiBs",       "64XiB",
        "0x10",       "1e3",    "16384PiB", "99999999999G", "18446744073709551616",
        "1.0000001M", "1,5K"};
    for (size_t i = 0; i < COUNT(right); i++) {
        uint64_t value = 77;
        assert_int_equal(value_size(right[i].text, &value), SME_OK);
        assert_true(value == right[i].wanted);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        uint64_t value = 77;
        assert_int_equal(value_size(wrong[i], &value), SME_E_INVALID);
        assert_int_equal(value, 77);
    }
}

static void durations(void **state)
{
    (void)state;
    static const struct number_case right[] = {
        {"0", 0},          {"250ms", 250},    {"90s", 90000},
        {"15min", 900000}, {"6h", 21600000},  {"2d", 172800000},
        {"1w", 604800000}, {"1.5h", 5400000}, {"0s", 0},
    };
    static const char *const wrong[] = {"",
                                        "5",
                                        "00",
                                        "1",
                                        "s",
                                        "-1s",
                                        "5m",
                                        "5 s",
                                        "1h30min",
                                        "1.5ms",
                                        "99999999999999999999s",
                                        "40000000000000w"};
    for (size_t i = 0; i < COUNT(right); i++) {
        uint64_t value = 77;
        assert_int_equal(value_duration(right[i].text, &value), SME_OK);
        assert_true(value == right[i].wanted);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        uint64_t value = 77;
        assert_int_equal(value_duration(wrong[i], &value), SME_E_INVALID);
        assert_int_equal(value, 77);
    }
}

static void percentages(void **state)
{
    (void)state;
    static const struct number_case right[] = {{"0%", 0},    {"2%", 200},     {"0.5%", 50},
                                               {"0.05%", 5}, {"100%", 10000}, {"12.34%", 1234}};
    static const char *const wrong[] = {"",    "%",      "2",   "2 %",         "-2%",
                                        "2%%", "0.005%", "2.%", "99999999999%"};
    for (size_t i = 0; i < COUNT(right); i++) {
        uint32_t value = 77;
        assert_int_equal(value_percent(right[i].text, &value), SME_OK);
        assert_true(value == right[i].wanted);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        uint32_t value = 77;
        assert_int_equal(value_percent(wrong[i], &value), SME_E_INVALID);
        assert_int_equal(value, 77);
    }
}

static void lists(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {" , ,\n, ", ""},
        {"one", "<one>"},
        {"*.tmp, ~$*", "<*.tmp><~$*>"},
        {"a,b\nc d \n\n e", "<a><b><c d><e>"},
        {"\"a, b\", c", "<a, b><c>"},
        {"\" a \"", "< a >"},
        {"\"\"", "<>"},
        {"\"say \\\"hi\\\" \\\\ \\x\"", "<say \"hi\" \\ x>"},
        {"\"a\nb\"", "<a\nb>"},
        {"\"a\"\t ,b", "<a><b>"},
        {"\\*.x, a\\,b", "<\\*.x><a\\><b>"},
        {"pg_ctl \"x y\" -m 'f'", "<pg_ctl \"x y\" -m 'f'>"},
        {"a,b,c,d,e,f,g,h", "<a><b><c><d><e><f><g><h>"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CLEANUP(free_ptr) char **items = NULL;
        size_t count = 0;
        char joined[100] = "";
        assert_int_equal(value_list(cases[i][0], &items, &count), SME_OK);
        for (size_t j = 0; j < count; j++) {
            size_t len = strlen(joined);
            (void)snprintf(joined + len, sizeof joined - len, "<%s>", items[j]);
        }
        assert_null(items[count]);
        assert_string_equal(joined, cases[i][1]);
    }
}

static void lists_with_open_quotes_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"\"",    "\"a",     "a, \"b",  "\"a\\\"",
                                        "\"a\\", "\"a\" b", "\"a\"b\""};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char **items = NULL;
        size_t count = 77;
        assert_int_equal(value_list(wrong[i], &items, &count), SME_E_INVALID);
        assert_null(items);
        assert_int_equal(count, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(booleans),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(sizes),
        cmocka_unit_test(durations),
        cmocka_unit_test(percentages),
        cmocka_unit_test(lists),
        cmocka_unit_test(lists_with_open_quotes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
