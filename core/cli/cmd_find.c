/*
 * "find": photos by date, place and camera, and items of any source by name.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The JSON document is written item by item, as that of "ls".
 */
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/str.h"
#include "../run/photo_pick.h"
#include "../run/report.h"
#include "photo_args.h"
#include "target.h"

#include <stdlib.h>
#include <string.h>

struct finding {
    struct cli *cli;
    struct target target;
    struct photo_filter filter;
    struct select select;
    char **patterns; /* as they are looked for */
    size_t pattern_count;
    bool columns; /* of text */
    uint64_t shown;
};

static void finding_done(struct finding *f)
{
    target_close(&f->target);
    photo_filter_done(&f->filter);
    select_done(&f->select);
    for (size_t i = 0; i < f->pattern_count; i++) {
        free(f->patterns[i]);
    }
    free(f->patterns);
}

/* ---- what is asked for -------------------------------------------------------------------- */

/* A pattern without '/' is one for names. */
static int take_patterns(struct finding *f)
{
    const struct args *args = &f->cli->args;

    f->patterns = calloc(args->word_count, sizeof *f->patterns);
    for (size_t i = 1; f->patterns != NULL && i < args->word_count; i++) {
        const char *word = args->words[i];
        bool is_name = strchr(word, '/') == NULL && word[0] != '\0' && strcmp(word, ".") != 0;
        char *pattern = str_format("%s%s", is_name ? "**/" : "", word);
        if (pattern == NULL) {
            break;
        }
        f->patterns[f->pattern_count++] = pattern;
    }
    if (f->pattern_count + 1 < args->word_count) {
        return sme_fail(&f->cli->err, SME_E_NO_MEMORY, "no memory for the patterns");
    }
    return select_init(&f->select, (const char *const *)f->patterns, f->pattern_count, false,
                       &f->cli->err);
}

static int check_usage(struct cli *cli)
{
    if (cli->args.word_count == 1 && photo_args_given(&cli->args) == NULL) {
        (void)sme_fail(&cli->err, SME_E_INVALID,
                       "find what? a PATTERN, --taken or the like is "
                       "needed");
        return error_hint(&cli->err,
                          "'sme-backup ls' shows everything; see 'sme-backup help find'");
    }
    return SME_OK;
}

/* ---- showing ------------------------------------------------------------------------------ */

static void item_name(const struct item_view *item, const char **ret_name, size_t *ret_len)
{
    *ret_name = item->path_len > 0 ? item->path : ".";
    *ret_len = item->path_len > 0 ? item->path_len : 1;
}

/* Decoded texts have no control characters, so that they cannot do anything to a terminal. */
static void print_columns(const struct finding *f, const struct photo_picked *picked)
{
    const struct photo *photo = picked->photo;
    const struct photo_time *when = photo != NULL ? &photo->when : NULL;
    struct photo_text what = {"-", 1};
    char taken[40] = "-";

    if (when != NULL && when->has_clock) {
        (void)snprintf(taken, sizeof taken, "%04u-%02u-%02u %02u:%02u:%02u", when->year,
                       when->month, when->day, when->hour, when->minute, when->second);
    } else if (when != NULL && when->has_date) {
        (void)snprintf(taken, sizeof taken, "%04u-%02u-%02u", when->year, when->month, when->day);
    }
    if (f->filter.damaged && photo != NULL && photo->damaged.len > 0) {
        what = photo->damaged;
    } else if (photo != NULL && photo->camera.len > 0) {
        what = photo->camera;
    }
    (void)printf("%-19s %c %-24.*s ", taken, picked->came_along ? '+' : '-', (int)what.len,
                 what.at);
}

static void print_text(const struct finding *f, const struct photo_picked *picked)
{
    bool null = f->cli->args.given[OPT_NULL] > 0;
    const char *name;
    size_t len;

    item_name(picked->item, &name, &len);
    if (null) {
        (void)fwrite(name, 1, len, stdout);
    } else {
        if (f->columns) {
            print_columns(f, picked);
        }
        cli_print_name(f->cli, name, len);
    }
    (void)putchar(null ? '\0' : '\n');
}

