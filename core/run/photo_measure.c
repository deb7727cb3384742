/*
 * Times and places of photos.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "photo.h"

#include <math.h>

#define EARTH_RADIUS 6371008.8 /* metres, mean */

/* ---- time --------------------------------------------------------------------------------- */

struct cursor {
    const char *at;
    const char *end;
};

static bool take(struct cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted) {
        return false;
    }
    c->at++;
    return true;
}

static bool take_number(struct cursor *c, unsigned digits, unsigned low, unsigned high,
                        unsigned *ret)
{
    unsigned value = 0;

    for (unsigned i = 0; i < digits; i++, c->at++) {
        if (c->at == c->end || *c->at < '0' || *c->at > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(*c->at - '0');
    }
    *ret = value;
    return value >= low && value <= high;
}

static unsigned days_of(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

static bool take_date(struct cursor *c, struct photo_time *time)
{
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;

    if (!take_number(c, 4, 1, 9999, &year) || !take(c, '-') || !take_number(c, 2, 1, 12, &month) ||
        !take(c, '-') || !take_number(c, 2, 1, days_of(year, month), &day)) {
        return false;
    }
    time->has_date = true;
    time->year = (uint16_t)year;
    time->month = (uint8_t)month;
    time->day = (uint8_t)day;
    return true;
}

static bool take_clock(struct cursor *c, struct photo_time *time)
{
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;

    if (!take_number(c, 2, 0, 23, &hour) || !take(c, ':') || !take_number(c, 2, 0, 59, &minute) ||
        !take(c, ':') || !take_number(c, 2, 0, 60, &second)) {
        return false;
    }
    time->has_clock = true;
    time->hour = (uint8_t)hour;
    time->minute = (uint8_t)minute;
    time->second = (uint8_t)second;
    return true;
}

static bool take_zone(struct cursor *c, struct photo_time *time)
{
    unsigned hours = 0;
    unsigned minutes = 0;

    time->has_zone = true;
    if (take(c, 'Z')) {
        return true;
    }
    bool west = take(c, '-');
    if ((!west && !take(c, '+')) || !take_number(c, 2, 0, 14, &hours) || !take(c, ':') ||
        !take_number(c, 2, 0, 59, &minutes) || hours * 60 + minutes > 14 * 60) {
        return false;
    }
    int zone = (int)(hours * 60 + minutes);
    time->zone = (int16_t)(west ? -zone : zone);
    return true;
}

bool photo_time_parse(const char *text, size_t len, struct photo_time *ret_time)
{
    struct cursor c = {text, text + len};
    struct photo_time time = {.has_date = false};

    if (!take_date(&c, &time) || (take(&c, 'T') && !take_clock(&c, &time)) ||
        (time.has_clock && c.at < c.end && !take_zone(&c, &time)) || c.at != c.end) {
        return false;
    }
    *ret_time = time;
    return true;
}

/* ---- place -------------------------------------------------------------------------------- */

double photo_distance(double lat_a, double lon_a, double lat_b, double lon_b)
{
    const double radian = 3.14159265358979323846 / 180;
    double north = sin((lat_b - lat_a) * radian / 2);
    double east = sin((lon_b - lon_a) * radian / 2);
    double h = north * north + cos(lat_a * radian) * cos(lat_b * radian) * east * east;

    return 2 * EARTH_RADIUS * asin(sqrt(h < 1 ? h : 1));
}
