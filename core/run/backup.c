/*
 * One job: one source into one repository, from begin to commit or abort.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "backup.h"

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/limits.h"
#include "../base/log.h"
#include "../base/rng.h"
#include "../plugin/calls.h"
#include "../repo/inventory.h"
#include "../repo/session.h"
#include "../repo/store_place.h"
#include "backup_job.h"

#include <sched.h>
#include <stdlib.h>

#define MAX_WORKERS 16
#define WORKER_MEMORY (12 * MIB) /* blocks, window and scratch of one worker */
#define OTHER_MEMORY (32 * MIB)  /* units, item stream, tables                */

void backup_result_free(struct backup_result *result)
{
    for (size_t i = 0; i < result->problem_count; i++) {
        free(result->problems[i].path);
        free(result->problems[i].text);
    }
    free(result->problems);
    result->problems = NULL;
    result->problem_count = 0;
}

static unsigned processors(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) < 0) {
        return 1;
    }
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > MAX_WORKERS ? MAX_WORKERS : (unsigned)count;
}

static int open_source(struct backup_job *job, struct sme_error *err)
{
    const struct conf_source *source = job->request->source;
    const struct conf *conf = job->request->conf;
    char *state = NULL;

    (void)plugin_call_note(PLUGIN_CALL_SOURCE_LOAD);
    int status =
        plugin_load(&conf->core.plugin_dir, PLUGIN_SOURCE, source->plugin, &job->plugin, err);
    (void)plugin_call_note(PLUGIN_CALL_NONE);
    if (status < 0) {
        return status;
    }
    if (asprintf(&state, "%s/sources/%s", conf->core.state_dir, source->name) < 0) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to open source '%s'", source->name);
    }
    status = instance_new(job->plugin, source->name, source->section, conf_source_options,
                          conf_source_option_count, state, &job->source, err);
    free(state);
    if (status == SME_OK) {
        status = instance_open(job->source, err);
    }
    if (status == SME_OK && job->plugin->source.check != NULL) {
        (void)plugin_call_note(PLUGIN_CALL_SOURCE_CHECK);
        status = job->plugin->source.check(job->source->handle, err);
        (void)plugin_call_note(PLUGIN_CALL_NONE);
    }
    if (status < 0) {
        status = instance_source_failure(status, err);
    }
    return status;
}

/* The name of the snapshot to be, behind the one before it in the order of names even if both were
 * made in the same second or the clock has been set back a little. */
static int choose_name(struct backup_job *job, struct sme_error *err)
{
    const int64_t step_sec = 3600;
    int64_t sec = job->started_ns / NS_PER_SEC;
    const struct snapshot_entry *last = &job->before.entry;
    uint8_t random[4];

    if (job->before.exists && last->time_sec >= sec) {
        if (last->time_sec - sec > step_sec) {
            log_line(LOG_LEVEL_WARN, job->request->source->name,
                     "the newest snapshot %s is of the future: until then it counts as the latest; "
                     "check this host's clock",
                     last->name);
        } else {
            sec = last->time_sec + 1;
        }
    }
    int status = rng_bytes(random, sizeof random, err);
    if (status == SME_OK) {
        objkey_snapshot_name(sec, random, job->name);
    }
    return status;
}

/* What is there: packs that are pending or lost, and the index. */
static int read_inventory(struct backup_job *job, struct sme_error *err)
{
    struct store_names names = {0};
    uint8_t(*pending)[32] = NULL;
    size_t count = 0;

    int status = inventory_read(job->repo, &job->keys, &names, err);
    if (status < 0) {
        return status;
    }
    status = session_pending(job->repo, &job->keys, &names, &pending, &count, err);
    if (status == SME_OK) {
        status = vault_open_listed(job->repo, job->request->source->name, job->cache_dir, &names,
                                   &job->vault, err);
    }
    if (status == SME_OK) {
        job->absent = inventory_absent(&names, &job->keys, job->vault->index,
                                       (const uint8_t(*)[32])pending, count);
        if (job->absent == NULL) {
            status = sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of packs");
        }
    }
    free(pending);
    store_names_free(&names);
    return status;
}

/* Everything that is asked of the repository before the source is read. */
static int open_repository(struct backup_job *job, struct sme_error *err)
{
    const struct conf_source *source = job->request->source;

    int status = source_keys_derive(&job->repo->keys, source->name, &job->keys, err);
    if (status == SME_OK) {
        status = backup_find_predecessor(job, err);
    }
    if (status == SME_OK) {
        status = choose_name(job, err);
    }
    if (status == SME_OK && !job->request->dry_run) {
        status = session_begin(job->repo, &job->keys, job->name, job->request->conf->core.host,
                               job->started_ns, err);
        job->has_session = status == SME_OK;
    }
    /* After the marker: a prune that has not seen it has marked and deleted before, so neither a
     * pending set nor an index that is read now can be out of date when it matters. */
    if (status == SME_OK) {
        status = read_inventory(job, err);
    }
    if (status == SME_OK) {
        status = run_key_new(&job->repo->keys, &job->keys, &job->run, err);
    }
    if (status == SME_OK) {
        backup_open_cache(job);
    }
    return status;
}

