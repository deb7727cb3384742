/*
 * "list": the snapshots.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/str.h"
#include "../run/report.h"
#include "target.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct listing {
    struct cli *cli;
    const struct conf_sink *sink;
    bool name_sink; /* there are several */
    json_t *snapshots;
    struct sme_error first; /* failure */
    uint64_t found;         /* snapshots, good or not */
    enum exit_code exit;
};

/* A part of the answer is missing: say so and go on. */
static void note_failure(struct listing *listing, const struct sme_error *failure)
{
    listing->exit = error_worse_exit(listing->exit, error_exit_code(failure->status));
    if (listing->first.status == SME_OK) {
        listing->first = *failure;
    }
    if (!listing->cli->json) {
        cli_complain(failure);
    }
}

/* A second snapshot within a second is dated one later: names must follow each other. */
#define AHEAD_MAX 60

static void age_text(int64_t seconds, char out[24])
{
    if (seconds < -AHEAD_MAX) {
        (void)snprintf(out, 24, "future");
    } else if (seconds < 0) {
        (void)snprintf(out, 24, "0s");
    } else if (seconds < 120) {
        (void)snprintf(out, 24, "%" PRId64 "s", seconds);
    } else if (seconds < 120 * 60) {
        (void)snprintf(out, 24, "%" PRId64 "m", seconds / 60);
    } else if (seconds < 48 * 3600) {
        (void)snprintf(out, 24, "%" PRId64 "h", seconds / 3600);
    } else {
        (void)snprintf(out, 24, "%" PRId64 "d", seconds / 86400);
    }
}

static void print_head(const struct snapshot_entry *entry, const struct snapshot_head *head)
{
    char when[20], age[24], size[16], stored[16], host[64];

    age_text(clock_realtime_ns() / NS_PER_SEC - entry->time_sec, age);
    (void)printf("  %-25s  %s  %5s  ", entry->name, cli_local_time(entry->time_sec, when), age);
    if (head == NULL) {
        (void)printf("DAMAGED\n");
        return;
    }
    (void)printf("%-10s  %9" PRIu64 "  %8s  %8s  %s\n",
                 head->status == SNAPSHOT_COMPLETE ? "complete" : "incomplete", head->items,
                 str_bytes(head->bytes, size), str_bytes(head->bytes_stored, stored),
                 str_escape(head->host, strlen(head->host), host, sizeof host));
}

static void add_head(struct listing *listing, const struct snapshot_entry *entry,
                     const struct snapshot_head *head, const struct sme_error *failure)
{
    json_t *object = json_object();
    char text[21];

    json_add_text(object, "source", entry->source);
    json_add_text(object, "sink", listing->sink->name);
    json_add_text(object, "snapshot", entry->name);
    clock_iso(entry->time_sec, text);
    json_add_text(object, "time", text);
    if (head == NULL) {
        json_add_text(object, "status", "damaged");
        json_add_text(object, "message", failure->message);
        (void)json_array_append_new(listing->snapshots, object);
        return;
    }
    json_add_text(object, "status", head->status == SNAPSHOT_COMPLETE ? "complete" : "incomplete");
    clock_iso(head->finished_ns / NS_PER_SEC, text);
    json_add_text(object, "finished", text);
    json_add_text(object, "host", head->host);
    json_add_text(object, "plugin", head->plugin);
    json_add_text(object, "program", head->program);
    json_add(object, "sequence", head->sequence);
    json_add(object, "items", head->items);
    json_add(object, "files", head->files);
    json_add(object, "directories", head->directories);
    json_add(object, "bytes", head->bytes);
    json_add(object, "changed", head->changed);
    json_add(object, "problems", head->problems);
    json_add(object, "bytes_read", head->bytes_read);
    json_add(object, "bytes_stored", head->bytes_stored);
    (void)json_array_append_new(listing->snapshots, object);
}

