/*
 * Driving the filesystem source as the core does, in a scratch directory.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "filesystem_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void fake_log(const struct sme_host *host, int level, const char *fmt, ...) SME_PRINTF(3, 4);
static void fake_log(const struct sme_host *host, int level, const char *fmt, ...)
{
    struct scratch *scratch = host->core;
    va_list ap;
    (void)level;
    va_start(ap, fmt);
    (void)vsnprintf(scratch->last_log, sizeof scratch->last_log, fmt, ap);
    va_end(ap);
}

static int fake_cancelled(const struct sme_host *host)
{
    struct scratch *scratch = host->core;
    if (scratch->polls_left == 0)
        return 1;
    scratch->polls_left--;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int scratch_set_up(void **state)
{
    const char *parent = getenv("TMPDIR");
    struct scratch *scratch = calloc(1, sizeof *scratch);
    if (scratch == NULL)
        return -1;
    char *real = realpath(parent != NULL && parent[0] == '/' ? parent : "/tmp", NULL);
    int len =
        real == NULL ? -1 : snprintf(scratch->path, sizeof scratch->path, "%s/source.XXXXXX", real);
    free(real);
    if (len < 0 || (size_t)len >= sizeof scratch->path || mkdtemp(scratch->path) == NULL ||
        chmod(scratch->path, 0755) < 0 || chdir(scratch->path) < 0) {
        free(scratch);
        return -1;
    }
    (void)umask(022);
    scratch->polls_left = UINT32_MAX;
    scratch->host = (struct sme_host){
        .struct_size = sizeof scratch->host,
        .abi = SME_ABI,
        .core = scratch,
        .instance = "test",
        .log = fake_log,
        .cancelled = fake_cancelled,
    };
    *state = scratch;
    return 0;
}

int scratch_tear_down(void **state)
{
    struct scratch *scratch = *state;
    become_root();
    int result = chdir("/");
    if (result == 0)
        result = nftw(scratch->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(scratch);
    return result;
}

void become_nobody(struct scratch *scratch)
{
    if (getuid() == 0) {
        assert_int_equal(setegid(65534), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    if (faccessat(AT_FDCWD, scratch->path, R_OK | X_OK, AT_EACCESS) != 0) {
        become_root();
        skip();
    }
}

/* Another effective user makes a process undumpable, and then the leak checker cannot work. */
void become_root(void)
{
    if (getuid() == 0 && geteuid() != 0) {
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(setegid(0), 0);
        assert_int_equal(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
    }
}

void make_file(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        fail_msg("cannot make '%s': %s", path, strerror(errno));
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(close(fd), 0);
}

void make_dir(const char *path)
{
    assert_int_equal(mkdir(path, 0755), 0);
}

int count_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    assert_int_equal(closedir(dir), 0);
    return count;
}

/* ---- driving the plugin through its descriptor -------------------------------------------------
 */

static void *field_of(struct rig *rig, const char *name, uint32_t type)
{
    for (uint32_t i = 0; i < sme_backup_plugin_v1.option_count; i++) {
        const struct sme_option *row = &sme_backup_plugin_v1.options[i];
        if (strcmp(row->name, name) == 0) {
            assert_int_equal(row->type, type);
            return (char *)rig->config + row->offset;
        }
    }
    fail_msg("no option '%s'", name);
    return NULL;
}

void rig_open(struct rig *rig, struct scratch *scratch, const struct setup *setup)
{
    static const char *const whole[] = {""};
    const char *const *paths = setup->paths != NULL ? setup->paths : whole;
    size_t count = setup->paths != NULL ? setup->path_count : 1;
    struct sme_error err = FRESH_ERROR;
    memset(rig, 0, sizeof *rig);
    rig->config = calloc(1, sme_backup_plugin_v1.config_size);
    assert_non_null(rig->config);
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++) {
        if (paths[i][0] == '/')
            rig->names[i] = strdup(paths[i]);
        else
            assert_true(asprintf(&rig->names[i], "%s/%s", scratch->path, paths[i]) > 0);
        rig->paths[i] = rig->names[i];
    }
    *(struct sme_list *)field_of(rig, "path", SME_OPT_LIST) = (struct sme_list){count, rig->paths};
    *(struct sme_list *)field_of(rig, "exclude", SME_OPT_LIST) =
        (struct sme_list){setup->exclude_count, setup->exclude};
    *(const char **)field_of(rig, "exclude_file", SME_OPT_PATH) = setup->exclude_file;
    *(bool *)field_of(rig, "exclude_caches", SME_OPT_BOOL) = !setup->with_caches;
    *(bool *)field_of(rig, "one_file_system", SME_OPT_BOOL) = !setup->all_file_systems;
    *(uint64_t *)field_of(rig, "exclude_larger", SME_OPT_SIZE) = setup->exclude_larger;
    const struct sme_source_ops *ops = sme_backup_plugin_v1.source;
    assert_int_equal(ops->create(&scratch->host, rig->config, &rig->handle, &err), SME_OK);
}

void rig_close(struct rig *rig)
{
    sme_backup_plugin_v1.source->destroy(rig->handle);
    for (size_t i = 0; i < 8; i++)
        free(rig->names[i]);
    free(rig->config);
}

int rig_begin(struct rig *rig, struct sme_error *err)
{
    const struct sme_run run = {.struct_size = sizeof run, .snapshot = "s"};
    return sme_backup_plugin_v1.source->begin(rig->handle, &run, err);
}

int rig_next(struct rig *rig, struct sme_item *item, struct sme_error *err)
{
    *item = (struct sme_item){.struct_size = sizeof *item, .dir_fd = -1};
    return sme_backup_plugin_v1.source->next(rig->handle, item, err);
}

