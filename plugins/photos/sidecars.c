/*
 * Which picture a sidecar belongs to.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "sidecars.h"
#include "formats.h"

#include <unistd.h>

void sidecars_free(struct sidecars *sidecars)
{
    listing_free(&sidecars->listing);
    *sidecars = (struct sidecars){0};
}

/* The names of the item's directory.  What could be read of it is enough. */
static void list_directory(struct sidecars *sidecars, const struct sme_host *host,
                           const struct sme_item *item)
{
    if (sidecars->serial == item->dir_serial && item->dir_serial != 0)
        return;
    listing_cut(&sidecars->listing, (struct listing_mark){0});
    sidecars->serial = item->dir_serial;
    int fd = listing_open_directory(item->dir_fd, ".", 0);
    if (fd < 0)
        return;
    (void)listing_read(&sidecars->listing, fd, host);
    (void)close(fd);
}

/* The first name from which ${len} bytes of ${stem} on are not below. */
static size_t lower_bound(const struct listing *listing, const char *stem, size_t len)
{
    size_t low = 0;
    size_t high = listing->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strncmp(listing->names + listing->entries[middle].offset, stem, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const char *sidecars_owner(struct sidecars *sidecars, const struct sme_host *host,
                           const struct sme_item *item)
{
    const struct listing *listing = &sidecars->listing;
    size_t stem = format_sidecar_stem(item->name, strlen(item->name));

    if (stem == 0)
        return NULL;
    list_directory(sidecars, host, item);
    /* "a.jpg.supplemental-metadata.json": what exports name so belongs to "a.jpg". */
    size_t whole = stem;
    for (unsigned i = 0; i < 2; i++) {
        if (!format_name_is_photo(item->name, whole))
            whole = format_stem(item->name, whole);
    }
    for (size_t i = lower_bound(listing, item->name, stem < whole ? stem : whole);
         i < listing->count; i++) {
        const char *name = listing->names + listing->entries[i].offset;
        size_t len = listing->entries[i].length;
        if (strncmp(name, item->name, stem < whole ? stem : whole) != 0)
            break;
        bool is_whole = len == whole && format_name_is_photo(name, len);
        bool has_stem = format_stem(name, len) == stem && format_name_is_photo(name, len);
        if ((is_whole || has_stem) && strcmp(name, item->name) != 0)
            return name;
    }
    return NULL;
}
