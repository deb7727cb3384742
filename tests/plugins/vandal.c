/*
 * vandal: the sink "gate" that does what no plugin should, in the call that is named.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Everything about places and objects is gate's; see there.
 */
#include "sme-backup/sink.h"

extern const struct sme_plugin gate_plugin;
#define sme_backup_plugin_v1 gate_plugin
#include "gate.c"
#undef sme_backup_plugin_v1

#include "misdeed.h"

enum { AT_CREATE, AT_CHECK, AT_LIMITS, AT_PUT, AT_GET, AT_STAT, AT_LIST, AT_REMOVE, AT_DESTROY };
static const char *const calls[] = {"create", "check", "limits", "put",     "get",
                                    "stat",   "list",  "remove", "destroy", NULL};

/* Deeds of a sink only, behind those of every plugin. */
enum {
    LIE_FORGET = DEED_COUNT, /* put keeps nothing                              */
    LIE_FLIP,                /* get has other bytes                            */
    LIE_MORE,                /* ... or more than was asked                     */
    LIE_LESS,                /* ... or a byte less                             */
    LIE_WILD,                /* ... or a number of which an int would be 0     */
    LIE_CLASS,               /* a class that does not exist                    */
    LIE_SIZE,                /* another size                                   */
    LIE_NAMELESS,            /* an object without a key                        */
    LIE_LONG,                /* ... or with one that is too long               */
    LIE_NOTHING,             /* list sees nothing                              */
    LIE_SILENT,              /* a failure without text                         */
    LIE_NO_HANDLE
};
static const char *const deeds[] = {MISDEED_WORDS, "forget", "flip",      "more",     "less",
                                    "wild",        "class",  "size",      "nameless", "long",
                                    "nothing",     "silent", "no-handle", NULL};

struct vandal_config {
    struct gate_config gate; /* first: gate's calls take it for theirs */
    uint32_t at;
    uint32_t deed;
    const char *note;
};

static const struct sme_option vandal_options[] = {
    SME_OPTION_PATH(struct vandal_config, gate.path, "path", SME_OPT_REQUIRED, NULL,
                    "Folder of objects."),
    SME_OPTION_CHOICE(struct vandal_config, at, "at", 0, "put", calls, "The call."),
    SME_OPTION_CHOICE(struct vandal_config, deed, "deed", 0, "none", deeds, "What it does there."),
    SME_OPTION_PATH(struct vandal_config, note, "note", 0, NULL, "Gets the number of a child."),
};

static uint32_t deed_at(const struct gate *gate, unsigned at)
{
    const struct vandal_config *config = (const struct vandal_config *)(const void *)gate->config;

    return config->at == at ? config->deed : DEED_NONE;
}

/* What is done at ${at}; a failure if that is what it is. */
static int act_at(const struct gate *gate, unsigned at)
{
    const struct vandal_config *config = (const struct vandal_config *)(const void *)gate->config;
    uint32_t deed = deed_at(gate, at);

    if (deed < DEED_COUNT)
        misdeed((enum misdeed)deed, gate->host, config->note);
    return deed == LIE_SILENT ? SME_E_IO : deed == LIE_CLASS ? -9999 : SME_OK;
}

static int vandal_create(const struct sme_host *host, const void *config, void **ret_handle,
                         struct sme_error *err)
{
    void *gate = NULL;

    int status = gate_create(host, config, &gate, err);
    if (status == SME_OK)
        status = act_at(gate, AT_CREATE);
    if (status < 0 || deed_at(gate, AT_CREATE) == LIE_NO_HANDLE)
        free(gate);
    else
        *ret_handle = gate;
    return status;
}

static void vandal_destroy(void *handle)
{
    if (handle != NULL)
        (void)act_at(handle, AT_DESTROY);
    gate_destroy(handle);
}

static int vandal_check(void *handle, struct sme_error *err)
{
    int status = act_at(handle, AT_CHECK);

    return status < 0 ? status : gate_check(handle, err);
}

