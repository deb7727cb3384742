/*
 * Running pg_restore: one that reads what comes, or workers that read files; and their verdicts.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * pg_restore goes on after a statement that failed, and says at the end how many did.  Each of them
 * is a problem of the item; one that stopped before the end is a failure.
 */
#include "restore_internal.h"

#include <stdlib.h>

#define ARGUMENTS 20

/* ---- start -------------------------------------------------------------------------------- */

/* What an old table still has must not be lost, or doubled, because it could not be dropped. */
static bool all_or_nothing(const struct restore *restore)
{
    if (!restore->replace) {
        return false;
    }
    return restore->part == RESTORE_PRE_DATA ||
           (restore->part == RESTORE_ALL && restore->table != NULL);
}

int restore_start(struct restore *restore, const struct restore_temp *file, size_t jobs,
                  const struct restore_temp *list, struct child **ret_child, struct sme_error *err)
{
    const char *argv[ARGUMENTS] = {restore->pg_restore, "--no-password", "--format=custom"};
    struct child_spec spec = {.argv = argv, .has_stdin = file == NULL};
    char *place = server_dbname(&restore->server, restore->database.target);
    char *dbname = NULL, *use_list = NULL;
    char number[32];
    size_t count = 3;

    if (place == NULL || asprintf(&dbname, "--dbname=%s", place) < 0) {
        free(place);
        return restore_no_memory(err);
    }
    free(place);
    argv[count++] = dbname;
    if (restore->replace && !restore->database.cleaned) {
        argv[count++] = "--clean";
        argv[count++] = "--if-exists";
    }
    if (restore->replace || restore->table != NULL) {
        argv[count++] = "--no-data-for-failed-tables";
    }
    if (restore->part == RESTORE_POST_DATA) {
        argv[count++] = "--section=post-data"; /* the archive has the definitions once more */
    }
    if (restore->no_owner) {
        argv[count++] = "--no-owner";
        argv[count++] = "--no-privileges";
    }
    if (all_or_nothing(restore)) {
        argv[count++] = "--single-transaction";
    } else if (jobs > 1) {
        (void)snprintf(number, sizeof number, "--jobs=%zu", jobs);
        argv[count++] = number;
    }
    if (list != NULL) {
        if (asprintf(&use_list, "--use-list=%s", list->path) < 0) {
            free(dbname);
            return restore_no_memory(err);
        }
        argv[count++] = use_list;
    }
    if (file != NULL) {
        argv[count++] = file->path;
    }
    server_spec(&restore->server, restore->env, &spec);
    int status = child_start(&spec, ret_child, err);
    restore->database.touched = restore->database.touched || status == SME_OK;
    free(use_list);
    free(dbname);
    return status;
}

/* ---- verdict ------------------------------------------------------------------------------ */

static const char error_mark[] = "pg_restore: error: ";
static const char command_mark[] = "Command was: ";
static const char warning_mark[] = "pg_restore: warning: ";
static const char ignored_mark[] = "pg_restore: warning: errors ignored on restore: ";

/* Errors after which the others mean nothing (LC_ALL=C: the programs speak English). */
static const struct {
    const char *text;
    int status;
    const char *hint; /* NULL: that the database is incomplete */
} phrases[] = {
    {"server closed the connection", SME_E_UNREACHABLE, NULL},
    {"no connection to the server", SME_E_UNREACHABLE, NULL},
    {"terminating connection", SME_E_UNREACHABLE, NULL},
    {"SSL connection has been closed", SME_E_UNREACHABLE, NULL},
    {"connection to server", SME_E_UNREACHABLE, NULL},
    {"No space left on device", SME_E_NO_SPACE,
     "make room on the server's disk, and restore again"},
    {"unsupported version (", SME_E_UNSUPPORTED,
     "install the client programs of the version that made the dump, and name them with bin_dir"},
    {"could not open input file", SME_E_DENIED,
     "the folder of --scratch must be one that the server's system user can enter"},
    {"could not open TOC file", SME_E_DENIED,
     "the folder of --scratch must be one that the server's system user can enter"},
    {"role \"", SME_E_IO, "make the roles that are missing first, or use --no-owner"},
};

static bool starts_with(const char *text, const char *mark)
{
    return strncmp(text, mark, strlen(mark)) == 0;
}