/* Pack buffers that the memory limit leaves room for. */
static unsigned buffer_count(const struct conf *conf, uint64_t pack_size, unsigned workers)
{
    uint64_t used = OTHER_MEMORY + workers * WORKER_MEMORY;
    uint64_t left = conf->core.memory_limit > used ? conf->core.memory_limit - used : 0;
    uint64_t count = left / (pack_size + MIB);

    return count < 2 ? 2 : count > 3 ? 3 : (unsigned)count;
}

static int open_pipeline(struct backup_job *job, unsigned workers, struct sme_error *err)
{
    const struct conf_sink *sink = NULL;
    struct block_sealer *sealer = NULL;
    const char *why = NULL;
    uint64_t sizes[3];

    if (conf_chunk_sizes(job->request->source->chunk_size, sizes, &why) < 0) {
        return sme_fail(err, SME_E_INVALID, "chunk_size '%s' %s", job->request->source->chunk_size,
                        why);
    }
    if (!codec_parse(job->request->source->compression, &job->level)) {
        return sme_fail(err, SME_E_INVALID, "compression '%s' is not known",
                        job->request->source->compression);
    }
    chunker_init(&job->chunker, &job->keys.chunker, (uint32_t)sizes[0], (uint32_t)sizes[1],
                 (uint32_t)sizes[2]);
    int status = conf_sink(job->request->conf, store_name(job->repo->store), &sink, err);
    if (status < 0) {
        return status;
    }
    struct packer_params params = {
        .repo = job->repo,
        .keys = &job->keys,
        .run = &job->run,
        .type = SEAL_DATA,
        .pack_size = sink->pack_size,
        .buffers = buffer_count(job->request->conf, sink->pack_size, workers),
    };
    params.uploaders = params.buffers - 1;
    status = dedup_new(job->vault->index, job->absent, &job->dedup, err);
    if (status == SME_OK) {
        status = packer_new(&params, &job->data, err);
    }
    params.type = SEAL_META;
    params.buffers = 1;
    params.uploaders = 0;
    if (status == SME_OK) {
        status = packer_new(&params, &job->meta, err);
    }
    struct block_sealer_params meta = {
        .keys = &job->keys,
        .run = &job->run,
        .packer = job->request->dry_run ? NULL : job->meta,
        .type = SEAL_META,
        .level = job->level == CODEC_OFF ? CODEC_OFF : CODEC_LEVEL_AUTO,
    };
    if (status == SME_OK) {
        status = block_sealer_new(&meta, &sealer, err);
    }
    return status < 0 ? status : itemstream_new(sealer, job->dedup, &job->stream, err);
}

static void fill_counts(struct backup_job *job, struct backup_counts *counts)
{
    const struct pipe_counters *from = &job->pipe.counters;

    *counts = (struct backup_counts){
        .items = from->items,
        .files = from->files,
        .directories = from->directories,
        .bytes = from->bytes,
        .changed = from->changed,
        .bytes_read = from->content.bytes_read,
        .bytes_new = from->content.bytes_new,
        .bytes_stored = packer_stored_bytes(job->data) + packer_stored_bytes(job->meta),
        .failed = from->failed,
        .changed_while_read = from->changed_while_read,
        .vanished = from->vanished,
        .rot = from->rot,
        .damaged = from->damaged,
        .skipped = from->skipped,
        .data_packs = packer_stored_packs(job->data),
        .meta_packs = packer_stored_packs(job->meta),
    };
}

static int tick(void *cookie, struct sme_error *err)
{
    struct backup_job *job = cookie;
    struct backup_counts counts;
    objkey_text key;

    if (job->request->progress != NULL) {
        fill_counts(job, &counts);
        job->request->progress(job->request->cookie, &counts);
    }
    return backup_put_index(job, false, key, err);
}

static int run_source(struct backup_job *job, unsigned workers, struct sme_error *err)
{
    const struct conf_source *source = job->request->source;
    struct sme_run run = {
        .struct_size = sizeof run,
        .flags = job->request->dry_run ? SME_RUN_DRY : 0,
        .started_ns = job->started_ns,
        .snapshot = job->name,
    };
    struct pipe_params params = {
        .source = job->source,
        .keys = &job->keys,
        .run = &job->run,
        .data = job->request->dry_run ? NULL : job->data,
        .stream = job->stream,
        .dedup = job->dedup,
        .chunker = &job->chunker,
        .level = job->level,
        .workers = workers,
        .cache = job->cache,
        .cache_writer = job->cache_writer,
        .rescan = source->rescan,
        .sequence = job->before.sequence + 1,
        .may_change = &source->may_change,
        .tick = tick,
        .cookie = job,
    };

    problems_attach(&job->problems, job->source);
    (void)plugin_call_note(PLUGIN_CALL_BEGIN);
    int status = job->plugin->source.begin(job->source->handle, &run, err);
    (void)plugin_call_note(PLUGIN_CALL_NONE);
    if (status < 0) {
        return instance_source_failure(status, err);
    }
    job->begun = true;
    status = pipe_run(&params, &job->pipe, err);
    return status < 0 ? status : problems_merge(&job->problems, &job->pipe, err);
}

