/*
 * A sink for tests that keeps objects in memory, and lies about them in the way that is asked for.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "sme-backup/sink.h"

#include <pthread.h>
#include <stdlib.h>

enum lie {
    LIE_NONE,
    LIE_TRUNCATE,  /* the last byte of larger objects is lost           */
    LIE_FORGET,    /* put succeeds, and nothing is kept                 */
    LIE_FLIP,      /* a bit changes                                     */
    LIE_OVERWRITE, /* create-only puts replace                          */
    LIE_LENGTH,    /* the announced length is not looked at             */
    LIE_SHORT,     /* listings lack the last object                     */
    LIE_TWICE,     /* listings have the first object twice              */
    LIE_LOOSE,     /* listings look at the prefix up to its last '/'    */
    LIE_DEAF,      /* listings go on when they are told to end          */
    LIE_CASE,      /* keys lose their letter case                       */
    LIE_SLICE,     /* only the first slice is kept                      */
    LIE_OFFSET,    /* reads begin at the object's beginning             */
    LIE_EMPTY,     /* what is missing is an empty object                */
    LIE_DENY,      /* what is missing is told as denied                 */
    LIE_SMEAR,     /* a failed stat changes the object                  */
    LIE_KEEP,      /* nothing is removed                                */
    LIE_STRICT,    /* removing what is missing fails                    */
    LIE_RACE,      /* two of many create-only puts can win              */
    LIE_CLOCK,     /* server_time counts seconds                        */
    LIE_GONE,      /* check() says that the place is not there          */
    LIE_TIRED,     /* no lie: every other call has to be repeated       */
    LIE_WORM,      /* no lie: the place refuses to replace              */
    LIE_NO_DELETE, /* no lie: nor may anything be removed               */
};

static const char *const lies[] = {[LIE_NONE] = "none",
                                   [LIE_TRUNCATE] = "truncate",
                                   [LIE_FORGET] = "forget",
                                   [LIE_FLIP] = "flip",
                                   [LIE_OVERWRITE] = "overwrite",
                                   [LIE_LENGTH] = "length",
                                   [LIE_SHORT] = "short",
                                   [LIE_TWICE] = "twice",
                                   [LIE_LOOSE] = "loose",
                                   [LIE_DEAF] = "deaf",
                                   [LIE_CASE] = "case",
                                   [LIE_SLICE] = "slice",
                                   [LIE_OFFSET] = "offset",
                                   [LIE_EMPTY] = "empty",
                                   [LIE_DENY] = "deny",
                                   [LIE_SMEAR] = "smear",
                                   [LIE_KEEP] = "keep",
                                   [LIE_STRICT] = "strict",
                                   [LIE_RACE] = "race",
                                   [LIE_CLOCK] = "clock",
                                   [LIE_GONE] = "gone",
                                   [LIE_TIRED] = "tired",
                                   [LIE_WORM] = "worm",
                                   [LIE_NO_DELETE] = "no-delete",
                                   NULL};

struct liar_config {
    uint32_t lie;
    const char *note;
};

static const struct sme_option options[] = {
    SME_OPTION_CHOICE(struct liar_config, lie, "lie", 0, "none", lies, "What it lies about."),
    SME_OPTION_STRING(struct liar_config, note, "note", 0, NULL, "not a sentence"),
};

struct entry {
    struct entry *next;
    char key[SME_KEY_MAX + 1];
    unsigned char *data;
    size_t len;
};

struct liar {
    const struct liar_config *config;
    pthread_mutex_t lock;
    struct entry *entries;
    unsigned calls;
    unsigned racers;
};

static int liar_create(const struct sme_host *host, const void *config, void **ret_handle,
                       struct sme_error *err)
{
    struct liar *liar = calloc(1, sizeof *liar);

    if (liar == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for sink '%s'", host->instance);
    liar->config = config;
    (void)pthread_mutex_init(&liar->lock, NULL);
    *ret_handle = liar;
    return SME_OK;
}

static void liar_destroy(void *handle)
{
    struct liar *liar = handle;

    if (liar == NULL)
        return;
    while (liar->entries != NULL) {
        struct entry *next = liar->entries->next;
        free(liar->entries->data);
        free(liar->entries);
        liar->entries = next;
    }
    (void)pthread_mutex_destroy(&liar->lock);
    free(liar);
}

static bool lies_about(const struct liar *liar, enum lie lie)
{
    return liar->config->lie == (uint32_t)lie;
}

static int liar_check(void *handle, struct sme_error *err)
{
    return lies_about(handle, LIE_GONE)
               ? sme_fail(err, SME_E_UNREACHABLE, "the place 'nowhere' does not answer")
               : SME_OK;
}

static int liar_limits(void *handle, struct sme_sink_limits *ret_limits, struct sme_error *err)
{
    (void)handle;
    (void)err;
    ret_limits->flags = SME_SINK_CREATE_ONLY | SME_SINK_LOCAL;
    ret_limits->max_object = 0;
    ret_limits->connections = 4;
    return SME_OK;
}

static int liar_prepare(void *handle, struct sme_error *err)
{
    (void)handle;
    (void)err;
    return SME_OK;
}

/* With the lock.  The name as it is kept, and its entry. */
static void keep_name(const struct liar *liar, const char *key, char out[SME_KEY_MAX + 1])
{
    (void)snprintf(out, SME_KEY_MAX + 1, "%s", key);
    for (char *at = out; lies_about(liar, LIE_CASE) && *at != '\0'; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    }
}

static struct entry **find(struct liar *liar, const char *key)
{
    struct entry **at = &liar->entries;
    char name[SME_KEY_MAX + 1];

