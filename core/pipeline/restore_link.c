/*
 * Hard links: the first name of an inode is restored with its content, the others are linked to it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/hashmap.h"
#include "../base/rng.h"
#include "../base/siphash.h"
#include "restore_item.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct link_waiter {
    struct link_waiter *next;
    struct restore_dir *dir; /* held */
    bool replace;
    char name[];
};

enum link_state { LINK_PENDING, LINK_COMPLETE, LINK_FAILED };

/* Guarded by the groups' lock; path, serial, dev and ino stay as they are once it is complete. */
struct link_group {
    enum link_state state;
    uint64_t serial; /* of the directory */
    uint64_t dev, ino;
    struct link_waiter *waiters;
    char *path; /* of the directory */
    char *name;
};

struct link_groups {
    pthread_mutex_t lock;
    uint8_t key[16];
    struct hashmap map;
    struct link_group **at;
    size_t count, cap;
};

int restore_links_init(struct restore_job *job, struct sme_error *err)
{
    struct link_groups *groups = calloc(1, sizeof *groups);

    if (groups == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to restore");
    }
    int status = rng_bytes(groups->key, sizeof groups->key, err);
    if (status < 0) {
        free(groups);
        return status;
    }
    (void)pthread_mutex_init(&groups->lock, NULL);
    job->groups = groups;
    return SME_OK;
}

void restore_links_done(struct restore_job *job)
{
    struct link_groups *groups = job->groups;

    if (groups == NULL) {
        return;
    }
    for (size_t i = 0; i < groups->count; i++) {
        free(groups->at[i]->path);
        free(groups->at[i]->name);
        free(groups->at[i]);
    }
    free(groups->at);
    hashmap_free(&groups->map);
    (void)pthread_mutex_destroy(&groups->lock);
    free(groups);
    job->groups = NULL;
}

/* The group of the item's inode; a new one is LINK_FAILED: nobody is restoring it. */
static struct link_group *group_of(struct link_groups *groups, const struct item_view *view)
{
    uint64_t inode[2] = {view->dev, view->ino};
    uint8_t hash[16];
    uint64_t number = groups->count;

    siphash128(groups->key, inode, sizeof inode, hash);
    int added = hashmap_add(&groups->map, hash, number, &number);
    if (added == 0) {
        return groups->at[number];
    }
    if (added < 0) {
        return NULL;
    }
    if (groups->count == groups->cap) {
        size_t cap = groups->cap == 0 ? 64 : groups->cap * 2;
        struct link_group **grown = reallocarray(groups->at, cap, sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        groups->at = grown;
        groups->cap = cap;
    }
    struct link_group *group = calloc(1, sizeof *group);
    if (group != NULL) {
        group->state = LINK_FAILED;
        groups->at[groups->count++] = group;
    }
    return group;
}

static bool wait_for(struct link_group *group, struct restore_dir *dir, const char *name,
                     bool replace)
{
    size_t len = strlen(name) + 1;
    struct link_waiter *waiter = malloc(sizeof *waiter + len);

    if (waiter == NULL) {
        return false;
    }
    *waiter = (struct link_waiter){
        .next = group->waiters, .dir = restore_dir_hold(dir), .replace = replace};
    memcpy(waiter->name, name, len);
    group->waiters = waiter;
    return true;
}

static bool lead(struct link_group *group, const struct restore_dir *dir, const char *name)
{
    char *path_copy = strdup(dir->path);
    char *name_copy = strdup(name);

    if (path_copy == NULL || name_copy == NULL) {
        free(path_copy);
        free(name_copy);
        return false;
    }
    free(group->path);
    free(group->name);
    group->path = path_copy;
    group->name = name_copy;
    group->serial = dir->serial;
    group->state = LINK_PENDING;
    return true;
}

/* Make the link.  Only to the very inode that this restore made. */
static int make(struct restore_tools *tools, const struct link_group *group,
                const struct restore_dir *dir, const char *name, bool replace,
                struct sme_error *err)
{
    char temp[EXTRACT_TEMP_NAME];
    struct stat st;

