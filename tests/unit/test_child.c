/*
 * Tests of programs that plugins run: how they are started, fed, read, waited for and ended.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../harness/fakehost.h"
#include "../../plugins/lib/child.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHELL "/bin/sh"
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SCRIPT(text) ARGV(SHELL, "-c", text)

static const char *const plain_env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};

static struct fakehost fake;

static int set_up(void **state)
{
    (void)state;
    fakehost_init(&fake, "test");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fakehost_done(&fake);
    return 0;
}

static struct child_spec spec_of(const char *const *argv)
{
    return (struct child_spec){
        .host = &fake.host, .argv = argv, .env = plain_env, .has_stdout = true};
}

static struct sme_error fresh_error(void)
{
    return (struct sme_error){.struct_size = sizeof(struct sme_error)};
}

static struct child *start(const struct child_spec *spec)
{
    struct sme_error err = fresh_error();
    struct child *child = NULL;
    int status = child_start(spec, &child, &err);
    if (status != SME_OK)
        fail_msg("child_start: %s", err.message);
    return child;
}

static struct child_end wait_for(struct child *child)
{
    struct sme_error err = fresh_error();
    struct child_end end;
    if (child_wait(child, &end, &err) != SME_OK)
        fail_msg("child_wait: %s", err.message);
    return end;
}

/* Everything up to the end of its output, as text. */
static char *read_text(struct child *child)
{
    struct sme_error err = fresh_error();
    char *text = calloc(1, 65537);
    size_t used = 0;
    int64_t got;
    assert_non_null(text);
    while ((got = child_read(child, text + used, 65536 - used, &err)) > 0)
        used += (size_t)got;
    if (got < 0)
        fail_msg("child_read: %s", err.message);
    return text;
}

static char *output_of(const struct child_spec *spec)
{
    struct sme_error err = fresh_error();
    char *text = NULL;
    if (child_output(spec, 65536, &text, NULL, &err) != SME_OK)
        fail_msg("child_output: %s", err.message);
    return text;
}

/* ------------------------------------------------------------------ how it ends -------------- */

static void exit_status_is_told(void **state)
{
    static const struct {
        const char *script;
        int exit_code;
        int signal;
    } rows[] = {
        {"exit 0", 0, 0},
        {"exit 3", 3, 0},
        {"exit 255", 255, 0},
        {"kill -KILL $$", -1, SIGKILL},
        {"kill -TERM $$", -1, SIGTERM},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct child_spec spec = spec_of(SCRIPT(rows[i].script));
        struct child *child = start(&spec);
        for (int again = 0; again < 2; again++) {
            struct child_end end = wait_for(child);
            assert_int_equal(end.exit_code, rows[i].exit_code);
            assert_int_equal(end.signal, rows[i].signal);
            assert_string_equal(end.errors, "");
        }
        child_free(child);
    }
}

static void failure_names_program_status_and_first_line(void **state)
{
    struct sme_error err = fresh_error();
    char *text = NULL;
    size_t len = 77;
    (void)state;
    struct child_spec spec = spec_of(SCRIPT("echo no such table >&2; echo more >&2; exit 4"));
    assert_int_equal(child_output(&spec, 100, &text, &len, &err), SME_E_IO);
    assert_string_equal(err.message, "'sh' ended with exit status 4: no such table");
    spec = spec_of(SCRIPT("kill -9 $$"));
    assert_int_equal(child_output(&spec, 100, &text, &len, &err), SME_E_IO);
    assert_string_equal(err.message, "'sh' was ended by signal 9");
    assert_null(text);
    assert_int_equal(len, 77);
}

