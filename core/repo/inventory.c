/*
 * What the repository holds of one source, by one listing.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "inventory.h"

#include <stdlib.h>

int inventory_read(struct repo *repo, const struct source_keys *keys, struct store_names *ret_names,
                   struct sme_error *err)
{
    objkey_text prefix;

    (void)snprintf(prefix, sizeof prefix, "%s/", keys->source);
    return store_names(repo->store, prefix, ret_names, err);
}

static int compare_names(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

bool inventory_is_pending(const uint8_t (*pending)[32], size_t count, const uint8_t name[32])
{
    return count > 0 && bsearch(name, pending, count, 32, compare_names) != NULL;
}

static bool is_listed(const struct store_names *names, const char *source,
                      const struct index_pack *pack)
{
    objkey_text key;

    objkey_pack(source, pack->type == SEAL_META, pack->name, key);
    const struct store_entry *entry = store_names_find(names, key);
    return entry != NULL && entry->size == pack->size;
}

bool *inventory_absent(const struct store_names *names, const struct source_keys *keys,
                       const struct index *index, const uint8_t (*pending)[32],
                       size_t pending_count)
{
    size_t packs = index_pack_count(index);
    bool *absent = calloc(packs + 1, sizeof *absent);

    for (uint32_t i = 0; absent != NULL && i < packs; i++) {
        const struct index_pack *pack = index_pack_at(index, i);
        absent[i] = inventory_is_pending(pending, pending_count, pack->name) ||
                    (names != NULL && !is_listed(names, keys->source, pack));
    }
    return absent;
}
