/*
 * Encoding and decoding the three parts of a snapshot object.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "snapshot_codec.h"

#include "../base/limits.h"
#include "../base/wire.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_VERSION 1
#define ROOT_VERSION 1
#define LIMIT_TEXT 4096

static void put_text(struct buf *out, const char *text, size_t len)
{
    buf_varint(out, len);
    buf_add(out, text, len);
}

static void put_string(struct buf *out, const char *text)
{
    put_text(out, text, strlen(text));
}

/* A text that fits ${size} with its NUL, without NUL inside. */
static void get_string(struct wire *w, char *out, size_t size)
{
    uint64_t len = wire_varint_max(w, size - 1);
    const uint8_t *at = wire_view(w, len);

    if (at == NULL || memchr(at, '\0', (size_t)len) != NULL) {
        w->bad = true;
        return;
    }
    memcpy(out, at, (size_t)len);
    out[len] = '\0';
}

static char *get_copy(struct wire *w, size_t max, size_t *ret_len)
{
    uint64_t len = wire_varint_max(w, max);
    const uint8_t *at = wire_view(w, len);

    if (at == NULL || (len > 0 && memchr(at, '\0', (size_t)len) != NULL)) {
        w->bad = true;
        return NULL;
    }
    char *copy = strndup((const char *)at, (size_t)len);
    if (copy == NULL) {
        w->bad = true;
    }
    if (ret_len != NULL) {
        *ret_len = (size_t)len;
    }
    return copy;
}

void snapshot_encode_head(const struct snapshot_head *head, struct buf *out)
{
    buf_u8(out, HEAD_VERSION);
    put_string(out, head->source);
    put_string(out, head->name);
    put_string(out, head->host);
    put_string(out, head->plugin);
    put_string(out, head->program);
    buf_zigzag(out, head->started_ns);
    buf_zigzag(out, head->finished_ns);
    buf_varint(out, head->sequence);
    buf_add(out, head->previous, sizeof head->previous);
    buf_u8(out, head->status);
    buf_varint(out, head->items);
    buf_varint(out, head->files);
    buf_varint(out, head->directories);
    buf_varint(out, head->bytes);
    buf_varint(out, head->changed);
    buf_varint(out, head->problems);
    buf_varint(out, head->bytes_read);
    buf_varint(out, head->bytes_stored);
}

bool snapshot_decode_head(const struct buf *plain, struct snapshot_head *ret_head)
{
    struct wire w = wire_of(plain->data, plain->len);
    struct snapshot_head head = {0};
    uint8_t version = wire_u8(&w);

    get_string(&w, head.source, sizeof head.source);
    get_string(&w, head.name, sizeof head.name);
    get_string(&w, head.host, sizeof head.host);
    get_string(&w, head.plugin, sizeof head.plugin);
    get_string(&w, head.program, sizeof head.program);
    head.started_ns = wire_zigzag(&w);
    head.finished_ns = wire_zigzag(&w);
    head.sequence = wire_varint(&w);
    wire_copy(&w, head.previous, sizeof head.previous);
    head.status = wire_u8(&w);
    head.items = wire_varint(&w);
    head.files = wire_varint(&w);
    head.directories = wire_varint(&w);
    head.bytes = wire_varint(&w);
    head.changed = wire_varint(&w);
    head.problems = wire_varint(&w);
    head.bytes_read = wire_varint(&w);
    head.bytes_stored = wire_varint(&w);
    if (w.bad || wire_left(&w) != 0 || version != HEAD_VERSION ||
        head.status > SNAPSHOT_INCOMPLETE) {
        return false;
    }
    *ret_head = head;
    return true;
}

void snapshot_encode_reach(const struct snapshot *snapshot, struct buf *out)
{
    buf_varint(out, snapshot->reach_count);
    if (snapshot->reach_count > 0) {
        buf_add(out, snapshot->reach, snapshot->reach_count * 32);
    }
}

bool snapshot_decode_reach(const struct buf *plain, struct snapshot *snapshot)
{
    struct wire w = wire_of(plain->data, plain->len);
    uint64_t count = wire_varint_max(&w, wire_left(&w) / 32);

    if (w.bad || wire_left(&w) != count * 32) {
        return false;
    }
    snapshot->reach = calloc(count + 1, sizeof *snapshot->reach);
    if (snapshot->reach == NULL) {
        return false;
    }
    wire_copy(&w, snapshot->reach, (size_t)count * 32);
    snapshot->reach_count = (size_t)count;
    return true;
}

