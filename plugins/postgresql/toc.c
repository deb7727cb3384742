/*
 * The table of contents of an archive: reading what pg_restore tells of it, and finding a table.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "toc_internal.h"

#include <stdlib.h>
#include <strings.h>

#define ENTRIES_MAX 5000000 /* more than 100 bytes each: above that a list is not one */
#define NEAREST 3
#define COMPARED_MAX 64 /* bytes of a name that are compared: an identifier has no more */

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "no memory for the contents of an archive");
}

/* ---- reading the two texts ---------------------------------------------------------------- */

/* The line at *at, ended with NUL; *at moves behind it.  NULL at the end. */
static char *take_line(char **at)
{
    char *line = *at;

    if (*line == '\0') {
        return NULL;
    }
    size_t len = strcspn(line, "\n");
    *at = line + len + (line[len] == '\n' ? 1 : 0);
    line[len] = '\0';
    return line;
}

static size_t count_lines(const char *text)
{
    size_t count = 1;

    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

/* "215; 1259 16393 TABLE public customers postgres" */
static bool read_entry(char *line, struct toc_entry *entry)
{
    char *end = NULL;

    errno = 0;
    long id = strtol(line, &end, 10);
    if (errno != 0 || end == line || end[0] != ';' || id <= 0 || id > INT32_MAX) {
        return false;
    }
    char *rest = end + 1;
    for (int i = 0; i < 2; i++) {
        (void)strtoul(rest, &end, 10);
        if (end == rest || *end != ' ') {
            return false;
        }
        rest = end + 1;
    }
    entry->id = (int)id;
    entry->line = line;
    entry->rest = rest;
    return true;
}

static void read_list(struct toc *toc, char *list)
{
    static const char depends[] = ";\tdepends on:";
    char *line;

    while ((line = take_line(&list)) != NULL) {
        if (strncmp(line, depends, sizeof depends - 1) == 0 && toc->count > 0) {
            toc->entries[toc->count - 1].depends = line + sizeof depends - 1;
        } else if (read_entry(line, &toc->entries[toc->count])) {
            toc->count++;
        }
    }
}

static int compare_ids(const void *a, const void *b)
{
    const struct toc_entry *const *left = a, *const *right = b;

    return ((*left)->id > (*right)->id) - ((*left)->id < (*right)->id);
}

struct toc_entry *toc_by_id(const struct toc *toc, long id)
{
    if (id <= 0 || id > INT32_MAX) {
        return NULL;
    }
    struct toc_entry key = {.id = (int)id};
    const struct toc_entry *wanted = &key;
    struct toc_entry **found =
        bsearch(&wanted, toc->by_id, toc->count, sizeof *toc->by_id, compare_ids);

    return found != NULL ? *found : NULL;
}

/* The last ${mark} in ${line}: cut there, and return what follows; NULL if there is none. */
static char *cut_last(char *line, const char *mark)
{
    char *found = NULL;

    for (char *at = strstr(line, mark); at != NULL; at = strstr(at + 1, mark)) {
        found = at;
    }
    if (found == NULL) {
        return NULL;
    }
    *found = '\0';
    return found + strlen(mark);
}

/* "Name: customers; Type: TABLE; Schema: public; Owner: postgres" of ${entry}: taken only if the
 * list has the same words, so that nothing in the text of a definition passes for an entry. */
static bool read_names(struct toc_entry *entry, char *line)
{
    (void)cut_last(line, "; Tablespace: ");
    char *owner = cut_last(line, "; Owner: ");
    char *schema = owner != NULL ? cut_last(line, "; Schema: ") : NULL;
    char *type = schema != NULL ? cut_last(line, "; Type: ") : NULL;
    if (type == NULL) {
        return false;
    }
    const char *parts[] = {type, schema, line, owner};
    const char *at = entry->rest;
    for (size_t i = 0; i < 4; i++) {
        size_t len = strlen(parts[i]);
        /* An entry without an owner has "-" in one text and nothing in the other. */
        bool none = i == 3 && strcmp(parts[i], "-") == 0 && *at == '\0';
        if (!none && strncmp(at, parts[i], len) != 0) {
            return false;
        }
        at += none ? 0 : len;
        if (i < 3 && *at++ != ' ') {
            return false;
        }
    }
    if (*at != '\0') {
        return false;
    }
    entry->type = type;
    entry->schema = schema;
    entry->name = line;
    entry->owner = owner;
    return true;
}

static void read_script(struct toc *toc, char *script)
{
    static const char head[] = "--\n-- TOC entry ";
    struct toc_entry *open = NULL;

    for (char *at = strstr(script, head); at != NULL; at = strstr(at, head)) {
        char *start = at;
        at += sizeof head - 1;
        struct toc_entry *entry = toc_by_id(toc, strtol(at, NULL, 10));
        char *line = strchr(at, '\n');
        if (line != NULL && strncmp(line, "\n-- Dependencies:", 17) == 0) {
            line = strchr(line + 1, '\n');
        }
        if (entry == NULL || entry->type != NULL || line == NULL ||
            strncmp(line, "\n-- Name: ", 10) != 0) {
            continue;
        }
        char *names = line + 10;
        char *body = names + strcspn(names, "\n");
        bool more = *body != '\0';
        *body = '\0';
        /* read_names() cuts its text: what it refuses was no entry, and is not looked at again. */
        if (read_names(entry, names)) {
            if (open != NULL) {
                *start = '\0';
            }
            entry->body = more ? body + 1 : "";
            open = entry;
        }
        if (!more) {
            break;
        }
        at = body + 1;
    }
}

int toc_new(char *list, char *script, struct toc **ret_toc, struct sme_error *err)
{
    size_t lines = count_lines(list);
    struct toc *toc = calloc(1, sizeof *toc);

    if (lines > ENTRIES_MAX) {
        free(toc);
        return sme_fail(err, SME_E_UNSUPPORTED, "the archive has more than %d entries",
                        ENTRIES_MAX);
    }
    if (toc != NULL) {
        toc->entries = calloc(lines, sizeof *toc->entries);
        toc->by_id = calloc(lines, sizeof *toc->by_id);
    }
    if (toc == NULL || toc->entries == NULL || toc->by_id == NULL) {
        toc_free(toc);
        return no_memory(err);
    }
    read_list(toc, list);
    for (size_t i = 0; i < toc->count; i++) {
        toc->by_id[i] = &toc->entries[i];
    }
    qsort(toc->by_id, toc->count, sizeof *toc->by_id, compare_ids);
    read_script(toc, script);
    *ret_toc = toc;
    return SME_OK;
}

void toc_free(struct toc *toc)
{
    if (toc != NULL) {
        free(toc->entries);
        free(toc->by_id);
        free(toc);
    }
}

bool toc_same(const char *left, const char *right)
{
    for (; *left != '\0' || *right != '\0'; left++, right++) {
        char a = *left == '\n' || *left == '\r' ? ' ' : *left;
        char b = *right == '\n' || *right == '\r' ? ' ' : *right;
        if (a != b) {
            return false;
        }
    }
    return true;
}

/* ---- the table ---------------------------------------------------------------------------- */

bool toc_is_type(const struct toc_entry *entry, const char *type)
{
    return entry->type != NULL && strcmp(entry->type, type) == 0;
}

static bool is_table(const struct toc_entry *entry)
{
    return toc_is_type(entry, "TABLE") || toc_is_type(entry, "FOREIGN TABLE");
}

static int want(struct toc_wanted *wanted, const struct toc_entry *entry, bool is_sequence,
                struct sme_error *err)
{
    if (wanted->count == wanted->room) {
        size_t room = wanted->room * 2 + 16;
        struct toc_name *list = realloc(wanted->list, room * sizeof *list);
        if (list == NULL) {
            return no_memory(err);
        }
        wanted->list = list;
        wanted->room = room;
    }
    struct toc_name *name = &wanted->list[wanted->count++];
    *name = (struct toc_name){strdup(entry->schema), strdup(entry->name), strdup(entry->owner),
                              is_sequence};
    bool good = name->schema != NULL && name->name != NULL && name->owner != NULL;
    return good ? SME_OK : no_memory(err);
}

void toc_wanted_done(struct toc_wanted *wanted)
{
    for (size_t i = 0; i < wanted->count; i++) {
        free(wanted->list[i].schema);
        free(wanted->list[i].name);
        free(wanted->list[i].owner);
    }
    free(wanted->list);
    memset(wanted, 0, sizeof *wanted);
}

bool toc_wants_table(const struct toc_wanted *wanted, const char *schema, const char *table)
{
    for (size_t i = 0; i < wanted->count; i++) {
        if (!wanted->list[i].is_sequence && toc_same(wanted->list[i].schema, schema) &&
            toc_same(wanted->list[i].name, table)) {
            return true;
        }
    }
    return false;
}

static size_t distance(const char *left, const char *right)
{
    size_t row[COMPARED_MAX + 1];
    size_t width = strnlen(right, COMPARED_MAX);
    size_t height = strnlen(left, COMPARED_MAX);

    for (size_t j = 0; j <= width; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= height; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t change = corner + (strncasecmp(&left[i - 1], &right[j - 1], 1) != 0);
            corner = row[j];
            size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < step ? change : step;
        }
    }
    return row[width];
}