static void what_cannot_be_executed_is_reported(void **state)
{
    struct sme_error err = fresh_error();
    struct child *child = NULL;
    char script[] = "/tmp/sme-child-XXXXXX";
    (void)state;

    struct child_spec spec = spec_of(ARGV("/nowhere/pg_dump"));
    assert_int_equal(child_start(&spec, &child, &err), SME_E_NOT_FOUND);
    assert_string_equal(err.message, "cannot run '/nowhere/pg_dump': No such file or directory");
    assert_int_equal(err.sys_errno, ENOENT);
    assert_string_not_equal(err.hint, "");

    spec = spec_of(ARGV("/etc/passwd"));
    assert_int_equal(child_start(&spec, &child, &err), SME_E_DENIED);
    assert_string_equal(err.message, "cannot run '/etc/passwd': Permission denied");

    spec = spec_of(ARGV("true"));
    assert_int_equal(child_start(&spec, &child, &err), SME_E_INVALID);
    assert_string_equal(err.message, "program 'true' is not an absolute path");

    spec = spec_of(ARGV("/bin/true"));
    spec.folder = "/nowhere/at/all";
    assert_int_equal(child_start(&spec, &child, &err), SME_E_NOT_FOUND);
    assert_string_equal(err.message, "cannot run '/bin/true' in folder '/nowhere/at/all': "
                                     "No such file or directory");

    int fd = mkstemp(script);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "#!/nowhere/sh\n", 14), 14);
    assert_int_equal(fchmod(fd, 0700), 0);
    assert_int_equal(close(fd), 0);
    spec = spec_of(ARGV(script));
    assert_int_equal(child_start(&spec, &child, &err), SME_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "interpreter"));
    assert_int_equal(unlink(script), 0);
    assert_null(child);
}

/* ------------------------------------------------------------------ its pipes ---------------- */

static void big_output_arrives_whole(void **state)
{
    struct sme_error err = fresh_error();
    static char buf[100000];
    uint64_t total = 0;
    int64_t got;
    (void)state;
    const struct child_spec spec = spec_of(SCRIPT("head -c 20000000 /dev/zero"));
    struct child *child = start(&spec);
    while ((got = child_read(child, buf, sizeof buf, &err)) > 0)
        total += (uint64_t)got;
    assert_int_equal(got, 0);
    assert_int_equal(child_read(child, buf, sizeof buf, &err), 0);
    assert_int_equal(total, 20000000);
    assert_int_equal(wait_for(child).exit_code, 0);
    child_free(child);
}

static void output_beyond_the_bound_fails(void **state)
{
    struct sme_error err = fresh_error();
    char *text = NULL;
    size_t len = 0;
    (void)state;
    const struct child_spec spec = spec_of(SCRIPT("printf 12345"));
    assert_int_equal(child_output(&spec, 4, &text, &len, &err), SME_E_CORRUPT);
    assert_string_equal(err.message, "'sh' wrote more than 4 bytes");
    assert_null(text);
    assert_int_equal(child_output(&spec, 5, &text, &len, &err), SME_OK);
    assert_int_equal(len, 5);
    assert_string_equal(text, "12345");
    free(text);
    const struct child_spec endless = spec_of(SCRIPT("cat /dev/zero"));
    assert_int_equal(child_output(&endless, 100000, &text, &len, &err), SME_E_CORRUPT);
}

/* More errors than a pipe holds must neither block the program nor grow without bound. */
static void errors_are_gathered_bounded_and_escaped(void **state)
{
    (void)state;
    struct child_spec spec =
        spec_of(SCRIPT("echo first >&2; head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; "
                       "echo last >&2; echo done"));
    struct child *child = start(&spec);
    char *text = read_text(child);
    assert_string_equal(text, "done\n");
    free(text);
    struct child_end end = wait_for(child);
    size_t len = strlen(end.errors);
    assert_true(len > CHILD_STDERR_MAX && len < CHILD_STDERR_MAX + 100);
    assert_int_equal(strncmp(end.errors, "first\nxxx", 9), 0);
    assert_string_equal(end.errors + len - 9, "xxxx\nlast");
    assert_non_null(strstr(end.errors, "\n[2983628 bytes left out]\n"));
    child_free(child);

    spec = spec_of(SCRIPT("printf 'a\\033[2Jb\\tc\\r\\nd\\n\\n' >&2"));
    spec.has_stdout = false;
    child = start(&spec);
    assert_string_equal(wait_for(child).errors, "a\\x1b[2Jb\tc\\x0d\nd");
    child_free(child);
}