    keep_name(liar, key, name);
    while (*at != NULL && strcmp((*at)->key, name) != 0)
        at = &(*at)->next;
    return at;
}

static int tired(struct liar *liar, struct sme_error *err)
{
    return lies_about(liar, LIE_TIRED) && liar->calls++ % 2 == 0
               ? sme_fail(err, SME_E_TRANSIENT, "the place is busy")
               : SME_OK;
}

static int store(struct liar *liar, const char *key, const struct sme_slice *slices, size_t count,
                 size_t total, struct sme_error *err)
{
    struct entry **place = find(liar, key);
    struct entry *entry = *place;
    unsigned char *data = malloc(total + 1);
    size_t at = 0;

    if (entry == NULL)
        entry = calloc(1, sizeof *entry);
    if (data == NULL || entry == NULL) {
        if (*place == NULL)
            free(entry);
        free(data);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for '%s'", key);
    }
    for (size_t i = 0; i < count && (i == 0 || !lies_about(liar, LIE_SLICE)); i++) {
        if (slices[i].len > 0)
            memcpy(data + at, slices[i].data, slices[i].len);
        at += slices[i].len;
    }
    if (lies_about(liar, LIE_TRUNCATE) && at > 60000)
        at--;
    if (lies_about(liar, LIE_FLIP) && at > 60000)
        data[at / 2] ^= 1;
    if (*place == NULL)
        keep_name(liar, key, entry->key);
    free(entry->data);
    entry->data = data;
    entry->len = at;
    *place = entry;
    return SME_OK;
}

static int put_locked(struct liar *liar, const char *key, const struct sme_slice *slices,
                      size_t count, const struct sme_put_info *info, struct sme_error *err)
{
    bool create_only = (info->flags & SME_PUT_CREATE_ONLY) != 0;
    bool exists = *find(liar, key) != NULL;
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += slices[i].len;
    if (total != info->length && !lies_about(liar, LIE_LENGTH))
        return sme_fail(err, SME_E_INVALID, "'%s' has %zu bytes, not %llu", key, total,
                        (unsigned long long)info->length);
    if (!create_only && (lies_about(liar, LIE_WORM) || lies_about(liar, LIE_NO_DELETE)))
        return sme_fail(err, SME_E_DENIED, "'%s' may not be replaced", key);
    bool race_won =
        lies_about(liar, LIE_RACE) && strstr(key, "race/") != NULL && ++liar->racers % 3 != 0;
    if (create_only && exists && !lies_about(liar, LIE_OVERWRITE) && !race_won)
        return sme_fail(err, SME_E_EXISTS, "'%s' exists", key);
    if (lies_about(liar, LIE_FORGET))
        return SME_OK;
    return store(liar, key, slices, count, total, err);
}

static int liar_put(void *handle, const char *key, const struct sme_slice *slices, size_t count,
                    const struct sme_put_info *info, struct sme_error *err)
{
    struct liar *liar = handle;

    (void)pthread_mutex_lock(&liar->lock);
    int status = tired(liar, err);
    if (status == SME_OK)
        status = put_locked(liar, key, slices, count, info, err);
    (void)pthread_mutex_unlock(&liar->lock);
    return status;
}

static int fail_missing(const struct liar *liar, const char *key, struct sme_error *err)
{
    return sme_fail(err, lies_about(liar, LIE_DENY) ? SME_E_DENIED : SME_E_NOT_FOUND,
                    "'%s' is not there", key);
}

static int64_t get_locked(struct liar *liar, const char *key, uint64_t offset, void *buf,
                          size_t len, struct sme_error *err)
{
    const struct entry *entry = *find(liar, key);

    int status = tired(liar, err);
    if (status < 0)
        return status;
    if (entry == NULL)
        return lies_about(liar, LIE_EMPTY) ? 0 : fail_missing(liar, key, err);
    if (offset >= entry->len)
        return 0;
    size_t left = entry->len - (size_t)offset;
    size_t take = left < len ? left : len;
    memcpy(buf, entry->data + (lies_about(liar, LIE_OFFSET) ? 0 : (size_t)offset), take);
    return (int64_t)take;
}

static int64_t liar_get(void *handle, const char *key, uint64_t offset, void *buf, size_t len,
                        struct sme_error *err)
{
    struct liar *liar = handle;

