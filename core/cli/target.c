/*
 * From "SOURCE@SNAPSHOT" on the command line to an open snapshot.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "target.h"

#include "../base/cleanup.h"
#include "../base/str.h"

#include <stdlib.h>
#include <string.h>

static const struct conf_source *configured_source(const struct conf *conf, const char *name)
{
    const struct conf_source *source = NULL;
    struct sme_error ignored = SME_ERROR_INIT;

    return conf_source(conf, name, &source, &ignored) == SME_OK ? source : NULL;
}

int target_sinks(struct cli *cli, const char *source, const struct conf_sink ***ret_sinks,
                 size_t *ret_count)
{
    const struct conf *conf = cli->conf;
    const struct conf_source *configured = source != NULL ? configured_source(conf, source) : NULL;
    const char *named = cli->args.value[OPT_SINK];
    size_t wanted = named != NULL                                      ? 1
                    : configured != NULL && configured->sink.count > 0 ? configured->sink.count
                                                                       : conf->sink_count;
    int status = SME_OK;

    if (wanted == 0) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "no sink is configured in '%s'", conf->path);
        return error_hint(&cli->err, "add a section [sink NAME]; see 'sme-backup plugin list'");
    }
    const struct conf_sink **sinks = calloc(wanted, sizeof *sinks);
    if (sinks == NULL) {
        return sme_fail(&cli->err, SME_E_NO_MEMORY, "no memory for the list of sinks");
    }
    for (size_t i = 0; i < wanted && status == SME_OK; i++) {
        if (named != NULL) {
            status = conf_sink(conf, named, &sinks[i], &cli->err);
        } else if (configured != NULL && configured->sink.count > 0) {
            status = conf_sink(conf, configured->sink.items[i], &sinks[i], &cli->err);
        } else {
            sinks[i] = &conf->sinks[i];
        }
    }
    if (status < 0) {
        free(sinks);
        return status;
    }
    *ret_sinks = sinks;
    *ret_count = wanted;
    return SME_OK;
}

/* The sink to read from. */
static int choose_sink(struct cli *cli, struct target *target)
{
    const char *named = cli->args.value[OPT_SINK];

    if (named == NULL && target->configured != NULL && target->configured->sink.count > 0) {
        named = target->configured->sink.items[0];
    }
    int status = conf_sink(cli->conf, named, &target->sink, &cli->err);
    if (status < 0 && named == NULL && cli->conf->sink_count > 1) {
        (void)error_hint(&cli->err, "say which one with --sink NAME");
    }
    return status;
}

static int split(struct cli *cli, const char *text, struct target *target, const char **ret_at)
{
    const char *at = strchr(text, '@');
    size_t len = at != NULL ? (size_t)(at - text) : strlen(text);
    char shown[80];

    if (len == 0 || len >= sizeof target->source || memchr(text, '/', len) != NULL) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "'%s' is not the name of a source",
                       str_escape(text, strlen(text), shown, sizeof shown));
        return error_hint(&cli->err, "it is SOURCE or SOURCE@SNAPSHOT; see 'sme-backup list'");
    }
    memcpy(target->source, text, len);
    target->source[len] = '\0';
    *ret_at = at != NULL ? at + 1 : NULL;
    return SME_OK;
}

/* A name that neither the configuration nor the repository knows. */
static int check_source(struct cli *cli, struct target *target)
{
    char **names = NULL;
    const char *nearest = NULL;
    unsigned best = 4;
    bool found = false;

    int status = repo_sources(target->access.repo, &names, &cli->err);
    if (status < 0) {
        return status;
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        unsigned distance = str_distance(target->source, names[i], best);
        found = found || distance == 0;
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    if (!found) {
        char shown[80];
        status =
            sme_fail(&cli->err, SME_E_INVALID, "source '%s' is neither configured nor in sink '%s'",
                     str_escape(target->source, strlen(target->source), shown, sizeof shown),
                     target->sink->name);
        if (nearest != NULL) {
            (void)error_hint(&cli->err, "did you mean '%s'?", nearest);
        } else {
            (void)error_hint(&cli->err, "'sme-backup list' shows what there is");
        }
    }
    plugin_names_free(names);
    return status;
}

int target_open(struct cli *cli, const char *text, struct target *ret_target)
{
    CLEANUP(target_close) struct target target = {.sink = NULL};
    struct snapshot_entry entry;
    const char *which = NULL;

    int status = split(cli, text, &target, &which);
    if (status == SME_OK && (status = cli_load_conf(cli)) == SME_OK) {
        target.configured = configured_source(cli->conf, target.source);
        status = choose_sink(cli, &target);
    }
    if (status == SME_OK) {
        status = access_open(cli->conf, target.sink, &target.access, &cli->err);
    }
    if (status == SME_OK && target.configured == NULL) {
        status = check_source(cli, &target);
    }
    if (status == SME_OK && !target.access.keys.has_reader) {
        (void)sme_fail(&cli->err, SME_E_KEY,
                       "key file '%s' is write-only: this host can add backups, not read them",
                       target.sink->key_file);
        status = error_hint(&cli->err,
                            "set key_file of [sink %s] to a copy of the recovery kit, on a host "
                            "that you trust",
                            target.sink->name);
    }
    if (status == SME_OK) {
        status = snapshot_resolve(target.access.repo, target.source, which, &entry, &cli->err);
    }
    if (status == SME_OK) {
        status = vault_open(target.access.repo, target.source, cli->conf->core.cache_dir,
                            &target.vault, &cli->err);
    }
    if (status == SME_OK) {
        status = snapshot_load(target.access.repo, &target.vault->keys, entry.name,
                               &target.snapshot, &cli->err);
    }
    if (status == SME_OK) {
        status =
            snapshot_open_root(target.access.repo, &target.vault->keys, target.snapshot, &cli->err);
    }
    if (status < 0) {
        return status;
    }
    *ret_target = target;
    memset(&target, 0, sizeof target);
    return SME_OK;
}

void target_close(struct target *target)
{
    snapshot_free(target->snapshot);
    vault_free(target->vault);
    access_close(&target->access);
    memset(target, 0, sizeof *target);
}
