/*
 * "restore": from a snapshot to files.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../run/restore.h"

#include "../base/log.h"
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/fileio.h"
#include "../base/str.h"
#include "../run/report.h"
#include "progress.h"
#include "restore_into.h"
#include "restore_pick.h"
#include "restore_thaw.h"
#include "target.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBLEMS_SHOWN 20
#define PROBLEMS_KEPT 100000 /* of the JSON document */

struct restoring {
    struct cli *cli;
    struct target target;
    struct restore_picks picks;
    char *folder;
    int folder_fd;
    bool made_folder;
    struct progress *progress;
    int64_t began_at;
    json_t *problems;
    uint64_t problem_count;
    int worst; /* status of the gravest problem */
};

static void restoring_done(struct restoring *r)
{
    restore_picks_done(&r->picks);
    target_close(&r->target);
    progress_free(r->progress);
    json_decref(r->problems);
    close_fd(&r->folder_fd);
    free(r->folder);
}

/* ---- where to ----------------------------------------------------------------------------- */

/* The one folder that a filesystem source backs up. */
static int find_place(struct restoring *r, const char **ret_folder)
{
    struct sme_error *err = &r->cli->err;
    const struct conf_source *source = r->target.configured;
    const struct ini_entry *path = NULL;

    if (source == NULL) {
        (void)sme_fail(err, SME_E_INVALID,
                       "--in-place: source '%s' is not configured here, so its place is unknown",
                       r->target.source);
        return error_hint(err, "use --to DIR");
    }
    if (strcmp(source->plugin, "filesystem") != 0) {
        (void)sme_fail(err, SME_E_INVALID,
                       "--in-place: items of plugin '%s' are not files of one folder",
                       source->plugin);
        return error_hint(err, "use --to DIR");
    }
    path = ini_find(source->section, "path");
    if (path == NULL || path->value[0] != '/' || strpbrk(path->value, ",\n\"") != NULL) {
        (void)sme_fail(err, SME_E_INVALID,
                       "--in-place: source '%s' has several paths, and they have no folder in "
                       "common",
                       source->name);
        return error_hint(err, "use --to DIR and move what you need");
    }
    *ret_folder = path->value;
    return SME_OK;
}

static int check_usage(struct cli *cli)
{
    bool in_place = cli->args.given[OPT_IN_PLACE] > 0;

    if (restore_into_check_usage(cli) < 0 || restore_pick_check_usage(cli) < 0) {
        return cli->err.status;
    }
    if (cli->args.given[OPT_INTO] > 0) {
        return restore_thaw_check_usage(cli);
    }
    if ((cli->args.value[OPT_TO] != NULL) == in_place) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "%s",
                       in_place ? "--to and --in-place exclude each other"
                                : "where to? --to DIR, --in-place or --into is needed");
        return error_hint(&cli->err, "see 'sme-backup help restore'");
    }
    if (!in_place && cli->args.value[OPT_TO][0] == '\0') {
        return sme_fail(&cli->err, SME_E_INVALID, "--to needs the name of a folder");
    }
    return restore_thaw_check_usage(cli);
}

/* Stands for a folder that a dry run does not make: one that is empty and has no name. */
static int open_nowhere(struct restoring *r)
{
    char name[] = "/tmp/sme-backup-XXXXXX";

    if (mkdtemp(name) == NULL) {
        return sme_fail_errno(&r->cli->err, SME_E_IO, "cannot make a folder in '/tmp'");
    }
    r->folder_fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int saved = errno;
    (void)rmdir(name);
    errno = saved;
    return r->folder_fd >= 0 ? SME_OK
                             : sme_fail_errno(&r->cli->err, SME_E_IO, "cannot open '%s'", name);
}

/* Parents may be links; the folder itself may not. */
static int open_folder(struct restoring *r, const char *name, bool dry_run)
{
    struct sme_error *err = &r->cli->err;
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;

    r->folder = strdup(name);
    if (r->folder == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a folder's name");
    }
    for (size_t len = strlen(r->folder); len > 1 && r->folder[len - 1] == '/'; len--) {
        r->folder[len - 1] = '\0';
    }
    r->folder_fd = open(r->folder, flags);
    if (r->folder_fd < 0 && errno == ENOENT && !dry_run) {
        int status = io_make_dirs(r->folder, 0777, err);
        if (status < 0) {
            err->status = SME_E_IO;
            return SME_E_IO;
        }
        r->made_folder = true;
        r->folder_fd = open(r->folder, flags);
    } else if (r->folder_fd < 0 && errno == ENOENT) {
        return open_nowhere(r);
    }
    if (r->folder_fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
        (void)sme_fail(err, SME_E_INVALID, "'%s' is not a folder", r->folder);
        return error_hint(err, "a symbolic link is not followed: name the folder itself");
    }
    if (r->folder_fd < 0) {
        return sme_fail_errno(err, SME_E_IO, "cannot open folder '%s'", r->folder);
    }
    return SME_OK;
}