    (void)pthread_mutex_lock(&liar->lock);
    int64_t got = get_locked(liar, key, offset, buf, len, err);
    (void)pthread_mutex_unlock(&liar->lock);
    return got;
}

static int stat_locked(struct liar *liar, const char *key, struct sme_object *ret_object,
                       struct sme_error *err)
{
    const struct entry *entry = *find(liar, key);

    int status = tired(liar, err);
    if (status < 0)
        return status;
    if (entry == NULL && lies_about(liar, LIE_SMEAR))
        ret_object->size = 0;
    if (entry == NULL && !lies_about(liar, LIE_EMPTY))
        return fail_missing(liar, key, err);
    ret_object->key = key;
    ret_object->size = entry != NULL ? entry->len : 0;
    return SME_OK;
}

static int liar_stat(void *handle, const char *key, struct sme_object *ret_object,
                     struct sme_error *err)
{
    struct liar *liar = handle;

    (void)pthread_mutex_lock(&liar->lock);
    int status = stat_locked(liar, key, ret_object, err);
    (void)pthread_mutex_unlock(&liar->lock);
    return status;
}

static int list_locked(struct liar *liar, const char *prefix, sme_list_fn *callback, void *cookie,
                       struct sme_error *err)
{
    const char *slash = strrchr(prefix, '/');
    size_t len = lies_about(liar, LIE_LOOSE) && slash != NULL ? (size_t)(slash - prefix) + 1
                                                              : strlen(prefix);
    bool first = true;

    int status = tired(liar, err);
    for (struct entry *at = liar->entries; at != NULL && status == 0; at = at->next) {
        struct sme_object object = {.struct_size = sizeof object, .key = at->key, .size = at->len};
        if (strncmp(at->key, prefix, len) != 0)
            continue;
        if (at->next == NULL && lies_about(liar, LIE_SHORT))
            break;
        status = callback(cookie, &object);
        if (status == 0 && first && lies_about(liar, LIE_TWICE))
            status = callback(cookie, &object);
        if (lies_about(liar, LIE_DEAF))
            status = 0;
        first = false;
    }
    return status;
}

static int liar_list(void *handle, const char *prefix, sme_list_fn *callback, void *cookie,
                     struct sme_error *err)
{
    struct liar *liar = handle;

    (void)pthread_mutex_lock(&liar->lock);
    int status = list_locked(liar, prefix, callback, cookie, err);
    (void)pthread_mutex_unlock(&liar->lock);
    return status;
}

static int remove_locked(struct liar *liar, const char *key, struct sme_error *err)
{
    struct entry **at = find(liar, key);
    struct entry *entry = *at;

    int status = tired(liar, err);
    if (status < 0)
        return status;
    if (lies_about(liar, LIE_NO_DELETE))
        return sme_fail(err, SME_E_DENIED, "'%s' may not be removed", key);
    if (entry == NULL)
        return lies_about(liar, LIE_STRICT) ? fail_missing(liar, key, err) : SME_OK;
    if (lies_about(liar, LIE_KEEP))
        return SME_OK;
    *at = entry->next;
    free(entry->data);
    free(entry);
    return SME_OK;
}

static int liar_remove(void *handle, const char *key, struct sme_error *err)
{
    struct liar *liar = handle;

    (void)pthread_mutex_lock(&liar->lock);
    int status = remove_locked(liar, key, err);
    (void)pthread_mutex_unlock(&liar->lock);
    return status;
}

static int liar_sync(void *handle, struct sme_error *err)
{
    (void)handle;
    (void)err;
    return SME_OK;
}

static int liar_time(void *handle, int64_t *ret_ns, struct sme_error *err)
{
    (void)err;
    *ret_ns = lies_about(handle, LIE_CLOCK) ? 1795000000 : 1795000000ll * 1000000000;
    return SME_OK;
}

static const struct sme_sink_ops sink_ops = {
    .struct_size = sizeof(struct sme_sink_ops),
    .create = liar_create,
    .destroy = liar_destroy,
    .check = liar_check,
    .limits = liar_limits,
    .prepare = liar_prepare,
    .put = liar_put,
    .get = liar_get,
    .stat = liar_stat,
    .list = liar_list,
    .remove = liar_remove,
    .sync = liar_sync,
    .server_time = liar_time,
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PARALLEL,
    .option_count = sizeof options / sizeof options[0],
    .name = "liar",
    .version = "1",
    .summary = "a sink that lies, for tests",
    .options = options,
    .config_size = sizeof(struct liar_config),
    .sink = &sink_ops,
};
