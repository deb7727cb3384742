/*
 * A repository: its descriptor, and which sources it holds.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The descriptor is text, so that a person can see what a bucket is:
 *
 *     sme-backup repository
 *     format 1
 *     id <32 hex digits>
 *     created 20261123T020000Z
 *     reader-public <64 hex digits>
 *     mac <64 hex digits>
 *
 * mac = HMAC-SHA-256(descriptor key, all bytes before the line "mac").
 */
#include "repo.h"

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/hex.h"
#include "../base/limits.h"
#include "objkey.h"

#include <stdlib.h>
#include <string.h>

#define TITLE "sme-backup repository\n"
#define FORMAT_VERSION 1

static int descriptor_mac(const struct keyring *keys, const void *text, size_t len, uint8_t out[32],
                          struct sme_error *err)
{
    CLEANUP(secret_done) struct secret key = SECRET_INIT;
    struct mac *mac = NULL;
    int status = keyring_descriptor_key(keys, &key, err);

    if (status < 0 || (status = mac_new(&key, &mac, err)) < 0) {
        return status;
    }
    status = mac_of(mac, text, len, out);
    mac_free(mac);
    return status < 0 ? sme_fail(err, SME_E_NO_MEMORY, "cannot compute the descriptor's mac")
                      : SME_OK;
}

static int foreign_content(void *cookie, const struct sme_object *object)
{
    char *found = cookie;

    if (found[0] == '\0') {
        (void)snprintf(found, SME_KEY_MAX + 1, "%s", object->key);
    }
    return 0;
}

int repo_init(struct store *store, const struct keyring *keys, struct sme_error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(LIMIT_DESCRIPTOR);
    char id[33];
    char public_key[65];
    char created[17];
    uint8_t mac[32];
    char mac_text[65];
    objkey_text found = "";

    int status = store_list(store, "", foreign_content, found, err);
    if (status < 0) {
        return status;
    }
    if (found[0] != '\0') {
        struct sme_object object = {.struct_size = sizeof object};
        struct sme_error ignored = SME_ERROR_INIT;
        if (store_stat(store, OBJKEY_DESCRIPTOR_NAME, &object, &ignored) == SME_OK) {
            (void)sme_fail(err, SME_E_EXISTS, "sink '%s' holds a repository already",
                           store_name(store));
            return error_hint(err, "nothing was changed; to use it put its key file in place");
        }
        (void)sme_fail(err, SME_E_EXISTS,
                       "sink '%s' is not empty and holds no repository: found '%s'",
                       store_name(store), found);
        return error_hint(err, "choose an empty place or another prefix");
    }
    hex_encode(keys->repository, sizeof keys->repository, id);
    hex_encode(keys->reader_public, sizeof keys->reader_public, public_key);
    clock_compact(clock_realtime_ns() / NS_PER_SEC, created);
    buf_add_fmt(&text, TITLE "format %d\nid %s\ncreated %s\nreader-public %s\n", FORMAT_VERSION, id,
                created, public_key);
    if (text.bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the descriptor");
    }
    status = descriptor_mac(keys, text.data, text.len, mac, err);
    if (status < 0) {
        return status;
    }
    hex_encode(mac, sizeof mac, mac_text);
    buf_add_fmt(&text, "mac %s\n", mac_text);
    if (text.bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the descriptor");
    }
    status = store_put(store, OBJKEY_DESCRIPTOR_NAME, text.data, text.len, NULL, false, err);
    return status < 0 ? status : store_sync(store, err);
}

/* The next line, without its newline, must be "${keyword} value"; the value, NUL-terminated in
 * place, or NULL. */
static char *next_line(char **at, const char *keyword)
{
    char *line = *at;
    char *end = strchr(line, '\n');
    size_t len = strlen(keyword);

    if (end == NULL || strncmp(line, keyword, len) != 0 || line[len] != ' ') {
        return NULL;
    }
    *end = '\0';
    *at = end + 1;
    return line + len + 1;
}

static int damaged(struct store *store, const char *what, struct sme_error *err)
{
    (void)sme_fail(err, SME_E_CORRUPT, "sink '%s': the descriptor '%s' is damaged: %s",
                   store_name(store), OBJKEY_DESCRIPTOR_NAME, what);
    return error_hint(err, "restore the object from a copy or an older version of it; its content "
                           "never changes");
}

