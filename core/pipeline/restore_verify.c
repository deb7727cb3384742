/*
 * Reading back what was restored, and comparing it with the chunks' ids.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The calling thread walks the items once more and queues pieces of files; workers read them.
 */
#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/limits.h"
#include "restore_item.h"
#include "restore_walk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PART_PIECES 1024
#define QUEUE_PIECES 16384
#define QUEUE_PARTS 1024

/* A stretch of data; the chunk that it belongs to may go on behind a hole. */
struct verify_piece {
    uint64_t offset;
    uint32_t len;
    bool ends_chunk;
    struct chunk_id id; /* with ends_chunk */
};

/* A file, shared by its parts. */
struct verify_file {
    atomic_uint users;
    atomic_bool bad;
    uint64_t dir_serial;
    uint64_t size;
    size_t name_at; /* in ${path} */
    char path[];
};

struct verify_part {
    struct verify_part *next;
    struct verify_file *file; /* one user */
    uint32_t count, cap;
    struct verify_piece *pieces;
};

struct verify_queue {
    struct verify_part *first, **last; /* under the job's lock, as all that follows */
    size_t pieces, parts;
};

struct verifier {
    struct restore_job *job;
    struct block_reader *reader;
    struct verify_file *previous; /* held, for its directory's serial */
};

/* ---- workers ------------------------------------------------------------------------------ */

struct verify_tools {
    struct restore_job *job;
    struct extract_dirs dirs;
    struct sealer *sealer;
    uint8_t *chunk;
};

static void let_go(struct restore_job *job, struct verify_file *file)
{
    if (file != NULL && atomic_fetch_sub(&file->users, 1) == 1) {
        if (!atomic_load(&file->bad) && !atomic_load(&job->stopped)) {
            job->numbers.verified++;
        }
        free(file);
    }
}

static void report(struct restore_job *job, struct verify_file *file, const struct sme_error *err)
{
    if (!atomic_exchange(&file->bad, true)) {
        restore_problem(job, file->path, err);
    }
}

static int open_file(struct verify_tools *tools, struct verify_file *file, struct sme_error *err)
{
    struct stat st;
    char *slash = file->name_at > 0 ? strndup(file->path, file->name_at - 1) : strdup("");
    CLEANUP(free_ptr) char *dir_path = slash;

    if (dir_path == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to read it back");
    }
    struct extract_dir *dir = extract_dirs_get(&tools->dirs, file->dir_serial, dir_path);
    CLEANUP(close_fd)
    int fd = dir == NULL ? -1
                         : openat(dir->fd, file->path + file->name_at,
                                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        return error_errno(err, "cannot read it back");
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != file->size) {
        return sme_fail(err, SME_E_CORRUPT,
                        "reading it back: it has %lld bytes, but the snapshot has %llu",
                        (long long)st.st_size, (unsigned long long)file->size);
    }
    return STEAL_FD(fd);
}

static int compare(struct verify_tools *tools, const struct verify_part *part, int fd,
                   struct sme_error *err)
{
    struct chunk_id id;
    size_t have = 0;

    for (uint32_t i = 0; i < part->count; i++) {
        const struct verify_piece *piece = &part->pieces[i];
        ssize_t got = io_pread_full(fd, tools->chunk + have, piece->len, piece->offset);
        if (got < 0) {
            return error_errno(err, "cannot read it back at byte %llu",
                               (unsigned long long)piece->offset);
        }
        have += (size_t)got;
        if ((size_t)got < piece->len) {
            return sme_fail(err, SME_E_CORRUPT, "reading it back: it is too short");
        }
        if (!piece->ends_chunk) {
            continue;
        }
        int status = sealer_chunk_id(tools->sealer, tools->chunk, have, &id);
        if (status < 0) {
            return sme_fail(err, status, "cannot compute a chunk's id");
        }
        if (memcmp(id.bytes, piece->id.bytes, sizeof id.bytes) != 0) {
            (void)sme_fail(err, SME_E_CORRUPT,
                           "reading it back: the bytes up to %llu are not those of the snapshot",
                           (unsigned long long)(piece->offset + piece->len));
            return error_hint(err, "check disk and memory of this host");
        }
        have = 0;
    }
    return SME_OK;
}

