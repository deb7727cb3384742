/*
 * Tests of the exclude patterns of the filesystem source.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/lib/patterns.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRESH_ERROR                                                                                \
    {                                                                                              \
        .struct_size = sizeof(struct sme_error)                                                    \
    }

/* One pattern and one path; a path with '/' at its end is a directory. */
struct one_case {
    const char *pattern;
    const char *path;
    bool matches;
};

static const struct one_case one_cases[] = {
    /* without '/': the last component, at any depth */
    {"core", "core", true},
    {"core", "a/b/core", true},
    {"core", "core/", true},
    {"core", "core2", false},
    {"core", "a/core/b", false}, /* the walk has not entered a/core */
    {"core", "Core", false},
    {"*.tmp", "x.tmp", true},
    {"*.tmp", ".tmp", true},
    {"*.tmp", "a/b/x.tmp", true},
    {"*.tmp", "x.tmp2", false},
    {"*.tmp", "tmp", false},
    {"~$*", "a/~$letter.docx", true},
    {"~$*", "a/letter~$.docx", false},
    {"*", "a/.hidden", true},
    {"**", "a/.hidden", true},
    {"a**b", "a/xyb", false},
    {"a**b", "axyb", true},
    {"a*c", "d/abbbc", true},
    {"a*c", "abbbcd", false},
    {"a*b*c", "a1b2b3c", true},
    {"a*b*c", "a1c2", false},
    {"*a*", "bab", true},
    {"*a*", "bbb", false},
    {"?", "x", true},
    {"?", "xy", false},
    {"f?o", "f/o", false},
    {"*.*", "noext", false},
    {"*~", "file~", true},
    {"#*#", "#draft#", true}, /* a comment in files only */

    /* '/' at the end: directories only */
    {"build/", "build/", true},
    {"build/", "a/build/", true},
    {"build/", "build", false},
    {"*/", "a/b/", true},
    {"*/", "a/b", false},
    {"**/", "a/", true},
    {"build//", "build/", true},

    /* '/' elsewhere: from the root */
    {"/top", "top", true},
    {"/top", "a/top", false},
    {"a/b", "a/b", true},
    {"a/b", "c/a/b", false},
    {"a/b/", "a/b/", true},
    {"a/b/", "a/b", false},
    {"a/b", "a/b/c", false},
    {"a//b", "a/b", true},
    {"a/*", "a/b", true},
    {"a/*", "a/b/c", false},
    {"a/*/c", "a/b/c", true},
    {"a/*/c", "a/c", false},
    {"a/*/c", "a/b/b/c", false},
    {"/*", "x", true},
    {"/*", "x/y", false},
    {"/*.c", "cat.c", true},
    {"/*.c", "mod/cat.c", false},
    {"a/?b", "a/xb", true},
    {"a?b/c", "a/b/c", false},
    {"a[!x]b/c", "a/b/c", false},

    /* "**" as a component */
    {"**/foo", "foo", true},
    {"**/foo", "a/b/foo", true},
    {"**/foo", "a/foob", false},
    {"**/foo/", "a/foo", false},
    {"**/foo/", "a/foo/", true},
    {"**/foo/bar", "foo/bar", true},
    {"**/foo/bar", "x/y/foo/bar", true},
    {"**/foo/bar", "foo/x/bar", false},
    {"abc/**", "abc/x", true},
    {"abc/**", "abc/x/y", true},
    {"abc/**", "abc/", false},
    {"abc/**", "x/abc/y", false},
    {"a/**/b", "a/b", true},
    {"a/**/b", "a/x/b", true},
    {"a/**/b", "a/x/y/b", true},
    {"a/**/b", "a/x/y", false},
    {"a/**/b", "xa/b", false},
    {"a/**/b/**/c", "a/b/c", true},
    {"a/**/b/**/c", "a/b/b/x/c/c", true},
    {"a/**/b/**/c", "a/c/b", false},
    {"a/**/**/b", "a/b", true},
    {"a/**/**", "a/", false},
    {"a/**/**", "a/b", true},
    {"/**", "x", true},
    {"/**", "x/y", true},
    {"/**/", "x/y/", true},
    {"/**/", "x/y", false},
    {"**/*.o", "a/b/c.o", true},
    {"src/**/*.o", "src/c.o", true},
    {"src/**/*.o", "src/x/y/c.o", true},
    {"src/**/*.o", "lib/x/c.o", false},
    {"a/x**y/b", "a/x12y/b", true},
    {"a/x**y/b", "a/x/y/b", false},
    {"**/a/*/b", "z/a/a/q/b", true},

    /* sets */
    {"[abc].c", "b.c", true},
    {"[abc].c", "d.c", false},
    {"[a-c]x", "bx", true},
    {"[a-c]x", "dx", false},
    {"[!a-c]x", "dx", true},
    {"[!a-c]x", "bx", false},
    {"[^a-c]x", "bx", false},
    {"[]]", "]", true},
    {"[!]]", "]", false},
    {"[!]]", "a", true},
    {"[]-]", "-", true},
    {"[a-]", "-", true},
    {"[a-]", "b", false},
    {"[-a]", "-", true},
    {"[[]", "[", true},
    {"[\\]]", "]", true},
    {"[\\\\]", "\\", true},
    {"[z-a]", "m", false},
    {"[[:digit:]]", "7", true},
    {"[[:digit:]]", "x", false},
    {"[![:digit:]x]", "y", true},
    {"[![:digit:]x]", "x", false},
    {"[[:alpha:][:digit:]_]*", "_9", true},
    {"[[:upper:]]", "a", false},
    {"[[:punct:]]", "!", true},
    {"[[:space:]]", "\v", true},
    {"[[:xdigit:]]", "F", true},
    {"*.py[co]", "a/x.pyo", true},
    {"*.py[co]", "a/x.py", false},

    /* '\' */
    {"\\*", "*", true},
    {"\\*", "x", false},
    {"\\!important", "!important", true},
    {"\\#x", "#x", true},
    {"a\\?b", "a?b", true},
    {"a\\?b", "axb", false},
    {"\\a\\b", "ab", true},
    {"a\\\\b", "a\\b", true},
    {"end\\\\", "end\\", true},
    {"end\\\\/", "end\\/", true},
    {"a\\/b", "a/b", true},
    {"a\\/b", "c/a/b", false},
    {"dir\\/", "dir/", true},
    {"dir\\/", "dir", false},
    {"x\\ ", "x ", true},
    {"\\**", "*x", true},
    {"\\**", "xx", false},

    /* bytes */
    {"?", "\xff", true},
    {"\xc3\xa9*", "\xc3\xa9t\xc3\xa9", true},
    {"??", "\xc3\xa9", true}, /* two bytes */
    {"[\x80-\xff]*", "\xfe", true},
    {"[\x80-\xff]*", "a", false},
    {"a*b", "a\nb", true},
    {"a b", "a b", true},
};

