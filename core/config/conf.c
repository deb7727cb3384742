/*
 * The configuration: from sections to core, sinks and sources, and look-up by name.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "conf.h"
#include "conf_files.h"
#include "value.h"
#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../base/limits.h"
#include "../base/str.h"

#include <ctype.h>
#include <unistd.h>

#define LIKENESS 2

static const char *const kinds[] = {"core", "notify", "sink", "source"};

void conf_free(struct conf *conf)
{
    if (conf == NULL)
        return;
    option_store_free(&conf->store);
    ini_free(&conf->doc);
    free(conf->sinks);
    free(conf->sources);
    free(conf->path);
    free(conf);
}

static void conf_freep(struct conf **conf)
{
    conf_free(*conf);
}

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "cannot load the configuration: out of memory");
}

static bool is_named_kind(const char *kind)
{
    return strcmp(kind, "sink") == 0 || strcmp(kind, "source") == 0;
}

static int check_kind(const struct ini_section *section, struct sme_error *err)
{
    const char *nearest = NULL;
    unsigned nearest_distance = LIKENESS + 1;
    char shown[64];

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        unsigned distance = str_distance(section->kind, kinds[i], LIKENESS);
        if (distance == 0)
            return SME_OK;
        if (distance < nearest_distance) {
            nearest = kinds[i];
            nearest_distance = distance;
        }
    }
    int status = sme_fail(err, SME_E_INVALID, "%s:%u: unknown section [%s%s%s]", section->file,
                          section->line, section->kind, section->name[0] != '\0' ? " " : "",
                          str_escape(section->name, strlen(section->name), shown, sizeof shown));
    if (nearest != NULL)
        return error_hint(err, "did you mean [%s%s]?", nearest,
                          is_named_kind(nearest) ? " NAME" : "");
    (void)error_hint(err, "possible: [core], [notify], [sink NAME], [source NAME]");
    return status;
}

/* Names become parts of object names and of file names. */
static int check_name(const struct ini_section *section, struct sme_error *err)
{
    static const char *const reserved[] = {"keys", "backups", "repository"};
    const char *name = section->name;
    char shown[64];

    if (!is_named_kind(section->kind)) {
        if (name[0] == '\0')
            return SME_OK;
        return sme_fail(err, SME_E_INVALID, "%s:%u: section [%s] takes no name", section->file,
                        section->line, section->kind);
    }
    if (name[0] == '\0') {
        (void)sme_fail(err, SME_E_INVALID, "%s:%u: section [%s] lacks a name", section->file,
                       section->line, section->kind);
        return error_hint(err, "write it like this: [%s %s]", section->kind,
                          strcmp(section->kind, "sink") == 0 ? "offsite" : "documents");
    }
    str_escape(name, strlen(name), shown, sizeof shown);
    if (strlen(name) > LIMIT_NAME || strchr("._-", name[0]) != NULL ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(name)) {
        (void)sme_fail(err, SME_E_INVALID, "%s:%u: '%s' cannot be the name of a %s", section->file,
                       section->line, shown, section->kind);
        return error_hint(err,
                          "use up to %d lower-case letters, digits, '.', '_' and '-', beginning "
                          "with a letter or digit",
                          LIMIT_NAME);
    }
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strcmp(name, reserved[i]) == 0)
            return sme_fail(err, SME_E_INVALID, "%s:%u: the name '%s' is reserved", section->file,
                            section->line, shown);
    }
    return SME_OK;
}

/* Line of an option that has been read, or of the section where it stands at its default. */
static unsigned line_of(const struct ini_section *section, const char *option)
{
    const struct ini_entry *entry = ini_find(section, option);

    return entry != NULL ? entry->line : section->line;
}

/* "FILE:LINE: option 'x': 'TEXT' ${why}". */
static int refuse(const struct ini_section *section, const char *option, const char *text,
                  const char *why, struct sme_error *err)
{
    char shown[64];

    return sme_fail(err, SME_E_INVALID, "%s:%u: option '%s': '%s' %s", section->file,
                    line_of(section, option), option,
                    str_escape(text, strlen(text), shown, sizeof shown), why);
}