/* What the source knew, but for the picture. */
static void add_facts(json_t *object, const struct item_view *item)
{
    struct item_view left = *item;
    const char *name;
    const char *value;
    size_t name_len;
    size_t value_len;

    if (item->extra_count == 0) {
        return;
    }
    json_t *facts = json_object();
    while (item_next_extra(&left, &name, &name_len, &value, &value_len)) {
        CLEANUP(free_ptr) char *key = strndup(name, name_len);
        if (key != NULL && strcmp(key, "photo.preview") != 0 && value_len <= PHOTO_TEXT_MAX) {
            /* Fails, and leaves it out, where one of them is no UTF-8. */
            (void)json_object_set_new(facts, key, json_stringn(value, value_len));
        }
    }
    (void)json_object_set_new(object, "facts", facts);
}

static void print_json(const struct finding *f, const struct photo_picked *picked)
{
    CLEANUP(json_drop) json_t *object = json_object();
    const struct item_view *item = picked->item;
    char text[40];
    const char *name;
    size_t len;

    item_name(item, &name, &len);
    json_add_path(object, name, len);
    json_add_text(object, "type", cli_item_type(item->type));
    json_add(object, "size", item->size);
    clock_iso(item->mtime.sec, text);
    json_add_text(object, "mtime", text);
    (void)json_object_set_new(object, "came_along", json_boolean(picked->came_along));
    add_facts(object, item);
    (void)printf("%s\n  ", f->shown > 0 ? "," : "");
    (void)json_dumpf(object, stdout, JSON_COMPACT);
}

static int show(void *cookie, const struct photo_picked *picked, struct sme_error *err)
{
    struct finding *f = cookie;

    if (ferror(stdout)) {
        return sme_fail_errno(err, SME_E_IO, "cannot write to standard output");
    }
    if (f->cli->json) {
        print_json(f, picked);
    } else {
        print_text(f, picked);
    }
    f->shown++;
    return SME_OK;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static int check_hits(struct finding *f)
{
    const char *unmatched = select_unmatched(&f->select);
    const char *snapshot = f->target.snapshot->head.name;

    if (unmatched != NULL) {
        const char *given = unmatched + (strncmp(unmatched, "**/", 3) == 0 ? 3 : 0);
        (void)sme_fail(&f->cli->err, SME_E_NOT_FOUND, "nothing in snapshot %s matches '%.200s'",
                       snapshot, given);
        return error_hint(&f->cli->err,
                          "a pattern without '/' is for whole names, such as '*.jpg'");
    }
    if (f->shown == 0) {
        (void)sme_fail(&f->cli->err, SME_E_NOT_FOUND,
                       "nothing in snapshot %s is what was asked for", snapshot);
        return strcmp(f->target.snapshot->head.plugin, "photos") == 0
                   ? SME_E_NOT_FOUND
                   : error_hint(&f->cli->err, "only sources of plugin 'photos' know when and where "
                                              "pictures were taken");
    }
    return SME_OK;
}

enum exit_code cmd_find(struct cli *cli)
{
    CLEANUP(finding_done) struct finding f = {.cli = cli};

    if (check_usage(cli) < 0 || photo_args_filter(cli, &f.filter) < 0 || take_patterns(&f) < 0 ||
        target_open(cli, cli->args.words[0], &f.target) < 0) {
        return cli_fail(cli);
    }
    const struct photo_pick_request request = {
        .vault = f.target.vault,
        .snapshot = f.target.snapshot,
        .select = &f.select,
        .filter = &f.filter,
        .alone = cli->args.given[OPT_ALONE] > 0,
    };
    f.columns =
        photo_filter_is_set(&f.filter) || strcmp(f.target.snapshot->head.plugin, "photos") == 0;
    if (cli->json) { /* names of objects: nothing to escape */
        (void)printf(
            "{\"schema\": %d, \"command\": \"find\", \"source\": \"%s\", \"sink\": \"%s\", "
            "\"snapshot\": \"%s\",\n \"items\": [",
            JSON_SCHEMA, f.target.source, f.target.sink->name, f.target.snapshot->head.name);
    }
    int status = photo_pick(&request, show, &f, &cli->err);
    if (status >= 0) {
        status = check_hits(&f);
    }
    if (!cli->json) {
        if (status < 0) {
            cli_complain(&cli->err);
        }
        return error_exit_code(status);
    }
    (void)printf("\n ]");
    if (status < 0) {
        CLEANUP(json_drop) json_t *error = report_error_json(&cli->err);
        (void)printf(",\n \"error\": ");
        (void)json_dumpf(error, stdout, JSON_COMPACT);
    }
    (void)printf("}\n");
    return error_exit_code(status);
}