static enum pattern_verdict ask(const struct patterns *patterns, const char *path)
{
    size_t len = strlen(path);
    bool is_directory = len > 0 && path[len - 1] == '/';
    return patterns_match(patterns, path, is_directory ? len - 1 : len, is_directory);
}

static void one_pattern_matches_as_gitignore_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof one_cases / sizeof one_cases[0]; i++) {
        const struct one_case *c = &one_cases[i];
        struct sme_error err = FRESH_ERROR;
        struct patterns *patterns = NULL;
        assert_int_equal(patterns_new(&patterns, &err), SME_OK);
        if (patterns_add(patterns, c->pattern, NULL, &err) != SME_OK)
            fail_msg("'%s' refused: %s", c->pattern, err.message);
        if ((ask(patterns, c->path) == PATTERN_EXCLUDE) != c->matches)
            fail_msg("'%s' on '%s': expected %d", c->pattern, c->path, c->matches);
        patterns_free(patterns);
    }
}

static struct patterns *patterns_of(const char *const *texts, size_t count)
{
    struct sme_error err = FRESH_ERROR;
    struct patterns *patterns = NULL;
    assert_int_equal(patterns_new(&patterns, &err), SME_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(patterns_add(patterns, texts[i], NULL, &err), SME_OK);
    return patterns;
}

static void last_match_decides(void **state)
{
    (void)state;
    static const char *const texts[] = {"*.log", "!keep.log", "/old/keep.log", "!dir/", "dir"};
    struct patterns *patterns = patterns_of(texts, 5);
    assert_int_equal(patterns_count(patterns), 5);
    assert_int_equal(ask(patterns, "a.log"), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "keep.log"), PATTERN_INCLUDE);
    assert_int_equal(ask(patterns, "x/keep.log"), PATTERN_INCLUDE);
    assert_int_equal(ask(patterns, "old/keep.log"), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "dir/"), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "a.txt"), PATTERN_NO_MATCH);
    patterns_free(patterns);
}

