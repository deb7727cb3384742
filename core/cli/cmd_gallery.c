/*
 * "gallery": one page of HTML with the photos of a snapshot.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../run/gallery.h"

#include "../base/cleanup.h"
#include "../base/str.h"
#include "../run/report.h"
#include "progress.h"
#include "target.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RESTORE_WORDS 7

struct gallery_command {
    struct cli *cli;
    struct target target;
    struct select select;
    struct progress *progress;
    char *config;   /* --config, as it can be given from any folder */
    char *snapshot; /* SOURCE@NAME                                  */
};

static void gallery_command_done(struct gallery_command *g)
{
    target_close(&g->target);
    select_done(&g->select);
    progress_free(g->progress);
    free(g->config);
    free(g->snapshot);
}

static int check_usage(struct cli *cli, bool *ret_overwrite)
{
    const char *when = cli->args.value[OPT_OVERWRITE];
    const char *file = cli->args.value[OPT_TO];

    if (file == NULL || file[0] == '\0') {
        (void)sme_fail(&cli->err, SME_E_INVALID, "where to? --to FILE.html is needed");
        return error_hint(&cli->err, "see 'sme-backup help gallery'");
    }
    if (file[strlen(file) - 1] == '/') {
        (void)sme_fail(&cli->err, SME_E_INVALID, "--to '%s' is a folder", file);
        return error_hint(&cli->err, "name the file to write, such as photos.html");
    }
    if (when != NULL && strcmp(when, "never") != 0 && strcmp(when, "always") != 0) {
        return sme_fail(&cli->err, SME_E_INVALID,
                        "--overwrite of a gallery is never or always, not '%s'", when);
    }
    *ret_overwrite = when != NULL && strcmp(when, "always") == 0;
    return SME_OK;
}

/* The command that gives a photo of this page back, up to where the page goes on. */
static int make_words(struct gallery_command *g, const char *words[RESTORE_WORDS],
                      size_t *ret_count)
{
    struct cli *cli = g->cli;
    const char *config = cli->args.value[OPT_CONFIG];
    size_t count = 0;

    words[count++] = "sme-backup";
    if (config != NULL) {
        g->config = realpath(config, NULL);
        words[count++] = "--config";
        words[count++] = g->config != NULL ? g->config : config;
    }
    g->snapshot = str_format("%s@%s", g->target.source, g->target.snapshot->head.name);
    if (g->snapshot == NULL) {
        return sme_fail(&cli->err, SME_E_NO_MEMORY, "no memory for the name of a snapshot");
    }
    words[count++] = "restore";
    words[count++] = g->snapshot;
    if (cli->args.value[OPT_SINK] != NULL) {
        words[count++] = "--sink";
        words[count++] = cli->args.value[OPT_SINK];
    }
    *ret_count = count;
    return SME_OK;
}

static void on_progress(void *cookie, const struct gallery_counts *so_far)
{
    struct gallery_command *g = cookie;

    progress_set(g->progress, 0, "%s: %" PRIu64 " items, %" PRIu64 " photos", g->target.source,
                 so_far->items, so_far->photos);
}

static enum exit_code answer(const struct gallery_command *g, const char *file,
                             const struct gallery_counts *counts)
{
    struct cli *cli = g->cli;
    char photos[48], videos[48], bytes[16];

    if (cli->json) {
        json_t *document = json_object();
        json_add(document, "exit", EXIT_DONE);
        json_add_text(document, "source", g->target.source);
        json_add_text(document, "sink", g->target.sink->name);
        json_add_text(document, "snapshot", g->target.snapshot->head.name);
        (void)json_object_set_new(document, "to", report_text_json(file, strlen(file)));
        json_add(document, "photos", counts->photos);
        json_add(document, "videos", counts->videos);
        json_add(document, "damaged", counts->damaged);
        json_add(document, "previews", counts->previews);
        json_add(document, "bytes", counts->bytes);
        return cli_print_json(cli, document);
    }
    if (!cli->quiet) {
        (void)printf("%s: %s", g->snapshot, cli_count(counts->photos, "photo", "photos", photos));
        if (counts->videos > 0) {
            (void)printf(" and %s", cli_count(counts->videos, "video", "videos", videos));
        }
        (void)printf(" (%" PRIu64 " with a preview) in '", counts->previews);
        cli_print_name(cli, file, strlen(file));
        (void)printf("', %s\n", str_bytes(counts->bytes, bytes));
    }
    return EXIT_DONE;
}

enum exit_code cmd_gallery(struct cli *cli)
{
    CLEANUP(gallery_command_done) struct gallery_command g = {.cli = cli};
    const char *words[RESTORE_WORDS];
    size_t word_count = 0;
    struct gallery_counts counts = {0};
    bool overwrite = false;

    if (check_usage(cli, &overwrite) < 0 ||
        select_init(&g.select, cli->args.words + 1, cli->args.word_count - 1, false, &cli->err) <
            0 ||
        target_open(cli, cli->args.words[0], &g.target) < 0 ||
        make_words(&g, words, &word_count) < 0) {
        return cli_fail(cli);
    }
    g.progress = progress_new(cli, 1);
    const struct gallery_request request = {
        .vault = g.target.vault,
        .snapshot = g.target.snapshot,
        .select = &g.select,
        .restore = words,
        .restore_count = word_count,
        .path = cli->args.value[OPT_TO],
        .overwrite = overwrite,
        .progress = g.progress != NULL ? on_progress : NULL,
        .cookie = &g,
    };
    int status = gallery_write(&request, &counts, &cli->err);
    progress_hide(g.progress);
    return status < 0 ? cli_fail(cli) : answer(&g, request.path, &counts);
}
