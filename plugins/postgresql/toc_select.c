/*
 * What of an archive belongs to a table.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * An archive of one section need not have the tables that its entries depend on.  So the names say
 * it: "orders orders_pkey" is a constraint of orders, and that it is not one of "orders
 * orders_pkey" is told by the definition, which names the table.
 */
#include "toc_internal.h"

#include <stdlib.h>

/* How the definition of an entry of each type leads up to the name of its table. */
static const struct {
    const char *type;
    bool named_after; /* the entry's name begins with that of the table */
    const char *leads[3];
} kinds[] = {
    {"DEFAULT", true, {"ALTER TABLE ONLY ", "ALTER TABLE ", "ALTER FOREIGN TABLE ONLY "}},
    {"CONSTRAINT", true, {"ALTER TABLE ONLY ", "ALTER TABLE ", NULL}},
    {"CHECK CONSTRAINT", true, {"ALTER TABLE ONLY ", "ALTER TABLE ", "ALTER FOREIGN TABLE ONLY "}},
    {"FK CONSTRAINT", true, {"ALTER TABLE ONLY ", "ALTER TABLE ", NULL}},
    {"TRIGGER", true, {" ON ", NULL, NULL}},
    {"POLICY", true, {" ON ", NULL, NULL}},
    {"RULE", true, {" TO ", NULL, NULL}},
    {"INDEX", false, {" ON ", " ON ONLY ", NULL}},
    {"STATISTICS", false, {" FROM ", NULL, NULL}},
};

/* Behind ${name} in ${text}, plain or in double quotes; NULL if it does not begin so. */
static const char *skip_name(const char *text, const char *name)
{
    bool quoted = *text == '"';

    text += quoted ? 1 : 0;
    for (; *name != '\0'; name++, text++) {
        char a = *text == '\n' || *text == '\r' ? ' ' : *text;
        char b = *name == '\n' || *name == '\r' ? ' ' : *name;
        if (a != b || (*name == '"' && *++text != '"')) {
            return NULL;
        }
    }
    if (quoted) {
        return *text == '"' && text[1] != '"' ? text + 1 : NULL;
    }
    return *text == '\0' || strchr(" \n;(.", *text) != NULL ? text : NULL;
}

static bool names_table(const char *text, const struct toc_name *table)
{
    const char *dot = skip_name(text, table->schema);
    const char *end = dot != NULL && *dot == '.' ? skip_name(dot + 1, table->name) : NULL;

    return end != NULL && *end != '.';
}

static bool body_names(const char *body, const char *lead, const struct toc_name *table)
{
    for (const char *at = strstr(body, lead); at != NULL; at = strstr(at + 1, lead)) {
        if (names_table(at + strlen(lead), table)) {
            return true;
        }
    }
    return false;
}

static bool is_of_table(const struct toc_entry *entry, const struct toc_name *table)
{
    size_t len = strlen(table->name);

    if (entry->schema == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!toc_is_type(entry, kinds[i].type)) {
            continue;
        }
        if (kinds[i].named_after &&
            (strcmp(entry->schema, table->schema) != 0 ||
             strncmp(entry->name, table->name, len) != 0 || entry->name[len] != ' ')) {
            return false;
        }
        for (size_t j = 0; j < 3 && kinds[i].leads[j] != NULL; j++) {
            if (body_names(entry->body, kinds[i].leads[j], table)) {
                return true;
            }
        }
        return false;
    }
    return false;
}

/* The entry's words are exactly ${type} and this name. */
static bool is_exactly(const struct toc_entry *entry, const char *type, const struct toc_name *name)
{
    const char *parts[] = {type, name->schema, name->name, name->owner};
    const char *at = entry->rest;

    for (size_t i = 0; i < 4; i++) {
        size_t len = strlen(parts[i]);
        if (strncmp(at, parts[i], len) != 0) {
            return false;
        }
        at += len;
        if (i < 3 && *at++ != ' ') {
            return false;
        }
    }
    return *at == '\0';
}