static int not_found(const struct toc *toc, const char *schema, const char *table,
                     struct sme_error *err)
{
    const struct toc_entry *nearest[NEAREST] = {NULL};
    size_t far[NEAREST];
    size_t count = 0;

    int status = sme_fail(err, SME_E_NOT_FOUND, "the dump has no table '%s%s%s'",
                          schema != NULL ? schema : "", schema != NULL ? "." : "", table);
    for (size_t i = 0; i < toc->count; i++) {
        const struct toc_entry *entry = &toc->entries[i];
        if (!is_table(entry)) {
            continue;
        }
        size_t away = distance(entry->name, table);
        size_t at = count < NEAREST ? count++ : NEAREST;
        for (; at > 0 && away < far[at - 1]; at--) {
            if (at < NEAREST) {
                far[at] = far[at - 1];
                nearest[at] = nearest[at - 1];
            }
        }
        if (at < NEAREST) {
            far[at] = away;
            nearest[at] = entry;
        }
    }
    if (err != NULL && count > 0) {
        size_t used = (size_t)snprintf(err->hint, sizeof err->hint, "the nearest that it has:");
        for (size_t i = 0; i < count && used < sizeof err->hint; i++) {
            used += (size_t)snprintf(err->hint + used, sizeof err->hint - used, "%s '%s.%s'",
                                     i > 0 ? "," : "", nearest[i]->schema, nearest[i]->name);
        }
    } else if (err != NULL) {
        (void)snprintf(err->hint, sizeof err->hint, "it has no tables at all");
    }
    return status;
}