/* The server's words in an error line: *ret_len of them. */
static const char *words_of(const char *line, size_t *ret_len)
{
    static const char query[] = "could not execute query: ERROR:  ";

    line += strlen(error_mark);
    line += starts_with(line, query) ? strlen(query) : 0;
    *ret_len = strcspn(line, "\n");
    return line;
}

static const char *next_line(const char *line)
{
    size_t len = strcspn(line, "\n");

    return line + len + (line[len] == '\n' ? 1 : 0);
}

struct verdict {
    const char *first; /* error line, or NULL */
    const char *fatal; /* error line with one of the phrases, or NULL */
    size_t phrase;
    unsigned long shown;
    unsigned long ignored; /* as the program counts; 0: it did not get to the end */
    bool side_by_side; /* with --jobs a failure is counted by its worker and by who hears of it */
};

static void read_errors(const char *errors, bool ended_well, struct verdict *verdict)
{
    for (const char *line = errors; *line != '\0'; line = next_line(line)) {
        if (starts_with(line, ignored_mark)) {
            verdict->ignored = strtoul(line + strlen(ignored_mark), NULL, 10);
        }
        if (!starts_with(line, error_mark)) {
            continue;
        }
        size_t len = strcspn(line, "\n");
        verdict->shown++;
        verdict->first = verdict->first != NULL ? verdict->first : line;
        for (size_t i = 0; i < sizeof phrases / sizeof *phrases && verdict->fatal == NULL; i++) {
            if (memmem(line, len, phrases[i].text, strlen(phrases[i].text)) != NULL) {
                verdict->fatal = line;
                verdict->phrase = i;
            }
        }
    }
    /* A role that is missing stops nothing, unless it was to be all or nothing. */
    if (verdict->fatal != NULL && phrases[verdict->phrase].status == SME_E_IO &&
        (ended_well || verdict->ignored > 0)) {
        verdict->fatal = NULL;
    }
}

static void tell(const struct restore *restore, const char *item, const char *text)
{
    restore->host->problem(restore->host, item, strlen(item), text);
}

/* --clean drops the keys of partitions before those of the partitioned table, which the server
 * refuses; they go with the table.  Where they do not, what is there already is an error, too. */
static bool is_harmless(const char *words)
{
    return starts_with(words, "cannot drop inherited constraint ");
}

/* The beginning of the command that failed as ${line} says: what follows a quote or a bracket may
 * be a secret.  *ret_len is 0 if it is not told. */
static const char *command_of(const char *line, size_t *ret_len)
{
    for (line = next_line(line); *line != '\0' && !starts_with(line, "pg_restore: ");
         line = next_line(line)) {
        if (starts_with(line, command_mark)) {
            line += strlen(command_mark);
            *ret_len = strcspn(line, "\n('$;");
            return line;
        }
    }
    *ret_len = 0;
    return line;
}

static void tell_errors(const struct restore *restore, const char *item, const char *errors,
                        const struct verdict *verdict)
{
    char text[700];
    size_t len, command_len;

    for (const char *line = errors; *line != '\0'; line = next_line(line)) {
        if (starts_with(line, error_mark)) {
            const char *words = words_of(line, &len);
            const char *command = command_of(line, &command_len);
            if (restore->replace && is_harmless(words)) {
                continue;
            }
            (void)snprintf(text, sizeof text, "%.*s%s%.*s%s", len > 450 ? 450 : (int)len, words,
                           command_len > 0 ? " (" : "", command_len > 200 ? 200 : (int)command_len,
                           command, command_len > 0 ? ")" : "");
            tell(restore, item, text);
        } else if (starts_with(line, warning_mark) && !starts_with(line, ignored_mark)) {
            restore->host->log(restore->host, SME_LOG_WARNING, "'%s': %.*s", item,
                               (int)strcspn(line, "\n"), line);
        }
    }
    if (verdict->ignored > verdict->shown * (verdict->side_by_side ? 2 : 1)) {
        (void)snprintf(text, sizeof text, "%s%lu statements failed in all, of which %lu are listed",
                       verdict->side_by_side ? "up to " : "", verdict->ignored, verdict->shown);
        tell(restore, item, text);
    }
}