static void errors_come_before_the_output_has_ended(void **state)
{
    (void)state;
    const struct child_spec spec =
        spec_of(SCRIPT("for i in 1 2 3; do head -c 200000 /dev/zero >&2; echo $i; done"));
    struct child *child = start(&spec);
    char *text = read_text(child);
    assert_string_equal(text, "1\n2\n3\n");
    free(text);
    assert_int_equal(wait_for(child).exit_code, 0);
    child_free(child);
}

static void input_goes_through(void **state)
{
    struct sme_error err = fresh_error();
    (void)state;
    struct child_spec spec = spec_of(ARGV("/bin/cat"));
    spec.has_stdin = true;
    struct child *child = start(&spec);
    assert_int_equal(child_write(child, "one\n", 4, &err), SME_OK);
    assert_int_equal(child_write(child, "two\n", 4, &err), SME_OK);
    assert_int_equal(child_write(child, "", 0, &err), SME_OK);
    child_end_input(child);
    child_end_input(child);
    char *text = read_text(child);
    assert_string_equal(text, "one\ntwo\n");
    free(text);
    assert_int_equal(wait_for(child).exit_code, 0);
    child_free(child);
}

static void much_input_goes_through(void **state)
{
    struct sme_error err = fresh_error();
    static char buf[1000000];
    (void)state;
    struct child_spec spec = spec_of(SCRIPT("wc -c"));
    spec.has_stdin = true;
    struct child *child = start(&spec);
    for (int i = 0; i < 10; i++)
        assert_int_equal(child_write(child, buf, sizeof buf, &err), SME_OK);
    child_end_input(child);
    char *text = read_text(child);
    assert_string_equal(text, "10000000\n");
    free(text);
    child_free(child);
}

/* Neither waits for the other. */
static void output_that_comes_while_writing_is_kept(void **state)
{
    struct sme_error err = fresh_error();
    static char buf[1000000];
    size_t total = 0, wrong = 0;
    int64_t got;
    (void)state;
    struct child_spec spec = spec_of(ARGV("/bin/cat"));
    spec.has_stdin = true;
    struct child *child = start(&spec);
    for (int i = 0; i < 8; i++) {
        memset(buf, 'a' + i, sizeof buf);
        assert_int_equal(child_write(child, buf, sizeof buf, &err), SME_OK);
    }
    child_end_input(child);
    while ((got = child_read(child, buf, sizeof buf, &err)) > 0)
        for (int64_t i = 0; i < got; i++, total++)
            wrong += buf[i] != 'a' + (char)(total / sizeof buf);
    assert_int_equal(got, 0);
    assert_int_equal(total, 8 * sizeof buf);
    assert_int_equal(wrong, 0);
    child_free(child);
    child = start(&spec);
    int status = SME_OK;
    for (int i = 0; i < 40 && status == SME_OK; i++)
        status = child_write(child, buf, sizeof buf, &err);
    assert_int_equal(status, SME_E_UNSUPPORTED);
    assert_string_equal(err.message, "'cat' wrote more than 16 MiB");
    child_free(child);
}

/* No signal must reach the process, whatever it does with SIGPIPE, nor stay behind. */
static void program_may_stop_reading(void **state)
{
    struct sme_error err = fresh_error();
    static char buf[3000000];
    sigset_t pending;
    (void)state;
    struct child_spec spec = spec_of(SCRIPT("exec <&-; echo enough >&2; exit 5"));
    spec.has_stdin = true;
    struct child *child = start(&spec);
    assert_int_equal(child_write(child, buf, sizeof buf, &err), SME_E_IO);
    assert_string_equal(err.message, "'sh' stopped reading its input");
    assert_int_equal(child_write(child, buf, 1, &err), SME_E_IO);
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
    struct child_end end = wait_for(child);
    assert_int_equal(child_fail(child, &end, &err), SME_E_IO);
    assert_string_equal(err.message, "'sh' ended with exit status 5: enough");
    child_free(child);
}