static int vandal_limits(void *handle, struct sme_sink_limits *ret_limits, struct sme_error *err)
{
    int status = act_at(handle, AT_LIMITS);

    if (status == SME_OK)
        status = gate_limits(handle, ret_limits, err);
    if (deed_at(handle, AT_LIMITS) == LIE_SIZE)
        ret_limits->connections = UINT32_MAX;
    return status;
}

static int vandal_put(void *handle, const char *key, const struct sme_slice *slices, size_t count,
                      const struct sme_put_info *info, struct sme_error *err)
{
    int status = act_at(handle, AT_PUT);

    if (status < 0 || deed_at(handle, AT_PUT) == LIE_FORGET)
        return status;
    return gate_put(handle, key, slices, count, info, err);
}

static int64_t vandal_get(void *handle, const char *key, uint64_t offset, void *buf, size_t len,
                          struct sme_error *err)
{
    int status = act_at(handle, AT_GET);
    int64_t got = status < 0 ? status : gate_get(handle, key, offset, buf, len, err);

    if (got <= 0)
        return got;
    switch (deed_at(handle, AT_GET)) {
    case LIE_FLIP:
        ((unsigned char *)buf)[got / 2] ^= 1;
        return got;
    case LIE_MORE:
        return (int64_t)len + 1;
    case LIE_LESS:
        return got - 1;
    case LIE_WILD:
        return INT64_MIN;
    default:
        return got;
    }
}

static int vandal_stat(void *handle, const char *key, struct sme_object *ret_object,
                       struct sme_error *err)
{
    int status = act_at(handle, AT_STAT);

    if (status == SME_OK)
        status = gate_stat(handle, key, ret_object, err);
    if (status == SME_OK && deed_at(handle, AT_STAT) == LIE_SIZE)
        ret_object->size++;
    return status;
}

struct lie {
    uint32_t deed;
    sme_list_fn *callback;
    void *cookie;
};

static int lie_about_object(void *cookie, const struct sme_object *object)
{
    const struct lie *lie = cookie;
    struct sme_object other = *object;
    char key[4096];

    if (lie->deed == LIE_NAMELESS)
        other.key = NULL;
    if (lie->deed == LIE_LONG) {
        (void)snprintf(key, sizeof key, "%s%04000d", object->key, 0);
        other.key = key;
    }
    if (lie->deed == LIE_SIZE)
        other.size = UINT64_MAX;
    return lie->callback(lie->cookie, &other);
}

static int vandal_list(void *handle, const char *prefix, sme_list_fn *callback, void *cookie,
                       struct sme_error *err)
{
    struct lie lie = {deed_at(handle, AT_LIST), callback, cookie};
    int status = act_at(handle, AT_LIST);

    if (status < 0 || lie.deed == LIE_NOTHING)
        return status;
    return gate_list(handle, prefix, lie_about_object, &lie, err);
}

static int vandal_remove(void *handle, const char *key, struct sme_error *err)
{
    int status = act_at(handle, AT_REMOVE);

    return status < 0 ? status : gate_remove(handle, key, err);
}

static const struct sme_sink_ops vandal_ops = {
    .struct_size = sizeof vandal_ops,
    .create = vandal_create,
    .destroy = vandal_destroy,
    .check = vandal_check,
    .limits = vandal_limits,
    .prepare = gate_prepare,
    .put = vandal_put,
    .get = vandal_get,
    .stat = vandal_stat,
    .list = vandal_list,
    .remove = vandal_remove,
    .sync = gate_sync,
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PARALLEL,
    .option_count = sizeof vandal_options / sizeof vandal_options[0],
    .name = "vandal",
    .version = "1",
    .summary = "a directory that does what no sink should, for tests",
    .options = vandal_options,
    .config_size = sizeof(struct vandal_config),
    .sink = &vandal_ops,
};
