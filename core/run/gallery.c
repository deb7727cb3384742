/*
 * The gallery: from a snapshot to a file.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "gallery.h"

#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/hex.h"
#include "../base/rng.h"
#include "gallery_page.h"
#include "photo_pick.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BUFFER (1u << 20)
#define PROGRESS_EVERY 256u /* items */

struct making {
    const struct gallery_request *request;
    struct gallery_list list;
    struct gallery_counts counts;
    const char *name; /* of the file, in the folder */
    int folder_fd;
    char temporary[40];
    bool has_temporary;
    FILE *out;
};

static void making_done(struct making *m)
{
    if (m->out != NULL) {
        (void)fclose(m->out);
    }
    if (m->has_temporary) {
        (void)unlinkat(m->folder_fd, m->temporary, 0);
    }
    gallery_list_done(&m->list);
    close_fd(&m->folder_fd);
}

static int exists_already(const struct making *m, struct sme_error *err)
{
    (void)sme_fail(err, SME_E_EXISTS, "'%s' exists already", m->request->path);
    return error_hint(err, "name another file, or add --overwrite always");
}

/* ---- the file ----------------------------------------------------------------------------- */

/* What cannot work shall not work before much was read. */
static int open_place(struct making *m, struct sme_error *err)
{
    const char *path = m->request->path;
    const char *slash = strrchr(path, '/');
    CLEANUP(free_ptr)
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    struct stat there;

    m->name = slash == NULL ? path : slash + 1;
    if (folder == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the name of a folder");
    }
    m->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m->folder_fd < 0) {
        (void)error_errno(err, "cannot open folder '%s'", folder);
        return error_hint(err, "make it, or name a file in another one");
    }
    if (fstatat(m->folder_fd, m->name, &there, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? SME_OK : error_errno(err, "cannot look at '%s'", path);
    }
    if (S_ISDIR(there.st_mode)) {
        (void)sme_fail(err, SME_E_INVALID, "'%s' is a folder", path);
        return error_hint(err, "name the file to write, such as photos.html");
    }
    return m->request->overwrite ? SME_OK : exists_already(m, err);
}

static int open_temporary(struct making *m, struct sme_error *err)
{
    uint8_t random[8];
    char digits[2 * sizeof random + 1];

    int status = rng_bytes(random, sizeof random, err);
    if (status < 0) {
        return status;
    }
    hex_encode(random, sizeof random, digits);
    (void)snprintf(m->temporary, sizeof m->temporary, ".sme-%s.tmp", digits);
    int fd = openat(m->folder_fd, m->temporary,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_errno(err, "cannot write '%s'", m->request->path);
    }
    m->has_temporary = true;
    m->out = fdopen(fd, "w");
    if (m->out == NULL) {
        (void)close(fd);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to write '%s'", m->request->path);
    }
    (void)setvbuf(m->out, NULL, _IOFBF, PAGE_BUFFER);
    return SME_OK;
}

/* Give it its name, unless that is taken meanwhile. */
static int give_name(const struct making *m)
{
    if (m->request->overwrite) {
        return renameat(m->folder_fd, m->temporary, m->folder_fd, m->name);
    }
    if (renameat2(m->folder_fd, m->temporary, m->folder_fd, m->name, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -1;
    }
    /* File systems that do not know the flag know hard links. */
    if (linkat(m->folder_fd, m->temporary, m->folder_fd, m->name, 0) < 0) {
        return -1;
    }
    (void)unlinkat(m->folder_fd, m->temporary, 0);
    return 0;
}

static int finish_file(struct making *m, struct sme_error *err)
{
    const char *path = m->request->path;

    errno = 0;
    bool bad = fflush(m->out) != 0 || ferror(m->out) != 0;
    off_t len = bad ? -1 : ftello(m->out);
    bad = bad || len < 0 || fsync(fileno(m->out)) < 0;
    int saved = errno;
    bad = fclose(STEAL(m->out)) != 0 || bad;
    if (bad) {
        errno = saved != 0 ? saved : EIO;
        return error_errno(err, "cannot write '%s'", path);
    }
    if (give_name(m) < 0) {
        return errno == EEXIST ? exists_already(m, err)
                               : error_errno(err, "cannot write '%s'", path);
    }
    m->has_temporary = false;
    m->counts.bytes = (uint64_t)len;
    return io_sync_dir(m->folder_fd) < 0 ? error_errno(err, "cannot sync the folder of '%s'", path)
                                         : SME_OK;
}

/* ---- what is in it ------------------------------------------------------------------------ */

static int on_item(void *cookie, const struct photo_picked *picked, struct sme_error *err)
{
    struct making *m = cookie;
    const struct gallery_request *request = m->request;

    m->counts.items++;
    if (request->progress != NULL && m->counts.items % PROGRESS_EVERY == 0) {
        request->progress(request->cookie, &m->counts);
    }
    if (picked->photo == NULL || picked->photo->kind == PHOTO_NONE ||
        picked->item->type != SME_ITEM_FILE) {
        return SME_OK;
    }
    m->counts.photos++; /* until they are sorted */
    return gallery_list_add(&m->list, picked->item, picked->photo, m->folder_fd, err);
}

static int collect(struct making *m, struct sme_error *err)
{
    const struct gallery_request *request = m->request;
    const struct photo_filter filter = {0};
    const struct photo_pick_request pick = {.vault = request->vault,
                                            .snapshot = request->snapshot,
                                            .select = request->select,
                                            .filter = &filter};
    const struct snapshot_head *head = &request->snapshot->head;

    int status = photo_pick(&pick, on_item, m, err);
    if (status == SME_OK) {
        status = gallery_list_sort(&m->list, err);
    }
    if (status < 0) {
        return status;
    }
    const char *unmatched = select_unmatched(request->select);
    if (unmatched != NULL) {
        (void)sme_fail(err, SME_E_NOT_FOUND, "nothing in snapshot %s matches '%s'", head->name,
                       unmatched);
        return error_hint(err, "paths are relative to the source's path");
    }
    if (m->list.tile_count == 0) {
        (void)sme_fail(err, SME_E_NOT_FOUND, "there are no photos in snapshot %s of source '%s'%s",
                       head->name, head->source,
                       request->select->everything ? "" : " among what is selected");
        return error_hint(err, "photos are known of sources whose plugin is 'photos'; see "
                               "sme-backup-photos(5)");
    }
    return SME_OK;
}

static void count_tiles(struct making *m)
{
    struct gallery_counts *counts = &m->counts;

    counts->photos = 0;
    for (size_t i = 0; i < m->list.tile_count; i++) {
        const struct gallery_photo *photo = m->list.tiles[i];
        counts->photos += photo->kind != GALLERY_VIDEO;
        counts->videos += photo->kind == GALLERY_VIDEO;
        counts->damaged += photo->damaged.len > 0;
        counts->previews += photo->preview_len > 0;
    }
}

int gallery_write(const struct gallery_request *request, struct gallery_counts *ret_counts,
                  struct sme_error *err)
{
    CLEANUP(making_done) struct making m = {.request = request, .folder_fd = -1};

    gallery_list_init(&m.list);
    int status = open_place(&m, err);
    if (status == SME_OK) {
        status = collect(&m, err);
    }
    if (status == SME_OK) {
        count_tiles(&m);
        status = open_temporary(&m, err);
    }
    if (status == SME_OK) {
        status = gallery_page_write(request, &m.list, m.out, err);
    }
    if (status == SME_OK) {
        status = finish_file(&m, err);
    }
    if (status == SME_OK) {
        *ret_counts = m.counts;
    }
    return status;
}
