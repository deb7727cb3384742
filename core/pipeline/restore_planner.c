/*
 * The planner of a restore: makes directories, and turns items into windows of work.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/limits.h"
#include "restore_item.h"
#include "restore_walk.h"
#include "filemeta.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PROGRESS_NS (NS_PER_SEC / 5)
#define LOOK_EVERY 256 /* items between two looks at the clock */
#define WINDOWS_WAITING 2
#define REMOTE_RANGE (4u << 20)
#define REMOTE_GAP (64u << 10)
#define LOCAL_RANGE (2u << 20)

struct planner {
    struct restore_tools tools;
    struct restore_job *job;
    struct select select;
    struct restore_dir **stack; /* the root and the directories that lead to where we are */
    size_t depth, stack_cap;
    bool target_was_empty;
    struct restore_window *window;
    uint64_t window_limit; /* grows: the first windows come soon */
    uint64_t window_max;
    uint64_t planned_bytes;
    uint64_t visited;
    int64_t next_progress;
};

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "no memory to plan the restore");
}

/* ---- windows ------------------------------------------------------------------------------ */

static void show_progress(struct planner *planner)
{
    int64_t now = clock_monotonic_ns();

    if (planner->job->params->progress != NULL && now >= planner->next_progress) {
        planner->job->params->progress(planner->job->params->cookie);
        planner->next_progress = now + PROGRESS_NS;
    }
}

/* Wait on ${condition} under the job's lock, but not for longer than until the next progress. */
static void wait_a_while(struct planner *planner, pthread_cond_t *condition)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += PROGRESS_NS;
    if (until.tv_nsec >= NS_PER_SEC) {
        until.tv_nsec -= NS_PER_SEC;
        until.tv_sec++;
    }
    (void)pthread_cond_timedwait(condition, &planner->job->lock, &until);
    (void)pthread_mutex_unlock(&planner->job->lock);
    show_progress(planner);
    (void)restore_job_stopped(planner->job);
    (void)pthread_mutex_lock(&planner->job->lock);
}

/* Give the window to the workers. */
static int flush(struct planner *planner, struct sme_error *err)
{
    struct restore_job *job = planner->job;
    struct restore_window *window = planner->window;
    bool local = (store_limits(job->params->vault->repo->store)->flags & SME_SINK_LOCAL) != 0;
    const struct range_limits limits = {
        .length = local ? LOCAL_RANGE : REMOTE_RANGE,
        .gap = local ? 0 : REMOTE_GAP,
    };

    if (window->target_count == 0 && window->loose_count == 0) {
        return SME_OK;
    }
    struct restore_window *fresh = restore_window_new();
    if (fresh == NULL || !restore_window_seal(window, job->params->vault->index, &limits)) {
        restore_window_free(fresh);
        return no_memory(err);
    }
    planner->window = fresh;
    planner->window_limit = planner->window_limit * 2 < planner->window_max
                                ? planner->window_limit * 2
                                : planner->window_max;
    (void)pthread_mutex_lock(&job->lock);
    while (job->windows >= WINDOWS_WAITING && job->running > 0) {
        wait_a_while(planner, &job->room);
    }
    *job->last = window;
    job->last = &window->next;
    job->windows++;
    (void)pthread_cond_broadcast(&job->work);
    (void)pthread_mutex_unlock(&job->lock);
    return SME_OK;
}

static int flush_if_full(struct planner *planner, struct sme_error *err)
{
    return planner->window->weight < planner->window_limit ? SME_OK : flush(planner, err);
}

/* ---- directories -------------------------------------------------------------------------- */

static struct restore_dir *top(const struct planner *planner)
{
    return planner->stack[planner->depth - 1];
}