static int end_source(struct backup_job *job, int outcome, struct sme_error *err)
{
    if (!job->begun) {
        return SME_OK;
    }
    job->begun = false;
    (void)plugin_call_note(PLUGIN_CALL_END);
    int status = job->plugin->source.end(job->source->handle, outcome, err);
    (void)plugin_call_note(PLUGIN_CALL_NONE);
    return status;
}

/* The run is over without a snapshot.  Name the packs that are stored already in an index object,
 * so that the next run need not store their content again. */
static void save_what_is_stored(struct backup_job *job, int status)
{
    struct sme_error ignored = SME_ERROR_INIT;
    objkey_text key;

    if (job->data == NULL || job->meta == NULL || job->request->dry_run ||
        status == SME_E_CORRUPT || status == SME_E_UNREACHABLE || status == SME_E_TRANSIENT) {
        return;
    }
    if (backup_put_index(job, true, key, &ignored) == SME_OK && key[0] != '\0') {
        log_line(LOG_LEVEL_INFO, job->request->source->name,
                 "what was stored before the failure is kept for the next run");
    }
}

static int do_job(struct backup_job *job, struct sme_error *err)
{
    struct sme_error trouble = SME_ERROR_INIT;
    unsigned workers = processors();

    int status = open_source(job, err);
    status = status < 0 ? status : open_repository(job, err);
    status = status < 0 ? status : open_pipeline(job, workers, err);
    status = status < 0 ? status : run_source(job, workers, err);
    if (status == SME_OK && !job->request->dry_run) {
        status = backup_commit(job, err);
    }
    if (status < 0 || job->request->dry_run) {
        save_what_is_stored(job, status);
        return status;
    }
    if (job->request->committed != NULL) {
        struct backup_result so_far = *job->result;
        fill_counts(job, &so_far.counts);
        so_far.problems = job->pipe.problems;
        so_far.problem_count = job->pipe.problem_count;
        so_far.requests = store_meter(job->repo->store);
        job->request->committed(job->request->cookie, &so_far);
    }
    if (end_source(job, SME_COMMIT, &trouble) < 0) {
        log_failure(LOG_LEVEL_WARN, job->request->source->name, &trouble);
    }
    return SME_OK;
}

static void clean_up(struct backup_job *job)
{
    struct sme_error ignored = SME_ERROR_INIT;

    (void)end_source(job, SME_ABORT, &ignored);
    if (job->has_session) {
        session_end(job->repo, &job->keys, job->name);
    }
    itemstream_free(job->stream);
    packer_free(job->data);
    packer_free(job->meta);
    dedup_free(job->dedup);
    itemcache_writer_abort(job->cache_writer);
    itemcache_free(job->cache);
    index_addition_free(&job->added);
    buf_free(&job->reach);
    free(job->absent);
    secret_done(&job->run.key);
    chunker_done(&job->chunker);
    vault_free(job->vault);
    source_keys_done(&job->keys);
    instance_free(job->source);
    plugin_unload(job->plugin);
    problems_done(&job->problems);
}

int backup_run(const struct backup_request *request, struct backup_result *ret_result,
               struct sme_error *err)
{
    struct backup_job *job = calloc(1, sizeof *job);

    memset(ret_result, 0, sizeof *ret_result);
    if (job == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a backup");
    }
    job->request = request;
    job->result = ret_result;
    job->repo = request->access->repo;
    job->cache_dir = request->conf->core.cache_dir;
    job->started_ns = clock_realtime_ns();
    job->started_monotonic_ns = clock_monotonic_ns();
    buf_init(&job->reach, LIMIT_SNAPSHOT_OBJECT / 2);
    problems_init(&job->problems);

    int status = do_job(job, err);

    if (job->data != NULL && job->meta != NULL) {
        fill_counts(job, &ret_result->counts);
    }
    ret_result->problems = STEAL(job->pipe.problems);
    ret_result->problem_count = job->pipe.problem_count;
    job->pipe.problem_count = 0;
    pipe_result_free(&job->pipe);
    clean_up(job);
    ret_result->requests = store_meter(request->access->store);
    ret_result->has_cost = store_cost(request->access->store, &ret_result->requests,
                                      &ret_result->nano_usd, NULL) == SME_OK;
    ret_result->elapsed_ns = clock_monotonic_ns() - job->started_monotonic_ns;
    free(job);
    return status;
}