static void without_pipes_there_is_dev_null(void **state)
{
    struct sme_error err = fresh_error();
    char byte = 'x';
    (void)state;
    struct child_spec spec = spec_of(SCRIPT("readlink /proc/self/fd/0 /proc/self/fd/1 >&2"));
    spec.has_stdout = false;
    struct child *child = start(&spec);
    assert_int_equal(child_read(child, &byte, 1, &err), SME_E_INVALID);
    assert_int_equal(child_write(child, &byte, 1, &err), SME_E_INVALID);
    assert_non_null(strstr(wait_for(child).errors, "/dev/null\n"));
    child_free(child);
}

static void output_that_nobody_reads_is_thrown_away(void **state)
{
    (void)state;
    const struct child_spec spec = spec_of(SCRIPT("head -c 5000000 /dev/zero; exit 2"));
    struct child *child = start(&spec);
    assert_int_equal(wait_for(child).exit_code, 2);
    child_free(child);
}

/* ------------------------------------------------------------------ cancelling and ending ---- */

static void cancel_ends_reading_writing_and_waiting(void **state)
{
    struct sme_error err = fresh_error();
    struct child_end end;
    static char buf[3000000];
    (void)state;
    struct child_spec spec = spec_of(SCRIPT("exec sleep 1000"));
    spec.has_stdin = true;
    struct child *child = start(&spec);
    fake.cancel_at = fake.polls + 2;
    assert_int_equal(child_read(child, buf, sizeof buf, &err), SME_E_CANCELLED);
    assert_string_equal(err.message, "stopped while 'sh' was running");
    fake.cancel_at = fake.polls + 3;
    assert_int_equal(child_write(child, buf, sizeof buf, &err), SME_E_CANCELLED);
    fake.cancel_at = fake.polls + 2;
    assert_int_equal(child_wait(child, &end, &err), SME_E_CANCELLED);
    child_free(child);
}

/* As a process that nobody waits for can be a zombie for a while: that counts as ended. */
static bool is_running(pid_t pid)
{
    char path[64];
    char line[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool got = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    const char *after = got ? strrchr(line, ')') : NULL;
    return after != NULL && after[2] != 'Z' && after[2] != 'X';
}

/* Its process group goes with it: a grandchild that would outlive it, too. */
static void whole_group_is_ended(void **state)
{
    static const char *const scripts[] = {
        "sleep 1000 >/dev/null 2>&1 & echo $!; wait", /* both run          */
        "sleep 1000 >/dev/null 2>&1 & echo $!",       /* only the grandchild */
        "(trap '' TERM; sleep 1000 >/dev/null 2>&1 & echo $!; wait) & wait",
        "sleep 1000 >/dev/null 2>&1 & echo $!; kill -STOP $$", /* stopped           */
    };
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct sme_error err = fresh_error();
        char text[32] = "";
        const struct child_spec spec = spec_of(SCRIPT(scripts[i]));
        struct child *child = start(&spec);
        assert_true(child_read(child, text, sizeof text - 1, &err) > 1);
        pid_t pid = (pid_t)strtol(text, NULL, 10);
        assert_true(pid > 1);
        child_free(child);
        for (int look = 0; look < 100000 && is_running(pid); look++)
            (void)sched_yield();
        assert_false(is_running(pid));
    }
    child_free(NULL);
}