static int parse_overwrite(struct cli *cli, enum restore_overwrite *ret)
{
    static const char *const words[] = {"never", "if-changed", "always"};
    const char *text = cli->args.value[OPT_OVERWRITE];

    *ret = RESTORE_NEVER;
    for (size_t i = 0; text != NULL && i < 3; i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret = (enum restore_overwrite)i;
            return SME_OK;
        }
    }
    return text == NULL ? SME_OK
                        : sme_fail(&cli->err, SME_E_INVALID,
                                   "--overwrite is never, if-changed or always, not '%s'", text);
}

/* ---- while it goes on --------------------------------------------------------------------- */

static void on_progress(void *cookie, const struct restore_counts *counts)
{
    struct restoring *r = cookie;
    int64_t elapsed = clock_monotonic_ns() - r->began_at;
    char done[16], rate[16], spent[16], left[32];
    double seconds = (double)elapsed / 1e9;

    progress_set(r->progress, 0, "%s: %" PRIu64 " items, %s written (%s/s), %s%s", r->target.source,
                 counts->items, str_bytes(counts->bytes, done),
                 str_bytes((uint64_t)((double)counts->bytes / (seconds + 0.001)), rate),
                 str_duration(elapsed, spent),
                 progress_left(counts->bytes, counts->total_bytes, elapsed, left));
}

static void on_note(void *cookie, const char *text)
{
    (void)cookie;
    log_line(LOG_LEVEL_WARN, NULL, "%s", text);
}

static void on_problem(void *cookie, const char *path, size_t len, const struct sme_error *failure)
{
    struct restoring *r = cookie;
    char shown[1024], text[2 * sizeof failure->message];

    r->problem_count++;
    /* Damage weighs most; then what can be put right by waiting. */
    if (failure->status == SME_E_CORRUPT || r->worst == SME_OK ||
        (failure->status == SME_E_CANNOT_NOW && r->worst != SME_E_CORRUPT)) {
        r->worst = failure->status;
    }
    if (r->cli->json) {
        if (json_array_size(r->problems) < PROBLEMS_KEPT) {
            json_t *object = json_object();
            json_add_path(object, path, len);
            json_add_text(object, "status", error_status_name(failure->status));
            json_add_text(object, "message", failure->message);
            (void)json_array_append_new(r->problems, object);
        }
        return;
    }
    if (r->problem_count <= PROBLEMS_SHOWN) {
        progress_hide(r->progress);
        (void)fprintf(stderr, "  '%s': %s\n", str_escape(path, len, shown, sizeof shown),
                      str_escape(failure->message, strlen(failure->message), text, sizeof text));
    }
}

/* ---- the answer --------------------------------------------------------------------------- */

static enum exit_code judge(const struct restoring *r, const struct restore_result *result)
{
    if (result->counts.failed == 0 && r->problem_count == 0) {
        return EXIT_DONE;
    }
    return r->worst == SME_E_CORRUPT      ? EXIT_DAMAGED
           : r->worst == SME_E_CANNOT_NOW ? EXIT_CANNOT_NOW
                                          : EXIT_INCOMPLETE;
}

static enum exit_code answer_json(struct restoring *r, const struct restore_result *result,
                                  bool dry_run)
{
    const struct restore_counts *c = &result->counts;
    json_t *document = json_object();
    enum exit_code code = judge(r, result);

    json_add(document, "exit", (uint64_t)code);
    json_add_text(document, "source", r->target.source);
    json_add_text(document, "sink", r->target.sink->name);
    json_add_text(document, "snapshot", r->target.snapshot->head.name);
    (void)json_object_set_new(document, "to", report_text_json(r->folder, strlen(r->folder)));
    (void)json_object_set_new(document, "dry_run", json_boolean(dry_run));
    json_add(document, "items", c->items);
    json_add(document, "files", c->files);
    json_add(document, "directories", c->directories);
    json_add(document, "links", c->links);
    json_add(document, "others", c->others);
    json_add(document, "bytes", c->bytes);
    json_add(document, "existing", c->existing);
    json_add(document, "failed", c->failed);
    json_add(document, "verified", c->verified);
    (void)json_object_set_new(document, "seconds", json_real((double)result->elapsed_ns / 1e9));
    (void)json_object_set_new(document, "first_byte_seconds",
                              json_real((double)result->first_byte_ns / 1e9));
    if (r->picks.layout != NULL) {
        (void)json_object_set_new(document, "layout", restore_pick_json(r->picks.layout));
    }
    (void)json_object_set(document, "problems", r->problems);
    json_add(document, "problem_count", r->problem_count);
    return error_worse_exit(code, cli_print_json(r->cli, document));
}

