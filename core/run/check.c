/*
 * Checking a repository: its sources one after the other, and what belongs to none.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "check_internal.h"

#include "../base/clock.h"

#include <stdlib.h>
#include <string.h>

#define PROGRESS_NS (NS_PER_SEC / 5)

static void report(struct check *check, enum check_severity severity, const char *object,
                   const char *text)
{
    (void)pthread_mutex_lock(&check->lock);
    check->counts.damaged += severity == CHECK_DAMAGE;
    check->counts.garbage += severity == CHECK_GARBAGE;
    if (check->request->finding != NULL) {
        check->request->finding(check->request->cookie, severity, object, text);
    }
    (void)pthread_mutex_unlock(&check->lock);
}

void check_find(struct check *check, enum check_severity severity, const char *object,
                const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    report(check, severity, object, text);
}

void check_find_failure(struct check *check, const char *object, const struct sme_error *err,
                        const char *consequence)
{
    char text[1024];

    (void)snprintf(text, sizeof text, "%s: %s", err->message, consequence);
    report(check, CHECK_DAMAGE, object, text);
}

bool check_is_objects_own(int status)
{
    return status == SME_E_CORRUPT || status == SME_E_NOT_FOUND || status == SME_E_IO;
}

void check_progress(struct check *check)
{
    int64_t now = clock_monotonic_ns();

    if (check->request->progress == NULL || now < check->next_progress) {
        return;
    }
    check->next_progress = now + PROGRESS_NS;
    (void)pthread_mutex_lock(&check->lock);
    struct check_counts counts = check->counts;
    (void)pthread_mutex_unlock(&check->lock);
    check->request->progress(check->request->cookie, &counts);
}

static void source_done(struct check_source *source)
{
    store_names_free(&source->objects);
    store_names_free(&source->snapshots);
    free(source->packs);
    free(source->loaded);
    vault_free(source->vault);
    hashmap_free(&source->walked);
    source_keys_done(&source->keys);
}

static int check_one(struct check *check, const char *name, struct sme_error *err)
{
    struct check_source source = {.check = check, .name = name};

    int status = source_keys_derive(&check->repo->keys, name, &source.keys, err);
    if (status == SME_OK) {
        status = check_objects(&source, err);
    }
    if (status == SME_OK) {
        status = check_snapshots(&source, err);
    }
    if (status == SME_OK) {
        check_compare_packs(&source);
        check->counts.sources++;
    }
    if (status == SME_OK && check->request->read_data) {
        status = check_data(&source, err);
    }
    source_done(&source);
    return status < 0 ? error_context(err, "source '%s'", name) : SME_OK;
}

/* Add ${name} to the list unless it is there. */
static int add_source(char ***names, size_t *count, const char *name, struct sme_error *err)
{
    for (size_t i = *count; i > 0; i--) {
        if (strcmp((*names)[i - 1], name) == 0) {
            return SME_OK;
        }
    }
    char **grown = reallocarray(*names, *count + 2, sizeof *grown);
    if (grown == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of sources");
    }
    *names = grown;
    grown[*count] = strdup(name);
    grown[*count + 1] = NULL;
    if (grown[*count] == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of sources");
    }
    (*count)++;
    return SME_OK;
}

/* Are empty objects of this kind found by reading or comparing them? */
static bool is_read_anyway(enum objkey_kind kind)
{
    return kind == OBJKEY_SNAPSHOT || kind == OBJKEY_INDEX || kind == OBJKEY_DATA_PACK ||
           kind == OBJKEY_META_PACK || kind == OBJKEY_DESCRIPTOR;
}

/* Look at every object of the repository: sources that have lost all snapshots are found too. */
static int find_sources(struct check *check, char ***ret_names, struct sme_error *err)
{
    struct store_names all = {0};
    char **names = NULL;
    size_t count = 0;
    bool has_descriptor = false;

    int status = store_names(check->repo->store, "", &all, err);
    for (size_t i = 0; i < all.count && status == SME_OK; i++) {
        struct objkey key;
        objkey_parse(all.at[i].key, &key);
        has_descriptor = has_descriptor || key.kind == OBJKEY_DESCRIPTOR;
        if (key.kind == OBJKEY_FOREIGN) {
            check->counts.foreign++;
            check_find(check, CHECK_NOTE, all.at[i].key, "not an object of this program: ignored");
        } else if (all.at[i].size == 0 && !is_read_anyway(key.kind)) {
            check_find(check, CHECK_DAMAGE, all.at[i].key, "the object is empty");
        }
        if (key.source[0] != '\0') {
            status = add_source(&names, &count, key.source, err);
        }
    }
    store_names_free(&all);
    if (status == SME_OK && names == NULL) {
        names = calloc(1, sizeof *names);
        status = names == NULL ? sme_fail(err, SME_E_NO_MEMORY, "no memory") : SME_OK;
    }
    if (status < 0) {
        plugin_names_free(names);
        return status;
    }
    if (!has_descriptor) {
        check_find(check, CHECK_DAMAGE, OBJKEY_DESCRIPTOR_NAME,
                   "it could be read, but the sink does not list it: listings cannot be trusted");
    }
    *ret_names = names;
    return SME_OK;
}

static int check_all(struct check *check, struct sme_error *err)
{
    char **names = NULL;

    if (check->request->source != NULL) {
        return check_one(check, check->request->source, err);
    }
    int status = find_sources(check, &names, err);
    for (size_t i = 0; status == SME_OK && names[i] != NULL; i++) {
        status = check_one(check, names[i], err);
    }
    plugin_names_free(names);
    return status;
}

int check_run(const struct check_request *request, struct check_counts *ret_counts,
              struct sme_error *err)
{
    struct check check = {.request = request, .repo = request->repo};

    (void)pthread_mutex_init(&check.lock, NULL);
    int status = check_all(&check, err);
    (void)pthread_mutex_destroy(&check.lock);
    *ret_counts = check.counts;
    if (status < 0) {
        return status;
    }
    if (check.counts.damaged > 0) {
        (void)sme_fail(err, SME_E_CORRUPT, "%llu damaged place%s in the repository",
                       (unsigned long long)check.counts.damaged,
                       check.counts.damaged == 1 ? "" : "s");
        return error_hint(
            err, "%s",
            request->read_data
                ? "put the damaged objects back from a copy or an older version of "
                  "them; snapshots that do not need them are whole"
                : "'sme-backup check --read-data' reads everything and finds all of it");
    }
    return SME_OK;
}