static int check_descriptor(struct store *store, const struct keyring *keys, char *text, size_t len,
                            int64_t *ret_created, struct sme_error *err)
{
    char mine[33];
    char mine_public[65];
    uint8_t mac[32];
    uint8_t stored_mac[32];
    char *at = text;

    if (strlen(text) != len || strncmp(text, TITLE, strlen(TITLE)) != 0) {
        return damaged(store, "it does not begin as one", err);
    }
    char *mac_line = strstr(text, "\nmac ");
    if (mac_line == NULL) {
        return damaged(store, "it has no mac", err);
    }
    int status = descriptor_mac(keys, text, (size_t)(mac_line + 1 - text), mac, err);
    if (status < 0) {
        return status;
    }
    at += strlen(TITLE);
    char *format = next_line(&at, "format");
    if (format == NULL) {
        return damaged(store, "it has no format", err);
    }
    if (strcmp(format, "1") != 0) {
        (void)sme_fail(err, SME_E_UNSUPPORTED,
                       "the repository in sink '%s' has format '%.16s'; this program knows 1",
                       store_name(store), format);
        return error_hint(err, "use a newer sme-backup");
    }
    char *id = next_line(&at, "id");
    char *created = id != NULL ? next_line(&at, "created") : NULL;
    char *public_key = created != NULL ? next_line(&at, "reader-public") : NULL;
    char *stored = public_key != NULL ? next_line(&at, "mac") : NULL;
    if (stored == NULL || *at != '\0' || !hex_decode(stored, stored_mac, sizeof stored_mac) ||
        strlen(created) != 16 || !clock_parse_compact(created, ret_created)) {
        return damaged(store, "its lines are not those of format 1", err);
    }
    hex_encode(keys->repository, sizeof keys->repository, mine);
    if (strcmp(id, mine) != 0) {
        (void)sme_fail(err, SME_E_KEY,
                       "the key file is for repository %.8s, but sink '%s' holds repository %.8s",
                       mine, store_name(store), id);
        return error_hint(err, "set key_file of [sink %s] to the key of that repository",
                          store_name(store));
    }
    hex_encode(keys->reader_public, sizeof keys->reader_public, mine_public);
    if (!secret_equal(mac, stored_mac, sizeof mac)) {
        (void)sme_fail(err, SME_E_KEY,
                       "the descriptor in sink '%s' does not fit the writer secret of the key file",
                       store_name(store));
        return error_hint(err, "either the key file is wrong or somebody changed the object '%s'",
                          OBJKEY_DESCRIPTOR_NAME);
    }
    if (strcmp(public_key, mine_public) != 0) {
        return sme_fail(err, SME_E_KEY, "the key file has another reader than sink '%s'",
                        store_name(store));
    }
    return SME_OK;
}

int repo_open(struct store *store, const struct keyring *keys, struct repo **ret_repo,
              struct sme_error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(LIMIT_DESCRIPTOR);
    int64_t created = 0;

    int status = store_get(store, OBJKEY_DESCRIPTOR_NAME, &text, err);
    if (status == SME_E_NOT_FOUND) {
        (void)sme_fail(err, SME_E_NOT_FOUND, "sink '%s' holds no repository", store_name(store));
        return error_hint(err, "run 'sme-backup init %s' once, or check where the sink points",
                          store_name(store));
    }
    if (status < 0) {
        return status;
    }
    size_t len = text.len;
    if (len == 0) {
        return damaged(store, "it is empty", err);
    }
    (void)buf_text(&text);
    if (text.bad) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the descriptor");
    }
    status = check_descriptor(store, keys, (char *)text.data, len, &created, err);
    if (status < 0) {
        return status;
    }
    struct repo *repo = calloc(1, sizeof *repo);
    if (repo == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory to open sink '%s'", store_name(store));
    }
    repo->store = store;
    repo->keys = *keys;
    repo->created_sec = created;
    *ret_repo = repo;
    return SME_OK;
}

void repo_free(struct repo *repo)
{
    if (repo != NULL) {
        keyring_done(&repo->keys);
        free(repo);
    }
}

int repo_sources(struct repo *repo, char ***ret_names, struct sme_error *err)
{
    struct store_names names = {0};
    objkey_text prefix;
    size_t count = 0;

    objkey_prefix(OBJKEY_SNAPSHOT, NULL, prefix);
    int status = store_names(repo->store, prefix, &names, err);
    if (status < 0) {
        return status;
    }
    char **list = calloc(names.count + 1, sizeof *list);
    if (list == NULL) {
        store_names_free(&names);
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of sources");
    }
    /* Names are sorted, so the snapshots of a source stand together. */
    for (size_t i = 0; i < names.count; i++) {
        struct objkey key;
        objkey_parse(names.at[i].key, &key);
        if (key.kind != OBJKEY_SNAPSHOT ||
            (count > 0 && strcmp(list[count - 1], key.source) == 0)) {
            continue;
        }
        list[count] = strdup(key.source);
        if (list[count] == NULL) {
            plugin_names_free(list);
            store_names_free(&names);
            return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of sources");
        }
        count++;
    }
    store_names_free(&names);
    *ret_names = list;
    return SME_OK;
}