static enum exit_code answer_text(const struct restoring *r, const struct restore_result *result,
                                  bool dry_run)
{
    const struct restore_counts *c = &result->counts;
    char items[48], files[48], bytes[16], spent[16];

    if (r->problem_count > PROBLEMS_SHOWN) {
        (void)fprintf(stderr, "  and %" PRIu64 " more\n", r->problem_count - PROBLEMS_SHOWN);
    }
    if (c->existing > 0 && r->problem_count > 0 && r->picks.layout == NULL) {
        (void)fprintf(stderr,
                      "sme-backup: %s left alone\n  hint: --overwrite if-changed replaces what "
                      "differs from the snapshot\n",
                      cli_count(c->existing, "existing item was", "existing items were", items));
    }
    if (c->failed > 0) {
        (void)fprintf(stderr, "sme-backup: %s could not be restored\n",
                      cli_count(c->failed, "item", "items", items));
    }
    if (r->cli->quiet) {
        return judge(r, result);
    }
    if (dry_run && r->picks.layout != NULL) {
        restore_pick_print(r->cli, r->picks.layout);
    }
    (void)printf("%s@%s: %s %s (%s, %s) to '%s' in %s", r->target.source,
                 r->target.snapshot->head.name, dry_run ? "would restore" : "restored",
                 cli_count(c->items, "item", "items", items),
                 cli_count(c->files, "file", "files", files), str_bytes(c->bytes, bytes), r->folder,
                 str_duration(result->elapsed_ns, spent));
    if (c->existing > 0) {
        (void)printf(r->picks.layout != NULL ? ", %s already there" : ", %s left alone",
                     r->picks.layout != NULL
                         ? cli_count(c->existing, "file", "files", items)
                         : cli_count(c->existing, "existing item", "existing items", items));
    }
    if (r->cli->args.given[OPT_VERIFY] > 0 && !dry_run) {
        (void)printf(", %s verified", cli_count(c->verified, "file", "files", files));
    }
    (void)printf("\n");
    return judge(r, result);
}

static int restore_all(struct restoring *r, const struct restore_request *request,
                       struct restore_result *ret_result)
{
    struct sme_error *err = &r->cli->err;
    struct layout *layout = r->picks.layout;

    if (layout == NULL) {
        return restore_run(request, ret_result, err);
    }
    int status = layout_plan(layout, r->folder_fd, r->folder, err);
    return status < 0 ? status : layout_restore(layout, request, ret_result, err);
}

enum exit_code cmd_restore(struct cli *cli)
{
    CLEANUP(restoring_done) struct restoring r = {.cli = cli, .folder_fd = -1};
    struct restore_result result;
    const char *folder = cli->args.value[OPT_TO];
    bool dry_run = cli->args.given[OPT_DRY_RUN] > 0;
    bool in_place = cli->args.given[OPT_IN_PLACE] > 0;
    enum restore_overwrite overwrite;

    r.problems = json_array();
    if (check_usage(cli) < 0 || parse_overwrite(cli, &overwrite) < 0 ||
        target_open(cli, cli->args.words[0], &r.target) < 0 ||
        (in_place && find_place(&r, &folder) < 0) || restore_pick(cli, &r.target, &r.picks) < 0) {
        return cli_fail(cli);
    }
    /* Before anything is written: what is archived cannot be restored now. */
    enum exit_code code = EXIT_CANNOT_NOW;
    r.progress = progress_new(cli, 1);
    if (!restore_thaw(cli, &r.target, &r.picks.selection, r.progress, &code)) {
        return code;
    }
    if (cli->args.given[OPT_INTO] > 0) {
        return restore_into_run(cli, &r.target, r.progress, overwrite == RESTORE_ALWAYS);
    }
    if (open_folder(&r, folder, dry_run) < 0) {
        return cli_fail(cli);
    }
    r.began_at = clock_monotonic_ns();
    const struct restore_request request = {
        .vault = r.target.vault,
        .snapshot = r.target.snapshot,
        .patterns = r.picks.selection.patterns,
        .pattern_count = r.picks.selection.count,
        .exact = r.picks.selection.exact,
        .target_fd = r.folder_fd,
        .target_name = r.folder,
        .overwrite = overwrite,
        .dry_run = dry_run,
        .verify = cli->args.given[OPT_VERIFY] > 0,
        .no_owner = cli->args.given[OPT_NO_OWNER] > 0,
        .memory_limit = cli->conf->core.memory_limit / 2,
        .progress = r.progress != NULL ? on_progress : NULL,
        .problem = on_problem,
        .note = on_note,
        .cookie = &r,
    };
    memset(&result, 0, sizeof result);
    int status = restore_all(&r, &request, &result);
    progress_hide(r.progress);
    if (status < 0) {
        if (r.made_folder) {
            (void)rmdir(r.folder); /* only if nothing was restored */
        }
        return cli_fail(cli);
    }
    return cli->json ? answer_json(&r, &result, dry_run) : answer_text(&r, &result, dry_run);
}
