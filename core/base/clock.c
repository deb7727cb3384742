/*
 * Clocks, and times as text.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SEC_PER_DAY 86400
#define YEAR_0_SEC INT64_C(-62167219200)    /* 0000-01-01T00:00:00Z */
#define YEAR_9999_SEC INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

struct calendar {
    unsigned year, month, day, hour, minute, second;
};

static int64_t clock_ns(clockid_t id)
{
    struct timespec ts = {0, 0};

    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

int64_t clock_realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_of_month(unsigned year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 0000-01-01 to the first day of ${year}. */
static unsigned days_before_year(unsigned year)
{
    unsigned leaps = year == 0 ? 0 : (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1;

    return year * 365 + leaps;
}

/* Years that four digits cannot show become the first or last second that they can. */
static struct calendar calendar_of(int64_t sec)
{
    if (sec < YEAR_0_SEC)
        sec = YEAR_0_SEC;
    if (sec > YEAR_9999_SEC)
        sec = YEAR_9999_SEC;

    uint64_t since = (uint64_t)(sec - YEAR_0_SEC);
    unsigned days = (unsigned)(since / SEC_PER_DAY);
    unsigned rest = (unsigned)(since % SEC_PER_DAY);
    struct calendar c = {.year = days / 366, .month = 1};

    while (days_before_year(c.year + 1) <= days)
        c.year++;
    days -= days_before_year(c.year);
    while (days >= days_of_month(c.year, c.month)) {
        days -= days_of_month(c.year, c.month);
        c.month++;
    }
    c.day = days + 1;
    c.hour = rest / 3600;
    c.minute = rest / 60 % 60;
    c.second = rest % 60;
    return c;
}

static char *put_digits(char *out, unsigned value, unsigned count)
{
    for (unsigned i = count; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + count;
}

void clock_compact(int64_t sec, char out[17])
{
    struct calendar c = calendar_of(sec);
    char *at = put_digits(out, c.year, 4);

    at = put_digits(at, c.month, 2);
    at = put_digits(at, c.day, 2);
    *at++ = 'T';
    at = put_digits(at, c.hour, 2);
    at = put_digits(at, c.minute, 2);
    at = put_digits(at, c.second, 2);
    *at++ = 'Z';
    *at = '\0';
}

void clock_iso(int64_t sec, char out[21])
{
    struct calendar c = calendar_of(sec);
    char *at = put_digits(out, c.year, 4);

    *at++ = '-';
    at = put_digits(at, c.month, 2);
    *at++ = '-';
    at = put_digits(at, c.day, 2);
    *at++ = 'T';
    at = put_digits(at, c.hour, 2);
    *at++ = ':';
    at = put_digits(at, c.minute, 2);
    *at++ = ':';
    at = put_digits(at, c.second, 2);
    *at++ = 'Z';
    *at = '\0';
}

static bool get_digits(const char **text, unsigned count, unsigned *ret_value)
{
    unsigned value = 0;

    for (unsigned i = 0; i < count; i++) {
        char c = **text;
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (unsigned)(c - '0');
        (*text)++;
    }
    *ret_value = value;
    return true;
}

static bool get_char(const char **text, char wanted)
{
    if (**text != wanted)
        return false;
    (*text)++;
    return true;
}

bool clock_parse_compact(const char *text, int64_t *ret_sec)
{
    struct calendar c;

    if (!get_digits(&text, 4, &c.year) || !get_digits(&text, 2, &c.month) ||
        !get_digits(&text, 2, &c.day) || !get_char(&text, 'T') || !get_digits(&text, 2, &c.hour) ||
        !get_digits(&text, 2, &c.minute) || !get_digits(&text, 2, &c.second) ||
        !get_char(&text, 'Z'))
        return false;
    if (c.month < 1 || c.month > 12 || c.day < 1 || c.day > days_of_month(c.year, c.month) ||
        c.hour > 23 || c.minute > 59 || c.second > 59)
        return false;

    unsigned days = days_before_year(c.year) + c.day - 1;
    for (unsigned month = 1; month < c.month; month++)
        days += days_of_month(c.year, month);
    *ret_sec = YEAR_0_SEC + (int64_t)days * SEC_PER_DAY + c.hour * 3600 + c.minute * 60 + c.second;
    return true;
}
