/*
 * SQLite databases as a source of sme-backup: each as a file, copied while it is in use.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "copy.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASES_MAX 100000

struct config {
    struct sme_list database;
    uint64_t busy_timeout;
    bool verify;
    const char *scratch;
};

static const struct sme_option options[] = {
    SME_OPTION_LIST(struct config, database, "database", SME_OPT_REQUIRED | SME_OPT_PATHS, NULL,
                    "Paths of databases; *, ? and [...] in them are patterns."),
    SME_OPTION_DURATION(struct config, busy_timeout, "busy_timeout", 0, "30s", 0, 86400000,
                        "How long to wait for a database that is locked."),
    SME_OPTION_BOOL(struct config, verify, "verify", 0, "yes",
                    "Check each copy with PRAGMA quick_check, and report what it finds."),
    SME_OPTION_PATH(struct config, scratch, "scratch", 0, NULL,
                    "Folder for the copy of one database; without it, that of the source's state."),
};

struct state {
    const struct sme_host *host;
    const struct config *config;
    const char *folder; /* for the copies of this run              */
    char **paths;       /* of the databases, in the order of items */
    size_t count, next;
    struct copy copy; /* of the current item; fd -1: none */
    uint64_t done;    /* bytes of it that were read       */
    struct sme_error failure;
    char page_count[24], page_size[24];
    struct sme_extra extras[2];
};

static int create(const struct sme_host *host, const void *config, void **ret_handle,
                  struct sme_error *err)
{
    struct state *state = calloc(1, sizeof *state);

    if (state == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for '%s'", host->instance);
    state->host = host;
    state->config = config;
    state->copy.fd = -1;
    *ret_handle = state;
    return SME_OK;
}

static void drop_copy(struct state *state)
{
    if (state->copy.fd >= 0)
        (void)close(state->copy.fd);
    state->copy.fd = -1;
}

static void forget_run(struct state *state)
{
    drop_copy(state);
    for (size_t i = 0; i < state->count; i++)
        free(state->paths[i]);
    free(state->paths);
    state->paths = NULL;
    state->count = state->next = 0;
}

static void destroy(void *handle)
{
    if (handle != NULL)
        forget_run(handle);
    free(handle);
}

/* ---- which databases there are ------------------------------------------------------------ */

/* Files that belong to a database, and are in its copy already. */
static bool is_companion(const char *path)
{
    static const char *const endings[] = {"-wal", "-shm", "-journal"};
    size_t len = strlen(path);

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t one = strlen(endings[i]);
        if (len > one && strcmp(path + len - one, endings[i]) == 0)
            return true;
    }
    return false;
}