static void everything_but_one_subtree(void **state)
{
    (void)state;
    static const char *const texts[] = {"/*", "!/foo/", "/foo/*", "!/foo/bar"};
    struct patterns *patterns = patterns_of(texts, 4);
    assert_int_equal(ask(patterns, "x"), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "foo"), PATTERN_EXCLUDE); /* a file of that name */
    assert_int_equal(ask(patterns, "foo/"), PATTERN_INCLUDE);
    assert_int_equal(ask(patterns, "foo/x"), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "foo/bar/"), PATTERN_INCLUDE);
    assert_int_equal(ask(patterns, "foo/bar/y"), PATTERN_NO_MATCH);
    patterns_free(patterns);
}

static void no_patterns_match_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {""};
    struct patterns *patterns = patterns_of(texts, 1);
    assert_int_equal(patterns_count(patterns), 0);
    assert_int_equal(ask(patterns, "x"), PATTERN_NO_MATCH);
    patterns_free(patterns);
    patterns_free(NULL);
}

/* With backtracking over each star these would not end before the sun does. */
static void hostile_patterns_take_no_time(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
        "**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b",
        "/**/*a*a*a*a*a*b/**/*a*a*a*a*b/**/*a*a*a*b/**/c",
        "*[a]*[a]*[a]*[a]*[a]*[a]*[a]*[a]*[a]*?*?*?*b",
    };
    struct patterns *patterns = patterns_of(texts, 4);
    char name[4001], path[4001];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (size_t i = 0; i < sizeof path - 1; i++)
        path[i] = i % 2 == 0 ? 'a' : '/';
    path[sizeof path - 2] = '\0';
    assert_int_equal(ask(patterns, name), PATTERN_NO_MATCH);
    assert_int_equal(ask(patterns, path), PATTERN_NO_MATCH);
    patterns_free(patterns);
}

static void check_refused(const char *text, const char *message)
{
    struct sme_error err = FRESH_ERROR;
    struct patterns *patterns = NULL;
    assert_int_equal(patterns_new(&patterns, &err), SME_OK);
    assert_int_equal(patterns_add(patterns, text, "exclude", &err), SME_E_INVALID);
    assert_int_equal(err.status, SME_E_INVALID);
    assert_string_equal(err.message, message);
    assert_int_equal(patterns_count(patterns), 0);
    assert_int_equal(patterns_add(patterns, text, NULL, NULL), SME_E_INVALID);
    patterns_free(patterns);
}

static void patterns_without_meaning_are_refused(void **state)
{
    (void)state;
    check_refused("a[bc", "exclude: pattern 'a[bc': '[' without ']'");
    check_refused("[", "exclude: pattern '[': '[' without ']'");
    check_refused("[]", "exclude: pattern '[]': '[' without ']'");
    check_refused("x[a-", "exclude: pattern 'x[a-': '[' without ']'");
    check_refused("x[\\", "exclude: pattern 'x[\\': '[' without ']'");
    check_refused("a/[b/c]", "exclude: pattern 'a/[b/c]': '[' without ']'");
    check_refused("[[:nope:]]",
                  "exclude: pattern '[[:nope:]]': unknown class of characters after '[:'");
    check_refused("[[:alpha",
                  "exclude: pattern '[[:alpha': unknown class of characters after '[:'");
    check_refused("a\\", "exclude: pattern 'a\\': nothing follows the last '\\'");
    check_refused("/", "exclude: pattern '/': it names nothing");
    check_refused("!", "exclude: pattern '!': it names nothing");
    check_refused("!//", "exclude: pattern '!//': it names nothing");
}

