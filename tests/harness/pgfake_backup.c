/*
 * A scripted PostgreSQL server: what it sends for BASE_BACKUP.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgfake_internal.h"

#include "../../plugins/postgresql/crc32c.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 512u
#define START "0/2000028"
#define END "0/2000100"

struct file {
    const char *name;
    char type;
    size_t size;
};

static const struct file of_data[] = {
    {"backup_label", '0', 200}, {"base", '5', 0},
    {"base/5", '5', 0},         {PGFAKE_PAGED, '0', 24576},
    {"pg_tblspc", '5', 0},      {"pg_tblspc/16400", '2', 0},
    {"global", '5', 0},         {"global/pg_control", '0', 8192},
    {"pg_wal", '5', 0},         {"pg_wal/" PGFAKE_SEGMENT, '0', 1048576},
};
static const struct file of_tablespace[] = {
    {"PG_15", '5', 0},
    {"PG_15/5", '5', 0},
    {PGFAKE_TABLE, '0', 16384},
};
#define DATA_COUNT (sizeof of_data / sizeof of_data[0])
#define TABLESPACE_COUNT (sizeof of_tablespace / sizeof of_tablespace[0])

static bool has(const struct wire *wire, unsigned fault)
{
    return (wire->fake->faults & fault) != 0;
}

/* ---- content ------------------------------------------------------------------------------ */

static uint8_t *make_content(const struct file *file)
{
    uint8_t *bytes = malloc(file->size + 1);
    uint32_t value = (uint32_t)file->size;

    assert_non_null(bytes);
    for (size_t i = 0; i < file->size; i++) {
        value = value * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(value >> 24);
    }
    return bytes;
}

static void make_header(uint8_t *header, const struct file *file)
{
    unsigned sum = 8u * ' ';

    memset(header, 0, BLOCK);
    (void)snprintf((char *)header, 100, "%s%s", file->name, file->type == '5' ? "/" : "");
    memcpy(header + 100, file->type == '5' ? "0000750 " : "0000640 ", 8);
    memcpy(header + 108, "0000145 0000146 ", 16);
    (void)snprintf((char *)header + 124, 12, "%011zo", file->size);
    memcpy(header + 136, "15000000000", 11);
    header[156] = (uint8_t)file->type;
    memcpy(header + 157, "/mnt/fast", file->type == '2' ? 9 : 0);
    memcpy(header + 257, "ustar\00000", 8);
    for (unsigned i = 0; i < BLOCK; i++) {
        sum += header[i];
    }
    (void)snprintf((char *)header + 148, 8, "%06o", sum);
    header[155] = ' ';
}

/* ---- the stream --------------------------------------------------------------------------- */

static bool is_old(const struct wire *wire)
{
    return wire->fake->version < 150000;
}

/* Data of an archive or of the manifest, in pieces. */
static void send_data(struct wire *wire, const uint8_t *data, size_t len)
{
    size_t before = is_old(wire) ? 0 : 1;
    uint8_t *message = malloc(wire->fake->piece + 1);

    assert_non_null(message);
    message[0] = 'd';
    while (len > 0 && !wire->gone) {
        size_t part = len < wire->fake->piece ? len : wire->fake->piece;
        memcpy(message + before, data, part);
        wire_send(wire, 'd', message, part + before);
        data += part;
        len -= part;
    }
    free(message);
}

static void send_progress(struct wire *wire)
{
    if (!is_old(wire)) {
        wire_send(wire, 'd', "p\0\0\0\0\0\0\1\0", 9);
    }
}

static void send_content(struct wire *wire, const struct file *file)
{
    uint8_t *bytes = make_content(file);
    bool last = strncmp(file->name, "pg_wal/", 7) == 0;
    size_t len = last && has(wire, PGFAKE_SHORT) ? file->size / 2 : file->size;

    if (strcmp(file->name, PGFAKE_TABLE) == 0 && has(wire, PGFAKE_OTHER_BYTE)) {
        bytes[file->size / 2] ^= 1;
    }
    if (last && has(wire, PGFAKE_CUT_STREAM | PGFAKE_STALLS)) {
        char byte;
        send_data(wire, bytes, len / 2);
        if (has(wire, PGFAKE_STALLS)) {
            atomic_store(&wire->fake->stalled, true);
            ssize_t got = read(wire->socket, &byte, 1); /* until the other side has gone */
            (void)got;
        }
        wire->gone = true;
    }
    if ((last && has(wire, PGFAKE_WARNS_LOG)) ||
        (strcmp(file->name, PGFAKE_PAGED) == 0 && has(wire, PGFAKE_WARNS))) {
        wire_say(wire, 'N', "WARNING", "01000", "page verification failed in block 1");
    }
    send_data(wire, bytes, len);
    free(bytes);
}

static void send_archive(struct wire *wire, const struct file *files, size_t count)
{
    static const uint8_t zeroes[2 * BLOCK];
    uint8_t header[BLOCK];

    for (size_t i = 0; i < count && !wire->gone; i++) {
        bool log = strncmp(files[i].name, "pg_wal/", 7) == 0;
        if (log && has(wire, PGFAKE_NO_LOG)) {
            continue;
        }
        make_header(header, &files[i]);
        send_data(wire, header, sizeof header);
        send_content(wire, &files[i]);
        if (log && has(wire, PGFAKE_SHORT)) {
            return;
        }
        send_data(wire, zeroes, (BLOCK - files[i].size % BLOCK) % BLOCK);
        send_progress(wire);
    }
    if (!is_old(wire)) {
        send_data(wire, zeroes, sizeof zeroes);
    }
}

