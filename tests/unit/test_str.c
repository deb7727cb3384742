/*
 * Tests of core/base/str.c, error.c and cancel.c: texts for people.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/cancel.h"
#include "../../core/base/cleanup.h"
#include "../../core/base/error.h"
#include "../../core/base/str.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_escaped(const char *text, size_t len, const char *wanted)
{
    char out[200];
    assert_ptr_equal(str_escape(text, len, out, sizeof out), out);
    assert_string_equal(out, wanted);
}

#define ESCAPED(literal, wanted) assert_escaped(literal, sizeof(literal) - 1, wanted)

static void escape_keeps_what_is_harmless(void **state)
{
    (void)state;
    ESCAPED("", "");
    ESCAPED("plain text, 'quotes' \"too\"", "plain text, 'quotes' \"too\"");
    ESCAPED("Gr\xc3\xbc\xc3\x9f"
            "e \xe2\x82\xac \xf0\x9f\x93\xb7",
            "Gr\xc3\xbc\xc3\x9f"
            "e \xe2\x82\xac \xf0\x9f\x93\xb7");
}

static void escape_disarms_terminals(void **state)
{
    (void)state;
    ESCAPED("\x1b[2J", "\\x1b[2J");
    ESCAPED("a\nb\rc\td\0e\x7f", "a\\x0ab\\x0dc\\x09d\\x00e\\x7f");
    ESCAPED("back\\slash", "back\\\\slash");
    ESCAPED("\xc2\x9b"
            "31m",
            "\\xc2\\x9b31m"); /* CSI as one character */
    ESCAPED("\xe2\x80\xae"
            "gpj.exe",
            "\\xe2\\x80\\xaegpj.exe");          /* right to left */
    ESCAPED("\xe2\x80\xa8", "\\xe2\\x80\\xa8"); /* line separator */
}

static void escape_shows_bytes_that_are_not_utf8(void **state)
{
    (void)state;
    ESCAPED("\xff", "\\xff");
    ESCAPED("\xc3", "\\xc3");
    ESCAPED("\xc3(", "\\xc3(");
    ESCAPED("\xc0\xaf", "\\xc0\\xaf");
    ESCAPED("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
    ESCAPED("\xed\xa0\x80", "\\xed\\xa0\\x80");
    ESCAPED("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    ESCAPED("\x80", "\\x80");
}

static void escape_cuts_between_characters(void **state)
{
    (void)state;
    char out[9];
    assert_string_equal(str_escape("12345678", 8, out, sizeof out), "12345678");
    assert_string_equal(str_escape("123456789", 9, out, sizeof out), "12345...");
    assert_string_equal(str_escape("123\x01"
                                   "56789",
                                   9, out, sizeof out),
                        "123...");
    assert_string_equal(str_escape("1234\xc3\xbc"
                                   "789",
                                   9, out, sizeof out),
                        "1234...");
    assert_string_equal(str_escape("abc", 3, out, 3), "..");
    assert_string_equal(str_escape("abc", 3, out, 1), "");
    out[0] = 'k';
    str_escape("abc", 3, out, 0);
    assert_int_equal(out[0], 'k');
}

static void distance_counts_slips(void **state)
{
    (void)state;
    char longest[80];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(str_distance("exclude", "exclude", 3), 0);
    assert_int_equal(str_distance("exlude", "exclude", 3), 1);
    assert_int_equal(str_distance("exclude", "exlude", 3), 1);
    assert_int_equal(str_distance("excldue", "exclude", 3), 1);
    assert_int_equal(str_distance("eyclude", "exclude", 3), 1);
    assert_int_equal(str_distance("", "abc", 5), 3);
    assert_int_equal(str_distance("abc", "", 5), 3);
    assert_int_equal(str_distance("kitten", "sitting", 5), 3);
    assert_int_equal(str_distance("kitten", "sitting", 2), 3);
    assert_int_equal(str_distance("kitten", "sitting", 0), 1);
    assert_int_equal(str_distance(longest, "abc", 4), 5);
    assert_int_equal(str_distance(longest, longest, 4), 0);
}

static void sizes_are_short(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *wanted;
    } cases[] = {{0, "0 B"},
                 {512, "512 B"},
                 {1023, "1023 B"},
                 {1024, "1.0KiB"},
                 {1536, "1.5KiB"},
                 {UINT64_C(1048524), "1023.9KiB"},
                 {UINT64_C(1048525), "1.0MiB"},
                 {UINT64_C(1048575), "1.0MiB"},
                 {UINT64_C(64172851), "61.2MiB"},
                 {UINT64_C(1) << 30, "1.0GiB"},
                 {UINT64_C(5) << 40, "5.0TiB"},
                 {UINT64_MAX, "16.0EiB"}};
    char out[16];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(str_bytes(cases[i].bytes, out), cases[i].wanted);
}

static void durations_are_short(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *wanted;
    } cases[] = {{-5, "0.0s"},       {0, "0.0s"},        {49, "0.0s"},
                 {50, "0.1s"},       {4100, "4.1s"},     {59940, "59.9s"},
                 {59950, "1m00s"},   {192000, "3m12s"},  {3599949, "59m59s"},
                 {3599950, "1h00m"}, {7500000, "2h05m"}, {360000000, "100h00m"}};
    char out[16];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(str_duration(cases[i].ms * 1000000, out), cases[i].wanted);
    assert_string_equal(str_duration(INT64_MAX, out), "2562047h47m");
}

