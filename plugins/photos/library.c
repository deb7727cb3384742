/*
 * From items of a walk to items of a photo library.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "library.h"
#include "cache.h"
#include "formats.h"
#include "metadata.h"
#include "movie.h"
#include "previews.h"
#include "sidecars.h"
#include "structure.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Facts of a file whose stamps are younger than this are not remembered: it may change again
 * without new ones. */
#define RACY_SECONDS 2
/* Sidecars with more than this are something else. */
#define SIDECAR_MAX (UINT64_C(1) << 20)

struct library {
    struct library_options options;
    bool has_parser;
    struct cache *cache;
    struct previews *previews; /* NULL: none are made */
    struct sidecars sidecars;
    struct facts facts; /* of the current item */
    uint64_t left_out;
    uint64_t known_damaged;
    bool left_alone; /* the current item: the parser does not survive it */
    struct reader reader;
};

int library_new(const struct library_options *options, struct library **ret_library,
                struct sme_error *err)
{
    const struct sme_host *host = options->host;
    struct library *library = calloc(1, sizeof *library);
    bool makes = options->preview_max > 0 && options->preview_program != NULL;
    uint32_t settings = (makes ? UINT32_C(1) << 31 : 0) | (uint32_t)options->preview_max << 1 |
                        (options->check_files ? 1u : 0u);

    if (library != NULL && makes)
        library->previews = previews_new(host, options->preview_program, options->preview_max);
    if (library == NULL || (makes && library->previews == NULL) ||
        cache_open(host, settings, !options->dry, &library->cache) != SME_OK) {
        if (library != NULL)
            previews_free(library->previews);
        free(library);
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for source '%s'", host->instance);
    }
    library->options = *options;
    library->has_parser = metadata_prepare();
    if (!library->has_parser)
        host->log(host, SME_LOG_WARNING,
                  "the library for metadata cannot be used: photos are backed up without facts");
    *ret_library = library;
    return SME_OK;
}

void library_free(struct library *library, bool commit)
{
    if (library == NULL)
        return;
    const struct sme_host *host = library->options.host;
    if (library->left_out > 0)
        host->log(host, SME_LOG_INFO, "other_files = skip left out %llu files",
                  (unsigned long long)library->left_out);
    if (library->known_damaged > 0)
        host->log(host, SME_LOG_WARNING,
                  "%llu photos are still damaged as earlier runs reported them",
                  (unsigned long long)library->known_damaged);
    cache_close(library->cache, commit);
    previews_free(library->previews);
    sidecars_free(&library->sidecars);
    facts_clear(&library->facts);
    free(library);
}

static struct stamps stamps_of(const struct stat *st)
{
    struct stamps stamps;

    memset(&stamps, 0, sizeof stamps); /* goes to a file, so no byte is left to chance */
    stamps.size = (uint64_t)st->st_size;
    stamps.ino = st->st_ino;
    stamps.mtime_sec = st->st_mtim.tv_sec;
    stamps.mtime_nsec = (uint32_t)st->st_mtim.tv_nsec;
    stamps.ctime_sec = st->st_ctim.tv_sec;
    stamps.ctime_nsec = (uint32_t)st->st_ctim.tv_nsec;
    return stamps;
}

/* A time far in the future, as of a camera whose clock was wrong, is as good as one of the past:
 * who writes to the file gives it another. */
static bool is_near(int64_t sec, int64_t now)
{
    return sec >= now - RACY_SECONDS && sec <= now + RACY_SECONDS;
}

static bool is_racy(const struct library *library, const struct stamps *stamps)
{
    const struct sme_host *host = library->options.host;
    int64_t now = host->realtime_ns(host) / 1000000000;

    return is_near(stamps->mtime_sec, now) || is_near(stamps->ctime_sec, now);
}

