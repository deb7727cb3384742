/*
 * Facts of a dumped database as JSON.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "dump_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

/* Names need not be UTF-8: bytes that JSON cannot hold are written as \xNN. */
static json_t *text_value(const char *text)
{
    json_t *value = text != NULL ? json_string(text) : json_null();

    if (value != NULL) {
        return value;
    }
    size_t len = strlen(text);
    char *plain = malloc(len * 4 + 1);
    if (plain == NULL) {
        return NULL;
    }
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x80) {
            plain[used++] = text[i];
        } else {
            (void)snprintf(plain + used, 5, "\\x%02x", byte);
            used += 4;
        }
    }
    plain[used] = '\0';
    value = json_string(plain);
    free(plain);
    return value;
}

static json_t *number_or_null(int64_t number)
{
    return number < 0 ? json_null() : json_integer(number);
}

static json_t *size_value(uint64_t size)
{
    return json_integer(size > INT64_MAX ? INT64_MAX : (int64_t)size);
}

static json_t *tables_value(const struct dump_database *database)
{
    json_t *tables = json_array();

    for (size_t i = 0; tables != NULL && i < database->table_count; i++) {
        const struct dump_table *table = &database->tables[i];
        json_t *row = json_object();
        if (row == NULL || json_object_set_new(row, "schema", text_value(table->schema)) < 0 ||
            json_object_set_new(row, "name", text_value(table->name)) < 0 ||
            json_object_set_new(row, "rows", number_or_null(table->rows)) < 0 ||
            json_object_set_new(row, "bytes", size_value(table->bytes)) < 0) {
            json_decref(row);
            json_decref(tables);
            return NULL;
        }
        if (json_array_append_new(tables, row) < 0) {
            json_decref(tables);
            return NULL;
        }
    }
    return tables;
}

static json_t *time_value(int64_t ns)
{
    time_t sec = (time_t)(ns / 1000000000);
    char text[32];
    struct tm tm;

    if (gmtime_r(&sec, &tm) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        return NULL;
    }
    return json_string(text);
}

static const char *rows_name(uint32_t row_counts)
{
    if (row_counts == PG_ROWS_EXACT) {
        return "exact";
    }
    return row_counts == PG_ROWS_OFF ? "off" : "estimate";
}

static bool fill(json_t *facts, const struct dump *dump, const struct dump_database *database)
{
    const struct pg_database *info = database->info;
    struct {
        const char *name;
        json_t *value;
    } fields[] = {
        {"database", text_value(info->name)},
        {"server_version", json_string(database->version)},
        {"lsn", text_value(database->lsn)},
        {"encoding", text_value(info->encoding)},
        {"collate", text_value(info->collate)},
        {"ctype", text_value(info->ctype)},
        {"locale_provider", text_value(info->provider)},
        {"locale", text_value(info->locale)},
        {"owner", text_value(info->owner)},
        {"size", size_value(database->size)},
        {"taken_at", time_value(database->taken_ns)},
        {"row_counts", json_string(rows_name(dump->options->row_counts))},
        {"tables", tables_value(database)},
    };
    bool good = true;

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        /* Takes the value in any case, and fails without one. */
        good = json_object_set_new(facts, fields[i].name, fields[i].value) == 0 && good;
    }
    return good;
}

int dump_facts_text(struct dump *dump, struct dump_database *database, char **ret_text,
                    struct sme_error *err)
{
    json_t *facts = json_object();
    char *text = NULL;

    if (facts != NULL && fill(facts, dump, database)) {
        text = json_dumps(facts, JSON_INDENT(1));
    }
    json_decref(facts);
    if (text == NULL) {
        return dump_no_memory(err);
    }
    *ret_text = text;
    return SME_OK;
}