static int check_plugin(const struct ini_section *section, const char *plugin,
                        struct sme_error *err)
{
    if (!isalnum((unsigned char)plugin[0]) ||
        strspn(plugin, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(plugin))
        return refuse(section, "plugin", plugin, "is not the name of a plugin", err);
    return SME_OK;
}

static int check_compression(const struct conf_source *source, struct sme_error *err)
{
    const char *text = source->compression;
    int64_t level = 0;

    if (strcmp(text, "off") == 0 || strcmp(text, "fast") == 0 || strcmp(text, "auto") == 0 ||
        (value_int(text, &level) == SME_OK && level >= 1 && level <= 19))
        return SME_OK;
    return refuse(source->section, "compression", text,
                  "is not one of off, fast, auto or a level from 1 to 19", err);
}

/* The sizes between the slashes of ${text}: how many, at most three; 0 if one is no size. */
static size_t split_sizes(const char *text, uint64_t sizes[3])
{
    size_t count = 0;

    for (;;) {
        size_t len = strcspn(text, "/");
        char one[32];
        if (count == 3 || len >= sizeof one)
            return 0;
        memcpy(one, text, len);
        one[len] = '\0';
        if (value_size(one, &sizes[count++]) < 0)
            return 0;
        if (text[len] == '\0')
            return count;
        text += len + 1;
    }
}

int conf_chunk_sizes(const char *text, uint64_t ret_sizes[3], const char **ret_why)
{
    uint64_t sizes[3] = {64 * KIB, 256 * KIB, 1 * MIB};
    size_t count = 3;

    if (strcmp(text, "auto") != 0)
        count = split_sizes(text, sizes);
    if (count == 1) {
        sizes[1] = sizes[0];
        sizes[0] = sizes[1] / 4;
        sizes[2] = sizes[1] > LIMIT_CHUNK ? sizes[1] : sizes[1] * 4;
    }
    *ret_why = NULL;
    if (count != 1 && count != 3)
        *ret_why = "is neither auto nor a size nor MIN/NORMAL/MAX";
    else if (sizes[1] < 64 * KIB || (sizes[1] & (sizes[1] - 1)) != 0)
        *ret_why = "has a NORMAL that is not a power of two of at least 64KiB";
    else if (sizes[0] < 4 * KIB)
        *ret_why = "has a MIN below 4KiB";
    else if (sizes[2] > LIMIT_CHUNK)
        *ret_why = "has a MAX above 8MiB";
    else if (sizes[0] >= sizes[1] || sizes[1] >= sizes[2])
        *ret_why = "is not in ascending order";
    if (*ret_why != NULL)
        return SME_E_INVALID;
    memcpy(ret_sizes, sizes, sizeof sizes);
    return SME_OK;
}

static int check_chunk_size(const struct conf_source *source, struct sme_error *err)
{
    uint64_t sizes[3];
    const char *why = NULL;

    if (conf_chunk_sizes(source->chunk_size, sizes, &why) < 0)
        return refuse(source->section, "chunk_size", source->chunk_size, why, err);
    return SME_OK;
}

static int check_commands(const struct conf_source *source, const char *option,
                          const struct sme_list *commands, struct sme_error *err)
{
    for (size_t i = 0; i < commands->count; i++) {
        CLEANUP(free_ptr) char **words = NULL;
        size_t count = 0;
        if (!str_words(commands->items[i], &words, &count)) {
            (void)refuse(source->section, option, commands->items[i],
                         "has a quote that is not closed", err);
            return error_hint(err, "a command with a comma in it stands in double quotes as a "
                                   "whole, with \\\" for quotes inside");
        }
        if (count == 0)
            return refuse(source->section, option, commands->items[i], "is not a command", err);
    }
    return SME_OK;
}

static int check_source(const struct conf_source *source, struct sme_error *err)
{
    int status = check_plugin(source->section, source->plugin, err);

    if (status >= 0)
        status = check_compression(source, err);
    if (status >= 0)
        status = check_chunk_size(source, err);
    if (status >= 0)
        status = check_commands(source, "before", &source->before, err);
    if (status >= 0)
        status = check_commands(source, "after", &source->after, err);
    if (status >= 0)
        status = check_commands(source, "on_failure", &source->on_failure, err);
    return status;
}

static int check_rate(const struct ini_section *section, const char *option,
                      const struct sme_list *items, struct rate_schedule *ret_schedule,
                      struct sme_error *err)
{
    const char *bad = NULL, *why = NULL;

