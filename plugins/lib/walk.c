/*
 * A sorted walk over directory trees, item by item.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * An explicit stack of frames, one per directory between a root and the current item.  Bytewise
 * order of the names in each directory, each directory followed at once by its content, gives
 * the order of items: '/' counts as less than any byte of a name.
 */
#include "walk.h"
#include "grow.h"
#include "stack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define POLL_EVERY 4096u
#define TAG_NAME "CACHEDIR.TAG"
#define TAG_SIGNATURE "Signature: 8a477f597d28d172789f06886806bc55"

struct walk {
    const struct roots *roots;
    struct walk_options options;
    struct stack stack;
    char *path; /* of the current item */
    size_t path_len;
    size_t path_capacity;
    unsigned polled;
    bool root_pending;
    char text[160]; /* failure_text */
};

static int fail_memory(const struct walk *walk, struct sme_error *err)
{
    bool at_root = walk->path == NULL || walk->path_len == 0;
    return sme_fail(err, SME_E_NO_MEMORY, "out of memory at '%s'",
                    at_root ? walk->roots->list[0].path : walk->path);
}

/* Make the current path the one of an entry of a directory whose path is the first ${base} bytes
 * of it. */
static int set_path(struct walk *walk, size_t base, const char *name, size_t len)
{
    char *path = grow_array(walk->path, &walk->path_capacity, base + len + 2, 1);
    if (path == NULL)
        return SME_E_NO_MEMORY;
    walk->path = path;
    if (base > 0)
        path[base++] = '/';
    memcpy(path + base, name, len);
    walk->path_len = base + len;
    path[walk->path_len] = '\0';
    return SME_OK;
}