static void report_damage(struct library *library, const struct sme_item *item, const char *why)
{
    const struct sme_host *host = library->options.host;
    bool can = host->struct_size >= offsetof(struct sme_host, problem) + sizeof host->problem;

    if (can && host->problem != NULL)
        host->problem(host, item->path, item->path_len, why);
    else
        host->log(host, SME_LOG_WARNING, "'%s' %s", item->path, why);
}

static bool check_file(struct library *library, const struct sme_item *item,
                       enum photo_format format)
{
    char why[STRUCTURE_TEXT];

    if (!library->options.check_files ||
        structure_check(&library->reader, format, why) == STRUCTURE_SOUND)
        return true;
    report_damage(library, item, why);
    return facts_add(&library->facts, "photo.damaged", why);
}

/* Nothing, or nothing but zeroes, under the name of a photo: what a card that broke or a power cut
 * leaves behind. */
static bool check_lost(struct library *library, const struct sme_item *item)
{
    static const uint8_t zeroes[16];
    struct reader *reader = &library->reader;
    const uint8_t *begin = reader_at(reader, 0, sizeof zeroes);
    const char *why = NULL;

    if (!library->options.check_files || !format_name_is_photo(item->name, strlen(item->name)))
        return true;
    if (reader->size == 0)
        why = "is empty";
    else if (begin != NULL && memcmp(begin, zeroes, sizeof zeroes) == 0)
        why = "is damaged: it begins with zeroes";
    if (why == NULL)
        return true;
    report_damage(library, item, why);
    return facts_add(&library->facts, "photo.damaged", why);
}

/* What a picture or sidecar holds, by way of the parser that others wrote. */
static bool parse_metadata(struct library *library, const struct sme_item *item,
                           enum photo_format format, const struct stamps *stamps)
{
    const struct sme_host *host = library->options.host;
    char why[METADATA_WHY] = "";

    if (!library->has_parser)
        return true;
    if (!cache_enter(library->cache, item->path, item->path_len, stamps)) {
        host->log(host, SME_LOG_WARNING,
                  "the last run ended while it read the metadata of '%s': backed up without them",
                  item->path);
        library->left_alone = true;
        return true;
    }
    int status =
        metadata_read(&library->reader, format, library->options.preview_max, &library->facts, why);
    cache_leave(library->cache);
    if (status == SME_E_CORRUPT)
        host->log(host, SME_LOG_DEBUG, "metadata of '%s' cannot be read: %s", item->path, why);
    return status != SME_E_NO_MEMORY;
}

/* A file that is new or has changed.  False only without memory. */
static bool examine(struct library *library, const struct sme_item *item, const char *owner, int fd,
                    const struct stamps *stamps)
{
    struct facts *facts = &library->facts;

    library->left_alone = false;
    reader_init(&library->reader, fd, stamps->size);
    const enum photo_format content = format_recognise(&library->reader);
    enum photo_format format = content;
    /* The small pictures with suffix .thm that old cameras made are sidecars although JPEG. */
    if (owner != NULL &&
        (format == FORMAT_OTHER || format_sidecar_stem(item->name, strlen(item->name)) > 0))
        format = FORMAT_SIDECAR;
    if (library->reader.failed)
        return true; /* the core will say so */
    const struct format *known = format_of(format);
    if (!facts_add(facts, "photo.kind", known->kind))
        return false;
    if (format == FORMAT_OTHER)
        return check_lost(library, item);
    if (format == FORMAT_SIDECAR) {
        size_t len = strlen(item->name);
        bool is_xmp = len > 4 && strcasecmp(item->name + len - 4, ".xmp") == 0;
        /* A gallery shows it for the film. */
        return facts_add_again(facts, "photo.of", owner, strlen(owner)) &&
               (content != FORMAT_JPEG ||
                metadata_add_itself(&library->reader, content, library->options.preview_max,
                                    facts)) &&
               (!is_xmp || stamps->size > SIDECAR_MAX ||
                parse_metadata(library, item, format, stamps));
    }
    if (!facts_add(facts, "photo.format", known->name) || !check_file(library, item, format))
        return false;
    if (strcmp(known->kind, "video") == 0)
        return movie_read(&library->reader, facts);
    if (!parse_metadata(library, item, format, stamps))
        return false;
    return library->previews == NULL || !previews_has(format) ||
           facts_get(facts, "photo.preview") != NULL ||
           previews_make(library->previews, &library->reader, facts);
}