static void list_source(struct listing *listing, struct access *access, const char *source)
{
    CLEANUP(snapshot_list_free) struct snapshot_list list = {.count = 0};
    CLEANUP(source_keys_done) struct source_keys keys = {.source = ""};
    struct sme_error failure = SME_ERROR_INIT;
    bool json = listing->cli->json;

    if (source_keys_derive(&access->keys, source, &keys, &failure) < 0 ||
        snapshot_list(access->repo, source, &list, &failure) < 0) {
        note_failure(listing, &failure);
        return;
    }
    if (!json && list.count > 0) {
        (void)printf("%s%s", listing->found > 0 ? "\n" : "", source);
        (void)printf(listing->name_sink ? " (sink %s)\n" : "\n", listing->sink->name);
        (void)printf("  %-25s  %-16s  %5s  %-10s  %9s  %8s  %8s  %s\n", "snapshot", "time", "age",
                     "status", "items", "size", "stored", "host");
    }
    for (size_t i = 0; i < list.count; i++) {
        struct snapshot_head head;
        listing->found++;
        int status = snapshot_load_head(access->repo, &keys, list.at[i].name, &head, &failure);
        if (json) {
            add_head(listing, &list.at[i], status < 0 ? NULL : &head, &failure);
        } else {
            print_head(&list.at[i], status < 0 ? NULL : &head);
        }
        if (status < 0) {
            note_failure(listing, &failure);
        }
    }
}

static void list_sink(struct listing *listing, const char *source)
{
    CLEANUP(access_close) struct access access = {.plugin = NULL};
    struct sme_error failure = SME_ERROR_INIT;
    char **names = NULL;

    if (access_open(listing->cli->conf, listing->sink, &access, &failure) < 0 ||
        repo_sources(access.repo, &names, &failure) < 0) {
        note_failure(listing, &failure);
        return;
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        if (source == NULL || strcmp(source, names[i]) == 0) {
            list_source(listing, &access, names[i]);
        }
    }
    plugin_names_free(names);
}

static enum exit_code print_result(struct listing *listing)
{
    json_t *document =
        json_pack("{s:i, s:o}", "exit", (int)listing->exit, "snapshots", listing->snapshots);

    if (document != NULL && listing->first.status < 0) {
        (void)json_object_set_new(document, "error", report_error_json(&listing->first));
    }
    return error_worse_exit(listing->exit, cli_print_json(listing->cli, document));
}

/* A name that nobody knows is a mistake; a source without snapshots is not. */
static void explain_nothing(struct listing *listing, const char *source)
{
    struct sme_error failure = SME_ERROR_INIT;
    const struct conf_source *configured = NULL;

    if (source != NULL && conf_source(listing->cli->conf, source, &configured, &failure) < 0) {
        (void)sme_fail(&failure, SME_E_INVALID,
                       "source '%s' is neither configured nor in the repository", source);
        (void)error_hint(&failure, "'sme-backup list' shows what there is");
        note_failure(listing, &failure);
    } else if (!listing->cli->quiet && !listing->cli->json) {
        (void)fprintf(stderr, "sme-backup: no snapshot yet\n");
    }
}

enum exit_code cmd_list(struct cli *cli)
{
    const char *source = cli->args.word_count > 0 ? cli->args.words[0] : NULL;
    CLEANUP(free_ptr) const struct conf_sink **sinks = NULL;
    size_t count = 0;
    struct listing listing = {.cli = cli, .exit = EXIT_DONE};

    if (cli_load_conf(cli) < 0 || target_sinks(cli, source, &sinks, &count) < 0) {
        return cli_fail(cli);
    }
    listing.name_sink = cli->conf->sink_count > 1;
    listing.snapshots = json_array();
    for (size_t i = 0; i < count; i++) {
        listing.sink = sinks[i];
        list_sink(&listing, source);
    }
    if (listing.found == 0 && listing.exit == EXIT_DONE) {
        explain_nothing(&listing, source);
    }
    if (cli->json) {
        return print_result(&listing);
    }
    json_decref(listing.snapshots);
    return listing.exit;
}