static int add_path(struct state *state, const char *path, struct sme_error *err)
{
    char **more = state->count < DATABASES_MAX
                      ? realloc(state->paths, (state->count + 1) * sizeof *more)
                      : NULL;

    if (more == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for %zu databases", state->count + 1);
    state->paths = more;
    state->paths[state->count] = strdup(path);
    if (state->paths[state->count] == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for '%s'", path);
    state->count++;
    return SME_OK;
}

static int find_matches(struct state *state, const char *pattern, struct sme_error *err)
{
    bool is_pattern = strpbrk(pattern, "*?[") != NULL;
    glob_t found = {.gl_pathc = 0};
    int status = SME_OK;

    if (!is_pattern)
        return add_path(state, pattern, err); /* that it is not there is told with the item */
    int got = glob(pattern, 0, NULL, &found);
    if (got == GLOB_NOMATCH)
        state->host->log(state->host, SME_LOG_WARNING, "no file is like '%s'", pattern);
    else if (got != 0)
        status = sme_fail(err, SME_E_IO, "cannot look for files like '%s'", pattern);
    for (size_t i = 0; got == 0 && i < found.gl_pathc && status == SME_OK; i++) {
        struct stat st;
        if (!is_companion(found.gl_pathv[i]) && stat(found.gl_pathv[i], &st) == 0 &&
            S_ISREG(st.st_mode))
            status = add_path(state, found.gl_pathv[i], err);
    }
    globfree(&found);
    return status;
}

/* The order of items: byte by byte, '/' below all others. */
static int by_item(const void *a, const void *b)
{
    const unsigned char *left = *(const unsigned char *const *)a;
    const unsigned char *right = *(const unsigned char *const *)b;

    while (*left == *right && *left != '\0') {
        left++;
        right++;
    }
    int l = *left == '/' ? 1 : *left == '\0' ? 0 : *left + 1;
    int r = *right == '/' ? 1 : *right == '\0' ? 0 : *right + 1;
    return l - r;
}

/* Paths as an item has them: without repeated slashes. */
static void tidy(char *path)
{
    char *to = path;

    for (const char *from = path; *from != '\0'; from++) {
        if (*from != '/' || to == path || to[-1] != '/')
            *to++ = *from;
    }
    *to = '\0';
}

static int list_databases(struct state *state, struct sme_error *err)
{
    const struct sme_list *patterns = &state->config->database;
    size_t kept = 0;
    int status = SME_OK;

    for (size_t i = 0; i < patterns->count && status == SME_OK; i++)
        status = find_matches(state, patterns->items[i], err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < state->count; i++)
        tidy(state->paths[i]);
    if (state->count > 1)
        qsort(state->paths, state->count, sizeof *state->paths, by_item);
    for (size_t i = 0; i < state->count; i++) {
        if (kept > 0 && strcmp(state->paths[kept - 1], state->paths[i]) == 0)
            free(state->paths[i]);
        else
            state->paths[kept++] = state->paths[i];
    }
    state->count = kept;
    if (kept == 0) {
        (void)sme_fail(err, SME_E_NOT_FOUND, "there is no database for '%s'",
                       state->host->instance);
        (void)snprintf(err->hint, sizeof err->hint, "look at the option 'database'");
        return SME_E_NOT_FOUND;
    }
    return SME_OK;
}

/* ---- calls -------------------------------------------------------------------------------- */

static int check(void *handle, struct sme_error *err)
{
    struct state *state = handle;
    size_t readable = 0;
    int status = list_databases(state, err);

    for (size_t i = 0; i < state->count && status == SME_OK; i++) {
        if (access(state->paths[i], R_OK) == 0)
            readable++;
        else
            state->host->log(state->host, SME_LOG_WARNING, "cannot read database '%s': %s",
                             state->paths[i], strerror(errno));
    }
    if (status == SME_OK && readable == 0)
        status = sme_fail_errno(err, errno == ENOENT ? SME_E_NOT_FOUND : SME_E_DENIED,
                                "cannot read database '%s'", state->paths[state->count - 1]);
    forget_run(state);
    return status;
}

static int begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    struct state *state = handle;
    bool is_dry = (run->flags & SME_RUN_DRY) != 0;

    state->folder = state->config->scratch != NULL             ? state->config->scratch
                    : is_dry || state->host->state_dir == NULL ? P_tmpdir
                                                               : state->host->state_dir;
    if (!is_dry && state->folder == state->host->state_dir)
        copy_forget(state->folder); /* of a run that was killed */
    int status = list_databases(state, err);
    if (status < 0)
        forget_run(state);
    return status;
}

static void fill_extras(struct state *state, struct sme_item *item)
{
    (void)snprintf(state->page_count, sizeof state->page_count, "%lld", state->copy.page_count);
    (void)snprintf(state->page_size, sizeof state->page_size, "%lld", state->copy.page_size);
    state->extras[0] = (struct sme_extra){"sqlite.page_count", state->page_count};
    state->extras[1] = (struct sme_extra){"sqlite.page_size", state->page_size};
    item->extras = state->extras;
    item->extra_count = 2;
}

/* Rights, owner and times are those of the database, size and content those of the copy. */
static void fill_stat(struct sme_item *item, const struct stat *st, int fd)
{
    struct stat copy;

    item->flags |= SME_ITEM_HAS_STAT;
    item->mode = st->st_mode & 07777;
    item->uid = st->st_uid;
    item->gid = st->st_gid;
    item->nlink = 1;
    item->mtime.sec = st->st_mtim.tv_sec;
    item->mtime.nsec = (uint32_t)st->st_mtim.tv_nsec;
    if (fd >= 0 && fstat(fd, &copy) == 0)
        item->size = (uint64_t)copy.st_size;
}

static int next(void *handle, struct sme_item *item, struct sme_error *err)
{
    struct state *state = handle;
    struct sme_item found = *item;
    struct stat st;

    drop_copy(state);
    if (state->host->cancelled(state->host))
        return sme_fail(err, SME_E_CANCELLED, "cancelled");
    if (state->next == state->count)
        return 0;
    const char *path = state->paths[state->next++];
    found.path = path + 1;
    found.path_len = strlen(path + 1);
    found.type = SME_ITEM_FILE;
    found.flags = SME_ITEM_STREAM | SME_ITEM_FIXED_CHUNKS;
    memset(&state->failure, 0, sizeof state->failure);
    state->failure.struct_size = sizeof state->failure;
    const struct copy_request request = {.host = state->host,
                                         .database = path,
                                         .folder = state->folder,
                                         .patience_ms = state->config->busy_timeout,
                                         .verify = state->config->verify};
    int status = stat(path, &st) == 0
                     ? copy_make(&request, &state->copy, &state->failure)
                     : sme_fail_errno(&state->failure, SME_E_NOT_FOUND, "cannot read '%s'", path);
    if (status == SME_E_CANCELLED)
        return sme_fail(err, status, "%s", state->failure.message);
    if (status < 0) { /* this one alone: the others are backed up all the same */
        found.flags = SME_ITEM_FAILED;
        found.failure = status;
        found.failure_text = state->failure.message;
    } else {
        fill_extras(state, &found);
        fill_stat(&found, &st, state->copy.fd);
        if (state->copy.finding[0] != '\0')
            state->host->problem(state->host, found.path, found.path_len, state->copy.finding);
    }
    state->done = 0;
    *item = found;
    return 1;
}

static int64_t read_content(void *handle, void *buf, size_t len, struct sme_error *err)
{
    struct state *state = handle;
    ssize_t got;

    if (state->host->cancelled(state->host))
        return sme_fail(err, SME_E_CANCELLED, "cancelled");
    do {
        got = pread(state->copy.fd, buf, len, (off_t)state->done);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return sme_fail_errno(err, SME_E_IO, "cannot read the copy of '%s'",
                              state->paths[state->next - 1]);
    state->done += (uint64_t)got;
    return got;
}

static int end(void *handle, int outcome, struct sme_error *err)
{
    (void)outcome;
    (void)err;
    forget_run(handle);
    return SME_OK;
}

static const struct sme_source_ops ops = {
    .struct_size = sizeof ops,
    .create = create,
    .destroy = destroy,
    .check = check,
    .begin = begin,
    .next = next,
    .read = read_content,
    .end = end,
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof sme_backup_plugin_v1,
    .option_size = sizeof options[0],
    .threads = SME_THREADS_PER_HANDLE,
    .option_count = sizeof options / sizeof options[0],
    .name = "sqlite",
    .version = "1.0",
    .summary = "SQLite databases, consistent while they are in use",
    .options = options,
    .config_size = sizeof(struct config),
    .source = &ops,
};