void snapshot_encode_root(const struct snapshot_root *root, struct buf *out)
{
    buf_u8(out, ROOT_VERSION);
    buf_varint(out, root->owner_count);
    for (size_t i = 0; i < root->owner_count; i++) {
        buf_u8(out, root->owners[i].kind);
        buf_varint(out, root->owners[i].id);
        put_string(out, root->owners[i].name);
    }
    buf_varint(out, root->item_count);
    for (size_t i = 0; i < root->item_count; i++) {
        buf_varint(out, root->items[i].chunk.len);
        buf_add(out, root->items[i].chunk.id.bytes, 32);
        put_text(out, root->items[i].first_path, root->items[i].first_path_len);
    }
    buf_varint(out, root->problem_count);
    for (size_t i = 0; i < root->problem_count; i++) {
        buf_u8(out, root->problems[i].kind);
        put_text(out, root->problems[i].path, root->problems[i].path_len);
        put_string(out, root->problems[i].text);
    }
}

static bool decode_owners(struct wire *w, struct snapshot_root *root)
{
    uint64_t count = wire_varint_max(w, wire_left(w) / 3);

    root->owners = w->bad ? NULL : calloc(count + 1, sizeof *root->owners);
    if (root->owners == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < count && !w->bad; i++) {
        struct snapshot_owner *owner = &root->owners[root->owner_count++];
        owner->kind = wire_u8(w);
        owner->id = (uint32_t)wire_varint_max(w, UINT32_MAX);
        owner->name = get_copy(w, LIMIT_TEXT, NULL);
    }
    return !w->bad;
}

static bool decode_items(struct wire *w, struct snapshot_root *root)
{
    uint64_t count = wire_varint_max(w, wire_left(w) / 34);

    root->items = w->bad ? NULL : calloc(count + 1, sizeof *root->items);
    if (root->items == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < count && !w->bad; i++) {
        struct snapshot_items *items = &root->items[root->item_count++];
        items->chunk.len = (uint32_t)wire_varint_max(w, LIMIT_CHUNK);
        wire_copy(w, items->chunk.id.bytes, 32);
        items->first_path = get_copy(w, LIMIT_PATH, &items->first_path_len);
        if (w->bad || (i > 0 && item_path_compare(items[-1].first_path, items[-1].first_path_len,
                                                  items->first_path, items->first_path_len) >= 0)) {
            return false;
        }
    }
    return !w->bad;
}

static bool decode_problems(struct wire *w, struct snapshot_root *root)
{
    uint64_t count = wire_varint_max(w, SNAPSHOT_PROBLEMS_MAX);

    root->problems = w->bad ? NULL : calloc(count + 1, sizeof *root->problems);
    if (root->problems == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < count && !w->bad; i++) {
        struct snapshot_problem *problem = &root->problems[root->problem_count++];
        problem->kind = wire_u8(w);
        problem->path = get_copy(w, LIMIT_PATH, &problem->path_len);
        problem->text = get_copy(w, LIMIT_TEXT, NULL);
    }
    return !w->bad;
}

bool snapshot_decode_root(const struct buf *plain, struct snapshot_root *ret_root)
{
    struct wire w = wire_of(plain->data, plain->len);
    struct snapshot_root root = {0};

    if (wire_u8(&w) != ROOT_VERSION || !decode_owners(&w, &root) || !decode_items(&w, &root) ||
        !decode_problems(&w, &root) || wire_left(&w) != 0) {
        snapshot_root_free(&root);
        return false;
    }
    *ret_root = root;
    return true;
}

void snapshot_root_free(struct snapshot_root *root)
{
    for (size_t i = 0; i < root->owner_count; i++) {
        free(root->owners[i].name);
    }
    for (size_t i = 0; i < root->item_count; i++) {
        free(root->items[i].first_path);
    }
    for (size_t i = 0; i < root->problem_count; i++) {
        free(root->problems[i].path);
        free(root->problems[i].text);
    }
    free(root->owners);
    free(root->items);
    free(root->problems);
    memset(root, 0, sizeof *root);
}
