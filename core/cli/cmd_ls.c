/*
 * "ls": what is in a snapshot.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The JSON document is written item by item: a snapshot can have millions.
 */
#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/limits.h"
#include "../pipeline/restore_select.h"
#include "../repo/item.h"
#include "../run/report.h"
#include "target.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Facts of an item with longer values are told by their lengths only. */
#define FACT_SHOWN_MAX 200u

struct ls {
    struct cli *cli;
    struct target target;
    struct select select;
    struct buf taken; /* the last folder that was selected: what is below it comes along */
    bool has_taken;
    uint64_t shown;
};

static void ls_done(struct ls *ls)
{
    target_close(&ls->target);
    select_done(&ls->select);
    buf_free(&ls->taken);
}

const char *cli_item_type(uint32_t type)
{
    switch (type) {
    case SME_ITEM_FILE:
        return "file";
    case SME_ITEM_DIRECTORY:
        return "directory";
    case SME_ITEM_SYMLINK:
        return "symlink";
    case SME_ITEM_FIFO:
        return "fifo";
    case SME_ITEM_SOCKET:
        return "socket";
    case SME_ITEM_CHAR_DEVICE:
        return "char-device";
    case SME_ITEM_BLOCK_DEVICE:
        return "block-device";
    default:
        return "unknown";
    }
}

static void mode_text(const struct item_view *item, char out[11])
{
    static const char kinds[] = "?-dlpscb"; /* by SME_ITEM_* */
    static const char bits[] = "rwxrwxrwx";

    out[0] = item->type < sizeof kinds - 1 ? kinds[item->type] : '?';
    for (unsigned i = 0; i < 9; i++) {
        out[1 + i] = (item->mode & (0400u >> i)) != 0 ? bits[i] : '-';
    }
    if ((item->mode & 04000u) != 0) {
        out[3] = out[3] == 'x' ? 's' : 'S';
    }
    if ((item->mode & 02000u) != 0) {
        out[6] = out[6] == 'x' ? 's' : 'S';
    }
    if ((item->mode & 01000u) != 0) {
        out[9] = out[9] == 'x' ? 't' : 'T';
    }
    out[10] = '\0';
}

static const char *owner_name(const struct snapshot *snapshot, uint8_t kind, uint32_t id,
                              char out[40])
{
    for (size_t i = 0; i < snapshot->root.owner_count; i++) {
        const struct snapshot_owner *owner = &snapshot->root.owners[i];
        if (owner->kind == kind && owner->id == id) {
            (void)snprintf(out, 40, "%s", owner->name);
            return out;
        }
    }
    (void)snprintf(out, 40, "%" PRIu32, id);
    return out;
}

/* The root of a source has no name of its own. */
static void item_name(const struct item_view *item, const char **ret_name, size_t *ret_len)
{
    *ret_name = item->path_len > 0 ? item->path : ".";
    *ret_len = item->path_len > 0 ? item->path_len : 1;
}

static void print_text(const struct ls *ls, const struct item_view *item)
{
    const struct cli *cli = ls->cli;
    bool null = cli->args.given[OPT_NULL] > 0;
    const char *name;
    size_t len;

    item_name(item, &name, &len);
    if (cli->args.given[OPT_LONG] > 0) {
        char mode[11], when[20], user[40], group[40];
        mode_text(item, mode);
        (void)printf("%s %-8s %-8s %12" PRIu64 " %s ", mode,
                     owner_name(ls->target.snapshot, 0, item->uid, user),
                     owner_name(ls->target.snapshot, 1, item->gid, group), item->size,
                     cli_local_time(item->mtime.sec, when));
    }
    if (null) {
        (void)fwrite(name, 1, len, stdout);
    } else {
        cli_print_name(cli, name, len);
    }
    if (cli->args.given[OPT_LONG] > 0 && item->type == SME_ITEM_SYMLINK) {
        (void)fputs(" -> ", stdout);
        cli_print_name(cli, item->link_target, item->link_len);
    }
    (void)putchar(null ? '\0' : '\n');
}

/* What the source knew of the item.  A large value, such as a small picture, is told by its length.
 */
static void add_facts(json_t *object, const struct item_view *item)
{
    struct item_view left = *item;
    const char *name;
    const char *value;
    size_t name_len;
    size_t value_len;

    if (item->extra_count == 0) {
        return;
    }
    json_t *facts = json_object();
    while (item_next_extra(&left, &name, &name_len, &value, &value_len)) {
        CLEANUP(free_ptr) char *key = strndup(name, name_len);
        json_t *fact = value_len <= FACT_SHOWN_MAX ? json_stringn(value, value_len) : NULL;
        if (fact == NULL) { /* also if it is no UTF-8 */
            fact = json_object();
            json_add(fact, "bytes", value_len);
        }
        (void)json_object_set_new(facts, key, fact); /* takes the fact in any case */
    }
    (void)json_object_set_new(object, "facts", facts);
}

