/*
 * When a picture was taken.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "taken.h"

#include <time.h>

/* ${count} digits. */
static bool take_digits(const char **text, unsigned count, unsigned *ret_value)
{
    unsigned value = 0;

    for (unsigned i = 0; i < count; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (unsigned)(c - '0');
    }
    *text += count;
    *ret_value = value;
    return true;
}

static bool take_one_of(const char **text, const char *set)
{
    if (**text == '\0' || strchr(set, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

/* "+03:00", "+0300", "Z": as "+03:00" or "Z" into ${out}. */
static bool take_zone(const char *text, char out[8])
{
    unsigned hours;
    unsigned minutes = 0;

    while (*text == ' ')
        text++;
    if (*text == 'Z') {
        (void)snprintf(out, 8, "Z");
        return true;
    }
    char sign = *text;
    if (!take_one_of(&text, "+-") || !take_digits(&text, 2, &hours))
        return false;
    (void)take_one_of(&text, ":");
    (void)take_digits(&text, 2, &minutes);
    if (hours > 14 || minutes > 59)
        return false;
    (void)snprintf(out, 8, "%c%02u:%02u", sign, hours % 100, minutes % 100);
    return true;
}

bool taken_add(struct facts *facts, const char *text, const char *zone)
{
    static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day, ignored;
    unsigned hour = 0, minute = 0, second = 0;
    char zone_text[8] = "";

    while (*text == ' ')
        text++;
    if (!take_digits(&text, 4, &year) || !take_one_of(&text, ":-/") ||
        !take_digits(&text, 2, &month) || !take_one_of(&text, ":-/") ||
        !take_digits(&text, 2, &day))
        return true;
    bool has_time = take_one_of(&text, " T");
    if (has_time && (!take_digits(&text, 2, &hour) || !take_one_of(&text, ":") ||
                     !take_digits(&text, 2, &minute)))
        return true;
    if (has_time && take_one_of(&text, ":") && !take_digits(&text, 2, &second))
        return true;
    if (has_time && take_one_of(&text, ".,"))
        while (take_digits(&text, 1, &ignored)) {
        }
    /* Cameras whose clock was never set say year 0 or that of their making; only the first is
     * certainly no time. */
    if (year == 0 || month == 0 || month > 12 || day == 0 || day > days[month - 1] || hour > 23 ||
        minute > 59 || second > 60)
        return true;
    if (!has_time)
        return facts_add_format(facts, "photo.taken", "%04u-%02u-%02u", year, month, day);
    if (!take_zone(text, zone_text) && zone != NULL && !take_zone(zone, zone_text))
        zone_text[0] = '\0';
    return facts_add_format(facts, "photo.taken", "%04u-%02u-%02uT%02u:%02u:%02u%s", year, month,
                            day, hour, minute, second, zone_text);
}

bool taken_add_seconds(struct facts *facts, int64_t seconds)
{
    char text[40];
    struct tm tm;
    time_t when = (time_t)seconds;

    if (gmtime_r(&when, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return true;
    return taken_add(facts, text, NULL);
}