    if (rate_parse(items, ret_schedule, &bad, &why) == SME_OK)
        return SME_OK;
    (void)refuse(section, option, bad, why, err);
    return error_hint(err, "write it like this: %s = 10MiB/s; or: %s = 2MiB/s 08:00-18:00, 20MiB/s",
                      option, option);
}

static int read_sink(struct conf *conf, const struct ini_section *section, struct sme_error *err)
{
    struct conf_sink *sink = &conf->sinks[conf->sink_count];
    const struct option_set set = {conf_sink_options, conf_sink_option_count, sink};

    int status = options_fill(&set, 1, section, OPTIONS_IGNORE_UNKNOWN, &conf->store, err);
    if (status >= 0)
        status = check_plugin(section, sink->plugin, err);
    if (status >= 0)
        status = check_rate(section, "upload_limit", &sink->upload_limit, &sink->upload, err);
    if (status >= 0)
        status = check_rate(section, "download_limit", &sink->download_limit, &sink->download, err);
    if (status < 0)
        return status;
    sink->section = section;
    sink->name = section->name;
    if (sink->key_file == NULL) {
        char *path = conf_default_key_file(conf->path, sink->name);
        if (!option_store_keep(&conf->store, path, path != NULL ? strlen(path) + 1 : 0))
            return no_memory(err);
        sink->key_file = path;
    }
    conf->sink_count++;
    return SME_OK;
}

static int read_source(struct conf *conf, const struct ini_section *section, struct sme_error *err)
{
    struct conf_source *source = &conf->sources[conf->source_count];
    const struct option_set set = {conf_source_options, conf_source_option_count, source};

    int status = options_fill(&set, 1, section, OPTIONS_IGNORE_UNKNOWN, &conf->store, err);
    if (status < 0)
        return status;
    source->section = section;
    source->name = section->name;
    conf->source_count++;
    return check_source(source, err);
}

static int read_section(struct conf *conf, const struct ini_section *section, struct sme_error *err)
{
    if (strcmp(section->kind, "sink") == 0)
        return read_sink(conf, section, err);
    if (strcmp(section->kind, "source") == 0)
        return read_source(conf, section, err);
    if (strcmp(section->kind, "core") == 0)
        return SME_OK; /* read before */
    /* [notify] has no options of the core: each one is unknown. */
    const struct option_set none = {conf_core_options, 0, &conf->core};
    return options_fill(&none, 1, section, 0, &conf->store, err);
}

static int read_core(struct conf *conf, struct sme_error *err)
{
    const struct option_set set = {conf_core_options, conf_core_option_count, &conf->core};
    const struct ini_section *section = NULL;

    for (size_t i = 0; i < conf->doc.count; i++) {
        if (strcmp(conf->doc.sections[i].kind, "core") == 0)
            section = &conf->doc.sections[i];
    }
    int status = options_fill(&set, 1, section, 0, &conf->store, err);
    if (status < 0)
        return status;
    if (conf->core.host != NULL &&
        (conf->core.host[0] == '\0' || strlen(conf->core.host) > LIMIT_NAME_BYTES))
        return refuse(section, "host", conf->core.host, "cannot be the name of a host", err);
    return conf_default_places(conf, err);
}

static int resolve_sinks(struct conf *conf, struct conf_source *source, struct sme_error *err)
{
    const struct ini_section *section = source->section;
    const struct conf_sink *sink = NULL;

    if (source->sink.count == 0) {
        if (conf->sink_count == 0) {
            (void)sme_fail(err, SME_E_INVALID, "%s:%u: there is no sink for [source %s]",
                           section->file, section->line, source->name);
            return error_hint(err, "add a section [sink NAME]");
        }
        if (conf->sink_count > 1) {
            (void)sme_fail(err, SME_E_INVALID,
                           "%s:%u: [source %s] does not say which of the %zu sinks it goes to",
                           section->file, section->line, source->name, conf->sink_count);
            return error_hint(err, "add a line like: sink = %s", conf->sinks[0].name);
        }
        const char **items = malloc(sizeof *items);
        if (!option_store_keep(&conf->store, items, sizeof *items))
            return no_memory(err);
        items[0] = conf->sinks[0].name;
        source->sink = (struct sme_list){.count = 1, .items = items};
        return SME_OK;
    }
    for (size_t i = 0; i < source->sink.count; i++) {
        if (conf_sink(conf, source->sink.items[i], &sink, err) < 0)
            return error_context(err, "%s:%u: option 'sink'", section->file,
                                 line_of(section, "sink"));
        for (size_t j = 0; j < i; j++) {
            if (strcmp(source->sink.items[j], source->sink.items[i]) == 0)
                return refuse(section, "sink", source->sink.items[i], "is named twice", err);
        }
    }
    return SME_OK;
}

static int read_sections(struct conf *conf, struct sme_error *err)
{
    int status = SME_OK;

    for (size_t i = 0; i < conf->doc.count && status >= 0; i++) {
        status = check_kind(&conf->doc.sections[i], err);
        if (status >= 0)
            status = check_name(&conf->doc.sections[i], err);
    }
    if (status >= 0)
        status = read_core(conf, err);
    for (size_t i = 0; i < conf->doc.count && status >= 0; i++)
        status = read_section(conf, &conf->doc.sections[i], err);
    for (size_t i = 0; i < conf->source_count && status >= 0; i++)
        status = resolve_sinks(conf, &conf->sources[i], err);
    return status;
}

static int load(struct conf *conf, const char *path, struct sme_error *err)
{
    int status = conf_find(path, &conf->path, err);

    if (status >= 0)
        status = conf_read_files(conf, err);
    if (status < 0)
        return status;
    /* No more of each than there are sections. */
    conf->sinks = calloc(conf->doc.count + 1, sizeof *conf->sinks);
    conf->sources = calloc(conf->doc.count + 1, sizeof *conf->sources);
    if (conf->sinks == NULL || conf->sources == NULL)
        return no_memory(err);
    return read_sections(conf, err);
}

int conf_load(const char *path, struct conf **ret_conf, struct sme_error *err)
{
    CLEANUP(conf_freep) struct conf *conf = calloc(1, sizeof *conf);

    if (conf == NULL)
        return no_memory(err);
    int status = load(conf, path, err);
    if (status == SME_E_NOT_FOUND || status == SME_E_DENIED) {
        /* Whatever is missing or forbidden here is a fault of the configuration, and not of a
         * repository or its credentials. */
        status = SME_E_INVALID;
        if (err != NULL)
            err->status = status;
    }
    if (status < 0)
        return status;
    *ret_conf = STEAL(conf);
    return SME_OK;
}

/* Names for a hint, with ", " between; those that do not fit end in "...". */
struct name_list {
    const char *wanted, *nearest;
    unsigned distance;
    char text[160];
};

static void add_name(struct name_list *list, const char *name)
{
    unsigned distance =
        list->wanted != NULL ? str_distance(list->wanted, name, LIKENESS) : LIKENESS + 1;
    size_t len = strlen(list->text);
    const char *comma = len > 0 ? ", " : "";

    if (distance <= LIKENESS && (list->nearest == NULL || distance < list->distance)) {
        list->nearest = name;
        list->distance = distance;
    }
    if (len + strlen(comma) + strlen(name) + sizeof ", ..." <= sizeof list->text)
        (void)snprintf(list->text + len, sizeof list->text - len, "%s%s", comma, name);
    else if (len >= 3 && strcmp(list->text + len - 3, "...") != 0)
        (void)snprintf(list->text + len, sizeof list->text - len, "%s...", comma);
}

static int fail_unknown(const char *kind, const char *name, const struct name_list *list,
                        struct sme_error *err)
{
    char shown[96];