static void assert_words(const char *line, const char *wanted)
{
    CLEANUP(free_ptr) char **words = NULL;
    size_t count = 0;
    char joined[200] = "";
    assert_true(str_words(line, &words, &count));
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(joined);
        (void)snprintf(joined + len, sizeof joined - len, "<%s>", words[i]);
    }
    assert_null(words[count]);
    assert_string_equal(joined, wanted);
}

static void words_follow_the_shell(void **state)
{
    (void)state;
    assert_words("", "");
    assert_words("  \t\n", "");
    assert_words("one", "<one>");
    assert_words(" one  two\tthree\n", "<one><two><three>");
    assert_words("a'b c'd", "<ab cd>");
    assert_words("'' \"\"", "<><>");
    assert_words("a '' b", "<a><><b>");
    assert_words("\"a 'b' c\" 'd \"e\"'", "<a 'b' c><d \"e\">");
    assert_words("a\\ b \\'", "<a b><'>");
    assert_words("\"\\\"\\\\\\$\\x\"", "<\"\\$\\x>");
    assert_words("'a\\'", "<a\\>");
    assert_words("$HOME `id` *", "<$HOME><`id`><*>");
    assert_words("a b c d e f", "<a><b><c><d><e><f>");
}

static void words_without_an_end_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"'", "\"", "a 'b", "a \"b", "a\\", "\"a\\\"", "it's"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char **words = NULL;
        size_t count = 77;
        assert_false(str_words(wrong[i], &words, &count));
        assert_null(words);
        assert_int_equal(count, 77);
    }
}

static void small_helpers(void **state)
{
    (void)state;
    CLEANUP(free_ptr) char *text = str_format("%s-%d", "a", 5);
    assert_string_equal(text, "a-5");
    assert_true(str_starts("backup", "back"));
    assert_true(str_starts("x", ""));
    assert_false(str_starts("bac", "back"));
}

static void errors_collect_context_and_one_hint(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(sme_fail(&err, SME_E_CORRUPT, "header does not fit"), SME_E_CORRUPT);
    assert_int_equal(error_context(&err, "pack '%s'", "ab"), SME_E_CORRUPT);
    assert_int_equal(error_context(&err, "cannot restore"), SME_E_CORRUPT);
    assert_string_equal(err.message, "cannot restore: pack 'ab': header does not fit");
    assert_int_equal(error_hint(&err, "run '%s'", "check"), SME_E_CORRUPT);
    assert_int_equal(error_hint(&err, "another"), SME_E_CORRUPT);
    assert_string_equal(err.hint, "run 'check'");
    assert_int_equal(error_context(NULL, "x"), SME_E_IO);
    assert_int_equal(error_hint(NULL, "x"), SME_E_IO);
}

static void errors_without_a_cause_stay_failures(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(error_context(&err, "alone"), SME_E_IO);
    assert_string_equal(err.message, "alone");
}

static void long_errors_keep_cause_and_context(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    char big[1000];
    memset(big, 'c', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    sme_fail(&err, SME_E_IO, "short cause");
    error_context(&err, "%s", big);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_non_null(strstr(err.message, "ccc: short cause"));
    sme_fail(&err, SME_E_IO, "%s", big);
    error_context(&err, "in '%s'", "x");
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_true(str_starts(err.message, "in 'x': ccc"));
}

static void errno_has_a_class(void **state)
{
    (void)state;
    static const int cases[][2] = {
        {ENOSPC, SME_E_NO_SPACE},       {EDQUOT, SME_E_NO_SPACE},     {ENOENT, SME_E_NOT_FOUND},
        {EEXIST, SME_E_EXISTS},         {EACCES, SME_E_DENIED},       {EPERM, SME_E_DENIED},
        {EROFS, SME_E_DENIED},          {ENOMEM, SME_E_NO_MEMORY},    {EAGAIN, SME_E_TRANSIENT},
        {ETIMEDOUT, SME_E_UNREACHABLE}, {EBUSY, SME_E_BUSY},          {ENOSYS, SME_E_UNSUPPORTED},
        {EINVAL, SME_E_INVALID},        {ECANCELED, SME_E_CANCELLED}, {EIO, SME_E_IO}};
    struct sme_error err = SME_ERROR_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        errno = cases[i][0];
        assert_int_equal(error_errno(&err, "cannot write '%s'", "f"), cases[i][1]);
        assert_int_equal(err.sys_errno, cases[i][0]);
    }
    errno = ENOSPC;
    error_errno(&err, "cannot write '%s'", "f");
    assert_string_equal(err.message, "cannot write 'f': No space left on device");
}