static int open_file(const struct sme_item *item)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd = openat(item->dir_fd, item->name, flags | O_NOATIME);

    return fd < 0 && errno == EPERM ? openat(item->dir_fd, item->name, flags) : fd;
}

/* Fill library->facts.  1, or 0 if nothing can be said of the file, or < 0 without memory. */
static int look_at_file(struct library *library, const struct sme_item *item)
{
    const char *owner = NULL;
    struct stat st;

    if (fstatat(item->dir_fd, item->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return 0;
    struct stamps stamps = stamps_of(&st);
    if (format_sidecar_stem(item->name, strlen(item->name)) > 0)
        owner = sidecars_owner(&library->sidecars, library->options.host, item);
    if (cache_find(library->cache, item->path, item->path_len, &stamps, &library->facts)) {
        const char *was_of = facts_get(&library->facts, "photo.of");
        bool same_owner =
            owner == NULL ? was_of == NULL : was_of != NULL && strcmp(owner, was_of) == 0;
        if (same_owner) {
            if (facts_get(&library->facts, "photo.damaged") != NULL)
                library->known_damaged++;
            cache_add(library->cache, item->path, item->path_len, &stamps, &library->facts);
            return 1;
        }
        facts_clear(&library->facts);
    }
    int fd = open_file(item);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            (void)close(fd);
        return 0;
    }
    stamps = stamps_of(&st);
    bool done = examine(library, item, owner, fd, &stamps);
    struct stamps after = fstat(fd, &st) == 0 ? stamps_of(&st) : (struct stamps){0};
    (void)close(fd);
    if (!done)
        return SME_E_NO_MEMORY;
    if (library->reader.failed)
        return 0;
    /* What the parser does not survive is remembered in any case, or it would be tried again. */
    if ((library->left_alone || !is_racy(library, &stamps)) &&
        memcmp(&stamps, &after, sizeof stamps) == 0)
        cache_add(library->cache, item->path, item->path_len, &stamps, &library->facts);
    return 1;
}

int library_item(struct library *library, struct sme_item *item, struct sme_error *err)
{
    const uint32_t special = SME_ITEM_FAILED | SME_ITEM_SKIPPED;

    facts_clear(&library->facts);
    if ((item->flags & SME_ITEM_LOCATED) == 0 || (item->flags & special) != 0 ||
        item->type == SME_ITEM_DIRECTORY || item->type == SME_ITEM_SYMLINK)
        return 1;
    int got = item->type == 0 || item->type == SME_ITEM_FILE ? look_at_file(library, item) : 1;
    if (got < 0)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory at '%s'", item->path);
    const char *kind = facts_get(&library->facts, "photo.kind");
    bool is_other = kind != NULL ? strcmp(kind, "other") == 0 : got == 1;
    bool is_named_photo = format_name_is_photo(item->name, strlen(item->name));
    if (is_other && library->options.skip_others && !is_named_photo) {
        library->left_out++;
        return 0;
    }
    if (is_other && facts_get(&library->facts, "photo.damaged") == NULL)
        return 1; /* a file as others, of which there is nothing to say */
    /* Nobody edits these without giving them new times: other bytes are the disk's doing. */
    if (got == 1 && kind != NULL && !is_other && strcmp(kind, "sidecar") != 0)
        item->flags |= SME_ITEM_KEEP_OLDER;
    item->extras = library->facts.list;
    item->extra_count = library->facts.count;
    return 1;
}