static int push(struct planner *planner, const char *path, size_t len, const struct item_view *view,
                struct sme_error *err)
{
    if (planner->depth == planner->stack_cap) {
        size_t cap = planner->stack_cap == 0 ? 64 : planner->stack_cap * 2;
        struct restore_dir **grown = reallocarray(planner->stack, cap, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        planner->stack = grown;
        planner->stack_cap = cap;
    }
    struct restore_dir *dir =
        restore_dir_new(planner->job, planner->depth > 0 ? top(planner) : NULL, path, len, view);
    if (dir == NULL) {
        return no_memory(err);
    }
    planner->stack[planner->depth++] = dir;
    return SME_OK;
}

static bool is_inside(const struct restore_dir *dir, const char *path, size_t len)
{
    return dir->path_len == 0 || (len > dir->path_len && path[dir->path_len] == '/' &&
                                  memcmp(path, dir->path, dir->path_len) == 0);
}

/* The root: metadata only if all of the snapshot is wanted.  An empty folder is as good as new. */
static int enter_root(struct planner *planner, const struct item_view *view, struct sme_error *err)
{
    bool has_item = view != NULL && view->path_len == 0;
    int status = push(planner, "", 0, has_item ? view : NULL, err);

    if (status == SME_OK) {
        struct restore_dir *root = top(planner);
        root->made = true;
        root->existed = !planner->target_was_empty;
        root->has_meta = root->has_meta && planner->select.everything;
        root->incomplete = false;
    }
    return status;
}

/* Directories between the top of the stack and ${path} that were not visited: looked up when the
 * walk goes from path to path, made with a mode of their own otherwise. */
static int enter_parents(struct planner *planner, const char *path, size_t len,
                         struct sme_error *err)
{
    const struct restore_params *params = planner->job->params;
    size_t from = top(planner)->path_len;
    int status = SME_OK;

    for (size_t at = from == 0 ? 0 : from + 1; at < len && status == SME_OK; at++) {
        if (path[at] != '/') {
            continue;
        }
        struct item_iter *iter = NULL;
        struct item_view view;
        bool found = false;
        char *prefix = strndup(path, at);
        if (prefix == NULL) {
            return no_memory(err);
        }
        if (restore_walk_is_short(&planner->select)) {
            status = item_iter_new(params->vault, params->snapshot, prefix, &iter, err);
            int more = status == SME_OK ? item_iter_next(iter, &view, err) : 0;
            found = more == 1 && view.path_len == at && view.type == SME_ITEM_DIRECTORY;
            status = more < 0 ? more : status;
        }
        if (status == SME_OK) {
            status = push(planner, prefix, at, found ? &view : NULL, err);
        }
        item_iter_free(iter);
        free(prefix);
    }
    return status;
}

/* ---- items -------------------------------------------------------------------------------- */

static void item_problem(struct planner *planner, const struct item_view *view, int status,
                         const char *text)
{
    struct sme_error err = SME_ERROR_INIT;

    (void)sme_fail(&err, status, "%s", text);
    restore_problem(planner->job, view->path, &err);
}

/* Is what lies there what the snapshot has, as far as one can see without reading it? */
static bool is_unchanged(const struct item_view *view, const struct stat *st, int dir_fd,
                         const char *name)
{
    char target[PATH_MAX];

    if (filemeta_type(st->st_mode) != view->type) {
        return false;
    }
    switch (view->type) {
    case SME_ITEM_FILE:
        return (uint64_t)st->st_size == view->size && st->st_mtim.tv_sec == view->mtime.sec &&
               (uint64_t)st->st_mtim.tv_nsec == view->mtime.nsec;
    case SME_ITEM_SYMLINK: {
        ssize_t got = readlinkat(dir_fd, name, target, sizeof target);
        return got >= 0 && (size_t)got == view->link_len &&
               memcmp(target, view->link_target, view->link_len) == 0;
    }
    case SME_ITEM_CHAR_DEVICE:
    case SME_ITEM_BLOCK_DEVICE:
        return major(st->st_rdev) == view->rdev_major && minor(st->st_rdev) == view->rdev_minor;
    default:
        return true;
    }
}

enum existing_answer { IS_ABSENT, IS_UNCHANGED, IS_TO_BE_REPLACED, IS_DONE };

static enum existing_answer look_at_existing(struct planner *planner, const struct item_view *view,
                                             const struct restore_dir *dir, const char *name,
                                             struct stat *ret_st)
{
    enum restore_existing existing = planner->job->params->existing;
    struct extract_dir *opened = dir->existed ? restore_dir_open(&planner->tools, dir) : NULL;