/* The program must not outlive the process that wanted it, whoever it runs as. */
static void dies_with_its_parent(void **state)
{
    int ends[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t middle = fork();
    if (middle == 0) {
        /* The program holds no descriptor of ours but its standard output, a pipe of its own. */
        struct sme_error err = fresh_error();
        struct child *child = NULL;
        struct child_spec spec = spec_of(SCRIPT("echo $$; exec sleep 1000"));
        spec.as_user = geteuid() == 0;
        spec.uid = 65534;
        spec.gid = 65534;
        char text[32] = "";
        if (child_start(&spec, &child, &err) != SME_OK)
            _exit(1);
        int64_t got = child_read(child, text, sizeof text, &err);
        if (got <= 0 || write(ends[1], text, (size_t)got) != got)
            _exit(1);
        (void)kill(getpid(), SIGKILL);
    }
    assert_int_equal(close(ends[1]), 0);
    char text[32] = "";
    for (size_t used = 0; used < sizeof text - 1 && read(ends[0], &byte, 1) == 1;)
        text[used++] = byte;
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    assert_true(pid > 1);
    for (int look = 0; look < 100000 && is_running(pid); look++)
        (void)sched_yield();
    assert_false(is_running(pid));
}

/* ------------------------------------------------------------------ what it gets -------------- */

static void environment_and_folder_are_exact(void **state)
{
    static const char *const env[] = {"B=two words", "A=", NULL};
    (void)state;
    struct child_spec spec = spec_of(ARGV("/usr/bin/env"));
    spec.env = env;
    char *text = output_of(&spec);
    assert_string_equal(text, "B=two words\nA=\n");
    free(text);
    spec.env = NULL;
    text = output_of(&spec);
    assert_string_equal(text, "");
    free(text);
    spec = spec_of(ARGV("/bin/pwd"));
    text = output_of(&spec);
    assert_string_equal(text, "/\n");
    free(text);
    spec.folder = "/usr/bin";
    text = output_of(&spec);
    assert_string_equal(text, "/usr/bin\n");
    free(text);
}

static void arguments_are_exact(void **state)
{
    (void)state;
    const struct child_spec spec =
        spec_of(ARGV("/usr/bin/printf", "<%s>", "", "$HOME *", "a'b\"c\\"));
    char *text = output_of(&spec);
    assert_string_equal(text, "<><$HOME *><a'b\"c\\>");
    free(text);
}

static void descriptors_are_not_inherited(void **state)
{
    (void)state;
    int fds[40];
    for (size_t i = 0; i < 40; i++) /* without O_CLOEXEC, on purpose */
        assert_true((fds[i] = open("/dev/null", O_RDONLY)) >= 0);
    assert_int_equal(dup2(fds[0], 900), 900);
    struct child_spec spec =
        spec_of(SCRIPT("for fd in /proc/$$/fd/*; do test ! -e $fd || echo ${fd##*/}; done"));
    spec.has_stdin = true;
    struct child *child = start(&spec);
    struct child *other = start(&spec); /* nor those of another program's pipes */
    char *text = read_text(other);
    assert_non_null(strstr(text, "0\n1\n2\n"));
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_true(strtol(line, NULL, 10) <= 2 || strtol(line, NULL, 10) == 10); /* dash's own */
    free(text);
    child_free(other);
    child_free(child);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(close(fds[i]), 0);
    assert_int_equal(close(900), 0);
}

/* A parent whose own 0, 1 and 2 are closed still gives the program its three. */
static void parent_may_lack_the_standard_three(void **state)
{
    int saved[3];
    char *text = NULL;
    size_t len = 0;
    struct sme_error err = fresh_error();
    (void)state;
    for (int fd = 0; fd < 3; fd++)
        assert_true((saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100)) >= 0);
    for (int fd = 0; fd < 3; fd++)
        (void)close(fd);
    const struct child_spec spec = spec_of(SCRIPT("echo out; echo err >&2"));
    int status = child_output(&spec, 100, &text, &len, &err);
    for (int fd = 0; fd < 3; fd++) {
        (void)dup2(saved[fd], fd);
        (void)close(saved[fd]);
    }
    assert_int_equal(status, SME_OK);
    assert_string_equal(text, "out\n");
    free(text);
}

