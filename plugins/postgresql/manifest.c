/*
 * What the server has sent, compared with its manifest.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "manifest.h"

#include "basebackup.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 65536
#define FILES_MAX 20000000u
#define WAL_SEGMENT_LEAST (UINT64_C(1) << 20)

struct entry {
    char *path;
    uint64_t size;
    uint32_t crc;
    bool listed;
};

struct manifest {
    struct entry *entries; /* in the order of arrival */
    size_t count, cap;
    uint32_t *slots; /* open hashing: number of the entry + 1 */
    size_t slot_count;
    char line[LINE_MAX_BYTES];
    size_t line_len;
    EVP_MD_CTX *digest; /* of everything before the line of the checksum */
    bool has_begun, has_checksum;
    size_t ranges; /* of the log that it names, and what they span */
    uint64_t range_start, range_end;
};

static int no_memory(struct sme_error *err)
{
    return sme_fail(err, SME_E_NO_MEMORY, "no memory for the list of the server's files");
}

struct manifest *manifest_new(void)
{
    struct manifest *manifest = calloc(1, sizeof *manifest);

    if (manifest != NULL) {
        manifest->digest = EVP_MD_CTX_new();
        if (manifest->digest == NULL ||
            EVP_DigestInit_ex(manifest->digest, EVP_sha256(), NULL) != 1) {
            manifest_free(manifest);
            return NULL;
        }
    }
    return manifest;
}

void manifest_free(struct manifest *manifest)
{
    if (manifest != NULL) {
        for (size_t i = 0; i < manifest->count; i++) {
            free(manifest->entries[i].path);
        }
        free(manifest->entries);
        free(manifest->slots);
        EVP_MD_CTX_free(manifest->digest);
        free(manifest);
    }
}

size_t manifest_count(const struct manifest *manifest)
{
    return manifest->count;
}

/* ---- what was received -------------------------------------------------------------------- */

static uint64_t hash_path(const char *path)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *path != '\0'; path++) {
        hash = (hash ^ (unsigned char)*path) * UINT64_C(1099511628211);
    }
    return hash ^ hash >> 29;
}

/* The slot where ${path} is, or where it would go. */
static uint32_t *slot_of(const struct manifest *manifest, const char *path)
{
    size_t at = (size_t)hash_path(path) & (manifest->slot_count - 1);

    while (manifest->slots[at] != 0 &&
           strcmp(manifest->entries[manifest->slots[at] - 1].path, path) != 0) {
        at = (at + 1) & (manifest->slot_count - 1);
    }
    return &manifest->slots[at];
}

static struct entry *find(const struct manifest *manifest, const char *path)
{
    uint32_t number = manifest->slot_count > 0 ? *slot_of(manifest, path) : 0;

    return number != 0 ? &manifest->entries[number - 1] : NULL;
}

