/*
 * A set of 128-bit keys that are already uniformly random (truncated HMACs), with a 64-bit
 * value each.  Open addressing, linear probing, no removal.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Not for keys that an outsider can choose.  Not thread-safe; users lock or shard.
 */
#ifndef SME_BASE_HASHMAP_H
#define SME_BASE_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_slot {
    uint64_t key[2]; /* never both zero in a used slot */
    uint64_t value;
};

struct hashmap {
    struct hash_slot *slots;
    size_t count;
    size_t capacity; /* power of two, or 0 */
};

void hashmap_free(struct hashmap *map);
/* Add ${key} (16 bytes) with ${value}.  1: it is new; 0: it was there, and *ret_value (may be
 * NULL) is its value; -1: no memory. */
int hashmap_add(struct hashmap *map, const void *key, uint64_t value, uint64_t *ret_value);
/* Address of the value, or NULL.  Valid until the next add. */
uint64_t *hashmap_find(const struct hashmap *map, const void *key);

#endif
