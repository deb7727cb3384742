/*
 * Tests of core/base/log.c: lines in the file and on standard error.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../../core/base/cleanup.h"
#include "../../core/base/error.h"
#include "../../core/base/fileio.h"
#include "../../core/base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define THREADS 4
#define LINES 200

static char folder[256];
static int real_stderr = -1;

/* Each test has an empty folder, and standard error in the file "stderr". */
static int enter(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/sme-log-XXXXXX", base != NULL ? base : "/tmp");
    (void)umask(022);
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        return -1;
    real_stderr = dup(STDERR_FILENO);
    CLEANUP(close_fd) int fd = open("stderr", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    log_set_level(LOG_LEVEL_INFO);
    log_set_stderr(LOG_LEVEL_WARN);
    return dup2(fd, STDERR_FILENO) >= 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[300];
    (void)state;
    (void)log_open(NULL, NULL);
    (void)dup2(real_stderr, STDERR_FILENO);
    close_fd(&real_stderr);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static const char *content(const char *path)
{
    static char text[200000];
    CLEANUP(buf_free) struct buf b = BUF_INIT(sizeof text - 1);
    assert_int_equal(io_load(AT_FDCWD, path, &b, NULL), SME_OK);
    memcpy(text, buf_text(&b), b.len + 1);
    return text;
}

/* The file holds one line: a time, then ${wanted}. */
static void assert_logged(const char *wanted)
{
    const char *line = content("log");
    static const char shape[] = "dddd-dd-ddTdd:dd:ddZ ";
    for (size_t i = 0; shape[i] != '\0'; i++) {
        if (shape[i] == 'd')
            assert_in_range(line[i], '0', '9');
        else
            assert_int_equal(line[i], shape[i]);
    }
    assert_string_equal(line + strlen(shape), wanted);
}

static void lines_have_time_level_and_subject(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    struct stat st;
    assert_int_equal(log_open("log", &err), SME_OK);
    log_line(LOG_LEVEL_INFO, "documents", "complete items=%d", 5);
    assert_logged("INFO documents: complete items=5\n");
    assert_string_equal(content("stderr"), "");
    assert_int_equal(stat("log", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void lines_without_a_subject(void **state)
{
    (void)state;
    assert_int_equal(log_open("log", NULL), SME_OK);
    log_line(LOG_LEVEL_WARN, NULL, "disk is nearly full");
    assert_logged("WARN disk is nearly full\n");
    assert_string_equal(content("stderr"), "sme-backup: disk is nearly full\n");
}

static void levels_decide_what_goes_where(void **state)
{
    (void)state;
    assert_int_equal(log_open("log", NULL), SME_OK);
    log_line(LOG_LEVEL_DEBUG, NULL, "nobody sees this");
    assert_string_equal(content("log"), "");
    log_set_stderr(0);
    log_line(LOG_LEVEL_ERROR, NULL, "file only");
    assert_string_equal(content("stderr"), "");
    assert_logged("ERROR file only\n");
    log_set_level(0);
    log_set_stderr(LOG_LEVEL_DEBUG);
    log_line(LOG_LEVEL_DEBUG, "x", "terminal only");
    assert_string_equal(content("stderr"), "sme-backup: x: terminal only\n");
    assert_logged("ERROR file only\n");
}

static void control_characters_are_escaped(void **state)
{
    (void)state;
    assert_int_equal(log_open("log", NULL), SME_OK);
    log_line(LOG_LEVEL_WARN, "a\nb", "file '%s'", "x\n2026-01-01 \x1b[2Jfaked");
    assert_logged("WARN a\\x0ab: file 'x\\x0a2026-01-01 \\x1b[2Jfaked'\n");
    assert_string_equal(content("stderr"),
                        "sme-backup: a\\x0ab: file 'x\\x0a2026-01-01 \\x1b[2Jfaked'\n");
}

static void failures_show_their_hint(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(log_open("log", NULL), SME_OK);
    sme_fail(&err, SME_E_KEY, "key file 'k' does not fit");
    error_hint(&err, "set key_file");
    log_failure(LOG_LEVEL_ERROR, "documents", &err);
    assert_logged("ERROR documents: key file 'k' does not fit (hint: set key_file)\n");
    assert_string_equal(content("stderr"), "sme-backup: documents: key file 'k' does not fit\n"
                                           "  hint: set key_file\n");
}

static void failures_without_text_show_their_status(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    err.status = SME_E_NO_SPACE;
    assert_int_equal(log_open("log", NULL), SME_OK);
    log_failure(LOG_LEVEL_INFO, NULL, &err);
    assert_logged("INFO no-space\n");
    log_failure(LOG_LEVEL_DEBUG, NULL, &err);
    assert_logged("INFO no-space\n");
}

static void long_lines_show_that_they_were_cut(void **state)
{
    (void)state;
    char big[9000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    log_line(LOG_LEVEL_ERROR, NULL, "%s", big);
    const char *text = content("stderr");
    assert_true(strlen(text) > 4000);
    assert_string_equal(text + strlen(text) - 6, "xx...\n");
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void errno_is_kept(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    sme_fail(&err, SME_E_IO, "x");
    errno = EXDEV;
    log_line(LOG_LEVEL_ERROR, NULL, "x");
    assert_int_equal(errno, EXDEV);
    log_failure(LOG_LEVEL_ERROR, NULL, &err);
    assert_int_equal(errno, EXDEV);
}

static void opening_again_moves_on(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(log_open("first", &err), SME_OK);
    log_line(LOG_LEVEL_INFO, NULL, "one");
    assert_int_equal(log_open("log", &err), SME_OK);
    log_line(LOG_LEVEL_INFO, NULL, "two");
    assert_logged("INFO two\n");
    assert_int_equal(log_open(NULL, &err), SME_OK);
    log_line(LOG_LEVEL_INFO, NULL, "three");
    assert_logged("INFO two\n");
    assert_int_equal(log_open("log", &err), SME_OK); /* appends */
    log_line(LOG_LEVEL_INFO, NULL, "four");
    assert_non_null(strstr(content("log"), "INFO two\n"));
    assert_non_null(strstr(content("log"), "INFO four\n"));
    assert_null(strstr(content("first"), "two"));
}

static void a_log_that_cannot_be_opened_is_an_error(void **state)
{
    (void)state;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(log_open("log", &err), SME_OK);
    assert_int_equal(log_open("none/log", &err), SME_E_NOT_FOUND);
    assert_string_equal(err.message, "cannot open log file 'none/log': No such file or directory");
    log_line(LOG_LEVEL_INFO, NULL, "still here");
    assert_logged("INFO still here\n");
}

static void a_full_disk_is_told_once(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_int_equal(log_open("/dev/full", NULL), SME_OK);
    log_line(LOG_LEVEL_INFO, NULL, "one");
    log_line(LOG_LEVEL_INFO, NULL, "two");
    assert_string_equal(content("stderr"),
                        "sme-backup: cannot write the log file: No space left on device\n");
}

static void *write_lines(void *name)
{
    for (int i = 0; i < LINES; i++)
        log_line(LOG_LEVEL_INFO, name, "line %d of a text that is not very short", i);
    return NULL;
}

static void threads_do_not_mix_their_lines(void **state)
{
    (void)state;
    static char names[THREADS][8];
    pthread_t threads[THREADS];
    size_t lines = 0;
    assert_int_equal(log_open("log", NULL), SME_OK);
    for (size_t i = 0; i < THREADS; i++) {
        (void)snprintf(names[i], sizeof names[i], "t%zu", i);
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (const char *at = content("log"); *at != '\0'; at = strchr(at, '\n') + 1) {
        char wanted[100];
        unsigned thread = (unsigned)(at[27] - '0'), number = 0;
        assert_int_equal(sscanf(at + 29, " line %u", &number), 1);
        (void)snprintf(wanted, sizeof wanted,
                       "Z INFO t%u: line %u of a text that is not very short\n", thread, number);
        assert_memory_equal(at + 19, wanted, strlen(wanted));
        lines++;
    }
    assert_int_equal(lines, THREADS * LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_have_time_level_and_subject, enter, leave),
        cmocka_unit_test_setup_teardown(lines_without_a_subject, enter, leave),
        cmocka_unit_test_setup_teardown(levels_decide_what_goes_where, enter, leave),
        cmocka_unit_test_setup_teardown(control_characters_are_escaped, enter, leave),
        cmocka_unit_test_setup_teardown(failures_show_their_hint, enter, leave),
        cmocka_unit_test_setup_teardown(failures_without_text_show_their_status, enter, leave),
        cmocka_unit_test_setup_teardown(long_lines_show_that_they_were_cut, enter, leave),
        cmocka_unit_test_setup_teardown(errno_is_kept, enter, leave),
        cmocka_unit_test_setup_teardown(opening_again_moves_on, enter, leave),
        cmocka_unit_test_setup_teardown(a_log_that_cannot_be_opened_is_an_error, enter, leave),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_once, enter, leave),
        cmocka_unit_test_setup_teardown(threads_do_not_mix_their_lines, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