    struct extract_dir *from = extract_dirs_get(&tools->dirs, group->serial, group->path);
    struct extract_dir *to = from != NULL ? restore_dir_open(tools, dir) : NULL;
    if (to == NULL) {
        return error_errno(err, "cannot open the directories to link it to '%s'", group->name);
    }
    if (replace) {
        if (fstatat(to->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == group->ino &&
            st.st_dev == group->dev) {
            tools->job->numbers.existing++;
            return SME_OK;
        }
        int status = extract_temp_name(temp, err);
        if (status < 0) {
            return status;
        }
    }
    const char *made = replace ? temp : name;
    if (linkat(from->fd, group->name, to->fd, made, 0) < 0) {
        return error_errno(err, "cannot link it to '%s'", group->name);
    }
    if (fstatat(to->fd, made, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != group->ino ||
        st.st_dev != group->dev) {
        (void)unlinkat(to->fd, made, 0);
        return sme_fail(err, SME_E_CHANGED, "'%s', which it is a link to, was replaced meanwhile",
                        group->name);
    }
    if (replace && renameat(to->fd, made, to->fd, name) < 0) {
        (void)error_errno(err, "cannot replace what is there");
        (void)unlinkat(to->fd, made, 0);
        return err->status;
    }
    tools->job->numbers.links++;
    tools->job->numbers.items++;
    return SME_OK;
}

enum link_answer restore_link(struct restore_tools *tools, const struct item_view *view,
                              struct restore_dir *dir, const char *name, bool replace,
                              struct link_group **ret_group)
{
    struct link_groups *groups = tools->job->groups;
    enum link_answer answer = LINK_MEMORY;
    struct sme_error err = SME_ERROR_INIT;

    (void)pthread_mutex_lock(&groups->lock);
    struct link_group *group = group_of(groups, view);
    if (group != NULL) {
        switch (group->state) {
        case LINK_FAILED:
            if (lead(group, dir, name)) {
                answer = LINK_FIRST;
                *ret_group = group;
            }
            break;
        case LINK_PENDING:
            if (wait_for(group, dir, name, replace)) {
                answer = LINK_WAITS;
            }
            break;
        case LINK_COMPLETE:
            answer = LINK_ALONE;
            break;
        }
    }
    (void)pthread_mutex_unlock(&groups->lock);
    if (answer == LINK_ALONE && make(tools, group, dir, name, replace, &err) == SME_OK) {
        return LINK_MADE;
    }
    return answer;
}

void restore_link_resolve(struct restore_tools *tools, struct link_group *group, bool complete,
                          uint64_t dev, uint64_t ino)
{
    struct link_groups *groups = tools->job->groups;

    (void)pthread_mutex_lock(&groups->lock);
    struct link_waiter *waiter = group->waiters;
    group->waiters = NULL;
    group->state = complete ? LINK_COMPLETE : LINK_FAILED;
    group->dev = dev;
    group->ino = ino;
    (void)pthread_mutex_unlock(&groups->lock);

    while (waiter != NULL) {
        struct link_waiter *next = waiter->next;
        struct sme_error err = SME_ERROR_INIT;
        if (!complete) {
            (void)sme_fail(&err, SME_E_NOT_FOUND,
                           "it is a link to a file that could not be restored");
        }
        if (!restore_job_stopped(tools->job) &&
            (!complete ||
             make(tools, group, waiter->dir, waiter->name, waiter->replace, &err) < 0)) {
            char *path = restore_path(waiter->dir, waiter->name);
            restore_problem(tools->job, path != NULL ? path : waiter->name, &err);
            free(path);
        }
        restore_dir_release(tools, waiter->dir);
        free(waiter);
        waiter = next;
    }
}