    if (opened == NULL || fstatat(opened->fd, name, ret_st, AT_SYMLINK_NOFOLLOW) < 0) {
        return IS_ABSENT;
    }
    if (existing == RESTORE_KEEP) {
        restore_exists(planner->job, view->path);
        return IS_DONE;
    }
    if (S_ISDIR(ret_st->st_mode)) {
        item_problem(planner, view, SME_E_INVALID, "a directory is where it should be");
        return IS_DONE;
    }
    if (existing == RESTORE_REPLACE_CHANGED && is_unchanged(view, ret_st, opened->fd, name)) {
        return IS_UNCHANGED;
    }
    return IS_TO_BE_REPLACED;
}

/* Where chunk ${ref} is, as a key of a target. */
static int find_chunk(const struct index *index, const struct block_chunk *ref, uint64_t *ret_key,
                      struct sme_error *err)
{
    const struct index_chunk *found = index_find(index, &ref->id);

    if (found == NULL || found->len != ref->len) {
        (void)sme_fail(err, SME_E_CORRUPT, "a chunk of it is not in the index");
        return error_hint(err, "'sme-backup check' lists all damage");
    }
    const struct index_block *block = index_block_at(index, found->block);
    *ret_key = (uint64_t)found->block << 32 | (uint32_t)(found - index_chunks_of(index, block));
    return SME_OK;
}

/* Put the places of one chunk into the window.  A chunk may go on behind a hole. */
static int plan_chunk(struct planner *planner, struct restore_file *file, struct extents *extents,
                      const struct block_chunk *ref, struct sme_error *err)
{
    struct restore_target target = {.file = file};
    uint64_t piece = 0;

    int status = find_chunk(planner->job->params->vault->index, ref, &target.key, err);
    while (status == SME_OK && target.from < ref->len) {
        if (!extents_take(extents, ref->len - target.from, &target.offset, &piece)) {
            return sme_fail(err, SME_E_CORRUPT, "its chunks do not fit its size");
        }
        target.len = (uint32_t)piece;
        status = flush_if_full(planner, err);
        if (status == SME_OK && !restore_window_add(planner->window, &target)) {
            status = no_memory(err);
        }
        if (status == SME_OK) {
            (void)atomic_fetch_add(&file->pending, 1);
            target.from += (uint32_t)piece;
        }
    }
    return status;
}

static int plan_content(struct planner *planner, struct restore_file *file,
                        const struct item_view *view, struct sme_error *err)
{
    struct extents extents;
    struct ref_iter refs;
    struct block_chunk ref;

    extents_init(&extents, view);
    int status = ref_iter_init(&refs, planner->tools.reader, view, err);
    while (status == SME_OK) {
        int more = ref_iter_next(&refs, &ref, err);
        if (more <= 0) {
            status = more;
            break;
        }
        status = plan_chunk(planner, file, &extents, &ref, err);
        if (status == SME_OK && restore_job_stopped(planner->job)) {
            break;
        }
    }
    ref_iter_done(&refs);
    if (status == SME_OK && !file->incomplete && !extents_full(&extents) &&
        !restore_job_stopped(planner->job)) {
        status = sme_fail(err, SME_E_CORRUPT, "its chunks do not fill its size");
    }
    return status;
}

static int plan_file(struct planner *planner, struct restore_file *file,
                     const struct item_view *view, struct sme_error *err)
{
    bool has_content = view->type == SME_ITEM_FILE && view->content_count > 0;

    planner->window->weight += file->weight;
    if (file->leave || !has_content) {
        struct extents extents;
        extents_init(&extents, view);
        if (!file->leave && !file->incomplete && view->type == SME_ITEM_FILE &&
            !extents_full(&extents)) {
            (void)sme_fail(err, SME_E_CORRUPT, "it has a size, but no content");
            restore_file_break(file, err);
        }
        if (!restore_window_add_loose(planner->window, file)) {
            restore_file_release(&planner->tools, file, 1);
            return no_memory(err);
        }
        return flush_if_full(planner, err);
    }
    int status = plan_content(planner, file, view, err);
    if (status < 0) {
        restore_file_break(file, err);
    }
    restore_file_release(&planner->tools, file, 1);
    return status < 0 && !restore_is_files_own(status) ? status : flush_if_full(planner, err);
}

static int plan_item(struct planner *planner, const struct item_view *view, struct sme_error *err)
{
    struct restore_dir *dir = top(planner);
    const char *slash = strrchr(view->path, '/');
    const char *name = slash != NULL ? slash + 1 : view->path;
    struct link_group *group = NULL;
    struct stat st;

    if (view->type == SME_ITEM_FILE) {
        planner->planned_bytes += view->size;
    }
    if (!restore_dir_make(&planner->tools, dir)) {
        item_problem(planner, view, SME_E_NOT_FOUND, "the directory that it is in was not made");
        return SME_OK;
    }
    if ((view->flags & ITEM_FAILED) != 0 &&
        ((view->type == SME_ITEM_FILE && (view->flags & ITEM_CONTENT) == 0) ||
         (view->type == SME_ITEM_SYMLINK && view->link_target == NULL))) {
        item_problem(planner, view, SME_E_NOT_FOUND,
                     "it could not be read when it was backed up: the snapshot does not have it");
        return SME_OK;
    }
    enum existing_answer existing = look_at_existing(planner, view, dir, name, &st);
    if (existing == IS_DONE) {
        return SME_OK;
    }
    if ((view->flags & ITEM_HARDLINK) != 0) {
        enum link_answer answer =
            restore_link(&planner->tools, view, dir, name, existing != IS_ABSENT, &group);
        if (answer == LINK_MEMORY) {
            return no_memory(err);
        }
        if (answer == LINK_WAITS || answer == LINK_MADE) {
            return SME_OK;
        }
    }
    struct restore_file *file = restore_file_new(dir, view, name);
    if (file == NULL) {
        if (group != NULL) {
            restore_link_resolve(&planner->tools, group, false, 0, 0);
        }
        return no_memory(err);
    }
    file->group = group;
    file->replace = existing == IS_TO_BE_REPLACED;
    if (existing == IS_UNCHANGED) {
        file->leave = true;
        file->dev = st.st_dev;
        file->ino = st.st_ino;
        planner->job->numbers.existing++;
    }
    return plan_file(planner, file, view, err);
}

static int plan_directory(struct planner *planner, const struct item_view *view, bool selected,
                          struct sme_error *err)
{
    int status = push(planner, view->path, view->path_len, view, err);

