/*
 * Limits of speed as text.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "rate.h"
#include "value.h"

#include <string.h>

#define DAY_MINUTES 1440u
/* Less is a forgotten unit; more would not fit the arithmetic of pacing, and limits nothing. */
#define RATE_LEAST UINT64_C(1024)
#define RATE_MOST (UINT64_C(16) << 30)

static bool take_two_digits(const char **text, unsigned *ret_value)
{
    const char *at = *text;

    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return false;
    *ret_value = (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0');
    *text = at + 2;
    return true;
}

/* "HH:MM", up to 24:00. */
static bool take_time(const char **text, unsigned *ret_minute)
{
    unsigned hour = 0, minute = 0;

    if (!take_two_digits(text, &hour) || *(*text)++ != ':' || !take_two_digits(text, &minute) ||
        minute > 59 || hour * 60 + minute > DAY_MINUTES)
        return false;
    *ret_minute = hour * 60 + minute;
    return true;
}

/* What is wrong with the times in ${text}; NULL if nothing is. */
static const char *parse_times(const char *text, struct rate_entry *entry)
{
    unsigned from = 0, until = 0;

    if (!take_time(&text, &from) || *text++ != '-' || !take_time(&text, &until) || *text != '\0')
        return "has times that are not like 08:00-18:00";
    if (from % DAY_MINUTES == until % DAY_MINUTES && until != DAY_MINUTES)
        return "begins and ends at the same time";
    if (from == DAY_MINUTES)
        return "begins at the end of the day";
    entry->from = from;
    /* 00:00-24:00 is the whole day, as an entry without times. */
    entry->until = until % DAY_MINUTES;
    return NULL;
}

static const char *parse_entry(const char *item, struct rate_entry *entry)
{
    char size[32];
    size_t len = strcspn(item, " \t");
    const char *times = item + len + strspn(item + len, " \t");
    uint64_t bytes = 0;

    if (len >= 2 && strncmp(item + len - 2, "/s", 2) == 0)
        len -= 2;
    if (len >= sizeof size)
        return "is not a size per second such as 10MiB/s";
    memcpy(size, item, len);
    size[len] = '\0';
    if (value_size(size, &bytes) < 0)
        return "is not a size per second such as 10MiB/s";
    if (bytes > 0 && bytes < RATE_LEAST)
        return "is below 1KiB/s";
    if (bytes > RATE_MOST)
        return "is above 16GiB/s";
    *entry = (struct rate_entry){.bytes = bytes};
    return *times != '\0' ? parse_times(times, entry) : NULL;
}

int rate_parse(const struct sme_list *items, struct rate_schedule *ret_schedule,
               const char **ret_bad, const char **ret_why)
{
    struct rate_schedule schedule = {.count = 0};
    const char *why = NULL;

    for (size_t i = 0; i < items->count; i++) {
        struct rate_entry *last = i > 0 ? &schedule.entries[i - 1] : NULL;
        if (i == RATE_ENTRIES)
            why = "is one entry too many; there can be 16";
        else if (last != NULL && last->from == last->until)
            why = "is never reached, as the entry before it is for the whole day";
        else
            why = parse_entry(items->items[i], &schedule.entries[i]);
        if (why != NULL) {
            *ret_bad = items->items[i];
            *ret_why = why;
            return SME_E_INVALID;
        }
        schedule.count++;
    }
    *ret_schedule = schedule;
    return SME_OK;
}

bool rate_is_timed(const struct rate_schedule *schedule)
{
    return schedule->count > 0 && schedule->entries[0].from != schedule->entries[0].until;
}

static bool covers(const struct rate_entry *entry, unsigned minute)
{
    if (entry->from == entry->until)
        return true;
    if (entry->from < entry->until)
        return minute >= entry->from && minute < entry->until;
    return minute >= entry->from || minute < entry->until;
}

/* Seconds from ${second} to the next time that it is ${minute}. */
static unsigned seconds_to(unsigned minute, unsigned second)
{
    unsigned ahead = (minute * 60 + RATE_DAY_SECONDS - second) % RATE_DAY_SECONDS;

    return ahead > 0 ? ahead : RATE_DAY_SECONDS;
}

uint64_t rate_at(const struct rate_schedule *schedule, unsigned second, unsigned *ret_left)
{
    const struct rate_entry *match = NULL;
    unsigned left = RATE_DAY_SECONDS;

    second %= RATE_DAY_SECONDS;
    for (size_t i = 0; i < schedule->count; i++) {
        const struct rate_entry *entry = &schedule->entries[i];
        if (match == NULL && covers(entry, second / 60))
            match = entry;
        if (entry->from != entry->until) {
            unsigned begin = seconds_to(entry->from, second);
            unsigned end = seconds_to(entry->until, second);
            left = begin < left ? begin : left;
            left = end < left ? end : left;
        }
    }
    *ret_left = left;
    return match != NULL ? match->bytes : 0;
}
