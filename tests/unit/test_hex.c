/*
 * Tests of core/base/hex.c, clock.c, secret.c and rng.c: bytes and times as text.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/clock.h"
#include "../../core/base/error.h"
#include "../../core/base/hex.h"
#include "../../core/base/rng.h"
#include "../../core/base/secret.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void hex_goes_both_ways(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x7f, 0x80, 0xff, 0xa5};
    char text[11];
    uint8_t back[5] = {0};
    hex_encode(bytes, sizeof bytes, text);
    assert_string_equal(text, "007f80ffa5");
    assert_true(hex_decode(text, back, sizeof back));
    assert_memory_equal(back, bytes, sizeof bytes);
    hex_encode(bytes, 0, text);
    assert_string_equal(text, "");
    assert_true(hex_decode("", back, 0));
    assert_true(hex_decode_n("0102rest", 4, back, 2));
    assert_int_equal(back[1], 2);
}

static void hex_that_is_not_exact_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",     "0",    "00f",  "00ff0", "00ff00",
                                        "00fg", "00FF", "00f ", "-0ff",  "0x00"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t out[2] = {7, 8};
        assert_false(hex_decode(wrong[i], out, sizeof out));
        assert_int_equal(out[0], 7);
        assert_int_equal(out[1], 8);
    }
}

static void base32_matches_rfc_4648(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "MY"},
                                           {"fo", "MZXQ"},
                                           {"foo", "MZXW6"},
                                           {"foob", "MZXW6YQ"},
                                           {"fooba", "MZXW6YTB"},
                                           {"foobar", "MZXW6YTBOI"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i][0]);
        char text[16], back[8];
        base32_encode(cases[i][0], len, text);
        assert_string_equal(text, cases[i][1]);
        assert_int_equal(base32_len(len), strlen(text));
        assert_true(base32_decode(text, strlen(text), back, len));
        assert_memory_equal(back, cases[i][0], len);
    }
}

static void base32_takes_both_cases_and_all_bytes(void **state)
{
    (void)state;
    uint8_t bytes[256], back[256];
    char text[420];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 151 + 7);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        base32_encode(bytes, len, text);
        assert_int_equal(strlen(text), base32_len(len));
        for (size_t i = 0; text[i] != '\0'; i += 3)
            text[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
        assert_true(base32_decode(text, base32_len(len), back, len));
        assert_memory_equal(back, bytes, len);
    }
}

static void base32_that_is_not_exact_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } wrong[] = {{"MZ", 1}, /* spare bits set */
                 {"M", 1},    {"MYA", 1},   {"M1", 1},      {"M8", 1},      {"M=", 1},
                 {"MZXR", 2}, {"MZXW7", 3}, {"MZXW6YR", 4}, {"MZXW6YT", 5}, {"MZXW6YTBA", 5}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t out[8] = {42};
        assert_false(base32_decode(wrong[i].text, strlen(wrong[i].text), out, wrong[i].len));
        assert_int_equal(out[0], 42);
    }
}

static void times_are_written_in_utc(void **state)
{
    (void)state;
    char compact[17], iso[21];
    clock_compact(1795399241, compact);
    assert_string_equal(compact, "20261123T020041Z");
    clock_iso(1795399241, iso);
    assert_string_equal(iso, "2026-11-23T02:00:41Z");
    clock_iso(0, iso);
    assert_string_equal(iso, "1970-01-01T00:00:00Z");
    clock_iso(-1, iso);
    assert_string_equal(iso, "1969-12-31T23:59:59Z");
    clock_iso(INT64_MAX, iso);
    assert_string_equal(iso, "9999-12-31T23:59:59Z");
    clock_iso(INT64_MIN, iso);
    assert_string_equal(iso, "0000-01-01T00:00:00Z");
}

static void times_agree_with_the_library(void **state)
{
    (void)state;
    /* A prime number of seconds, so that all months, hours and seconds come by. */
    for (int64_t sec = INT64_C(-62167219200); sec < INT64_C(253402300799); sec += 86028157) {
        time_t t = (time_t)sec;
        struct tm tm;
        char wanted[80], got[17];
        int64_t back = 0;
        assert_non_null(gmtime_r(&t, &tm));
        (void)snprintf(wanted, sizeof wanted, "%04d%02d%02dT%02d%02d%02dZ", tm.tm_year + 1900,
                       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        clock_compact(sec, got);
        assert_string_equal(got, wanted);
        assert_true(clock_parse_compact(got, &back));
        assert_true(back == sec);
    }
}

static void times_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "20261123",
                                        "20261123T020041",
                                        "20261123T020041z",
                                        "20261123 020041Z",
                                        "20261323T020041Z",
                                        "20260023T020041Z",
                                        "20261100T020041Z",
                                        "20261131T020041Z",
                                        "20260229T000000Z",
                                        "21000229T000000Z",
                                        "20261123T240041Z",
                                        "20261123T026041Z",
                                        "20261123T020060Z",
                                        "2026112aT020041Z",
                                        "-0261123T020041Z"};
    int64_t sec = 5;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(clock_parse_compact(wrong[i], &sec));
    assert_true(sec == 5);
    assert_true(clock_parse_compact("20240229T000000Z", &sec));
    assert_true(clock_parse_compact("20261123T020041Z-1f3a", &sec));
    assert_true(sec == 1795399241);
}

static void clocks_run(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_ns();
    assert_true(clock_monotonic_ns() >= before);
    assert_true(clock_realtime_ns() > INT64_C(1700000000) * NS_PER_SEC);
}

static void secrets_compare_and_vanish(void **state)
{
    (void)state;
    struct secret a = SECRET_INIT, b = SECRET_INIT;
    assert_true(secret_equal(a.bytes, b.bytes, 32));
    b.bytes[31] = 1;
    assert_false(secret_equal(a.bytes, b.bytes, 32));
    assert_true(secret_equal(a.bytes, b.bytes, 31));
    assert_true(secret_equal(a.bytes, b.bytes, 0));
    secret_done(&b);
    assert_int_equal(b.bytes[31], 0);
    secret_wipe(NULL, 0);
}

static void hardened_processes_leave_no_core(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit;
        secret_harden_process();
        bool none = getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 &&
                    limit.rlim_max == 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
        _exit(none ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[64] = {0}, b[64] = {0};
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(rng_bytes(a, sizeof a, &err), SME_OK);
    assert_int_equal(rng_bytes(b, sizeof b, &err), SME_OK);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(rng_bytes(NULL, 0, &err), SME_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(hex_that_is_not_exact_is_refused),
        cmocka_unit_test(base32_matches_rfc_4648),
        cmocka_unit_test(base32_takes_both_cases_and_all_bytes),
        cmocka_unit_test(base32_that_is_not_exact_is_refused),
        cmocka_unit_test(times_are_written_in_utc),
        cmocka_unit_test(times_agree_with_the_library),
        cmocka_unit_test(times_that_do_not_exist_are_refused),
        cmocka_unit_test(clocks_run),
        cmocka_unit_test(secrets_compare_and_vanish),
        cmocka_unit_test(hardened_processes_leave_no_core),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
