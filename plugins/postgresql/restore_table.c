/*
 * One table of an archive: its beginning is kept in memory until pg_restore has said what the
 * archive has, then fed to the pg_restore that takes the table out of it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The two that list write into files: were it pipes, they could stop reading, for nobody reads what
 * they write while we write what they read.
 */
#include "restore_internal.h"

#include <stdlib.h>

static int start_scan(struct restore *restore, size_t at, const char *what, struct sme_error *err)
{
    char *file = NULL;
    int status = restore_temp_new(restore, "contents", &restore->scanned[at], err);

    if (status < 0) {
        return status;
    }
    if (asprintf(&file, "--file=%s", restore->scanned[at].path) < 0) {
        return restore_no_memory(err);
    }
    const char *const argv[] = {
        restore->pg_restore, "--format=custom", "--verbose", what, file, NULL};
    struct child_spec spec = {.argv = argv, .has_stdin = true};
    server_spec(&restore->server, restore->env, &spec);
    status = child_start(&spec, &restore->scans[at], err);
    free(file);
    return status;
}

int restore_scan_start(struct restore *restore, struct sme_error *err)
{
    int status = start_scan(restore, 0, "--list", err);

    return status < 0 ? status : start_scan(restore, 1, "--schema-only", err);
}

void restore_scan_kill(struct restore *restore)
{
    for (size_t i = 0; i < 2; i++) {
        child_free(restore->scans[i]);
        restore->scans[i] = NULL;
        restore_temp_remove(restore, &restore->scanned[i]);
    }
}

static int end_program(struct restore *restore, size_t at, struct sme_error *err)
{
    struct child *child = restore->scans[at];
    struct child_end end;

    if (child == NULL) {
        return SME_OK;
    }
    int status = child_wait(child, &end, err);
    if (status == SME_OK && end.exit_code != 0) {
        /* With --verbose it says what it does, too. */
        const char *error = strstr(end.errors, "error: ");
        int len = error != NULL ? (int)strcspn(error, "\n") : 0;
        status = sme_fail(err, SME_E_CORRUPT, "pg_restore cannot read '%.200s': %.*s",
                          restore->item, len > 200 ? 200 : len, error != NULL ? error : "");
        (void)restore_hint(err, "it may be too old for this dump, or the dump is damaged: see "
                                "'sme-backup check'");
    }
    child_free(child);
    restore->scans[at] = NULL;
    return status;
}

/* Everything that is behind ${toc}'s words: what to take, and whether it may be. */
static int choose(struct restore *restore, struct toc *toc, size_t *ret_count,
                  struct sme_error *err)
{
    struct toc_wanted *wanted = &restore->database.wanted;
    char *text = NULL;
    int status = SME_OK;

    if (restore->part == RESTORE_ALL || restore->part == RESTORE_PRE_DATA) {
        toc_wanted_done(wanted);
        status = toc_find(toc, restore->schema, restore->table, wanted, err);
        if (status == SME_OK) {
            status = restore_database_check_tables(restore, wanted, err);
        }
        if (status == SME_OK && wanted->is_partition) {
            restore->host->log(restore->host, SME_LOG_WARNING,
                               "table '%s.%s' was a partition: it comes back as a table of its "
                               "own, for ALTER TABLE ... ATTACH PARTITION",
                               wanted->list[0].schema, wanted->list[0].name);
        }
    } else if (wanted->count == 0) {
        status = sme_fail(err, SME_E_CORRUPT,
                          "the snapshot has '%s', but not the first part of this database",
                          restore->item);
    }
    if (status == SME_OK) {
        status = toc_select(toc, wanted, &text, ret_count, err);
    }
    if (status == SME_OK && *ret_count > 0) {
        status = restore_temp_new(restore, "list", &restore->list, err);
        if (status == SME_OK) {
            status = restore_temp_write(restore, &restore->list, text, strlen(text), err);
        }
    }
    free(text);
    return status;
}

static int read_contents(struct restore *restore, size_t *ret_count, struct sme_error *err)
{
    char *list = NULL, *script = NULL;
    struct toc *toc = NULL;

    int status = restore_temp_read(&restore->scanned[0], &list, err);
    if (status == SME_OK) {
        status = restore_temp_read(&restore->scanned[1], &script, err);
    }
    if (status == SME_OK) {
        status = toc_new(list, script, &toc, err);
    }
    if (status == SME_OK) {
        status = choose(restore, toc, ret_count, err);
    }
    toc_free(toc);
    free(script);
    free(list);
    return status;
}

int restore_scan_end(struct restore *restore, struct sme_error *err)
{
    size_t count = 0;

    int status = end_program(restore, 0, err);
    if (status == SME_OK) {
        status = end_program(restore, 1, err);
    }
    if (status == SME_OK) {
        status = read_contents(restore, &count, err);
    }
    restore_scan_kill(restore);
    restore->way = RESTORE_DISCARD;
    if (status == SME_OK && count > 0) {
        status = restore_start(restore, NULL, 1, &restore->list, &restore->child, err);
        if (status == SME_OK) {
            restore->way = RESTORE_FEED;
            status = restore_feed(restore, restore->kept, restore->kept_len, err);
        }
    }
    free(restore->kept);
    restore->kept = NULL;
    restore->kept_len = restore->kept_room = 0;
    return status;
}

int restore_scan_data(struct restore *restore, const void *buf, size_t len, struct sme_error *err)
{
    int status = restore_keep(restore, buf, len, err);

    for (size_t i = 0; i < 2 && status == SME_OK; i++) {
        if (restore->scans[i] == NULL) {
            continue;
        }
        status = child_write(restore->scans[i], buf, len, err);
        if (status == SME_E_IO) { /* it knows enough, or fails */
            status = end_program(restore, i, err);
        }
    }
    if (status == SME_OK && restore->scans[0] == NULL && restore->scans[1] == NULL) {
        status = restore_scan_end(restore, err);
    }
    return status;
}
