/*
 * The configuration: every *.ini of conf.d in name order, as core, sinks and sources.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_CONFIG_CONF_H
#define SME_CONFIG_CONF_H

#include "options.h"
#include "rate.h"

struct conf_core {
    const char *log_file; /* never NULL after conf_load() */
    const char *state_dir;
    const char *cache_dir;
    struct sme_list plugin_dir; /* searched after the built-in ones */
    uint64_t memory_limit;
    int64_t parallel_sources;
    const char *host; /* name in snapshots; default: gethostname() */
};

struct conf_sink {
    const struct ini_section *section;
    const char *name;
    const char *plugin;
    const char *key_file; /* default: keys/NAME.key beside conf.d */
    const char *passphrase_file;
    uint64_t pack_size;
    int64_t connections;                          /* 0: as the sink says */
    struct sme_list upload_limit, download_limit; /* as text             */
    struct rate_schedule upload, download;        /* and what it says    */
};

struct conf_source {
    const struct ini_section *section;
    const char *name;
    const char *plugin;
    struct sme_list sink; /* names; empty in the file = the only sink there is */
    int64_t keep_last, keep_daily, keep_weekly, keep_monthly, keep_yearly;
    const char *compression; /* off | fast | 1..19 | auto */
    const char *chunk_size;  /* auto | fixed size | "min/normal/max" */
    uint32_t rescan;         /* hundredths of a per cent re-read although unchanged */
    uint64_t timeout;        /* ms, 0 = none */
    struct sme_list before, after, on_failure; /* commands, run without a shell */
    const char *user;
    struct sme_list may_change; /* patterns */
};

struct conf {
    struct ini_doc doc;
    struct option_store store;
    char *path;                              /* of the folder or file that was read */
    bool log_is_fallback, state_is_fallback; /* default place moved because not root */
    struct conf_core core;
    struct conf_sink *sinks;
    size_t sink_count;
    struct conf_source *sources;
    size_t source_count;
};

/*
 * Read ${path} (folder or file; NULL: $SME_BACKUP_CONFIG, else SYSCONFDIR/sme-backup/conf.d, else
 * when not root and that is missing ~/.config/sme-backup/conf.d).  Checks everything that does
 * not need a plugin: known sections, names fit for object names ([a-z0-9][a-z0-9._-]*, not
 * "keys", "backups", "repository"), common options, sinks that sources name.  Keys that only a
 * plugin can know are left (see plugin/instance.h).
 */
int conf_load(const char *path, struct conf **ret_conf, struct sme_error *err);
void conf_free(struct conf *conf);

/* By name; an unknown one is SME_E_INVALID with the nearest name as a hint. */
int conf_source(const struct conf *conf, const char *name, const struct conf_source **ret_source,
                struct sme_error *err);
/* ${name} NULL: the only one; with several, an error that lists them. */
int conf_sink(const struct conf *conf, const char *name, const struct conf_sink **ret_sink,
              struct sme_error *err);

/* Minimum, normal and maximum size of chunks from the text of the option chunk_size.
 * SME_E_INVALID: *ret_why says what is wrong with it. */
int conf_chunk_sizes(const char *text, uint64_t ret_sizes[3], const char **ret_why);

/* The option tables of the core itself, for describe, samples and man pages. */
extern const struct sme_option conf_core_options[];
extern const size_t conf_core_option_count;
extern const struct sme_option conf_sink_options[];
extern const size_t conf_sink_option_count;
extern const struct sme_option conf_source_options[];
extern const size_t conf_source_option_count;

#endif