/* Does the tag at hand begin as it must? */
static bool has_tag(const struct walk *walk, int fd, struct listing_mark mark)
{
    const size_t len = sizeof TAG_SIGNATURE - 1;
    char begin[sizeof TAG_SIGNATURE];
    struct stat st;
    if (listing_find(&walk->stack.listing, mark, TAG_NAME) == NULL)
        return false;
    int tag = openat(fd, TAG_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (tag < 0)
        return false;
    bool is_tag = fstat(tag, &st) == 0 && S_ISREG(st.st_mode) &&
                  pread(tag, begin, len, 0) == (ssize_t)len &&
                  memcmp(begin, TAG_SIGNATURE, len) == 0;
    (void)close(tag);
    return is_tag;
}

/*
 * Enter the directory ${fd}, which becomes ours: a frame with its names.  On SME_E_IO (errno is
 * set) the frame is there all the same, with the names that could be read.
 */
static int enter_directory(struct walk *walk, int fd, const struct stat *st, uint64_t root_dev)
{
    int status = stack_push(&walk->stack, fd, st, walk->path_len, root_dev);
    if (status != SME_OK)
        return status;
    status = listing_read(&walk->stack.listing, fd, walk->options.host);
    struct frame *frame = stack_top(&walk->stack);
    frame->end = walk->stack.listing.count;
    return status;
}

/* Keep nothing of the directory just entered but its CACHEDIR.TAG, if it has a valid one. */
static bool cut_cache(struct walk *walk)
{
    struct frame *frame = stack_top(&walk->stack);
    if (!walk->options.exclude_caches || !has_tag(walk, frame->fd, frame->mark))
        return false;
    walk->stack.listing.entries[frame->mark.count] =
        *listing_find(&walk->stack.listing, frame->mark, TAG_NAME);
    walk->stack.listing.count = frame->mark.count + 1;
    frame->end = walk->stack.listing.count;
    return true;
}

static void fill_item(const struct walk *walk, struct sme_item *item, uint32_t type, uint32_t flags)
{
    item->type = type;
    item->flags = flags;
    item->path = walk->path;
    item->path_len = walk->path_len;
}

/* The entry ${index} of frame ${at}, which is open. */
static void locate_item(const struct walk *walk, struct sme_item *item, size_t at, size_t index)
{
    const struct frame *frame = &walk->stack.frames[at];
    item->flags |= SME_ITEM_LOCATED;
    item->dir_fd = frame->fd;
    item->dir_serial = frame->serial;
    item->name = stack_name(&walk->stack, index);
}

static void fail_item(struct walk *walk, struct sme_item *item, int failure, const char *what,
                      int sys_errno)
{
    if (sys_errno != 0)
        (void)snprintf(walk->text, sizeof walk->text, "%s: %s", what, strerror(sys_errno));
    else
        (void)snprintf(walk->text, sizeof walk->text, "%s", what);
    item->flags |= SME_ITEM_FAILED;
    item->failure = failure;
    item->failure_text = walk->text;
}

static void skip_item(struct sme_item *item, const char *why)
{
    item->flags |= SME_ITEM_SKIPPED;
    item->failure_text = why;
}

static struct sme_time time_of(const struct timespec *ts)
{
    return (struct sme_time){.sec = ts->tv_sec, .nsec = (uint32_t)ts->tv_nsec};
}

static void fill_stat(struct sme_item *item, const struct stat *st)
{
    item->flags |= SME_ITEM_HAS_STAT;
    item->mode = st->st_mode & 07777u;
    item->uid = st->st_uid;
    item->gid = st->st_gid;
    item->nlink = (uint32_t)st->st_nlink;
    item->size = 0;
    item->mtime = time_of(&st->st_mtim);
    item->ctime = time_of(&st->st_ctim);
    item->dev = st->st_dev;
    item->ino = st->st_ino;
}

static int fail_run(const struct walk *walk, int status, struct sme_error *err)
{
    if (status == SME_E_CANCELLED)
        return sme_fail(err, status, "cancelled");
    return fail_memory(walk, err);
}

static bool is_vanished(int sys_errno)
{
    return sys_errno == ENOENT || sys_errno == ENOTDIR || sys_errno == ELOOP;
}

/* Whether ${name} is a mount point, as far as the kernel tells without asking the file system
 * (which may be dead, or closed to us as other users' FUSE mounts are). */
static bool is_foreign(const struct frame *frame, const char *name)
{
    struct statx stx;
    const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
    return statx(frame->fd, name, flags, 0, &stx) == 0 &&
           makedev(stx.stx_dev_major, stx.stx_dev_minor) != frame->root_dev;
}

static void fail_open(struct walk *walk, struct sme_item *item, size_t at, size_t index,
                      int sys_errno)
{
    if (is_vanished(sys_errno)) {
        fail_item(walk, item, SME_E_NOT_FOUND, "vanished", 0);
        locate_item(walk, item, at, index);
    } else if (walk->options.one_file_system &&
               is_foreign(&walk->stack.frames[at], stack_name(&walk->stack, index))) {
        skip_item(item, "mount point of another file system that cannot be looked at");
    } else {
        bool denied = sys_errno == EACCES || sys_errno == EPERM;
        fail_item(walk, item, denied ? SME_E_DENIED : SME_E_IO, "cannot open directory", sys_errno);
        locate_item(walk, item, at, index);
    }
}

/* The item for the directory that is entry ${index} of frame ${at}; the walk goes into it. */
static int visit_directory(struct walk *walk, size_t at, size_t index, struct sme_item *item,
                           struct sme_error *err)
{
    const struct frame *parent = &walk->stack.frames[at];
    uint64_t root_dev = parent->root_dev;
    struct stat st;
    fill_item(walk, item, SME_ITEM_DIRECTORY, 0);
    int fd = listing_open_directory(parent->fd, stack_name(&walk->stack, index), O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int saved = errno;
        if (fd >= 0)
            (void)close(fd);
        fail_open(walk, item, at, index, saved);
        return 1;
    }
    if (walk->options.one_file_system && st.st_dev != root_dev) {
        (void)close(fd);
        skip_item(item, "mount point of another file system");
        locate_item(walk, item, at, index);
        return 1;
    }
    int status = enter_directory(walk, fd, &st, root_dev);
    if (status == SME_E_IO && errno == ENOENT) { /* removed while open */
        stack_pop(&walk->stack);
        fail_item(walk, item, SME_E_NOT_FOUND, "vanished", 0);
        locate_item(walk, item, at, index);
        return 1;
    }
    if (status == SME_E_IO)
        fail_item(walk, item, SME_E_IO, "cannot read directory", errno);
    else if (status != SME_OK)
        return fail_run(walk, status, err);
    else if (cut_cache(walk))
        skip_item(item, "cache directory (" TAG_NAME ")");
    locate_item(walk, item, at, index);
    return 1;
}

static void warn_if_empty(const struct walk *walk, size_t root)
{
    const struct sme_host *host = walk->options.host;
    const struct frame *frame = stack_top(&walk->stack);
    if (frame->next == frame->end)
        host->log(host, SME_LOG_WARNING, "path '%s' is empty: is it mounted?",
                  walk->roots->list[root].path);
}

/* Enter the root ${index}, which roots_open() opened as ${fd}. */
static int enter_root(struct walk *walk, size_t index, int fd, struct sme_error *err)
{
    const char *path = walk->roots->list[index].path;
    struct stat st;
    if (fstat(fd, &st) < 0) {
        (void)sme_fail_errno(err, SME_E_IO, "cannot read path '%s'", path);
        (void)close(fd);
        return SME_E_IO;
    }
    int status = enter_directory(walk, fd, &st, st.st_dev);
    if (status == SME_E_IO)
        return sme_fail_errno(err, status, "cannot read path '%s'", path);
    if (status != SME_OK)
        return fail_run(walk, status, err);
    warn_if_empty(walk, index);
    return SME_OK;
}

/* A frame for the directory ${fd} (becomes ours) above the roots ${first} to ${end} - 1, whose
 * next components are at ${root_at}. */
static int enter_above(struct walk *walk, int fd, const struct stat *st, size_t first, size_t end,
                       size_t root_at)
{
    int status = stack_push(&walk->stack, fd, st, walk->path_len, st->st_dev);
    if (status != SME_OK)
        return status;
    struct frame *frame = stack_top(&walk->stack);
    frame->above_roots = true;
    frame->root_next = first;
    frame->root_end = end;
    frame->root_at = root_at;
    const char *last = NULL;
    size_t last_len = 0;
    for (size_t i = first; i < end; i++) {
        const char *name = walk->roots->list[i].path + root_at;
        size_t len = root_component(&walk->roots->list[i], root_at);
        if (last != NULL && len == last_len && memcmp(name, last, len) == 0)
            continue;
        status = listing_add(&walk->stack.listing, name, len, 0);
        if (status != SME_OK)
            return status;
        last = name;
        last_len = len;
    }
    frame->end = walk->stack.listing.count;
    return SME_OK;
}

/* The root ${root}, entry ${index} of frame ${at}. */
static int visit_root(struct walk *walk, size_t at, size_t index, size_t root,
                      struct sme_item *item, struct sme_error *err)
{
    int fd;
    int status = roots_open(walk->roots, root, &fd, err);
    if (status != SME_OK)
        return status;
    if (walk->roots->list[root].is_directory) {
        status = enter_root(walk, root, fd, err);
        if (status != SME_OK)
            return status;
        fill_item(walk, item, SME_ITEM_DIRECTORY, 0);
    } else {
        struct stat st;
        uint32_t type = 0;
        (void)close(fd);
        if (fstatat(walk->stack.frames[at].fd, stack_name(&walk->stack, index), &st,
                    AT_SYMLINK_NOFOLLOW) == 0)
            type = listing_type_of_mode(st.st_mode);
        fill_item(walk, item, type, 0);
    }
    locate_item(walk, item, at, index);
    return 1;
}

/* Entry ${index} of frame ${at}, which is above the roots: a root or one more such directory.
 * Failing here is failing to reach what was asked for, so it ends the run. */
static int visit_above(struct walk *walk, size_t at, size_t index, struct sme_item *item,
                       struct sme_error *err)
{
    struct frame *frame = &walk->stack.frames[at];
    const struct root *list = walk->roots->list;
    size_t first = frame->root_next;
    size_t root_at = frame->root_at;
    size_t len = stack_entry(&walk->stack, index)->length;
    while (frame->root_next < frame->root_end &&
           root_component(&list[frame->root_next], root_at) == len &&
           memcmp(list[frame->root_next].path + root_at, list[first].path + root_at, len) == 0)
        frame->root_next++;
    if (list[first].len == root_at + len)
        return visit_root(walk, at, index, first, item, err);
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(frame->fd, stack_name(&walk->stack, index), flags);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        int status = is_vanished(errno) ? SME_E_NOT_FOUND : SME_E_IO;
        (void)sme_fail_errno(err, status, "cannot open directory '/%s' above path '%s'", walk->path,
                             list[first].path);
        if (fd >= 0)
            (void)close(fd);
        return status;
    }
    int status = enter_above(walk, fd, &st, first, frame->root_next, root_at + len + 1);
    if (status != SME_OK)
        return fail_run(walk, status, err);
    fill_item(walk, item, SME_ITEM_DIRECTORY, 0);
    fill_stat(item, &st);
    locate_item(walk, item, at, index);
    return 1;
}

