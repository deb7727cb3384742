/*
 * Tests of the command source: quoting, the program and its environment, the verdict on its output.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../harness/fakehost.h"
#include "../../plugins/command/command.h"
#include "../../plugins/command/lastsize.h"
#include "../../plugins/command/program.h"
#include "../../plugins/command/words.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRESH_ERROR                                                                                \
    {                                                                                              \
        .struct_size = sizeof(struct sme_error)                                                    \
    }
#define STARTED_NS INT64_C(1795399200500000000)

struct rig {
    struct fakehost fake;
    struct command_options options;
    char folder[64];
    void *handle;
    char content[4096];
    size_t content_len;
};

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    if (rig == NULL)
        return -1;
    fakehost_init(&rig->fake, "test");
    (void)snprintf(rig->folder, sizeof rig->folder, "/tmp/sme-command-XXXXXX");
    if (mkdtemp(rig->folder) == NULL)
        return -1;
    rig->fake.host.state_dir = rig->folder;
    rig->options.min_size = 1;
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    char path[128];
    command_ops.destroy(rig->handle);
    (void)snprintf(path, sizeof path, "%s/" LASTSIZE_FILE, rig->folder);
    (void)unlink(path);
    int result = rmdir(rig->folder); /* nothing else is left there */
    fakehost_done(&rig->fake);
    free(rig);
    return result;
}

static void create(struct rig *rig)
{
    struct sme_error err = FRESH_ERROR;
    if (rig->handle == NULL)
        assert_int_equal(command_ops.create(&rig->fake.host, &rig->options, &rig->handle, &err),
                         SME_OK);
}

static int begin(struct rig *rig, uint32_t flags, struct sme_error *err)
{
    const struct sme_run run = {.struct_size = sizeof run,
                                .flags = flags,
                                .started_ns = STARTED_NS,
                                .snapshot = "20261123T020000Z"};
    create(rig);
    return command_ops.begin(rig->handle, &run, err);
}

static int next(struct rig *rig, struct sme_item *item)
{
    struct sme_error err = FRESH_ERROR;
    *item = (struct sme_item){.struct_size = sizeof *item, .dir_fd = -1};
    return command_ops.next(rig->handle, item, &err);
}

/* All items and the content; what the last read() said. */
static int read_all(struct rig *rig, struct sme_error *err)
{
    struct sme_item item;
    while (next(rig, &item) == 1)
        if ((item.flags & SME_ITEM_STREAM) != 0)
            break;
    rig->content_len = 0;
    for (;;) {
        int64_t got = command_ops.read(rig->handle, rig->content + rig->content_len,
                                       sizeof rig->content - 1 - rig->content_len, err);
        if (got <= 0) {
            rig->content[rig->content_len] = '\0';
            return (int)got;
        }
        rig->content_len += (size_t)got;
    }
}

/* A whole run, with the end that the core would choose. */
static int run_flags(struct rig *rig, const char *command, uint32_t flags, struct sme_error *err)
{
    rig->options.command = command;
    int status = begin(rig, flags, err);
    if (status != SME_OK)
        return status;
    status = read_all(rig, err);
    struct sme_item item;
    assert_int_equal(next(rig, &item), 0);
    struct sme_error end_err = FRESH_ERROR;
    assert_int_equal(
        command_ops.end(rig->handle, status == SME_OK ? SME_COMMIT : SME_ABORT, &end_err), SME_OK);
    return status;
}

static int run(struct rig *rig, const char *command, struct sme_error *err)
{
    return run_flags(rig, command, 0, err);
}

static void runs(struct rig *rig, const char *command, const char *output)
{
    struct sme_error err = FRESH_ERROR;
    if (run(rig, command, &err) != SME_OK)
        fail_msg("%s: %s", command, err.message);
    assert_string_equal(rig->content, output);
}

static void fails(struct rig *rig, const char *command, int status, const char *message)
{
    struct sme_error err = FRESH_ERROR;
    assert_int_equal(run(rig, command, &err), status);
    assert_string_equal(err.message, message);
    assert_string_not_equal(err.hint, "");
}

/* ------------------------------------------------------------------ words -------------------- */

