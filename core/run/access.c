/*
 * From a configured sink to an open repository.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "access.h"

#include "../base/cleanup.h"
#include "../base/error.h"
#include "../plugin/calls.h"

#include <string.h>

int access_place(const struct conf *conf, const struct conf_sink *sink, struct access *ret_access,
                 struct sme_error *err)
{
    CLEANUP(access_close) struct access made = {.plugin = NULL};

    (void)plugin_call_note(PLUGIN_CALL_SINK_LOAD);
    int status = plugin_load(&conf->core.plugin_dir, PLUGIN_SINK, sink->plugin, &made.plugin, err);
    (void)plugin_call_note(PLUGIN_CALL_NONE);
    if (status == SME_OK) {
        status = instance_new(made.plugin, sink->name, sink->section, conf_sink_options,
                              conf_sink_option_count, NULL, &made.instance, err);
    }
    if (status == SME_OK) {
        status = instance_open(made.instance, err);
    }
    if (status == SME_OK) {
        status = store_new(made.instance, &made.store, err);
    }
    if (status < 0) {
        return status;
    }
    store_set_wishes(made.store, &(struct store_wishes){.connections = (unsigned)sink->connections,
                                                        .upload = &sink->upload,
                                                        .download = &sink->download});
    *ret_access = made;
    memset(&made, 0, sizeof made);
    return SME_OK;
}

int access_sink(const struct conf *conf, const struct conf_sink *sink, struct access *ret_access,
                struct sme_error *err)
{
    CLEANUP(access_close) struct access made = {.plugin = NULL};

    int status = access_place(conf, sink, &made, err);
    if (status == SME_OK) {
        status = store_check(made.store, err);
    }
    if (status < 0) {
        return status;
    }
    *ret_access = made;
    memset(&made, 0, sizeof made);
    return SME_OK;
}

int access_open(const struct conf *conf, const struct conf_sink *sink, struct access *ret_access,
                struct sme_error *err)
{
    CLEANUP(access_close) struct access made = {.plugin = NULL};
    CLEANUP(keyring_done) struct keyring keys = {.has_reader = false};

    /* An option that would be ignored is worse than one that is refused. */
    if (sink->passphrase_file != NULL) {
        (void)sme_fail(err, SME_E_INVALID,
                       "[sink %s]: this version knows no key files with a passphrase", sink->name);
        return error_hint(err, "remove 'passphrase_file'; the key file is protected by its mode");
    }
    /* The key first: without it nothing else is worth a request. */
    int status = keyring_load(sink->key_file, &keys, err);
    if (status == SME_OK) {
        status = access_sink(conf, sink, &made, err);
    }
    if (status == SME_OK) {
        status = repo_open(made.store, &keys, &made.repo, err);
    }
    if (status < 0) {
        return status;
    }
    made.keys = keys;
    *ret_access = made;
    memset(&made, 0, sizeof made);
    return SME_OK;
}

void access_close(struct access *access)
{
    repo_free(access->repo);
    store_free(access->store);
    instance_free(access->instance);
    plugin_unload(access->plugin);
    keyring_done(&access->keys);
    memset(access, 0, sizeof *access);
}
