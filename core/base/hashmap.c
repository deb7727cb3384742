/*
 * A set of 128-bit random keys with values.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "hashmap.h"

#include <stdlib.h>
#include <string.h>

#define SMALLEST 64

static void load_key(const void *key, uint64_t out[2])
{
    memcpy(out, key, 16);
    if (out[0] == 0 && out[1] == 0)
        out[1] = 1; /* both zero marks a free slot */
}

/* The slot of ${key}, or the free one where it belongs.  There is always a free one. */
static struct hash_slot *probe(const struct hashmap *map, const uint64_t key[2])
{
    size_t mask = map->capacity - 1;
    size_t at = (size_t)key[0] & mask;

    for (;; at = (at + 1) & mask) {
        struct hash_slot *slot = &map->slots[at];
        if ((slot->key[0] == key[0] && slot->key[1] == key[1]) ||
            (slot->key[0] == 0 && slot->key[1] == 0))
            return slot;
    }
}

static bool is_free(const struct hash_slot *slot)
{
    return slot->key[0] == 0 && slot->key[1] == 0;
}

static bool grow(struct hashmap *map)
{
    struct hashmap bigger = {.count = map->count,
                             .capacity = map->capacity == 0 ? SMALLEST : map->capacity * 2};

    if (map->capacity > SIZE_MAX / 2 / sizeof(struct hash_slot))
        return false;
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < map->capacity; i++) {
        if (!is_free(&map->slots[i]))
            *probe(&bigger, map->slots[i].key) = map->slots[i];
    }
    free(map->slots);
    *map = bigger;
    return true;
}

void hashmap_free(struct hashmap *map)
{
    free(map->slots);
    *map = (struct hashmap){0};
}

int hashmap_add(struct hashmap *map, const void *key, uint64_t value, uint64_t *ret_value)
{
    uint64_t wanted[2];
    struct hash_slot *slot = NULL;

    load_key(key, wanted);
    if (map->capacity > 0) {
        slot = probe(map, wanted);
        if (!is_free(slot)) {
            if (ret_value != NULL)
                *ret_value = slot->value;
            return 0;
        }
    }
    /* At most seven slots of ten are used. */
    if (slot == NULL || (map->count + 1) * 10 > map->capacity * 7) {
        if (!grow(map))
            return -1;
        slot = probe(map, wanted);
    }
    slot->key[0] = wanted[0];
    slot->key[1] = wanted[1];
    slot->value = value;
    map->count++;
    return 1;
}

uint64_t *hashmap_find(const struct hashmap *map, const void *key)
{
    uint64_t wanted[2];

    if (map->count == 0)
        return NULL;
    load_key(key, wanted);
    struct hash_slot *slot = probe(map, wanted);
    return is_free(slot) ? NULL : &slot->value;
}
