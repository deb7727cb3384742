/*
 * Examining this host: does anything run a backup by itself?
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "doctor_internal.h"

#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../base/fileio.h"
#include "../base/limits.h"
#include "../base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PROGRAM "sme-backup"
#define TIMER PROGRAM ".timer"
#define ROOT_VARIABLE "SME_BACKUP_DOCTOR_ROOT" /* for tests: stands for "/" */

enum found { NOTHING, UNREADABLE, DISABLED, FOUND };

struct search {
    const char *root;
    enum found found;
    char place[512];
};

static void note(struct search *search, enum found found, const char *place)
{
    if (found > search->found) {
        search->found = found;
        (void)snprintf(search->place, sizeof search->place, "%s", place);
    }
}

/* A line that is no comment and names the program. */
static bool names_program(const char *text)
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        const char *found = strstr(line, PROGRAM);
        const char *at = line + strspn(line, " \t");
        if (found == NULL) {
            return false;
        }
        if (*at != '#' && (end == NULL || found < end)) {
            return true;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return false;
}

static void look_into(struct search *search, const char *path)
{
    CLEANUP(free_ptr) char *whole = str_format("%s%s", search->root, path);
    CLEANUP(buf_free) struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES);
    struct stat st;

    if (whole == NULL || stat(whole, &st) != 0 || !S_ISREG(st.st_mode)) {
        return;
    }
    if (io_load(AT_FDCWD, whole, &text, NULL) < 0) {
        note(search, UNREADABLE, path);
    } else if (names_program(buf_text(&text))) {
        note(search, FOUND, path);
    }
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir);
    }
}

static void look_through(struct search *search, const char *folder)
{
    CLEANUP(free_ptr) char *whole = str_format("%s%s", search->root, folder);
    CLEANUP(close_dir) DIR *dir = whole != NULL ? opendir(whole) : NULL;
    const struct dirent *entry;

    if (dir == NULL) {
        if (errno == EACCES) {
            note(search, UNREADABLE, folder);
        }
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        CLEANUP(free_ptr) char *path = str_format("%s/%s", folder, entry->d_name);
        if (path != NULL) {
            look_into(search, path);
        }
    }
}

static bool exists(const struct search *search, const char *path)
{
    CLEANUP(free_ptr) char *whole = str_format("%s%s", search->root, path);
    struct stat st;

    /* An enabled unit is a link whose target may be meant relative to another root. */
    return whole != NULL && lstat(whole, &st) == 0;
}

static void look_for_timer(struct search *search)
{
    static const char *const enabled = "/etc/systemd/system/timers.target.wants/" TIMER;
    static const char *const units[] = {
        "/etc/systemd/system/" TIMER, "/usr/local/lib/systemd/system/" TIMER,
        "/usr/lib/systemd/system/" TIMER, "/lib/systemd/system/" TIMER};

    if (exists(search, enabled)) {
        note(search, FOUND, enabled);
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (exists(search, units[i])) {
            note(search, DISABLED, units[i]);
        }
    }
}

void doctor_schedule(struct doctor *doctor)
{
    static const char *const folders[] = {"/etc/cron.d", "/etc/cron.daily", "/etc/cron.hourly",
                                          "/var/spool/cron/crontabs", "/var/spool/cron"};
    const char *root = secure_getenv(ROOT_VARIABLE);
    struct search search = {.root = root != NULL ? root : "", .found = NOTHING};
    const char *fix = "copy cron.d/sme-backup to /etc/cron.d, or enable sme-backup.timer";

    look_for_timer(&search);
    look_into(&search, "/etc/crontab");
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        look_through(&search, folders[i]);
    }
    switch (search.found) {
    case FOUND:
        doctor_say(doctor, SME_FINDING_PASS, "schedule", NULL, "'%s' starts " PROGRAM,
                   search.place);
        return;
    case DISABLED:
        doctor_say(doctor, SME_FINDING_WARN, "schedule", "systemctl enable --now " TIMER,
                   "'%s' is there, but not enabled", search.place);
        return;
    case UNREADABLE:
        doctor_say(doctor, SME_FINDING_NOTE, "schedule", "run doctor as root to be sure",
                   "no timer starts " PROGRAM ", and '%s' cannot be read by this user",
                   search.place);
        return;
    case NOTHING:
        break;
    }
    doctor_say(doctor, SME_FINDING_WARN, "schedule", fix,
               "neither cron nor a timer starts " PROGRAM);
}