    if (status == SME_OK && selected) {
        top(planner)->selected = true;
        if (restore_dir_make(&planner->tools, top(planner))) {
            planner->job->numbers.directories++;
            planner->job->numbers.items++;
        }
    }
    return status;
}

static int visit(void *cookie, const struct item_view *view, bool selected, struct sme_error *err)
{
    struct planner *planner = cookie;
    int status = SME_OK;

    if (planner->visited++ % LOOK_EVERY == 0) {
        show_progress(planner);
        (void)restore_job_stopped(planner->job);
    }
    if (atomic_load(&planner->job->stopped)) {
        return sme_fail(err, SME_E_CANCELLED, "the restore was stopped");
    }
    if (planner->depth == 0) {
        status = enter_root(planner, view, err);
        if (view->path_len == 0 || status < 0) {
            planner->job->numbers.directories += selected && status == SME_OK;
            planner->job->numbers.items += selected && status == SME_OK;
            return status;
        }
    }
    while (!is_inside(top(planner), view->path, view->path_len)) {
        restore_dir_release(&planner->tools, planner->stack[--planner->depth]);
    }
    if (!selected && view->type != SME_ITEM_DIRECTORY) {
        return SME_OK;
    }
    status = enter_parents(planner, view->path, view->path_len, err);
    if (status < 0) {
        return status;
    }
    return view->type == SME_ITEM_DIRECTORY ? plan_directory(planner, view, selected, err)
                                            : plan_item(planner, view, err);
}

/* ---- all of it ---------------------------------------------------------------------------- */

static void wait_for_workers(struct planner *planner)
{
    struct restore_job *job = planner->job;

    (void)pthread_mutex_lock(&job->lock);
    job->closed = true;
    (void)pthread_cond_broadcast(&job->work);
    while (job->running > 0) {
        wait_a_while(planner, &job->room);
    }
    (void)pthread_mutex_unlock(&job->lock);
}

static bool is_empty(int root_fd)
{
    int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    bool empty = true;

    if (stream == NULL) {
        close_fd(&fd);
        return false;
    }
    for (struct dirent *entry = readdir(stream); entry != NULL && empty; entry = readdir(stream)) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    (void)closedir(stream);
    return empty;
}

static int plan(struct planner *planner, struct sme_error *err)
{
    const struct restore_params *params = planner->job->params;

    if (planner->select.everything) {
        planner->job->numbers.total_bytes = params->snapshot->head.bytes;
    }
    planner->window = restore_window_new();
    if (planner->window == NULL) {
        return no_memory(err);
    }
    int status =
        restore_walk(params->vault, params->snapshot, &planner->select, visit, planner, err);
    if (!planner->select.everything) {
        planner->job->numbers.total_bytes = planner->planned_bytes;
    }
    /* What is planned is worth having even when the walk met damage. */
    struct sme_error second = SME_ERROR_INIT;
    int flushed = flush(planner, &second);
    if (status == SME_OK && flushed < 0) {
        *err = second;
        status = flushed;
    }
    return status;
}

/* Let go of a window that no worker has seen; the restore has failed. */
static void drop_window(struct planner *planner)
{
    struct restore_window *window = planner->window;

    for (uint32_t i = 0; window != NULL && i < window->target_count; i++) {
        restore_file_release(&planner->tools, window->targets[i].file, 1);
    }
    for (uint32_t i = 0; window != NULL && i < window->loose_count; i++) {
        restore_file_release(&planner->tools, window->loose[i], 1);
    }
    restore_window_free(window);
    planner->window = NULL;
}

int restore_job_run(struct restore_job *job, struct sme_error *err)
{
    struct planner planner = {.job = job};
    pthread_t *threads = NULL;

    planner.window_max = job->params->memory_limit / 8;
    planner.window_limit = planner.window_max / 16;
    int status = select_init(&planner.select, job->params->patterns, job->params->pattern_count,
                             job->params->exact, err);
    if (status < 0) {
        return status;
    }
    planner.target_was_empty = is_empty(job->root_fd);
    status = restore_tools_init(&planner.tools, job, err);
    if (status == SME_OK) {
        status = restore_start_workers(job, restore_work, &threads, err);
    }
    if (status == SME_OK) {
        status = plan(&planner, err);
        if (status < 0 && status != SME_E_CORRUPT && status != SME_E_NOT_FOUND) {
            restore_job_fail(job, err);
        }
        drop_window(&planner);
        while (planner.depth > 0) {
            restore_dir_release(&planner.tools, planner.stack[--planner.depth]);
        }
        wait_for_workers(&planner);
        restore_join_workers(job, threads);
    }
    if (status == SME_OK && !job->has_failure) {
        status = restore_walk_matched(&planner.select, job->params->snapshot, err);
    }
    if (job->has_failure) {
        *err = job->failure;
        status = err->status;
    }
    free(planner.stack);
    restore_tools_done(&planner.tools);
    select_done(&planner.select);
    return status;
}
