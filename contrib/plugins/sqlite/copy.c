/*
 * A consistent copy of one SQLite database.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The online-backup API copies pages within one read transaction: in write-ahead mode writers go
 * on meanwhile, in the rollback modes their commits wait.
 */
#include "copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define STEP_PAGES 256
#define POLL_OPS 100000 /* operations of the virtual machine between two looks at cancelled() */
#define NAP_MS 20
#define COPY_PATH 4200

struct work {
    const struct copy_request *request;
    uint64_t waited_ms;
    sqlite3 *from;
    sqlite3 *to;
    sqlite3 *look; /* at the copy, once it is complete */
};

static bool is_cancelled(const struct work *work)
{
    return work->request->host->cancelled(work->request->host) != 0;
}

/* Somebody holds a lock: 1 to try again. */
static int on_busy(void *cookie, int count)
{
    const struct timespec nap = {.tv_nsec = NAP_MS * 1000000};
    struct work *work = cookie;

    (void)count;
    if (is_cancelled(work) || work->waited_ms >= work->request->patience_ms)
        return 0;
    (void)nanosleep(&nap, NULL);
    work->waited_ms += NAP_MS;
    return 1;
}

static int on_progress(void *cookie)
{
    return is_cancelled(cookie);
}

/* What SQLite said of ${db}, as the class that fits it. */
static int failed(const struct work *work, sqlite3 *db, int code, struct sme_error *err)
{
    int status = SME_E_IO;

    if (is_cancelled(work))
        return sme_fail(err, SME_E_CANCELLED, "cancelled while copying '%s'",
                        work->request->database);
    switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        status = SME_E_CORRUPT;
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        status = SME_E_BUSY;
        break;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        status = SME_E_DENIED;
        break;
    case SQLITE_FULL:
        status = SME_E_NO_SPACE;
        break;
    case SQLITE_NOMEM:
        status = SME_E_NO_MEMORY;
        break;
    default:
        break;
    }
    return sme_fail(err, status, "cannot copy database '%s': %s", work->request->database,
                    db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

static int open_from(struct work *work, struct sme_error *err)
{
    int code = sqlite3_open_v2(work->request->database, &work->from,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_busy_handler(work->from, on_busy, work);
    /* The transaction begins with the first look, and lasts until the connection is closed. */
    if (code == SQLITE_OK)
        code =
            sqlite3_exec(work->from, "BEGIN; SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
    return code == SQLITE_OK ? SME_OK : failed(work, work->from, code, err);
}

/* ${path} as a URI, in which some characters mean something. */
static void make_uri(const char *path, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "file:");

    for (; *path != '\0' && used + 20 < size; path++) {
        if (strchr("%?#", *path) != NULL)
            used += (size_t)snprintf(out + used, size - used, "%%%02x", (unsigned char)*path);
        else
            out[used++] = *path;
    }
    (void)snprintf(out + used, size - used, "?immutable=1");
}

/* The copy's name is ${path}; it loses it in open_look(). */
static int open_to(struct work *work, char *path, size_t size, int *ret_fd, struct sme_error *err)
{
    int len = snprintf(path, size, "%s/sqlite-copy-XXXXXX", work->request->folder);

    if (len < 0 || (size_t)len >= size)
        return sme_fail(err, SME_E_INVALID, "the path of '%s' is too long", work->request->folder);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return sme_fail_errno(err, errno == ENOSPC ? SME_E_NO_SPACE : SME_E_IO,
                              "cannot make the file '%s'", path);
    int code = sqlite3_open_v2(path, &work->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(work->to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL,
                            NULL);
    if (code != SQLITE_OK) {
        (void)close(fd);
        (void)unlink(path);
        return failed(work, work->to, code, err);
    }
    *ret_fd = fd;
    return SME_OK;
}

static int copy_pages(struct work *work, struct sme_error *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(work->to, "main", work->from, "main");
    int code = SQLITE_OK;

    if (backup == NULL)
        return failed(work, work->to, sqlite3_errcode(work->to), err);
    while (code == SQLITE_OK ||
           ((code == SQLITE_BUSY || code == SQLITE_LOCKED) && on_busy(work, 0) != 0)) {
        if (is_cancelled(work)) {
            code = SQLITE_INTERRUPT;
            break;
        }
        code = sqlite3_backup_step(backup, STEP_PAGES);
    }
    int closed = sqlite3_backup_finish(backup);
    if (code == SQLITE_DONE && closed == SQLITE_OK)
        return SME_OK;
    return failed(work, code == SQLITE_INTERRUPT ? NULL : work->to,
                  code == SQLITE_DONE ? closed : code, err);
}

/*
 * The copy of a database in write-ahead mode says that it is in that mode too, and SQLite would
 * want to make its log beside the file; so it is looked at through a connection that takes it as it
 * is. SQLite notes the size of such a file when it opens it, so the copy must be complete.
 */
static int open_look(struct work *work, const char *path, struct sme_error *err)
{
    char uri[3 * COPY_PATH];

    make_uri(path, uri, sizeof uri);
    int code = sqlite3_open_v2(uri, &work->look,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
    return code == SQLITE_OK ? SME_OK : failed(work, work->look, code, err);
}

/* ---- the copy, looked at ------------------------------------------------------------------ */

static int take_text(void *cookie, int count, char **values, char **names)
{
    struct copy *copy = cookie;

    (void)names;
    if (count == 1 && values[0] != NULL && strcmp(values[0], "ok") != 0 && copy->finding[0] == '\0')
        (void)snprintf(copy->finding, sizeof copy->finding, "%s", values[0]);
    return 0;
}

static int take_number(void *cookie, int count, char **values, char **names)
{
    (void)names;
    if (count == 1 && values[0] != NULL)
        *(long long *)cookie = strtoll(values[0], NULL, 10);
    return 0;
}

static int look_at_copy(struct work *work, struct copy *copy, struct sme_error *err)
{
    sqlite3_progress_handler(work->look, POLL_OPS, on_progress, work);
    (void)sqlite3_exec(work->look, "PRAGMA page_count", take_number, &copy->page_count, NULL);
    (void)sqlite3_exec(work->look, "PRAGMA page_size", take_number, &copy->page_size, NULL);
    if (!work->request->verify)
        return SME_OK;
    int code = sqlite3_exec(work->look, "PRAGMA quick_check(1)", take_text, copy, NULL);
    if (is_cancelled(work))
        return failed(work, NULL, code, err);
    /* A copy that cannot even be checked is still the best that there is. */
    if (code != SQLITE_OK && copy->finding[0] == '\0')
        (void)snprintf(copy->finding, sizeof copy->finding, "%s", sqlite3_errmsg(work->look));
    return SME_OK;
}

int copy_make(const struct copy_request *request, struct copy *ret_copy, struct sme_error *err)
{
    struct work work = {.request = request};
    struct copy copy = {.fd = -1};
    char path[COPY_PATH];

    int status = open_from(&work, err);
    if (status == SME_OK)
        status = open_to(&work, path, sizeof path, &copy.fd, err);
    if (status == SME_OK)
        status = copy_pages(&work, err);
    if (status == SME_OK)
        status = open_look(&work, path, err);
    if (copy.fd >= 0)
        (void)unlink(path);
    (void)sqlite3_close(work.from); /* writers need not wait for the check */
    if (status == SME_OK)
        status = look_at_copy(&work, &copy, err);
    (void)sqlite3_close(work.look);
    (void)sqlite3_close(work.to);
    if (status == SME_OK)
        *ret_copy = copy;
    else if (copy.fd >= 0)
        (void)close(copy.fd);
    return status;
}

void copy_forget(const char *folder)
{
    DIR *stream = opendir(folder);

    for (struct dirent *entry = NULL; stream != NULL && (entry = readdir(stream)) != NULL;) {
        if (strncmp(entry->d_name, "sqlite-copy-", 12) == 0)
            (void)unlinkat(dirfd(stream), entry->d_name, 0);
    }
    if (stream != NULL)
        (void)closedir(stream);
}