/* Entry ${index} of frame ${at}: 1 for an item, 0 if it is excluded. */
static int visit_entry(struct walk *walk, size_t at, size_t index, struct sme_item *item,
                       struct sme_error *err)
{
    const struct frame *frame = &walk->stack.frames[at];
    const char *name = stack_name(&walk->stack, index);
    uint64_t limit = walk->options.exclude_larger;
    uint32_t type = stack_entry(&walk->stack, index)->type;
    struct stat st;
    if (set_path(walk, frame->path_len, name, stack_entry(&walk->stack, index)->length) != SME_OK)
        return fail_memory(walk, err);
    if (frame->above_roots)
        return visit_above(walk, at, index, item, err);
    if (type == 0 && frame->fd >= 0 && fstatat(frame->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        type = listing_type_of_mode(st.st_mode);
    if (walk->options.exclude != NULL &&
        patterns_match(walk->options.exclude, walk->path, walk->path_len,
                       type == SME_ITEM_DIRECTORY) == PATTERN_EXCLUDE)
        return 0;
    fill_item(walk, item, type, 0);
    if (frame->fd < 0) {
        fail_item(walk, item, SME_E_IO, "its directory was moved away during the run", 0);
        return 1;
    }
    if (type == SME_ITEM_DIRECTORY)
        return visit_directory(walk, at, index, item, err);
    if (limit > 0 && (type == SME_ITEM_FILE || type == 0) &&
        fstatat(frame->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        (uint64_t)st.st_size > limit) {
        skip_item(item, "larger than exclude_larger allows");
        return 1;
    }
    locate_item(walk, item, at, index);
    return 1;
}

/* May leave ${item} half filled on failure. */
static int next_entry(struct walk *walk, struct sme_item *item, struct sme_error *err)
{
    if (walk->root_pending) {
        walk->root_pending = false;
        fill_item(walk, item, SME_ITEM_DIRECTORY, SME_ITEM_LOCATED);
        item->dir_fd = walk->stack.frames[0].fd;
        item->dir_serial = walk->stack.frames[0].serial;
        item->name = "";
        return 1;
    }
    while (walk->stack.depth > 0) {
        struct frame *top = stack_top(&walk->stack);
        if (top->next == top->end) {
            stack_pop(&walk->stack);
            continue;
        }
        if (++walk->polled % POLL_EVERY == 0 && walk->options.host->cancelled(walk->options.host))
            return fail_run(walk, SME_E_CANCELLED, err);
        int got = visit_entry(walk, walk->stack.depth - 1, top->next++, item, err);
        if (got != 0)
            return got;
    }
    return 0;
}

int walk_next(struct walk *walk, struct sme_item *item, struct sme_error *err)
{
    struct sme_item found = *item;
    int got = next_entry(walk, &found, err);

    if (got == 1)
        *item = found;
    return got;
}

/* Open what frame 0 is: the only root, or a directory above. */
static int enter_first(struct walk *walk, struct sme_error *err)
{
    const struct roots *roots = walk->roots;
    int fd;
    struct stat st;
    if (roots->count == 1) {
        int status = roots_open(roots, 0, &fd, err);
        if (status != SME_OK)
            return status;
        if (roots->list[0].is_directory) {
            walk->root_pending = true;
            return enter_root(walk, 0, fd, err);
        }
    } else {
        fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return sme_fail_errno(err, SME_E_IO, "cannot open directory '/'");
    }
    if (fstat(fd, &st) < 0) {
        (void)sme_fail_errno(err, SME_E_IO, "cannot look at '%s'", roots->list[0].path);
        (void)close(fd);
        return SME_E_IO;
    }
    size_t root_at = 1;
    if (roots->count == 1)
        root_at = (size_t)(strrchr(roots->list[0].path, '/') - roots->list[0].path) + 1;
    int status = enter_above(walk, fd, &st, 0, roots->count, root_at);
    return status == SME_OK ? SME_OK : fail_run(walk, status, err);
}

int walk_new(const struct roots *roots, const struct walk_options *options, struct walk **ret_walk,
             struct sme_error *err)
{
    struct walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for a walk");
    walk->roots = roots;
    walk->options = *options;
    stack_init(&walk->stack, options->max_open > 0 ? options->max_open : WALK_DEFAULT_OPEN);
    int status = set_path(walk, 0, "", 0);
    if (status != SME_OK)
        status = fail_memory(walk, err);
    else
        status = enter_first(walk, err);
    if (status != SME_OK) {
        walk_free(walk);
        return status;
    }
    *ret_walk = walk;
    return SME_OK;
}

void walk_free(struct walk *walk)
{
    if (walk == NULL)
        return;
    stack_free(&walk->stack);
    free(walk->path);
    free(walk);
}