static void statuses_have_names_and_exit_codes(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *name;
        enum exit_code code;
    } cases[] = {
        {SME_OK, "ok", EXIT_DONE},
        {SME_E_INVALID, "invalid", EXIT_USAGE},
        {SME_E_NOT_FOUND, "not-found", EXIT_FAILED},
        {SME_E_EXISTS, "exists", EXIT_FAILED},
        {SME_E_DENIED, "denied", EXIT_KEY},
        {SME_E_NO_SPACE, "no-space", EXIT_FAILED},
        {SME_E_TRANSIENT, "transient", EXIT_UNREACHABLE},
        {SME_E_CORRUPT, "corrupt", EXIT_DAMAGED},
        {SME_E_CANCELLED, "cancelled", EXIT_SIGNAL},
        {SME_E_CHANGED, "changed", EXIT_FAILED},
        {SME_E_IO, "io", EXIT_FAILED},
        {SME_E_NO_MEMORY, "no-memory", EXIT_FAILED},
        {SME_E_KEY, "key", EXIT_KEY},
        {SME_E_UNREACHABLE, "unreachable", EXIT_UNREACHABLE},
        {SME_E_CANNOT_NOW, "cannot-now", EXIT_CANNOT_NOW},
        {SME_E_BUSY, "busy", EXIT_BUSY},
        {SME_E_UNSUPPORTED, "unsupported", EXIT_FAILED},
        {SME_E_THROTTLED, "throttled", EXIT_UNREACHABLE},
        {-99, "unknown", EXIT_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(error_status_name(cases[i].status), cases[i].name);
        assert_int_equal(error_exit_code(cases[i].status), cases[i].code);
    }
}

static void the_worse_exit_code_wins(void **state)
{
    (void)state;
    static const enum exit_code ascending[] = {
        EXIT_DONE,   EXIT_INCOMPLETE, EXIT_BUSY, EXIT_CANNOT_NOW, EXIT_UNREACHABLE,
        EXIT_FAILED, EXIT_USAGE,      EXIT_KEY,  EXIT_DAMAGED,    EXIT_SIGNAL};
    for (size_t i = 0; i < sizeof ascending / sizeof ascending[0]; i++) {
        for (size_t j = 0; j <= i; j++) {
            assert_int_equal(error_worse_exit(ascending[i], ascending[j]), ascending[i]);
            assert_int_equal(error_worse_exit(ascending[j], ascending[i]), ascending[i]);
        }
    }
}

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void signals_set_a_flag(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(cancel_fd(), -1);
    assert_int_equal(cancel_check(&err), SME_OK);
    cancel_install();
    assert_true(cancel_fd() >= 0);
    assert_false(cancel_requested());
    assert_false(is_readable(cancel_fd()));

    assert_int_equal(raise(SIGTERM), 0);
    assert_true(cancel_requested());
    assert_int_equal(cancel_signal(), SIGTERM);
    assert_true(is_readable(cancel_fd()));
    assert_int_equal(cancel_check(&err), SME_E_CANCELLED);
    assert_string_equal(err.message, "cancelled by signal 15");

    /* Another kind does not end the process, and the first one stays the reason. */
    assert_int_equal(raise(SIGINT), 0);
    assert_int_equal(cancel_signal(), SIGTERM);

    cancel_reset();
    assert_false(cancel_requested());
    assert_true(cancel_fd() >= 0);
    assert_false(is_readable(cancel_fd()));
    cancel_request(SIGHUP);
    cancel_request(SIGHUP);
    assert_int_equal(cancel_signal(), SIGHUP);
    assert_true(is_readable(cancel_fd()));
    cancel_reset();
    assert_int_equal(raise(SIGPIPE), 0);
}

static void the_same_signal_again_ends_the_process(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        cancel_reset();
        cancel_install();
        (void)raise(SIGINT);
        if (!cancel_requested())
            _exit(1);
        (void)raise(SIGINT);
        _exit(2);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
    assert_false(cancel_requested());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escape_keeps_what_is_harmless),
        cmocka_unit_test(escape_disarms_terminals),
        cmocka_unit_test(escape_shows_bytes_that_are_not_utf8),
        cmocka_unit_test(escape_cuts_between_characters),
        cmocka_unit_test(distance_counts_slips),
        cmocka_unit_test(sizes_are_short),
        cmocka_unit_test(durations_are_short),
        cmocka_unit_test(words_follow_the_shell),
        cmocka_unit_test(words_without_an_end_are_refused),
        cmocka_unit_test(small_helpers),
        cmocka_unit_test(errors_collect_context_and_one_hint),
        cmocka_unit_test(errors_without_a_cause_stay_failures),
        cmocka_unit_test(long_errors_keep_cause_and_context),
        cmocka_unit_test(errno_has_a_class),
        cmocka_unit_test(statuses_have_names_and_exit_codes),
        cmocka_unit_test(the_worse_exit_code_wins),
        cmocka_unit_test(signals_set_a_flag),
        cmocka_unit_test(the_same_signal_again_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