static void verify_one(struct verify_tools *tools, struct verify_part *part)
{
    struct sme_error err = SME_ERROR_INIT;

    if (!restore_job_stopped(tools->job) && !atomic_load(&part->file->bad)) {
        CLEANUP(close_fd) int fd = open_file(tools, part->file, &err);
        if (fd < 0 || compare(tools, part, fd, &err) < 0) {
            report(tools->job, part->file, &err);
        }
    }
    let_go(tools->job, part->file);
    free(part->pieces);
    free(part);
}

static void *verify_work(void *argument)
{
    struct restore_job *job = argument;
    struct verify_queue *queue = job->verify;
    struct verify_tools tools = {.job = job};
    struct sme_error err = SME_ERROR_INIT;

    extract_dirs_init(&tools.dirs, job->root_fd);
    tools.chunk = malloc(LIMIT_CHUNK);
    if (tools.chunk == NULL) {
        (void)sme_fail(&err, SME_E_NO_MEMORY, "no memory to read back");
        restore_job_fail(job, &err);
    } else if (sealer_new(&job->params->vault->keys, &tools.sealer, &err) < 0) {
        restore_job_fail(job, &err);
    }
    (void)pthread_mutex_lock(&job->lock);
    for (;;) {
        struct verify_part *part = queue->first;
        if (part == NULL && job->closed) {
            break;
        }
        if (part == NULL) {
            (void)pthread_cond_wait(&job->work, &job->lock);
            continue;
        }
        queue->first = part->next;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
        queue->pieces -= part->count;
        queue->parts--;
        (void)pthread_cond_signal(&job->room);
        (void)pthread_mutex_unlock(&job->lock);
        verify_one(&tools, part);
        (void)pthread_mutex_lock(&job->lock);
    }
    job->running--;
    (void)pthread_mutex_unlock(&job->lock);
    extract_dirs_done(&tools.dirs);
    sealer_free(tools.sealer);
    free(tools.chunk);
    return NULL;
}

/* ---- the walk ----------------------------------------------------------------------------- */

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "no memory to read back");
}

static void enqueue(struct restore_job *job, struct verify_part *part)
{
    struct verify_queue *queue = job->verify;

    (void)pthread_mutex_lock(&job->lock);
    while (queue->parts >= QUEUE_PARTS || (queue->parts > 0 && queue->pieces >= QUEUE_PIECES)) {
        (void)pthread_cond_wait(&job->room, &job->lock);
    }
    *queue->last = part;
    queue->last = &part->next;
    queue->pieces += part->count;
    queue->parts++;
    (void)pthread_cond_signal(&job->work);
    (void)pthread_mutex_unlock(&job->lock);
}

static struct verify_part *part_new(struct verify_file *file)
{
    struct verify_part *part = calloc(1, sizeof *part);

    if (part != NULL) {
        part->file = file;
        (void)atomic_fetch_add(&file->users, 1);
    }
    return part;
}