static void print_json(const struct ls *ls, const struct item_view *item)
{
    CLEANUP(json_drop) json_t *object = json_object();
    char text[40];
    const char *name;
    size_t len;

    item_name(item, &name, &len);
    json_add_path(object, name, len);
    json_add_text(object, "type", cli_item_type(item->type));
    (void)snprintf(text, sizeof text, "%04" PRIo32, item->mode);
    json_add_text(object, "mode", text);
    json_add(object, "uid", item->uid);
    json_add(object, "gid", item->gid);
    json_add_text(object, "user", owner_name(ls->target.snapshot, 0, item->uid, text));
    json_add_text(object, "group", owner_name(ls->target.snapshot, 1, item->gid, text));
    json_add(object, "size", item->size);
    clock_iso(item->mtime.sec, text);
    json_add_text(object, "mtime", text);
    json_add(object, "mtime_ns", item->mtime.nsec);
    if (item->type == SME_ITEM_SYMLINK) {
        CLEANUP(free_ptr) char *target = strndup(item->link_target, item->link_len);
        json_add_text(object, "target", target);
    }
    if ((item->flags & ITEM_FAILED) != 0) {
        (void)json_object_set_new(object, "failed", json_true());
    }
    if ((item->flags & ITEM_CHANGED) != 0) {
        (void)json_object_set_new(object, "changed", json_true());
    }
    add_facts(object, item);
    (void)printf("%s\n  ", ls->shown > 0 ? "," : "");
    (void)json_dumpf(object, stdout, JSON_COMPACT);
}

static void open_json(const struct ls *ls)
{
    /* Both are names of objects: nothing to escape. */
    (void)printf("{\"schema\": %d, \"command\": \"ls\", \"source\": \"%s\", \"sink\": \"%s\", "
                 "\"snapshot\": \"%s\",\n \"items\": [",
                 JSON_SCHEMA, ls->target.source, ls->target.sink->name,
                 ls->target.snapshot->head.name);
}

static void close_json(const struct sme_error *failure)
{
    (void)printf("\n ]");
    if (failure != NULL) {
        CLEANUP(json_drop) json_t *error = report_error_json(failure);
        (void)printf(",\n \"error\": ");
        (void)json_dumpf(error, stdout, JSON_COMPACT);
    }
    (void)printf("}\n");
}

/* Is it selected, or below something that is?  Items come in an order in which everything below
 * a folder follows it at once. */
static bool wanted(struct ls *ls, const struct item_view *item)
{
    const struct buf *taken = &ls->taken;

    if (select_match(&ls->select, item->path, item->path_len)) {
        buf_clear(&ls->taken);
        buf_add(&ls->taken, item->path, item->path_len);
        ls->has_taken = !ls->taken.bad;
        return true;
    }
    return ls->has_taken && taken->len > 0 && item->path_len > taken->len &&
           memcmp(item->path, taken->data, taken->len) == 0 && item->path[taken->len] == '/';
}

static int walk(struct ls *ls)
{
    struct sme_error *err = &ls->cli->err;
    /* One plain path: only what is below it is read. */
    const char *prefix = ls->select.count == 1 && ls->select.only_paths && !ls->select.everything
                             ? ls->select.at[0].text
                             : NULL;
    struct item_iter *iter = NULL;
    struct item_view item;

    int status = item_iter_new(ls->target.vault, ls->target.snapshot, prefix, &iter, err);
    while (status == SME_OK && (status = item_iter_next(iter, &item, err)) > 0) {
        status = cancel_check(err);
        if (status < 0 || ferror(stdout)) {
            break;
        }
        if (!wanted(ls, &item)) {
            continue;
        }
        if (ls->cli->json) {
            print_json(ls, &item);
        } else {
            print_text(ls, &item);
        }
        ls->shown++;
    }
    item_iter_free(iter);
    return status;
}

/* Every word must have selected something. */
static int check_hits(struct ls *ls)
{
    const char *unmatched = select_unmatched(&ls->select);

    if (unmatched == NULL) {
        return SME_OK;
    }
    (void)sme_fail(&ls->cli->err, SME_E_NOT_FOUND, "nothing in snapshot %s matches '%s'",
                   ls->target.snapshot->head.name, unmatched);
    return error_hint(&ls->cli->err, "paths are relative to the source's path");
}

enum exit_code cmd_ls(struct cli *cli)
{
    CLEANUP(ls_done) struct ls ls = {.cli = cli, .taken = BUF_INIT(LIMIT_PATH)};

    if (select_init(&ls.select, cli->args.words + 1, cli->args.word_count - 1, false, &cli->err) <
            0 ||
        target_open(cli, cli->args.words[0], &ls.target) < 0) {
        return cli_fail(cli);
    }
    if (cli->json) {
        open_json(&ls);
    }
    int status = walk(&ls);
    if (status >= 0 && !ferror(stdout)) {
        status = check_hits(&ls);
    }
    if (cli->json) {
        close_json(status < 0 ? &cli->err : NULL);
    } else if (status < 0) {
        cli_complain(&cli->err);
    }
    return error_exit_code(status);
}