void rig_end(struct rig *rig)
{
    struct sme_error err = FRESH_ERROR;
    assert_int_equal(sme_backup_plugin_v1.source->end(rig->handle, SME_COMMIT, &err), SME_OK);
}

static int compare_paths(const char *a, size_t a_len, const char *b, size_t b_len)
{
    for (size_t i = 0; i < a_len && i < b_len; i++) {
        int left = a[i] == '/' ? -1 : (unsigned char)a[i];
        int right = b[i] == '/' ? -1 : (unsigned char)b[i];
        if (left != right)
            return left - right;
    }
    return a_len == b_len ? 0 : a_len < b_len ? -1 : 1;
}

void check_item(struct checker *checker, const struct sme_item *item)
{
    assert_non_null(item->path);
    assert_int_equal(strlen(item->path), item->path_len);
    if (checker->count++ > 0)
        assert_true(compare_paths(checker->last, checker->last_len, item->path, item->path_len) <
                    0);
    free(checker->last);
    checker->last = strdup(item->path);
    assert_non_null(checker->last);
    checker->last_len = item->path_len;
    if ((item->flags & SME_ITEM_LOCATED) != 0 && item->failure != SME_E_NOT_FOUND) {
        struct stat st;
        assert_true(item->dir_serial != 0);
        assert_int_equal(fcntl(item->dir_fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(
            fstatat(item->dir_fd, item->name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), 0);
        if (item->type == SME_ITEM_DIRECTORY)
            assert_true(S_ISDIR(st.st_mode));
        if ((item->flags & SME_ITEM_HAS_STAT) != 0) {
            assert_int_equal(item->mode, st.st_mode & 07777u);
            assert_int_equal(item->uid, st.st_uid);
            assert_int_equal(item->ino, st.st_ino);
            assert_int_equal(item->mtime.sec, st.st_mtim.tv_sec);
        }
    }
    if ((item->flags & (SME_ITEM_FAILED | SME_ITEM_SKIPPED)) != 0)
        assert_non_null(item->failure_text);
    if ((item->flags & SME_ITEM_FAILED) != 0)
        assert_true(item->failure < 0);
}

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    assert_true((size_t)snprintf(text + used, size - used, "%s", more) < size - used);
}

void checker_done(struct checker *checker)
{
    free(checker->last);
    checker->last = NULL;
}

void rig_walk_text(struct rig *rig, char *text, size_t size)
{
    static const char letters[] = "?fdlpscb";
    struct checker checker = {0};
    struct sme_error err = FRESH_ERROR;
    struct sme_item item;
    int got;
    text[0] = '\0';
    while ((got = rig_next(rig, &item, &err)) > 0) {
        check_item(&checker, &item);
        const char letter[] = {letters[item.type], '\0'};
        append(text, size, letter);
        append(text, size, (item.flags & SME_ITEM_FAILED) != 0 ? "!" : "");
        append(text, size, (item.flags & SME_ITEM_SKIPPED) != 0 ? "-" : "");
        append(text, size, (item.flags & SME_ITEM_LOCATED) == 0 ? "~" : "");
        append(text, size, " ");
        append(text, size, item.path);
        if (item.failure_text != NULL) {
            append(text, size, ": ");
            append(text, size, item.failure_text);
        }
        append(text, size, "\n");
    }
    checker_done(&checker);
    if (got < 0)
        fail_msg("next: %s", err.message);
    /* and it stays the end */
    assert_int_equal(rig_next(rig, &item, &err), 0);
}

void check_walk(struct scratch *scratch, const struct setup *setup, const char *expected)
{
    static char text[1 << 16];
    struct rig rig;
    struct sme_error err = FRESH_ERROR;
    int before = count_descriptors();
    rig_open(&rig, scratch, setup);
    for (int round = 0; round < 2; round++) {
        if (rig_begin(&rig, &err) != SME_OK)
            fail_msg("begin: %s", err.message);
        rig_walk_text(&rig, text, sizeof text);
        rig_end(&rig);
        assert_string_equal(text, expected);
    }
    rig_close(&rig);
    assert_int_equal(count_descriptors(), before);
}

/* ${text} with ${path} for each '@' in it. */
static void expand(char *expanded, size_t size, const char *text, const char *path)
{
    for (const char *at = text; *at != '\0'; at++) {
        const char letter[] = {*at, '\0'};
        append(expanded, size, *at == '@' ? path : letter);
    }
}

void check_full_walk(struct scratch *scratch, const struct setup *setup, const char *expected)
{
    char text[4096] = "";
    const char *path = scratch->path + 1;
    for (size_t i = 1; i <= strlen(path); i++) {
        char line[300];
        if (path[i] != '/' && path[i] != '\0')
            continue;
        assert_true(snprintf(line, sizeof line, "d %.*s\n", (int)i, path) < (int)sizeof line);
        append(text, sizeof text, line);
    }
    expand(text, sizeof text, expected, path);
    check_walk(scratch, setup, text);
}

void check_begin_fails(struct scratch *scratch, const struct setup *setup, int status,
                       const char *message, const char *hint)
{
    char expected[1024] = "";
    struct rig rig;
    int before = count_descriptors();
    expand(expected, sizeof expected, message, scratch->path);
    rig_open(&rig, scratch, setup);
    for (int round = 0; round < 2; round++) {
        struct sme_error err = FRESH_ERROR;
        int got = round == 0 ? sme_backup_plugin_v1.source->check(rig.handle, &err)
                             : rig_begin(&rig, &err);
        assert_int_equal(got, status);
        assert_int_equal(err.status, status);
        assert_string_equal(err.message, expected);
        if (hint != NULL)
            assert_string_equal(err.hint, hint);
    }
    rig_close(&rig);
    assert_int_equal(count_descriptors(), before);
}