/* Does ${entry} depend on what ${marked} says of another? */
static bool depends_on(const struct toc *toc, const struct toc_entry *entry,
                       bool (*marked)(const struct toc_entry *other))
{
    char *at = (char *)(uintptr_t)entry->depends;

    while (at != NULL && *at != '\0') {
        char *end = NULL;
        const struct toc_entry *other = toc_by_id(toc, strtol(at, &end, 10));
        if (other != NULL && marked(other)) {
            return true;
        }
        at = end == at ? NULL : end;
    }
    return false;
}

static bool is_taken(const struct toc_entry *entry)
{
    return entry->taken;
}

static bool is_taken_table(const struct toc_entry *entry)
{
    return entry->taken && is_table(entry);
}

bool toc_depends_on_taken(const struct toc *toc, const struct toc_entry *entry)
{
    return depends_on(toc, entry, is_taken);
}

/* Servers before 14 have the ATTACH of a partition in the partition's own entry. */
static bool attaches_itself(const struct toc_entry *entry)
{
    const char *at = strstr(entry->body, "\nALTER TABLE ONLY ");

    for (; at != NULL; at = strstr(at + 1, "\nALTER TABLE ONLY ")) {
        const char *attach = strstr(at, " ATTACH PARTITION ");
        const char *line = strchr(at + 1, '\n');
        if (attach != NULL && (line == NULL || attach < line)) {
            return true;
        }
    }
    return false;
}