static void overlong_pattern_is_refused(void **state)
{
    (void)state;
    char text[PATTERN_MAX_BYTES + 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    check_refused(text, "exclude: pattern 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is longer "
                        "than 4096 bytes");
}

/* A file with ${len} bytes of ${content}, removed again after its patterns were read. */
static int add_file(struct patterns *patterns, const char *content, size_t len,
                    struct sme_error *err)
{
    char path[] = "/tmp/test_patterns.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
    int status = patterns_add_file(patterns, path, err);
    assert_int_equal(unlink(path), 0);
    if (status != SME_OK)
        assert_non_null(strstr(err->message, path));
    return status;
}

static void file_follows_the_rules_of_lines(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf*.bak\n"
                               "# a comment\n"
                               "\n"
                               "   \n"
                               "\\#real\n"
                               "spaces   \n"
                               "one\\ \n"
                               "dos\r\n"
                               "  lead\n"
                               "back\\\\  \n"
                               "!x.bak\n"
                               "last";
    struct sme_error err = FRESH_ERROR;
    struct patterns *patterns = NULL;
    assert_int_equal(patterns_new(&patterns, &err), SME_OK);
    assert_int_equal(add_file(patterns, text, sizeof text - 1, &err), SME_OK);
    assert_int_equal(patterns_count(patterns), 9);
    assert_int_equal(ask(patterns, "a.bak"), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "x.bak"), PATTERN_INCLUDE);
    assert_int_equal(ask(patterns, "# a comment"), PATTERN_NO_MATCH);
    assert_int_equal(ask(patterns, "#real"), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "spaces"), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "one "), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "one"), PATTERN_NO_MATCH);
    assert_int_equal(ask(patterns, "dos"), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "lead"), PATTERN_NO_MATCH);
    assert_int_equal(ask(patterns, "  lead"), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "back\\"), PATTERN_EXCLUDE);
    assert_int_equal(ask(patterns, "last"), PATTERN_EXCLUDE);
    patterns_free(patterns);
}

static void file_errors_name_the_line(void **state)
{
    (void)state;
    struct sme_error err = FRESH_ERROR;
    struct patterns *patterns = NULL;
    assert_int_equal(patterns_new(&patterns, &err), SME_OK);
    assert_int_equal(add_file(patterns, "ok\n\n[x\n", 7, &err), SME_E_INVALID);
    assert_non_null(strstr(err.message, "' line 3: pattern '[x': '[' without ']'"));
    assert_int_equal(add_file(patterns, "ok\na\0b\n", 7, &err), SME_E_INVALID);
    assert_non_null(strstr(err.message, "' line 2: contains a zero byte"));
    assert_int_equal(add_file(patterns, "", 0, &err), SME_OK);
    patterns_free(patterns);
}

static void file_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    struct sme_error err = FRESH_ERROR;
    struct patterns *patterns = NULL;
    assert_int_equal(patterns_new(&patterns, &err), SME_OK);
    assert_int_equal(patterns_add_file(patterns, "/nonexistent/x", &err), SME_E_NOT_FOUND);
    assert_string_equal(err.message,
                        "cannot open exclude file '/nonexistent/x': No such file or directory");
    assert_int_equal(err.sys_errno, ENOENT);
    assert_int_equal(patterns_add_file(patterns, "/tmp", &err), SME_E_INVALID);
    assert_string_equal(err.message, "exclude file '/tmp' is not a regular file");
    char *big = malloc(PATTERN_FILE_MAX_BYTES + 1);
    assert_non_null(big);
    memset(big, '\n', PATTERN_FILE_MAX_BYTES + 1);
    assert_int_equal(add_file(patterns, big, PATTERN_FILE_MAX_BYTES, &err), SME_OK);
    assert_int_equal(add_file(patterns, big, PATTERN_FILE_MAX_BYTES + 1, &err), SME_E_INVALID);
    assert_non_null(strstr(err.message, "is longer than 262144 bytes"));
    free(big);
    patterns_free(patterns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pattern_matches_as_gitignore_says),
        cmocka_unit_test(last_match_decides),
        cmocka_unit_test(everything_but_one_subtree),
        cmocka_unit_test(no_patterns_match_nothing),
        cmocka_unit_test(hostile_patterns_take_no_time),
        cmocka_unit_test(patterns_without_meaning_are_refused),
        cmocka_unit_test(overlong_pattern_is_refused),
        cmocka_unit_test(file_follows_the_rules_of_lines),
        cmocka_unit_test(file_errors_name_the_line),
        cmocka_unit_test(file_that_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