static bool add_piece(struct verify_part *part, const struct verify_piece *piece)
{
    if (part->count == part->cap) {
        uint32_t cap = part->cap == 0 ? 1 : part->cap * 2;
        struct verify_piece *grown = reallocarray(part->pieces, cap, sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        part->pieces = grown;
        part->cap = cap;
    }
    part->pieces[part->count++] = *piece;
    return true;
}

static struct verify_file *file_new(struct verifier *verifier, const struct item_view *view)
{
    struct verify_file *file = calloc(1, sizeof *file + view->path_len + 1);

    if (file == NULL) {
        return NULL;
    }
    atomic_init(&file->users, 1);
    memcpy(file->path, view->path, view->path_len);
    const char *slash = strrchr(file->path, '/');
    file->name_at = slash != NULL ? (size_t)(slash - file->path) + 1 : 0;
    file->size = view->size;
    const struct verify_file *previous = verifier->previous;
    bool same_dir = previous != NULL && previous->name_at == file->name_at &&
                    memcmp(previous->path, file->path, file->name_at) == 0;
    file->dir_serial =
        same_dir ? previous->dir_serial : atomic_fetch_add(&verifier->job->next_serial, 1) + 1;
    return file;
}

/* Queue the file's pieces.  What does not fit was reported by the restore already. */
static int queue_file(struct verifier *verifier, struct verify_file *file,
                      const struct item_view *view, struct sme_error *err)
{
    struct verify_part *part = part_new(file);
    struct extents extents;
    struct ref_iter refs;
    struct block_chunk ref;
    int more = 0;

    extents_init(&extents, view);
    int status = ref_iter_init(&refs, verifier->reader, view, err);
    while (status == SME_OK && part != NULL && (more = ref_iter_next(&refs, &ref, err)) > 0) {
        struct verify_piece piece = {.id = ref.id};
        uint32_t left = ref.len;
        uint64_t len = 0;
        while (left > 0 && extents_take(&extents, left, &piece.offset, &len)) {
            left -= (uint32_t)len;
            piece.len = (uint32_t)len;
            piece.ends_chunk = left == 0;
            if (!add_piece(part, &piece)) {
                status = no_memory(err);
                break;
            }
        }
        if (status == SME_OK && part->count >= PART_PIECES) {
            enqueue(verifier->job, part);
            part = part_new(file);
        }
    }
    ref_iter_done(&refs);
    if (part == NULL) {
        return no_memory(err);
    }
    enqueue(verifier->job, part);
    return more < 0 ? more : status;
}

static int visit(void *cookie, const struct item_view *view, bool selected, struct sme_error *err)
{
    struct verifier *verifier = cookie;

    if (restore_job_stopped(verifier->job)) {
        return sme_fail(err, SME_E_CANCELLED, "the restore was stopped");
    }
    if (!selected || view->type != SME_ITEM_FILE ||
        restore_is_unverified(verifier->job, view->path, view->path_len)) {
        return SME_OK;
    }
    struct verify_file *file = file_new(verifier, view);
    if (file == NULL) {
        return no_memory(err);
    }
    int status = queue_file(verifier, file, view, err);
    /* The one before is let go only now: its directory was still needed. */
    let_go(verifier->job, verifier->previous);
    verifier->previous = file;
    return status;
}

int restore_job_verify(struct restore_job *job, struct sme_error *err)
{
    const struct restore_params *params = job->params;
    struct verifier verifier = {.job = job};
    struct verify_queue queue = {0};
    struct select select;
    pthread_t *threads = NULL;

    int status = select_init(&select, params->patterns, params->pattern_count, params->exact, err);
    if (status < 0) {
        return status;
    }
    queue.last = &queue.first;
    job->verify = &queue;
    status = block_reader_new(params->vault, &verifier.reader, err);
    if (status == SME_OK) {
        status = restore_start_workers(job, verify_work, &threads, err);
    }
    if (status == SME_OK) {
        status = restore_walk(params->vault, params->snapshot, &select, visit, &verifier, err);
        if (status < 0) {
            restore_job_fail(job, err);
        }
        let_go(job, verifier.previous);
        (void)pthread_mutex_lock(&job->lock);
        job->closed = true;
        (void)pthread_cond_broadcast(&job->work);
        (void)pthread_mutex_unlock(&job->lock);
        restore_join_workers(job, threads);
    }
    if (job->has_failure) {
        *err = job->failure;
        status = err->status;
    }
    block_reader_free(verifier.reader);
    select_done(&select);
    job->verify = NULL;
    return status;
}
