/*
 * Object names: the one place where they are made and parsed.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_REPO_OBJKEY_H
#define SME_REPO_OBJKEY_H

#include "../../include/sme-backup/sink.h"

enum objkey_kind {
    OBJKEY_FOREIGN, /* not one of ours */
    OBJKEY_DESCRIPTOR,
    OBJKEY_KEY_SLOT,
    OBJKEY_SNAPSHOT,
    OBJKEY_DATA_PACK,
    OBJKEY_META_PACK,
    OBJKEY_INDEX,
    OBJKEY_SESSION,
    OBJKEY_PENDING,
    OBJKEY_TOMBSTONE,
};

#define OBJKEY_SNAPSHOT_NAME 26 /* "20261123T020000Z-1f3a9c04" and NUL */

struct objkey {
    enum objkey_kind kind;
    char source[65];                     /* not for DESCRIPTOR and KEY_SLOT     */
    char snapshot[OBJKEY_SNAPSHOT_NAME]; /* SNAPSHOT, SESSION: time and id      */
    int64_t time_sec;                    /* SNAPSHOT, SESSION, INDEX            */
    uint8_t hash[32];                    /* packs, INDEX, PENDING               */
};

typedef char objkey_text[SME_KEY_MAX + 1];

#define OBJKEY_DESCRIPTOR_NAME "repository"

/* "20261123T020000Z-1f3a9c04" from a time and four random bytes. */
void objkey_snapshot_name(int64_t sec, const uint8_t random[4], char out[OBJKEY_SNAPSHOT_NAME]);

void objkey_snapshot(const char *source, const char *name, objkey_text out);
void objkey_pack(const char *source, bool meta, const uint8_t hash[32], objkey_text out);
void objkey_index(const char *source, int64_t sec, const uint8_t hash[32], objkey_text out);
void objkey_session(const char *source, const char *name, objkey_text out);
/* Prefix of all objects of ${kind} (of ${source}); SNAPSHOT with ${source} NULL: of all sources. */
void objkey_prefix(enum objkey_kind kind, const char *source, objkey_text out);

/* What ${key} is; FOREIGN for anything that this program would not have made. */
void objkey_parse(const char *key, struct objkey *ret_key);
/* Is ${name} a snapshot name? */
bool objkey_is_snapshot_name(const char *name);

#endif