static void words_follow_the_quoting_of_a_shell(void **state)
{
    static const struct {
        const char *text;
        const char *words; /* each with '|' behind it */
    } rows[] = {
        {"a", "a|"},
        {"  a \t b\nc  ", "a|b|c|"},
        {"a'b c'd", "ab cd|"},
        {"'' \"\"", "||"},
        {"'$HOME `x` \\n'", "$HOME `x` \\n|"},
        {"\"a \\\" \\\\ \\$ \\` \\n\"", "a \" \\ $ ` \\n|"},
        {"a\\ b \\* \\'", "a b|*|'|"},
        {"--x='y z' a~ b# {} !", "--x=y z|a~|b#|{}|!|"},
        {"'*' \"?<>;\"", "*|?<>;|"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sme_error err = FRESH_ERROR;
        struct words words;
        char joined[256] = "";
        if (words_split(rows[i].text, &words, &err) != SME_OK)
            fail_msg("%s: %s", rows[i].text, err.message);
        for (size_t w = 0; w < words.count; w++) {
            size_t used = strlen(joined);
            (void)snprintf(joined + used, sizeof joined - used, "%s|", words.list[w]);
        }
        assert_string_equal(joined, rows[i].words);
        assert_null(words.list[words.count]);
        words_free(&words);
    }
}

static void what_a_shell_would_act_upon_is_refused(void **state)
{
    static const char *const texts[] = {
        "a $b", "a `b`", "a *.sql", "a?",  "a [b]", "a | b",     "a & b",
        "a;b",  "a < b", "a > b",   "(a)", "a ~/b", "a # b",     "a \"$b\"",
        "a 'b", "a \"b", "a \\",    "",    " \t",   "a \"`b`\"", "a \"b\\",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sme_error err = FRESH_ERROR;
        struct words words = {.count = 77};
        if (words_split(texts[i], &words, &err) != SME_E_INVALID)
            fail_msg("accepted: %s", texts[i]);
        assert_int_equal(strncmp(err.message, "option 'command': ", 18), 0);
        assert_string_not_equal(err.hint, "");
        assert_int_equal(words.count, 77);
    }
}

/* ------------------------------------------------------------------ program and environment -- */

static void program_is_looked_for(void **state)
{
    struct rig *rig = *state;
    runs(rig, "/bin/echo a 'b  c'", "a b  c\n");
    runs(rig, "echo x", "x\n");
    fails(rig, "no-such-program-anywhere", SME_E_NOT_FOUND,
          "program 'no-such-program-anywhere' is in no folder of PATH");
    fails(rig, "/nowhere/dump -a", SME_E_NOT_FOUND,
          "program '/nowhere/dump' cannot be run: No such file or directory");
    fails(rig, "/etc/passwd", SME_E_DENIED,
          "program '/etc/passwd' cannot be run: Permission denied");
    fails(rig, "/tmp", SME_E_DENIED, "program '/tmp' cannot be run: Permission denied");
    fails(rig, "bin/echo", SME_E_INVALID, "option 'command': program 'bin/echo' is relative");
    fails(rig, "A=/secret echo", SME_E_INVALID, "option 'command': 'A=' is no program");
    fails(rig, "''", SME_E_INVALID, "option 'command': program '' is relative");
}

static void check_runs_nothing(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = FRESH_ERROR;
    char command[128];
    char path[100];
    (void)snprintf(path, sizeof path, "%s/made", rig->folder);
    (void)snprintf(command, sizeof command, "touch %s", path);
    rig->options.command = command;
    create(rig);
    assert_int_equal(command_ops.check(rig->handle, &err), SME_OK);
    assert_int_equal(access(path, F_OK), -1);
    rig->options.command = "/nowhere/dump";
    assert_int_equal(command_ops.check(rig->handle, &err), SME_E_NOT_FOUND);
    rig->options.command = "true";
    rig->options.folder = "/nowhere";
    assert_int_equal(command_ops.check(rig->handle, &err), SME_E_NOT_FOUND);
    assert_string_equal(err.message,
                        "folder '/nowhere' cannot be entered: No such file or directory");
}

static void environment_is_small_and_ours_comes_first(void **state)
{
    struct rig *rig = *state;
    static const char *const given[] = {"B=x=y z", "HOME=/elsewhere", "EMPTY="};
    assert_int_equal(setenv("SME_TEST_SECRET", "x", 1), 0);
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    rig->options.environment = (struct sme_list){.count = 3, .items = given};
    struct sme_error err = FRESH_ERROR;
    assert_int_equal(run(rig, "env", &err), SME_OK);
    assert_int_equal(strncmp(rig->content, "B=x=y z\nHOME=/elsewhere\nEMPTY=\nPATH=", 36), 0);
    assert_non_null(strstr(rig->content, "\nTZ=UTC\n"));
    assert_non_null(strstr(rig->content, "\nUSER="));
    assert_null(strstr(rig->content, "SME_TEST_SECRET"));
    const char *home = strstr(rig->content, "HOME=");
    assert_null(strstr(home + 1, "HOME="));
    assert_int_equal(unsetenv("SME_TEST_SECRET"), 0);
    rig->options.folder = "/usr";
    runs(rig, "/bin/pwd", "/usr\n");
}

static void environment_without_a_name_is_refused(void **state)
{
    static const char *const bad[][2] = {{"PASSWORD", NULL},
                                         {"=secret", NULL},
                                         {"1A=secret", NULL},
                                         {"A B=secret", NULL},
                                         {"A=1", "A=secret"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sme_error err = FRESH_ERROR;
        char **list = NULL;
        const struct sme_list more = {.count = bad[i][1] != NULL ? 2 : 1, .items = bad[i]};
        assert_int_equal(program_environment(&more, &list, &err), SME_E_INVALID);
        assert_null(strstr(err.message, "secret"));
        assert_null(list);
    }
    program_environment_free(NULL);
}

/* ------------------------------------------------------------------ items -------------------- */

static void item_is_a_private_file(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = FRESH_ERROR;
    struct sme_item item;
    rig->options.command = "/bin/echo x";
    assert_int_equal(begin(rig, 0, &err), SME_OK);
    assert_int_equal(next(rig, &item), 1);
    assert_int_equal(item.type, SME_ITEM_FILE);
    assert_int_equal(item.flags, SME_ITEM_STREAM | SME_ITEM_HAS_STAT);
    assert_int_equal(item.path_len, 4);
    assert_memory_equal(item.path, "echo", 4);
    assert_int_equal(item.mode, 0600);
    assert_int_equal(item.uid, geteuid());
    assert_int_equal(item.mtime.sec, 1795399200);
    assert_int_equal(item.mtime.nsec, 500000000);
    assert_int_equal(next(rig, &item), 0);
    assert_int_equal(command_ops.end(rig->handle, SME_ABORT, &err), SME_OK);
}

static void name_may_have_folders(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = FRESH_ERROR;
    struct sme_item item;
    rig->options.command = "/bin/echo x";
    rig->options.name = "mysql/a/shop.sql";
    assert_int_equal(begin(rig, 0, &err), SME_OK);
    for (size_t i = 0; i < 3; i++) {
        static const size_t lengths[] = {5, 7, 16};
        assert_int_equal(next(rig, &item), 1);
        assert_int_equal(item.path_len, lengths[i]);
        assert_memory_equal(item.path, "mysql/a/shop.sql", lengths[i]);
        assert_int_equal(item.type, i == 2 ? SME_ITEM_FILE : SME_ITEM_DIRECTORY);
    }
    assert_int_equal(command_ops.end(rig->handle, SME_ABORT, &err), SME_OK);
    static const char *const bad[] = {"/a", "a/", "a//b", ".", "..", "a/../b", "./a"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rig->options.name = bad[i];
        assert_int_equal(begin(rig, 0, &err), SME_E_INVALID);
        assert_non_null(strstr(err.message, "is not a relative path"));
    }
}

static void calls_out_of_order_fail(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = FRESH_ERROR;
    struct sme_item item;
    char byte;
    rig->options.command = "/bin/echo x";
    create(rig);
    assert_int_equal(next(rig, &item), SME_E_INVALID);
    assert_int_equal(command_ops.read(rig->handle, &byte, 1, &err), SME_E_INVALID);
    command_ops.destroy(NULL);
}

/* ------------------------------------------------------------------ the verdict -------------- */

static void failed_program_fails_the_run(void **state)
{
    struct rig *rig = *state;
    fails(rig, "sh -c 'echo part; echo no table >&2; echo more >&2; exit 3'", SME_E_IO,
          "'sh' ended with exit status 3: no table");
    assert_string_equal(rig->content, "part\n");
    assert_true(fakehost_logged(&rig->fake, SME_LOG_WARNING, "sh: no table"));
    assert_true(fakehost_logged(&rig->fake, SME_LOG_WARNING, "sh: more"));
    fails(rig, "sh -c 'echo part; kill -KILL $$'", SME_E_IO, "'sh' was ended by signal 9");
}

static void errors_of_a_good_program_are_information(void **state)
{
    struct rig *rig = *state;
    runs(rig, "sh -c 'echo all; echo >&2; echo 3 tables >&2'", "all\n");
    assert_true(fakehost_logged(&rig->fake, SME_LOG_INFO, "sh: 3 tables"));
    assert_int_equal(rig->fake.line_count, 1);
    rig->fake.line_count = 0;
    runs(rig, "sh -c 'echo all; seq 1 250 >&2'", "all\n");
    assert_int_equal(rig->fake.line_count, 101);
    assert_true(fakehost_logged(&rig->fake, SME_LOG_INFO, "sh: [150 lines left out]"));
    assert_true(fakehost_logged(&rig->fake, SME_LOG_INFO, "sh: 250"));
}

static void too_little_output_fails_the_run(void **state)
{
    struct rig *rig = *state;
    fails(rig, "true", SME_E_IO, "'true' wrote 0 bytes, but min_size is 1");
    rig->options.min_size = 6;
    fails(rig, "echo 1234", SME_E_IO, "'echo' wrote 5 bytes, but min_size is 6");
    rig->options.min_size = 5;
    runs(rig, "echo 1234", "1234\n");
    rig->options.min_size = 0;
    runs(rig, "true", "");
}

/* The same command writes what a file has, so that it can shrink. */
static void make_file(const struct rig *rig, const char *content, char *command, size_t size)
{
    char path[100];
    (void)snprintf(path, sizeof path, "%s/file", rig->folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(command, size, "cat %s/file", rig->folder);
}

static void much_less_output_fails_the_run(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = FRESH_ERROR;
    char command[128];
    rig->options.max_shrink = 5000;
    make_file(rig, "123456789012345678901", command, sizeof command);
    runs(rig, command, "123456789012345678901");
    make_file(rig, "1234567890", command, sizeof command); /* 10.5 is half of it */
    fails(rig, command, SME_E_IO,
          "'cat' wrote 10 bytes, 21 at the last good run: more than max_shrink = 50.00% less");
    fails(rig, command, SME_E_IO, /* a failed run is not what the next is compared with */
          "'cat' wrote 10 bytes, 21 at the last good run: more than max_shrink = 50.00% less");
    make_file(rig, "12345678901", command, sizeof command);
    assert_int_equal(run_flags(rig, command, SME_RUN_DRY, &err), SME_OK);
    make_file(rig, "12345678901", command, sizeof command);
    runs(rig, command, "12345678901"); /* the dry run changed nothing, this one does */
    make_file(rig, "123456", command, sizeof command);
    runs(rig, command, "123456");
    make_file(rig, "1", command, sizeof command);
    fails(rig, command, SME_E_IO,
          "'cat' wrote 1 bytes, 6 at the last good run: more than max_shrink = 50.00% less");
    rig->options.max_shrink = 0;
    runs(rig, command, "1");
    rig->options.max_shrink = 1;
    runs(rig, "echo", "\n"); /* another command is not compared */
    (void)snprintf(command, sizeof command, "%s/file", rig->folder);
    assert_int_equal(unlink(command), 0);
}

static void last_size_is_kept_whole(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = FRESH_ERROR;
    uint64_t size = 77;
    char path[100];
    struct stat st;
    assert_int_equal(lastsize_load(rig->folder, "a b", &size, &err), 0);
    assert_int_equal(lastsize_save(rig->folder, "a b", UINT64_MAX, &err), SME_OK);
    assert_int_equal(lastsize_load(rig->folder, "a c", &size, &err), 0);
    assert_int_equal(size, 77);
    assert_int_equal(lastsize_load(rig->folder, "a b", &size, &err), 1);
    assert_true(size == UINT64_MAX);
    (void)snprintf(path, sizeof path, "%s/" LASTSIZE_FILE, rig->folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(truncate(path, st.st_size - 1), 0);
    assert_int_equal(lastsize_load(rig->folder, "a b", &size, &err), SME_E_CORRUPT);
    assert_non_null(strstr(err.message, LASTSIZE_FILE));
    rig->options.max_shrink = 100;
    assert_int_equal(run(rig, "echo", &err), SME_E_CORRUPT);
    assert_int_equal(lastsize_save("/nowhere", "a", 1, &err), SME_E_IO);
}

static void a_size_that_cannot_be_kept_is_only_a_warning(void **state)
{
    struct rig *rig = *state;
    rig->fake.host.state_dir = "/nowhere";
    runs(rig, "echo", "\n");
    assert_true(fakehost_logged(&rig->fake, SME_LOG_WARNING, "the size of this run is not kept"));
    rig->fake.host.state_dir = NULL;
    rig->options.max_shrink = 100;
    runs(rig, "echo", "\n");
}

static void cancel_ends_the_run(void **state)
{
    struct rig *rig = *state;
    struct sme_error err = FRESH_ERROR;
    rig->options.command = "sh -c 'echo x; exec sleep 1000'";
    assert_int_equal(begin(rig, 0, &err), SME_OK);
    rig->fake.cancel_at = rig->fake.polls + 4;
    assert_int_equal(read_all(rig, &err), SME_E_CANCELLED);
    assert_int_equal(command_ops.end(rig->handle, SME_ABORT, &err), SME_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(words_follow_the_quoting_of_a_shell),
        TEST(what_a_shell_would_act_upon_is_refused),
        TEST(program_is_looked_for),
        TEST(check_runs_nothing),
        TEST(environment_is_small_and_ours_comes_first),
        TEST(environment_without_a_name_is_refused),
        TEST(item_is_a_private_file),
        TEST(name_may_have_folders),
        TEST(calls_out_of_order_fail),
        TEST(failed_program_fails_the_run),
        TEST(errors_of_a_good_program_are_information),
        TEST(too_little_output_fails_the_run),
        TEST(much_less_output_fails_the_run),
        TEST(last_size_is_kept_whole),
        TEST(a_size_that_cannot_be_kept_is_only_a_warning),
        TEST(cancel_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
