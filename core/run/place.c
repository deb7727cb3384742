/*
 * What a sink's place is to hold, by the configuration: for its rules, prices and permissions.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "place.h"

#include <stdlib.h>
#include <string.h>

#define AREAS_OF_REPOSITORY 2
#define AREAS_OF_SOURCE 5

bool place_serves(const struct conf *conf, const struct conf_sink *sink,
                  const struct conf_source *source)
{
    if (source->sink.count == 0) {
        return conf->sink_count == 1 && &conf->sinks[0] == sink;
    }
    for (size_t i = 0; i < source->sink.count; i++) {
        if (strcmp(source->sink.items[i], sink->name) == 0) {
            return true;
        }
    }
    return false;
}

uint32_t place_keep_days(const struct conf_source *source)
{
    /* The option tables bound each number, so that no product is too large. */
    const int64_t days[] = {source->keep_daily, source->keep_weekly * 7, source->keep_monthly * 30,
                            source->keep_yearly * 365};
    int64_t most = 0;

    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        most = days[i] > most ? days[i] : most;
    }
    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

static void add_area(struct place *place, uint32_t kind, enum objkey_kind key_kind,
                     const char *source, uint32_t keep_days)
{
    uint32_t at = place->layout.area_count++;

    objkey_prefix(key_kind, source, place->prefixes[at]);
    place->areas[at] = (struct sme_area){
        .struct_size = sizeof place->areas[at],
        .kind = kind,
        .prefix = place->prefixes[at],
        .keep_days = keep_days,
    };
}

static void add_source(struct place *place, const struct conf_source *source)
{
    uint32_t days = place_keep_days(source);

    add_area(place, SME_AREA_SNAPSHOTS, OBJKEY_SNAPSHOT, source->name, days);
    add_area(place, SME_AREA_DATA, OBJKEY_DATA_PACK, source->name, days);
    add_area(place, SME_AREA_META, OBJKEY_META_PACK, source->name, days);
    /* Index objects and markers are replaced and removed at any time. */
    add_area(place, SME_AREA_INDEX, OBJKEY_INDEX, source->name, 0);
    add_area(place, SME_AREA_GC, OBJKEY_SESSION, source->name, 0);
}

int place_make(const struct conf *conf, const struct conf_sink *sink, struct place *ret_place,
               struct sme_error *err)
{
    struct place place = {.areas = NULL};
    size_t most = AREAS_OF_REPOSITORY + AREAS_OF_SOURCE * conf->source_count;

    place.areas = calloc(most, sizeof *place.areas);
    place.prefixes = calloc(most, sizeof *place.prefixes);
    if (place.areas == NULL || place.prefixes == NULL) {
        place_done(&place);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the areas of sink '%s'", sink->name);
    }
    add_area(&place, SME_AREA_DESCRIPTOR, OBJKEY_DESCRIPTOR, NULL, 0);
    add_area(&place, SME_AREA_KEYS, OBJKEY_KEY_SLOT, NULL, 0);
    for (size_t i = 0; i < conf->source_count; i++) {
        if (place_serves(conf, sink, &conf->sources[i])) {
            add_source(&place, &conf->sources[i]);
        }
    }
    place.layout.struct_size = sizeof place.layout;
    place.layout.areas = place.areas;
    *ret_place = place;
    return SME_OK;
}

void place_done(struct place *place)
{
    free(place->areas);
    free(place->prefixes);
    memset(place, 0, sizeof *place);
}