static bool grow(struct manifest *manifest)
{
    size_t cap = manifest->cap > 0 ? manifest->cap * 2 : 1024;
    struct entry *entries = reallocarray(manifest->entries, cap, sizeof *entries);

    if (entries == NULL) {
        return false;
    }
    manifest->entries = entries;
    uint32_t *slots = calloc(cap * 2, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    free(manifest->slots);
    manifest->slots = slots;
    manifest->slot_count = cap * 2;
    manifest->cap = cap;
    for (size_t i = 0; i < manifest->count; i++) {
        *slot_of(manifest, entries[i].path) = (uint32_t)i + 1;
    }
    return true;
}

int manifest_received(struct manifest *manifest, const char *path, uint64_t size, uint32_t crc,
                      struct sme_error *err)
{
    if (manifest->count >= FILES_MAX) {
        return sme_fail(err, SME_E_NO_MEMORY, "the server has more than %u files", FILES_MAX);
    }
    if (manifest->count == manifest->cap && !grow(manifest)) {
        return no_memory(err);
    }
    uint32_t *slot = slot_of(manifest, path);
    if (*slot != 0) {
        return sme_fail(err, SME_E_CORRUPT, "the server sent '%s' twice", path);
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return no_memory(err);
    }
    manifest->entries[manifest->count++] = (struct entry){.path = copy, .size = size, .crc = crc};
    *slot = (uint32_t)manifest->count;
    return SME_OK;
}

bool manifest_has(const struct manifest *manifest, const char *path, uint64_t *ret_size)
{
    const struct entry *entry = find(manifest, path);

    if (entry != NULL && ret_size != NULL) {
        *ret_size = entry->size;
    }
    return entry != NULL;
}

/* ---- what the manifest says --------------------------------------------------------------- */

static int differs(const char *path, const char *how, struct sme_error *err)
{
    (void)sme_fail(err, SME_E_CORRUPT, "'%s' is not what the server's manifest says: %s", path,
                   how);
    if (err != NULL) {
        (void)snprintf(err->hint, sizeof err->hint,
                       "run it again; if it stays so, check the server");
    }
    return SME_E_CORRUPT;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Names that are no UTF-8 come in hexadecimal digits. */
static bool decode_path(const char *hex, char *out, size_t size)
{
    size_t len = strlen(hex);

    if (len % 2 != 0 || len / 2 >= size) {
        return false;
    }
    for (size_t i = 0; i < len / 2; i++) {
        int high = nibble(hex[2 * i]);
        int low = nibble(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (char)(high << 4 | low);
    }
    out[len / 2] = '\0';
    return true;
}

/* Four bytes in the order in which they lie in memory. */
static bool same_crc(const char *text, uint32_t crc)
{
    char own[12];

    (void)snprintf(own, sizeof own, "%02x%02x%02x%02x", crc & 255, crc >> 8 & 255, crc >> 16 & 255,
                   crc >> 24);
    return strcmp(own, text) == 0;
}

static int compare_file(struct manifest *manifest, const json_t *object, struct sme_error *err)
{
    const char *path = json_string_value(json_object_get(object, "Path"));
    const char *encoded = json_string_value(json_object_get(object, "Encoded-Path"));
    const char *algorithm = json_string_value(json_object_get(object, "Checksum-Algorithm"));
    const char *checksum = json_string_value(json_object_get(object, "Checksum"));
    const json_t *size = json_object_get(object, "Size");
    char decoded[4096];

    if (path == NULL && encoded != NULL && decode_path(encoded, decoded, sizeof decoded)) {
        path = decoded;
    }
    if (path == NULL || !json_is_integer(size)) {
        return sme_fail(err, SME_E_CORRUPT,
                        "the server's manifest has a line without a path or size");
    }
    struct entry *entry = find(manifest, path);
    if (entry == NULL) {
        return differs(path, "it did not arrive", err);
    }
    if (entry->listed) {
        return differs(path, "it is listed twice", err);
    }
    if (entry->size != (uint64_t)json_integer_value(size)) {
        return differs(path, "it has another size", err);
    }
    if (algorithm == NULL || strcmp(algorithm, "CRC32C") != 0 || checksum == NULL) {
        return differs(path, "it has no CRC32C there", err);
    }
    if (!same_crc(checksum, entry->crc)) {
        return differs(path, "it has another checksum", err);
    }
    entry->listed = true;
    return SME_OK;
}

static int take_range(struct manifest *manifest, const json_t *object, struct sme_error *err)
{
    const char *first = json_string_value(json_object_get(object, "Start-LSN"));
    const char *last = json_string_value(json_object_get(object, "End-LSN"));
    uint64_t start = 0;
    uint64_t end = 0;

    if (first == NULL || last == NULL || !basebackup_parse_lsn(first, &start) ||
        !basebackup_parse_lsn(last, &end)) {
        return differs("backup_manifest", "it has a range of the log without positions", err);
    }
    if (manifest->ranges == 0 || start < manifest->range_start) {
        manifest->range_start = start;
    }
    if (manifest->ranges == 0 || end > manifest->range_end) {
        manifest->range_end = end;
    }
    manifest->ranges++;
    return SME_OK;
}

static int check_sum(struct manifest *manifest, const char *told, struct sme_error *err)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char text[2 * EVP_MAX_MD_SIZE + 1] = "";

    if (EVP_DigestFinal_ex(manifest->digest, sum, &len) != 1) {
        return no_memory(err);
    }
    for (unsigned i = 0; i < len; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", sum[i]);
    }
    manifest->has_checksum = true;
    return strncmp(told, text, strlen(text)) == 0
               ? SME_OK
               : differs("backup_manifest", "it has another checksum", err);
}

/* A whole line, with its line feed. */
static int take_line(struct manifest *manifest, struct sme_error *err)
{
    static const char sum_key[] = "\"Manifest-Checksum\": \"";
    char *line = manifest->line;
    size_t len = manifest->line_len;

    manifest->line_len = 0;
    if (manifest->has_checksum) {
        return len <= 3 ? SME_OK : differs("backup_manifest", "something follows its end", err);
    }
    if (strncmp(line, sum_key, sizeof sum_key - 1) == 0) {
        return check_sum(manifest, line + sizeof sum_key - 1, err);
    }
    if (EVP_DigestUpdate(manifest->digest, line, len) != 1) {
        return no_memory(err);
    }
    if (!manifest->has_begun) {
        manifest->has_begun = true;
        return line[0] == '{' ? SME_OK
                              : differs("backup_manifest", "it does not begin as one", err);
    }
    bool range = strncmp(line, "{ \"Timeline\"", 12) == 0;
    if (!range && strncmp(line, "{ \"Path\"", 8) != 0 &&
        strncmp(line, "{ \"Encoded-Path\"", 16) != 0) {
        return SME_OK;
    }
    /* "{ ... }," or, for the last one, "{ ... }]," */
    char *end = memrchr(line, '}', len);
    json_error_t why;
    json_t *object = end != NULL ? json_loadb(line, (size_t)(end + 1 - line), 0, &why) : NULL;
    if (object == NULL) {
        return differs("backup_manifest", "it has a line that is no JSON", err);
    }
    int status = range ? take_range(manifest, object, err) : compare_file(manifest, object, err);
    json_decref(object);
    return status;
}

int manifest_feed(struct manifest *manifest, const void *data, size_t len, struct sme_error *err)
{
    const char *at = data;
    int status = SME_OK;

    for (size_t i = 0; i < len && status == SME_OK; i++) {
        if (manifest->line_len + 1 >= sizeof manifest->line) {
            return differs("backup_manifest", "it has a line of more than 64 KiB", err);
        }
        manifest->line[manifest->line_len++] = at[i];
        manifest->line[manifest->line_len] = '\0';
        if (at[i] == '\n') {
            status = take_line(manifest, err);
        }
    }
    return status;
}

int manifest_finish(struct manifest *manifest, struct sme_error *err)
{
    int status = manifest->line_len > 0 ? take_line(manifest, err) : SME_OK;

    if (status < 0) {
        return status;
    }
    if (!manifest->has_checksum) {
        return differs("backup_manifest", "it is cut off", err);
    }
    if (manifest->ranges == 0) {
        return differs("backup_manifest", "it names no range of the log", err);
    }
    for (size_t i = 0; i < manifest->count; i++) {
        const struct entry *entry = &manifest->entries[i];
        if (!entry->listed && strncmp(entry->path, "pg_wal/", 7) != 0) {
            return differs(entry->path, "it is not listed", err);
        }
    }
    return SME_OK;
}

/* ---- write-ahead log ---------------------------------------------------------------------- */

/* Files of the log have 24 hexadecimal digits; all have the same size. */
static uint64_t segment_size(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const char *path = manifest->entries[i].path;
        if (strncmp(path, "pg_wal/", 7) == 0 && strlen(path) == 7 + 24 &&
            strspn(path + 7, "0123456789ABCDEF") == 24) {
            return manifest->entries[i].size;
        }
    }
    return 0;
}

static bool has_segment(const struct manifest *manifest, uint64_t number, uint64_t size,
                        uint32_t first_timeline, uint32_t last_timeline)
{
    uint64_t per_log = (UINT64_C(1) << 32) / size;

    for (uint32_t timeline = first_timeline; timeline <= last_timeline; timeline++) {
        char path[64];
        uint64_t found = 0;
        (void)snprintf(path, sizeof path, "pg_wal/%08X%08X%08X", (unsigned)timeline,
                       (unsigned)(number / per_log), (unsigned)(number % per_log));
        if (manifest_has(manifest, path, &found) && found == size) {
            return true;
        }
    }
    return false;
}

int manifest_check_wal(const struct manifest *manifest, uint64_t start, uint64_t end,
                       uint32_t first_timeline, uint32_t last_timeline, struct sme_error *err)
{
    uint64_t size = segment_size(manifest);

    if (manifest->ranges > 0 && (manifest->range_start != start || manifest->range_end != end)) {
        return differs("backup_manifest", "it names another range of the log", err);
    }
    if (size < WAL_SEGMENT_LEAST || size > UINT64_C(1) << 32 || end < start ||
        last_timeline < first_timeline || last_timeline - first_timeline > 1000) {
        return sme_fail(err, SME_E_CORRUPT,
                        "the server sent no write-ahead log: the backup could not "
                        "become consistent");
    }
    uint64_t last = end > start ? (end - 1) / size : start / size;
    for (uint64_t number = start / size; number <= last; number++) {
        if (!has_segment(manifest, number, size, first_timeline, last_timeline)) {
            (void)sme_fail(err, SME_E_CORRUPT,
                           "the server did not send segment %llX of the write-ahead log",
                           (unsigned long long)number);
            if (err != NULL) {
                (void)snprintf(err->hint, sizeof err->hint,
                               "leave it a replication slot (max_replication_slots), or raise "
                               "wal_keep_size");
            }
            return SME_E_CORRUPT;
        }
    }
    return SME_OK;
}