static bool is_itself(const struct toc_entry *entry, const struct toc_name *name)
{
    static const char *const of_tables[] = {"TABLE", "FOREIGN TABLE", "TABLE DATA", "ROW SECURITY"};
    static const char *const of_sequences[] = {"SEQUENCE", "SEQUENCE OWNED BY", "SEQUENCE SET"};

    if (name->is_sequence) {
        for (size_t i = 0; i < sizeof of_sequences / sizeof *of_sequences; i++) {
            if (is_exactly(entry, of_sequences[i], name)) {
                return true;
            }
        }
        return false;
    }
    for (size_t i = 0; i < sizeof of_tables / sizeof *of_tables; i++) {
        if (is_exactly(entry, of_tables[i], name)) {
            return true;
        }
    }
    return is_of_table(entry, name);
}

/* A partition of what is wanted is attached to it, but the wanted table itself, if it is one, is
 * not: what it was attached to need not be there. */
static bool is_attached(const struct toc_entry *entry, const struct toc_wanted *wanted)
{
    for (size_t i = 1; i < wanted->count; i++) {
        if (!wanted->list[i].is_sequence && is_exactly(entry, "TABLE ATTACH", &wanted->list[i])) {
            return true;
        }
    }
    return false;
}

static bool is_index(const struct toc_entry *entry)
{
    return toc_is_type(entry, "INDEX") || toc_is_type(entry, "CONSTRAINT");
}

/* An index of a partition is attached to one of the partitioned table: both must be taken. */
static bool is_attached_index(const struct toc *toc, const struct toc_entry *entry)
{
    char *at = (char *)(uintptr_t)entry->depends;
    int first = 0;

    if (!toc_is_type(entry, "INDEX ATTACH")) {
        return false;
    }
    while (at != NULL && *at != '\0') {
        char *end = NULL;
        const struct toc_entry *other = toc_by_id(toc, strtol(at, &end, 10));
        if (other != NULL && is_index(other) && other->taken && other->id != first) {
            if (first != 0) {
                return true;
            }
            first = other->id;
        }
        at = end == at ? NULL : end;
    }
    return false;
}

static bool belongs(const struct toc *toc, const struct toc_entry *entry)
{
    static const char *const types[] = {"COMMENT", "ACL", "SECURITY LABEL"};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (toc_is_type(entry, types[i])) {
            return toc_depends_on_taken(toc, entry);
        }
    }
    return is_attached_index(toc, entry);
}

static void mark(struct toc *toc, const struct toc_wanted *wanted)
{
    for (size_t i = 0; i < toc->count; i++) {
        struct toc_entry *entry = &toc->entries[i];
        entry->taken = is_attached(entry, wanted) ||
                       (!wanted->has_schema && wanted->count > 0 && toc_is_type(entry, "SCHEMA") &&
                        strcmp(entry->name, wanted->list[0].schema) == 0);
        for (size_t j = 0; j < wanted->count && !entry->taken; j++) {
            entry->taken = is_itself(entry, &wanted->list[j]);
        }
    }
    for (size_t i = 0; i < toc->count; i++) {
        struct toc_entry *entry = &toc->entries[i];
        entry->taken = entry->taken || belongs(toc, entry);
    }
}

int toc_select(struct toc *toc, const struct toc_wanted *wanted, char **ret_text, size_t *ret_count,
               struct sme_error *err)
{
    size_t size = 1, count = 0;

    mark(toc, wanted);
    for (size_t i = 0; i < toc->count; i++) {
        size += toc->entries[i].taken ? strlen(toc->entries[i].line) + 1 : 0;
    }
    char *text = malloc(size);
    if (text == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the contents of an archive");
    }
    char *at = text;
    for (size_t i = 0; i < toc->count; i++) {
        if (toc->entries[i].taken) {
            const size_t length = strlen(toc->entries[i].line);
            memcpy(at, toc->entries[i].line, length);
            at += length;
            *at++ = '\n';
            count++;
        }
    }
    *at = '\0';
    *ret_text = text;
    *ret_count = count;
    return SME_OK;
}
