/*
 * Object names: the one place where they are made and parsed.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "objkey.h"

#include "../base/clock.h"
#include "../base/hex.h"

#include <string.h>

#define TIME_TEXT 16 /* "20261123T020000Z" */
#define HASH_TEXT 64

void objkey_snapshot_name(int64_t sec, const uint8_t random[4], char out[OBJKEY_SNAPSHOT_NAME])
{
    char time[17];
    char id[9];

    clock_compact(sec, time);
    hex_encode(random, 4, id);
    (void)snprintf(out, OBJKEY_SNAPSHOT_NAME, "%s-%s", time, id);
}

void objkey_snapshot(const char *source, const char *name, objkey_text out)
{
    (void)snprintf(out, sizeof(objkey_text), "backups/%s/%s", source, name);
}

void objkey_pack(const char *source, bool meta, const uint8_t hash[32], objkey_text out)
{
    char text[HASH_TEXT + 1];

    hex_encode(hash, 32, text);
    (void)snprintf(out, sizeof(objkey_text), "%s/%s/%s", source, meta ? "meta" : "data", text);
}

void objkey_index(const char *source, int64_t sec, const uint8_t hash[32], objkey_text out)
{
    char time[17];
    char text[HASH_TEXT + 1];

    clock_compact(sec, time);
    hex_encode(hash, 32, text);
    (void)snprintf(out, sizeof(objkey_text), "%s/index/%s-%s", source, time, text);
}

void objkey_session(const char *source, const char *name, objkey_text out)
{
    (void)snprintf(out, sizeof(objkey_text), "%s/gc/session-%s", source, name);
}

void objkey_prefix(enum objkey_kind kind, const char *source, objkey_text out)
{
    const char *name = source != NULL ? source : "";

    switch (kind) {
    case OBJKEY_SNAPSHOT:
        (void)snprintf(out, sizeof(objkey_text), "backups/%s%s", name, source != NULL ? "/" : "");
        return;
    case OBJKEY_DATA_PACK:
        (void)snprintf(out, sizeof(objkey_text), "%s/data/", name);
        return;
    case OBJKEY_META_PACK:
        (void)snprintf(out, sizeof(objkey_text), "%s/meta/", name);
        return;
    case OBJKEY_INDEX:
        (void)snprintf(out, sizeof(objkey_text), "%s/index/", name);
        return;
    case OBJKEY_SESSION:
    case OBJKEY_PENDING:
    case OBJKEY_TOMBSTONE:
        (void)snprintf(out, sizeof(objkey_text), "%s/gc/", name);
        return;
    case OBJKEY_KEY_SLOT:
        (void)snprintf(out, sizeof(objkey_text), "keys/");
        return;
    case OBJKEY_FOREIGN:
    case OBJKEY_DESCRIPTOR:
        break;
    }
    (void)snprintf(out, sizeof(objkey_text), "%s", OBJKEY_DESCRIPTOR_NAME);
}

bool objkey_is_snapshot_name(const char *name)
{
    int64_t sec;
    uint8_t id[4];

    return strlen(name) == OBJKEY_SNAPSHOT_NAME - 1 && clock_parse_compact(name, &sec) &&
           name[TIME_TEXT] == '-' && hex_decode(name + TIME_TEXT + 1, id, sizeof id);
}

/* "<time>-<id>" at ${text}: take it apart. */
static bool parse_timed_name(const char *text, struct objkey *key)
{
    if (!objkey_is_snapshot_name(text)) {
        return false;
    }
    (void)snprintf(key->snapshot, sizeof key->snapshot, "%s", text);
    return clock_parse_compact(text, &key->time_sec);
}

static enum objkey_kind parse_tail(const char *folder, size_t folder_len, const char *rest,
                                   struct objkey *key)
{
    if (folder_len == 4 && memcmp(folder, "data", 4) == 0) {
        return hex_decode(rest, key->hash, 32) ? OBJKEY_DATA_PACK : OBJKEY_FOREIGN;
    }
    if (folder_len == 4 && memcmp(folder, "meta", 4) == 0) {
        return hex_decode(rest, key->hash, 32) ? OBJKEY_META_PACK : OBJKEY_FOREIGN;
    }
    if (folder_len == 5 && memcmp(folder, "index", 5) == 0) {
        if (strlen(rest) != TIME_TEXT + 1 + HASH_TEXT || rest[TIME_TEXT] != '-' ||
            !clock_parse_compact(rest, &key->time_sec) ||
            !hex_decode(rest + TIME_TEXT + 1, key->hash, 32)) {
            return OBJKEY_FOREIGN;
        }
        return OBJKEY_INDEX;
    }
    if (folder_len == 2 && memcmp(folder, "gc", 2) == 0) {
        if (strncmp(rest, "session-", 8) == 0 && parse_timed_name(rest + 8, key)) {
            return OBJKEY_SESSION;
        }
        if (strncmp(rest, "pending-", 8) == 0) {
            return OBJKEY_PENDING;
        }
        if (strncmp(rest, "tombstone-", 10) == 0) {
            return OBJKEY_TOMBSTONE;
        }
    }
    return OBJKEY_FOREIGN;
}

void objkey_parse(const char *key, struct objkey *ret_key)
{
    memset(ret_key, 0, sizeof *ret_key);
    ret_key->kind = OBJKEY_FOREIGN;
    if (strcmp(key, OBJKEY_DESCRIPTOR_NAME) == 0) {
        ret_key->kind = OBJKEY_DESCRIPTOR;
        return;
    }

    const char *first = strchr(key, '/');
    if (first == NULL) {
        return;
    }
    size_t first_len = (size_t)(first - key);
    if (first_len == 4 && memcmp(key, "keys", 4) == 0) {
        ret_key->kind = OBJKEY_KEY_SLOT;
        return;
    }
    const char *second = strchr(first + 1, '/');
    if (second == NULL) {
        return;
    }
    const char *source = key;
    size_t source_len = first_len;
    bool is_snapshot = first_len == 7 && memcmp(key, "backups", 7) == 0;
    if (is_snapshot) {
        source = first + 1;
        source_len = (size_t)(second - source);
    }
    if (source_len == 0 || source_len >= sizeof ret_key->source) {
        return;
    }
    memcpy(ret_key->source, source, source_len);
    ret_key->source[source_len] = '\0';
    if (is_snapshot) {
        ret_key->kind = parse_timed_name(second + 1, ret_key) ? OBJKEY_SNAPSHOT : OBJKEY_FOREIGN;
        return;
    }
    ret_key->kind = parse_tail(first + 1, (size_t)(second - first - 1), second + 1, ret_key);
}
