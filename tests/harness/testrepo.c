/*
 * A repository in memory and a backup of a folder into it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "testrepo.h"

#include "../../core/base/cleanup.h"
#include "../../core/base/clock.h"
#include "../../core/repo/inventory.h"

#include <stdlib.h>

/* The filesystem plugin is linked into the test. */
extern const struct sme_plugin sme_backup_plugin_v1;

void testrepo_open(struct testrepo *tr)
{
    struct sme_error err = SME_ERROR_INIT;

    memset(tr, 0, sizeof *tr);
    tr->sink = memsink_new();
    tr->workers = 2;
    tr->pack_size = 4 << 20;
    if (store_new(&tr->sink->instance, &tr->store, &err) < 0 ||
        keyring_generate(&tr->keys, &err) < 0 || repo_init(tr->store, &tr->keys, &err) < 0 ||
        repo_open(tr->store, &tr->keys, &tr->repo, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

void testrepo_close(struct testrepo *tr)
{
    repo_free(tr->repo);
    keyring_done(&tr->keys);
    store_free(tr->store);
    memsink_free(tr->sink);
    free(tr->cache_dir);
}

static void host_log(const struct sme_host *host, int level, const char *fmt, ...)
{
    (void)host;
    (void)level;
    (void)fmt;
}

static int host_cancelled(const struct sme_host *host)
{
    (void)host;
    return 0;
}

static int64_t host_time(const struct sme_host *host)
{
    (void)host;
    return clock_realtime_ns();
}

/* The parts of one run. */
struct parts {
    struct vault *vault;
    struct run_key run;
    struct dedup *dedup;
    struct packer *data, *meta;
    struct block_sealer *sealer;
    struct itemstream *stream;
    struct chunker chunker;
    struct itemcache *cache;
    struct itemcache_writer *writer;
    struct index_addition added;
    struct snapshot snapshot;
    struct buf reach;
    bool *absent;
};

static int prepare(struct testrepo *tr, struct parts *p, struct sme_error *err)
{
    struct packer_params params = {.repo = tr->repo,
                                   .run = &p->run,
                                   .type = SEAL_DATA,
                                   .pack_size = tr->pack_size,
                                   .buffers = 2,
                                   .uploaders = 1};
    struct block_sealer_params meta = {.run = &p->run, .type = SEAL_META, .level = 3};
    struct store_names names = {0};
    int status = vault_open(tr->repo, TESTREPO_SOURCE, tr->cache_dir, &p->vault, err);

    if (status == SME_OK &&
        (status = inventory_read(tr->repo, &p->vault->keys, &names, err)) == SME_OK) {
        p->absent = inventory_absent(&names, &p->vault->keys, p->vault->index, NULL, 0);
        store_names_free(&names);
    }
    if (status < 0 || (status = run_key_new(&tr->keys, &p->vault->keys, &p->run, err)) < 0) {
        return status;
    }
    params.keys = &p->vault->keys;
    meta.keys = &p->vault->keys;
    chunker_init(&p->chunker, &p->vault->keys.chunker, 64 << 10, 256 << 10, 1 << 20);
    status = dedup_new(p->vault->index, p->absent, &p->dedup, err);
    status = status < 0 ? status : packer_new(&params, &p->data, err);
    params.type = SEAL_META;
    params.buffers = 1;
    params.uploaders = 0;
    status = status < 0 ? status : packer_new(&params, &p->meta, err);
    meta.packer = p->meta;
    status = status < 0 ? status : block_sealer_new(&meta, &p->sealer, err);
    status = status < 0 ? status : itemstream_new(p->sealer, p->dedup, &p->stream, err);
    if (status == SME_OK && tr->cache_dir != NULL) {
        (void)itemcache_open(&p->vault->keys, tr->cache_dir, &p->cache, NULL);
        status = itemcache_writer_new(&p->vault->keys, tr->cache_dir, &p->writer, err);
    }
    return status;
}

static int commit(struct testrepo *tr, struct parts *p, struct testrepo_run *run,
                  struct sme_error *err)
{
    uint8_t hash[32];
    objkey_text key = "";

    int status = itemstream_finish(p->stream, &p->snapshot.root, err);
    status = status < 0 ? status : packer_flush(p->data, err);
    status = status < 0 ? status : packer_flush(p->meta, err);
    status = status < 0 ? status : packer_take(p->data, &p->added, err);
    run->data_packs = p->added.count;
    status = status < 0 ? status : packer_take(p->meta, &p->added, err);
    run->meta_packs = p->added.count - run->data_packs;
    if (status == SME_OK && p->added.count > 0) {
        status =
            index_put(tr->repo, &p->vault->keys, &p->added, 1700000000 + tr->sequence, key, err);
    }
    if (status < 0) {
        return status;
    }
    for (size_t i = 0; i < p->added.count; i++) {
        buf_add(&p->reach, p->added.packs[i].name, 32);
    }
    dedup_reach(p->dedup, &p->reach);
    p->snapshot.reach = (uint8_t(*)[32])(void *)p->reach.data;
    p->snapshot.reach_count = p->reach.len / 32;
    (void)snprintf(p->snapshot.head.source, sizeof p->snapshot.head.source, TESTREPO_SOURCE);
    memcpy(p->snapshot.head.name, run->name, sizeof run->name);
    (void)snprintf(p->snapshot.head.host, sizeof p->snapshot.head.host, "testhost");
    memcpy(p->snapshot.head.run_enc, p->run.enc, 32);
    p->snapshot.head.items = run->pipe.counters.items;
    status = snapshot_put(tr->repo, &p->vault->keys, &p->run, &p->snapshot, hash, err);
    if (status == SME_OK && p->writer != NULL) {
        status = itemcache_writer_commit(STEAL(p->writer), err);
    }
    return status;
}

static void release(struct parts *p)
{
    for (size_t i = 0; i < p->snapshot.root.item_count; i++) {
        free(p->snapshot.root.items[i].first_path);
    }
    free(p->snapshot.root.items);
    buf_free(&p->reach);
    itemstream_free(p->stream);
    packer_free(p->data);
    packer_free(p->meta);
    dedup_free(p->dedup);
    itemcache_writer_abort(p->writer);
    itemcache_free(p->cache);
    index_addition_free(&p->added);
    secret_done(&p->run.key);
    chunker_done(&p->chunker);
    vault_free(p->vault);
    free(p->absent);
}

int testrepo_backup_from(struct testrepo *tr, struct instance *source, struct testrepo_run *run,
                         struct sme_error *err)
{
    static const struct sme_list none;
    struct parts p = {.reach = BUF_INIT(1 << 20)};
    struct sme_run begin = {.struct_size = sizeof begin};
    uint8_t random[4] = {(uint8_t)++tr->sequence};
    struct sme_error ignored = SME_ERROR_INIT;

    memset(run, 0, sizeof *run);
    objkey_snapshot_name(1700000000 + tr->sequence, random, run->name);
    int status = prepare(tr, &p, err);
    if (status == SME_OK) {
        status = source->plugin->source.begin(source->handle, &begin, err);
    }
    if (status == SME_OK) {
        struct pipe_params params = {.source = source,
                                     .keys = &p.vault->keys,
                                     .run = &p.run,
                                     .data = p.data,
                                     .stream = p.stream,
                                     .dedup = p.dedup,
                                     .chunker = &p.chunker,
                                     .level = 1,
                                     .workers = tr->workers,
                                     .rescan = tr->rescan,
                                     .sequence = tr->sequence,
                                     .cache = p.cache,
                                     .cache_writer = p.writer,
                                     .may_change = &none};
        status = pipe_run(&params, &run->pipe, err);
        if (status == SME_OK) {
            status = commit(tr, &p, run, err);
        }
        (void)source->plugin->source.end(source->handle, status == SME_OK ? SME_COMMIT : SME_ABORT,
                                         &ignored);
    }
    release(&p);
    return status;
}

int testrepo_backup(struct testrepo *tr, const char *dir, struct testrepo_run *run,
                    struct sme_error *err)
{
    static char kind[] = "source";
    static char name[] = TESTREPO_SOURCE;
    static char file[] = "test.ini";
    static char option[] = "path";
    struct ini_entry entry = {.name = option, .value = (char *)(uintptr_t)dir, .line = 2};
    struct ini_section section = {
        .kind = kind, .name = name, .file = file, .line = 1, .entries = &entry, .count = 1};
    struct plugin plugin = {.kind = PLUGIN_SOURCE, .desc = sme_backup_plugin_v1};
    struct instance source = {.plugin = &plugin, .name = name};
    struct option_set set = {sme_backup_plugin_v1.options, sme_backup_plugin_v1.option_count, NULL};

    memcpy(&plugin.source, sme_backup_plugin_v1.source, sizeof plugin.source);
    source.config = set.config = calloc(1, sme_backup_plugin_v1.config_size);
    source.host = (struct sme_host){.struct_size = sizeof source.host,
                                    .abi = SME_ABI,
                                    .instance = "documents",
                                    .log = host_log,
                                    .cancelled = host_cancelled,
                                    .realtime_ns = host_time};
    int status = options_fill(&set, 1, &section, 0, &source.store, err);
    if (status == SME_OK) {
        status = plugin.source.create(&source.host, source.config, &source.handle, err);
    }
    if (status == SME_OK) {
        status = testrepo_backup_from(tr, &source, run, err);
        plugin.source.destroy(source.handle);
    }
    option_store_free(&source.store);
    free(source.config);
    return status;
}

void testrepo_run_free(struct testrepo_run *run)
{
    pipe_result_free(&run->pipe);
}

static struct snapshot *open_snapshot(struct testrepo *tr, struct vault *vault, const char *name,
                                      struct sme_error *err)
{
    struct snapshot *snapshot = NULL;

    if (snapshot_load(tr->repo, &vault->keys, name, &snapshot, err) < 0 ||
        snapshot_open_root(tr->repo, &vault->keys, snapshot, err) < 0) {
        snapshot_free(snapshot);
        return NULL;
    }
    return snapshot;
}

static uint8_t *read_item(struct vault *vault, struct item_view *view, size_t *ret_len)
{
    struct sme_error err = SME_ERROR_INIT;
    struct block_reader *reader = NULL;
    struct ref_iter iter;
    struct block_chunk ref;
    const uint8_t *data = NULL;
    uint8_t *all = calloc(1, view->size + 1);
    uint64_t before = UINT64_MAX;
    uint64_t hole = 0;
    uint64_t at = 0;
    bool good = true;

    if (view->type != SME_ITEM_FILE || block_reader_new(vault, &reader, &err) < 0 ||
        ref_iter_init(&iter, reader, view, &err) < 0) {
        free(all);
        block_reader_free(reader);
        return NULL;
    }
    uint64_t until = item_next_hole(view, &before, &hole) ? before : UINT64_MAX;
    int more;
    while (good && (more = ref_iter_next(&iter, &ref, &err)) == 1) {
        good = chunk_fetch(reader, &ref, &data, &err) == SME_OK;
        for (uint32_t i = 0; good && i < ref.len; i++) {
            while (until == 0) {
                at += hole;
                until = item_next_hole(view, &before, &hole) ? before : UINT64_MAX;
            }
            good = at < view->size;
            if (good) {
                all[at++] = data[i];
            }
            until -= until != UINT64_MAX;
        }
    }
    good = good && more == 0;
    ref_iter_done(&iter);
    block_reader_free(reader);
    if (!good) {
        (void)fprintf(stderr, "%s\n", err.message);
        free(all);
        return NULL;
    }
    *ret_len = (size_t)view->size;
    return all;
}

uint8_t *testrepo_read(struct testrepo *tr, const char *name, const char *path, size_t *ret_len)
{
    struct sme_error err = SME_ERROR_INIT;
    struct vault *vault = NULL;
    struct item_iter *iter = NULL;
    struct item_view view;
    uint8_t *data = NULL;

    if (vault_open(tr->repo, TESTREPO_SOURCE, tr->cache_dir, &vault, &err) < 0) {
        return NULL;
    }
    struct snapshot *snapshot = open_snapshot(tr, vault, name, &err);
    if (snapshot != NULL && item_iter_new(vault, snapshot, path, &iter, &err) == SME_OK &&
        item_iter_next(iter, &view, &err) == 1 && strcmp(view.path, path) == 0) {
        data = read_item(vault, &view, ret_len);
    }
    item_iter_free(iter);
    snapshot_free(snapshot);
    vault_free(vault);
    return data;
}

long testrepo_count_items(struct testrepo *tr, const char *name, struct sme_error *err)
{
    struct vault *vault = NULL;
    struct item_iter *iter = NULL;
    struct item_view view;
    long count = -1;
    int more = -1;

    if (vault_open(tr->repo, TESTREPO_SOURCE, tr->cache_dir, &vault, err) < 0) {
        return -1;
    }
    struct snapshot *snapshot = open_snapshot(tr, vault, name, err);
    if (snapshot != NULL && item_iter_new(vault, snapshot, NULL, &iter, err) == SME_OK) {
        count = 0;
        while ((more = item_iter_next(iter, &view, err)) == 1) {
            count++;
        }
    }
    item_iter_free(iter);
    snapshot_free(snapshot);
    vault_free(vault);
    return more < 0 ? -1 : count;
}