static void begin_copy(struct wire *wire)
{
    wire_send(wire, 'H', "\0\0\0", 3);
}

static void send_part(struct wire *wire, bool of_base)
{
    const char *name = of_base ? "nbase.tar\0" : "n16400.tar\0/mnt/fast";

    if (!of_base && has(wire, PGFAKE_NO_ARCHIVE)) {
        return;
    }
    if (is_old(wire)) {
        begin_copy(wire);
    } else {
        wire_send(wire, 'd', name, of_base ? 11 : 21);
    }
    if (of_base) {
        send_archive(wire, of_data, DATA_COUNT);
    } else {
        send_archive(wire, of_tablespace, TABLESPACE_COUNT);
    }
    if (is_old(wire)) {
        wire_send(wire, 'c', "", 0);
    }
}

/* ---- the manifest ------------------------------------------------------------------------- */

static size_t list_files(char *text, size_t used, size_t size, const char *before,
                         const struct file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (files[i].type != '0' || strncmp(files[i].name, "pg_wal/", 7) == 0) {
            continue;
        }
        uint8_t *bytes = make_content(&files[i]);
        uint32_t crc = crc32c_update_portable(0, bytes, files[i].size);
        used += (size_t)snprintf(
            text + used, size - used,
            "%s\n{ \"Path\": \"%s%s\", \"Size\": %zu, \"Last-Modified\": \"2026-11-23 02:00:00 "
            "GMT\", \"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"%02x%02x%02x%02x\" }",
            text[used - 1] == '[' ? "" : ",", before, files[i].name, files[i].size, crc & 255,
            crc >> 8 & 255, crc >> 16 & 255, crc >> 24);
        free(bytes);
    }
    return used;
}

static void send_manifest(struct wire *wire)
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    char text[4096];

    size_t used = (size_t)snprintf(text, sizeof text,
                                   "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [");
    used = list_files(text, used, sizeof text, "pg_tblspc/16400/", of_tablespace, TABLESPACE_COUNT);
    used = list_files(text, used, sizeof text, "", of_data, DATA_COUNT);
    used += (size_t)snprintf(text + used, sizeof text - used,
                             "\n],\n\"WAL-Ranges\": [\n{ \"Timeline\": 1, \"Start-LSN\": \"" START
                             "\", \"End-LSN\": \"%s\" }\n],\n",
                             has(wire, PGFAKE_OTHER_RANGE) ? "0/2000200" : END);
    (void)SHA256((const unsigned char *)text, used, sum);
    used += (size_t)snprintf(text + used, sizeof text - used, "\"Manifest-Checksum\": \"");
    for (size_t i = 0; i < sizeof sum; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%02x", sum[i]);
    }
    used += (size_t)snprintf(text + used, sizeof text - used, "\"}\n");
    assert_true(used < sizeof text);
    if (is_old(wire)) {
        begin_copy(wire);
    } else {
        wire_send(wire, 'd', "m", 1);
    }
    send_data(wire, (const uint8_t *)text, used);
    if (is_old(wire)) {
        wire_send(wire, 'c', "", 0);
    }
}

/* ---- all of it ---------------------------------------------------------------------------- */

static void send_position(struct wire *wire, const char *lsn)
{
    const char *const values[] = {lsn, "1"};

    wire_columns(wire, 2);
    wire_row(wire, 2, values);
    wire_complete(wire, "SELECT");
}

static void send_tablespaces(struct wire *wire)
{
    static const char *const rows[][3] = {{"16400", "/mnt/fast", NULL}, {NULL, NULL, NULL}};
    size_t first = has(wire, PGFAKE_BASE_FIRST) ? 1 : 0;

    wire_columns(wire, 3);
    wire_row(wire, 3, rows[first]);
    wire_row(wire, 3, rows[1 - first]);
    wire_complete(wire, "SELECT");
}

void pgfake_backup(struct wire *wire)
{
    bool base_first = has(wire, PGFAKE_BASE_FIRST);

    send_position(wire, START);
    send_tablespaces(wire);
    if (!is_old(wire)) {
        begin_copy(wire);
    }
    send_part(wire, base_first);
    send_part(wire, !base_first);
    if (wire->fake->version >= 130000 && !has(wire, PGFAKE_NO_MANIFEST)) {
        send_manifest(wire);
    }
    if (!is_old(wire)) {
        wire_send(wire, 'c', "", 0);
    }
    send_position(wire, END);
    if (has(wire, PGFAKE_CUT_END)) {
        wire->gone = true;
    } else if (has(wire, PGFAKE_CORRUPT_END)) {
        wire_say(wire, 'N', "WARNING", "01000", "2 page verification failures in all");
        wire_say(wire, 'E', "ERROR", "XX001", "page verification failed");
    } else if (has(wire, PGFAKE_ERROR_END)) {
        wire_say(wire, 'E', "ERROR", "XX000", "out of order");
    } else {
        wire_complete(wire, "BASE_BACKUP");
    }
}