static void signals_are_as_at_login(void **state)
{
    sigset_t set;
    sigset_t before;
    struct sigaction old;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)state;
    assert_int_equal(sigemptyset(&set), 0);
    assert_int_equal(sigaddset(&set, SIGTERM), 0);
    assert_int_equal(sigprocmask(SIG_BLOCK, &set, &before), 0);
    assert_int_equal(sigaction(SIGPIPE, &ignore, &old), 0);
    const struct child_spec spec = spec_of(SCRIPT("grep -E '^Sig(Blk|Ign)' /proc/self/status"));
    char *text = output_of(&spec);
    assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
    sigset_t after;
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, &after), 0);
    assert_int_equal(sigismember(&after, SIGTERM), 1);
    assert_int_equal(sigismember(&after, SIGINT), 0);
    unsigned long long blocked;
    unsigned long long ignored;
    assert_int_equal(sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    assert_int_equal(blocked, 0);
    /* 32 and 33 are the C library's own: it lets nobody set them. */
    assert_int_equal(ignored & ~(3ULL << 31), 0);
    free(text);
}

static void becomes_another_user(void **state)
{
    (void)state;
    struct child_spec spec = spec_of(SCRIPT("id -u; id -ru; id -g; id -G"));
    spec.as_user = true;
    if (geteuid() != 0) {
        struct sme_error err = fresh_error();
        struct child *child = NULL;
        spec.uid = geteuid() + 1;
        assert_int_equal(child_start(&spec, &child, &err), SME_E_DENIED);
        assert_non_null(strstr(err.message, "not started as root"));
        return;
    }
    const struct passwd *nobody = getpwnam("nobody");
    if (nobody == NULL)
        skip();
    char expected[128];
    (void)snprintf(expected, sizeof expected, "%u\n%u\n%u\n%u\n", nobody->pw_uid, nobody->pw_uid,
                   nobody->pw_gid, nobody->pw_gid);
    spec.uid = nobody->pw_uid;
    spec.gid = nobody->pw_gid;
    for (int i = 0; i < 2; i++) {
        spec.user = i == 0 ? NULL : "nobody";
        char *text = output_of(&spec);
        assert_string_equal(text, expected);
        free(text);
    }
}

static void own_user_needs_no_root(void **state)
{
    (void)state;
    struct child_spec spec = spec_of(SCRIPT("id -u"));
    char expected[32];
    spec.as_user = true;
    spec.uid = geteuid();
    spec.gid = getegid();
    (void)snprintf(expected, sizeof expected, "%u\n", geteuid());
    char *text = output_of(&spec);
    assert_string_equal(text, expected);
    free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(exit_status_is_told),
        TEST(failure_names_program_status_and_first_line),
        TEST(what_cannot_be_executed_is_reported),
        TEST(big_output_arrives_whole),
        TEST(output_beyond_the_bound_fails),
        TEST(errors_are_gathered_bounded_and_escaped),
        TEST(errors_come_before_the_output_has_ended),
        TEST(input_goes_through),
        TEST(much_input_goes_through),
        TEST(output_that_comes_while_writing_is_kept),
        TEST(program_may_stop_reading),
        TEST(without_pipes_there_is_dev_null),
        TEST(output_that_nobody_reads_is_thrown_away),
        TEST(cancel_ends_reading_writing_and_waiting),
        TEST(whole_group_is_ended),
        TEST(dies_with_its_parent),
        TEST(environment_and_folder_are_exact),
        TEST(arguments_are_exact),
        TEST(descriptors_are_not_inherited),
        TEST(parent_may_lack_the_standard_three),
        TEST(signals_are_as_at_login),
        TEST(becomes_another_user),
        TEST(own_user_needs_no_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
