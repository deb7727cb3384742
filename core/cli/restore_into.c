/*
 * "restore --into": from a snapshot to where the source's plugin takes it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "restore_into.h"

#include "../base/clock.h"
#include "../base/str.h"
#include "../run/report.h"
#include "../run/restore_into.h"

#include <inttypes.h>

#define PROBLEMS_SHOWN 20
#define PROBLEMS_KEPT 100000 /* of the JSON document */

struct taking {
    struct cli *cli;
    struct target *target;
    struct progress *progress;
    int64_t began_at;
    json_t *problems;
    uint64_t problem_count;
};

/* Options that the plugin knows the meaning of. */
static const struct {
    enum option_id id;
    const char *name;
} value_options[] = {
    {OPT_INTO, "into"}, {OPT_DATABASE, "database"}, {OPT_TABLE, "table"},
    {OPT_JOBS, "jobs"}, {OPT_SCRATCH, "scratch"},
};
#define VALUES (sizeof value_options / sizeof value_options[0])

int restore_into_check_usage(struct cli *cli)
{
    const enum option_id excluded[] = {OPT_TO, OPT_IN_PLACE, OPT_VERIFY, OPT_DRY_RUN};
    bool into = cli->args.given[OPT_INTO] > 0;

    for (size_t i = 0; i < VALUES && !into; i++) {
        if (cli->args.given[value_options[i].id] > 0) {
            (void)sme_fail(&cli->err, SME_E_INVALID, "--%s goes with --into",
                           value_options[i].name);
            return error_hint(&cli->err, "to restore files, name them: 'sme-backup ls' shows them");
        }
    }
    for (size_t i = 0; i < sizeof excluded / sizeof excluded[0] && into; i++) {
        if (cli->args.given[excluded[i]] > 0) {
            (void)sme_fail(&cli->err, SME_E_INVALID, "--into and --%s exclude each other",
                           option_names[excluded[i]].name);
            return error_hint(&cli->err, "see 'sme-backup help restore'");
        }
    }
    if (into && cli->args.word_count > 1) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "--into takes no patterns ('%s')",
                       cli->args.words[1]);
        return error_hint(&cli->err, "choose with --database and --table");
    }
    return SME_OK;
}

static void on_progress(void *cookie, uint64_t items, uint64_t bytes)
{
    struct taking *t = cookie;
    int64_t elapsed = clock_monotonic_ns() - t->began_at;
    char done[16], rate[16], spent[16], count[48];

    progress_set(t->progress, 0, "%s: %s, %s restored (%s/s), %s", t->target->source,
                 cli_count(items, "item", "items", count), str_bytes(bytes, done),
                 str_bytes((uint64_t)((double)bytes / ((double)elapsed / 1e9 + 0.001)), rate),
                 str_duration(elapsed, spent));
}

static void on_problem(void *cookie, const char *path, size_t path_len, const char *text)
{
    struct taking *t = cookie;
    char shown[1024], message[1024];

    t->problem_count++;
    if (t->cli->json) {
        if (json_array_size(t->problems) < PROBLEMS_KEPT) {
            json_t *object = json_object();
            json_add_path(object, path, path_len);
            json_add_text(object, "message", text);
            (void)json_array_append_new(t->problems, object);
        }
        return;
    }
    if (t->problem_count <= PROBLEMS_SHOWN) {
        progress_hide(t->progress);
        (void)fprintf(stderr, "  '%s': %s\n", str_escape(path, path_len, shown, sizeof shown),
                      str_escape(text, strlen(text), message, sizeof message));
    }
}

static enum exit_code answer_json(struct taking *t, const struct restore_into_result *result)
{
    enum exit_code code = t->problem_count > 0 ? EXIT_INCOMPLETE : EXIT_DONE;
    json_t *document = json_object();

    json_add(document, "exit", (uint64_t)code);
    json_add_text(document, "source", t->target->source);
    json_add_text(document, "sink", t->target->sink->name);
    json_add_text(document, "snapshot", t->target->snapshot->head.name);
    json_add(document, "items", result->items);
    json_add(document, "bytes", result->bytes);
    (void)json_object_set_new(document, "seconds", json_real((double)result->elapsed_ns / 1e9));
    (void)json_object_set(document, "problems", t->problems);
    json_add(document, "problem_count", t->problem_count);
    return error_worse_exit(code, cli_print_json(t->cli, document));
}

static enum exit_code answer_text(const struct taking *t, const struct restore_into_result *result)
{
    char items[48], bytes[16], spent[16];

    if (t->problem_count > PROBLEMS_SHOWN) {
        (void)fprintf(stderr, "  and %" PRIu64 " more\n", t->problem_count - PROBLEMS_SHOWN);
    }
    if (!t->cli->quiet) {
        (void)printf("%s@%s: restored %s (%s) in %s\n", t->target->source,
                     t->target->snapshot->head.name,
                     cli_count(result->items, "item", "items", items),
                     str_bytes(result->bytes, bytes), str_duration(result->elapsed_ns, spent));
    }
    if (t->problem_count > 0) {
        (void)fprintf(stderr, "sme-backup: %s\n",
                      cli_count(t->problem_count, "problem: what it names is not restored",
                                "problems: what they name is not restored", items));
        return EXIT_INCOMPLETE;
    }
    return EXIT_DONE;
}

enum exit_code restore_into_run(struct cli *cli, struct target *target, struct progress *progress,
                                bool replace)
{
    struct taking t = {
        .cli = cli,
        .target = target,
        .progress = progress,
        .began_at = clock_monotonic_ns(),
        .problems = json_array(),
    };
    struct restore_value values[VALUES];
    struct restore_into_result result;

    for (size_t i = 0; i < VALUES; i++) {
        values[i].name = value_options[i].name;
        values[i].text = cli->args.value[value_options[i].id];
    }
    const struct restore_into_request request = {
        .conf = cli->conf,
        .configured = target->configured,
        .source = target->source,
        .vault = target->vault,
        .snapshot = target->snapshot,
        .values = values,
        .value_count = VALUES,
        .flags = (replace ? SME_RESTORE_REPLACE : 0) |
                 (cli->args.given[OPT_NO_OWNER] > 0 ? SME_RESTORE_NO_OWNER : 0),
        .progress = progress != NULL ? on_progress : NULL,
        .problem = on_problem,
        .cookie = &t,
    };
    int status = restore_into(&request, &result, &cli->err);
    progress_hide(progress);
    enum exit_code code = status < 0  ? cli_fail(cli)
                          : cli->json ? answer_json(&t, &result)
                                      : answer_text(&t, &result);
    json_decref(t.problems);
    return code;
}