/* The partition that this entry attaches, or NULL. */
static struct toc_entry *partition_of(const struct toc *toc, struct toc_entry *entry)
{
    if (is_table(entry)) {
        return entry->depends != NULL && attaches_itself(entry) ? entry : NULL;
    }
    if (!toc_is_type(entry, "TABLE ATTACH")) {
        return NULL;
    }
    for (size_t i = 0; i < toc->count; i++) {
        struct toc_entry *other = &toc->entries[i];
        if (is_table(other) && strcmp(other->name, entry->name) == 0 &&
            strcmp(other->schema, entry->schema) == 0) {
            return other;
        }
    }
    return NULL;
}

/* Partitions, their partitions and so on: those behind a table in the list come after it, but
 * nothing says that, so go round until nothing is added. */
static int want_partitions(const struct toc *toc, struct toc_wanted *wanted, struct sme_error *err)
{
    bool added = true;
    int status = SME_OK;

    while (added && status == SME_OK) {
        added = false;
        for (size_t i = 0; i < toc->count && status == SME_OK; i++) {
            struct toc_entry *entry = &toc->entries[i];
            if (entry->type == NULL || entry->depends == NULL ||
                !depends_on(toc, entry, is_taken_table)) {
                continue;
            }
            struct toc_entry *partition = partition_of(toc, entry);
            if (partition != NULL && !partition->taken) {
                partition->taken = true;
                added = true;
                status = want(wanted, partition, false, err);
            }
        }
    }
    return status;
}

int toc_find(const struct toc *toc, const char *schema, const char *table,
             struct toc_wanted *ret_wanted, struct sme_error *err)
{
    struct toc_wanted wanted = {.has_schema = true};
    struct toc_entry *root = NULL;
    int status;

    for (size_t i = 0; i < toc->count; i++) {
        struct toc_entry *entry = &toc->entries[i];
        entry->taken = false;
        if (!is_table(entry) || !toc_same(entry->name, table) ||
            (schema != NULL && !toc_same(entry->schema, schema))) {
            continue;
        }
        if (root != NULL) {
            (void)sme_fail(err, SME_E_INVALID,
                           "the dump has a table '%s' in several schemas: '%s'"
                           " and '%s'",
                           table, root->schema, entry->schema);
            if (err != NULL) {
                (void)snprintf(err->hint, sizeof err->hint, "say which: --table %s.%s",
                               root->schema, table);
            }
            return SME_E_INVALID;
        }
        root = entry;
    }
    if (root == NULL) {
        return not_found(toc, schema, table, err);
    }
    /* A TABLE ATTACH of its own name means that it is a partition. */
    for (size_t i = 0; i < toc->count; i++) {
        const struct toc_entry *entry = &toc->entries[i];
        if (toc_is_type(entry, "TABLE ATTACH") && strcmp(entry->name, root->name) == 0 &&
            strcmp(entry->schema, root->schema) == 0) {
            wanted.is_partition = true;
        }
    }
    root->taken = true;
    status = want(&wanted, root, false, err);
    if (status == SME_OK) {
        status = want_partitions(toc, &wanted, err);
    }
    for (size_t i = 0; i < toc->count && status == SME_OK; i++) {
        if (toc_is_type(&toc->entries[i], "SEQUENCE") &&
            depends_on(toc, &toc->entries[i], is_taken_table)) {
            status = want(&wanted, &toc->entries[i], true, err);
        }
    }
    if (status < 0) {
        toc_wanted_done(&wanted);
        return status;
    }
    *ret_wanted = wanted;
    return SME_OK;
}
