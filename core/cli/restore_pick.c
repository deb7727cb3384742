/*
 * "restore" of what the options for photos pick, and its layout.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_pick.h"

#include "../base/cleanup.h"
#include "../run/report.h"
#include "photo_args.h"

#include <stdlib.h>
#include <string.h>

void restore_picks_done(struct restore_picks *picks)
{
    for (size_t i = 0; picks->owned != NULL && i < picks->count; i++) {
        free(picks->owned[i]);
    }
    free(picks->owned);
    free(picks->paths);
    layout_free(picks->layout);
    memset(picks, 0, sizeof *picks);
}

/* ---- usage -------------------------------------------------------------------------------- */

int restore_pick_check_usage(struct cli *cli)
{
    static const enum option_id against[] = {OPT_IN_PLACE, OPT_INTO, OPT_OVERWRITE};
    const char *layout = cli->args.value[OPT_LAYOUT];
    const char *given = photo_args_given(&cli->args);

    if (layout != NULL && strcmp(layout, "taken") != 0) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "--layout: there is no layout '%.100s'", layout);
        return error_hint(&cli->err, "it is --layout taken: folders by the day of the picture");
    }
    for (size_t i = 0; layout != NULL && i < sizeof against / sizeof against[0]; i++) {
        if (cli->args.given[against[i]] > 0) {
            (void)sme_fail(&cli->err, SME_E_INVALID, "--layout and --%s exclude each other",
                           option_names[against[i]].name);
            return error_hint(&cli->err, "%s",
                              against[i] == OPT_OVERWRITE
                                  ? "a layout never overwrites: a name that is taken gets -2"
                                  : "a layout needs --to DIR");
        }
    }
    if (given != NULL && cli->args.given[OPT_INTO] > 0) {
        return sme_fail(&cli->err, SME_E_INVALID, "--%s and --into exclude each other", given);
    }
    if (cli->args.given[OPT_ALONE] > 0 && layout == NULL && given == NULL) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "--alone changes nothing here");
        return error_hint(&cli->err, "only with --layout, --taken and the like others come along");
    }
    return SME_OK;
}

/* ---- picking ------------------------------------------------------------------------------ */

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of what is restored");
}

static int take(void *cookie, const struct photo_picked *picked, struct sme_error *err)
{
    struct restore_picks *picks = cookie;

    if (picks->layout != NULL) {
        return layout_add(picks->layout, picked, err);
    }
    if (picks->count == picks->cap) {
        size_t cap = picks->cap == 0 ? 256 : picks->cap * 2;
        char **grown = reallocarray(picks->owned, cap, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        picks->owned = grown;
        picks->cap = cap;
    }
    picks->owned[picks->count] = strndup(picked->item->path, picked->item->path_len);
    if (picks->owned[picks->count] == NULL) {
        return no_memory(err);
    }
    picks->count++;
    return SME_OK;
}

static int list_paths(struct restore_picks *picks, struct sme_error *err)
{
    size_t count = picks->layout != NULL ? layout_count(picks->layout) : picks->count;

    picks->paths = calloc(count + 1, sizeof *picks->paths);
    if (picks->paths == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        picks->paths[i] =
            picks->layout != NULL ? layout_at(picks->layout, i).path : picks->owned[i];
    }
    picks->selection = (struct thaw_selection){picks->paths, count, true};
    return SME_OK;
}

static int check_hits(const struct select *select, const struct target *target, size_t count,
                      struct sme_error *err)
{
    const char *unmatched = select_unmatched(select);
    const char *snapshot = target->snapshot->head.name;

    if (unmatched != NULL) {
        (void)sme_fail(err, SME_E_NOT_FOUND, "'%.200s' matches nothing in snapshot '%s' of '%s'",
                       unmatched, snapshot, target->source);
        return error_hint(err, "'sme-backup ls %s@%s' shows what is in it", target->source,
                          snapshot);
    }
    if (count == 0) {
        (void)sme_fail(err, SME_E_NOT_FOUND,
                       "nothing in snapshot '%s' of '%s' is what was asked "
                       "for",
                       snapshot, target->source);
        return error_hint(err, "'sme-backup find %s@%s' with the same options shows what would be",
                          target->source, snapshot);
    }
    return SME_OK;
}

static int pick(struct cli *cli, struct target *target, struct restore_picks *picks)
{
    CLEANUP(select_done) struct select select = {.count = 0};
    CLEANUP(photo_filter_done) struct photo_filter filter = {.damaged = false};
    const struct photo_pick_request request = {
        .vault = target->vault,
        .snapshot = target->snapshot,
        .select = &select,
        .filter = &filter,
        .alone = cli->args.given[OPT_ALONE] > 0,
    };
    struct sme_error *err = &cli->err;

    int status = photo_args_filter(cli, &filter);
    if (status == SME_OK) {
        status = select_init(&select, cli->args.words + 1, cli->args.word_count - 1, false, err);
    }
    if (status == SME_OK && cli->args.given[OPT_LAYOUT] > 0) {
        status = layout_new(target->vault, target->snapshot, &picks->layout, err);
    }
    if (status == SME_OK) {
        status = photo_pick(&request, take, picks, err);
    }
    if (status == SME_OK) {
        status = list_paths(picks, err);
    }
    return status < 0 ? status : check_hits(&select, target, picks->selection.count, err);
}

int restore_pick(struct cli *cli, struct target *target, struct restore_picks *ret_picks)
{
    CLEANUP(restore_picks_done) struct restore_picks picks = {.layout = NULL};

    if (cli->args.given[OPT_LAYOUT] > 0 || photo_args_given(&cli->args) != NULL) {
        int status = pick(cli, target, &picks);
        if (status < 0) {
            return status;
        }
    } else {
        picks.selection =
            (struct thaw_selection){cli->args.words + 1, cli->args.word_count - 1, false};
    }
    *ret_picks = picks;
    memset(&picks, 0, sizeof picks);
    return SME_OK;
}

/* ---- names -------------------------------------------------------------------------------- */

void restore_pick_print(const struct cli *cli, const struct layout *layout)
{
    for (size_t i = 0; i < layout_count(layout); i++) {
        const struct layout_file file = layout_at(layout, i);
        cli_print_name(cli, file.path, strlen(file.path));
        (void)fputs(file.is_there ? " = " : " -> ", stdout);
        cli_print_name(cli, file.name, strlen(file.name));
        (void)putchar('\n');
    }
}

json_t *restore_pick_json(const struct layout *layout)
{
    json_t *files = json_array();

    for (size_t i = 0; i < layout_count(layout); i++) {
        const struct layout_file file = layout_at(layout, i);
        json_t *object = json_object();
        json_add_path(object, file.path, strlen(file.path));
        (void)json_object_set_new(object, "to", report_text_json(file.name, strlen(file.name)));
        (void)json_object_set_new(object, "existing", json_boolean(file.is_there));
        (void)json_array_append_new(files, object);
    }
    return files;
}