    (void)sme_fail(err, SME_E_INVALID, "there is no %s '%s'", kind,
                   str_escape(name, strlen(name), shown, sizeof shown));
    if (list->nearest != NULL)
        return error_hint(err, "did you mean '%s'?", list->nearest);
    if (list->text[0] != '\0')
        return error_hint(err, "configured: %s", list->text);
    return error_hint(err, "the configuration has no section [%s NAME]", kind);
}

int conf_source(const struct conf *conf, const char *name, const struct conf_source **ret_source,
                struct sme_error *err)
{
    struct name_list list = {.wanted = name};

    for (size_t i = 0; i < conf->source_count; i++) {
        if (strcmp(conf->sources[i].name, name) == 0) {
            *ret_source = &conf->sources[i];
            return SME_OK;
        }
        add_name(&list, conf->sources[i].name);
    }
    return fail_unknown("source", name, &list, err) < 0 ? SME_E_INVALID : SME_OK;
}

int conf_sink(const struct conf *conf, const char *name, const struct conf_sink **ret_sink,
              struct sme_error *err)
{
    struct name_list list = {.wanted = name};

    for (size_t i = 0; i < conf->sink_count; i++) {
        if (name != NULL ? strcmp(conf->sinks[i].name, name) == 0 : conf->sink_count == 1) {
            *ret_sink = &conf->sinks[i];
            return SME_OK;
        }
        add_name(&list, conf->sinks[i].name);
    }
    if (name != NULL) {
        (void)fail_unknown("sink", name, &list, err);
    } else if (conf->sink_count == 0) {
        (void)sme_fail(err, SME_E_INVALID, "there is no sink in '%s'", conf->path);
        (void)error_hint(err, "add a section [sink NAME]");
    } else {
        (void)sme_fail(err, SME_E_INVALID, "there is more than one sink: %s", list.text);
    }
    return SME_E_INVALID;
}