static int fail_incomplete(const struct restore *restore, struct sme_error *err)
{
    const struct restore_database *database = &restore->database;

    if (all_or_nothing(restore) && !database->cleaned) {
        return restore_hint(err,
                            restore->table != NULL
                                ? "nothing in database '%s' was changed; dbname= in --into can "
                                  "name another one"
                                : "nothing in database '%s' was changed; drop it, or restore into "
                                  "another one",
                            database->target);
    }
    if (restore->table != NULL && !database->created) {
        return restore_hint(err,
                            "what came of the table into database '%s' is incomplete: restore it "
                            "again with --overwrite always",
                            database->target);
    }
    return restore_hint(err, "database '%s' is incomplete: drop it, and restore again",
                        database->target);
}

static int fail(const struct restore *restore, const struct child *child,
                const struct child_end *end, const char *item, const struct verdict *verdict,
                struct sme_error *err)
{
    const char *line = verdict->fatal != NULL ? verdict->fatal : verdict->first;
    size_t len = 0;

    if (line == NULL) {
        (void)child_fail(child, end, err);
        return fail_incomplete(restore, err);
    }
    const char *words = words_of(line, &len);
    int status = verdict->fatal != NULL ? phrases[verdict->phrase].status : SME_E_IO;
    (void)sme_fail(err, status, "restoring '%.200s' failed: %.*s", item, len > 260 ? 260 : (int)len,
                   words);
    if (verdict->fatal != NULL && phrases[verdict->phrase].hint != NULL) {
        return restore_hint(err, "%s", phrases[verdict->phrase].hint);
    }
    (void)fail_incomplete(restore, err);
    return status;
}

int restore_judge(struct restore *restore, struct child **child, const char *item,
                  struct sme_error *err)
{
    struct verdict verdict = {
        .side_by_side = child == &restore->child && restore->way == RESTORE_SPOOL,
    };
    struct child_end end;

    int status = child_wait(*child, &end, err);
    if (status == SME_OK) {
        read_errors(end.errors, end.exit_code == 0, &verdict);
        if (verdict.fatal != NULL || (end.exit_code != 0 && verdict.ignored == 0)) {
            status = fail(restore, *child, &end, item, &verdict, err);
        } else {
            tell_errors(restore, item, end.errors, &verdict);
        }
    }
    child_free(*child);
    *child = NULL;
    if (status < 0 && all_or_nothing(restore) && !restore->database.cleaned) {
        restore->database.touched = false;
    }
    return status;
}

/* Of a pipe that it no longer reads, pg_restore has all that it wanted, or has failed. */
int restore_feed(struct restore *restore, const void *buf, size_t len, struct sme_error *err)
{
    int status = child_write(restore->child, buf, len, err);

    if (status == SME_E_IO) {
        restore->way = RESTORE_DISCARD;
        status = restore_judge(restore, &restore->child, restore->item, err);
    }
    return status;
}

/* ---- workers ------------------------------------------------------------------------------ */

static void forget_worker(struct restore *restore, size_t at)
{
    struct restore_worker *worker = &restore->workers[at];

    child_free(worker->child);
    restore_temp_remove(restore, &worker->file);
    free(worker->item);
    restore->worker_count--;
    memmove(worker, worker + 1, (restore->worker_count - at) * sizeof *worker);
}

/* The oldest one. */
static int wait_worker(struct restore *restore, struct sme_error *err)
{
    struct restore_worker *worker = &restore->workers[0];

    int status = restore_judge(restore, &worker->child, worker->item, err);
    forget_worker(restore, 0);
    return status;
}

int restore_worker_start(struct restore *restore, struct sme_error *err)
{
    int status = SME_OK;

    while (restore->worker_count >= restore->jobs && status == SME_OK) {
        status = wait_worker(restore, err);
    }
    if (status < 0) {
        return status;
    }
    struct restore_worker *worker = &restore->workers[restore->worker_count];
    *worker = (struct restore_worker){.item = strdup(restore->item)};
    if (worker->item == NULL) {
        return restore_no_memory(err);
    }
    status = restore_start(restore, &restore->spool, 1, NULL, &worker->child, err);
    if (status < 0) {
        free(worker->item);
        return status;
    }
    worker->file = restore->spool;
    restore->spool.path = NULL;
    restore->worker_count++;
    return SME_OK;
}

int restore_workers_wait(struct restore *restore, struct sme_error *err)
{
    int status = SME_OK;

    while (restore->worker_count > 0 && status == SME_OK) {
        status = wait_worker(restore, err);
    }
    return status;
}

void restore_workers_kill(struct restore *restore)
{
    while (restore->worker_count > 0) {
        forget_worker(restore, restore->worker_count - 1);
    }
}
