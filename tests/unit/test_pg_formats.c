/*
 * What the server sends: checksums, tar archives in pieces, the manifest.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../plugins/postgresql/basebackup.h"
#include "../../plugins/postgresql/crc32c.h"
#include "../../plugins/postgresql/manifest.h"
#include "../../plugins/postgresql/tar.h"

#include <openssl/sha.h>
#include <stdlib.h>

#define MEGABYTE (UINT64_C(1) << 20)

static struct sme_error err = {.struct_size = sizeof err};

/* ---- CRC-32C ------------------------------------------------------------------------------ */

static void crc_has_the_published_values(void **state)
{
    uint8_t bytes[32];

    (void)state;
    assert_int_equal(crc32c_update(0, "123456789", 9), 0xE3069283);
    assert_int_equal(crc32c_update_portable(0, "123456789", 9), 0xE3069283);
    /* RFC 3720, appendix B.4: 32 zeroes, 32 ones, ascending. */
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32c_update(0, bytes, 32), 0x8A9136AA);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc32c_update(0, bytes, 32), 0x62A8AB43);
    for (unsigned i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_int_equal(crc32c_update(0, bytes, 32), 0x46DD794E);
}

static void crc_of_pieces_is_that_of_the_whole(void **state)
{
    uint8_t bytes[1000];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * i >> 3);
    }
    uint32_t whole = crc32c_update(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut += 37) {
        uint32_t crc = crc32c_update(0, bytes, cut);
        assert_int_equal(crc32c_update(crc, bytes + cut, sizeof bytes - cut), whole);
    }
    assert_int_equal(crc32c_update_portable(0, bytes, sizeof bytes), whole);
}

/* ---- tar ---------------------------------------------------------------------------------- */

static void put_sum(uint8_t *header)
{
    unsigned sum = 0;

    memset(header + 148, ' ', 8);
    for (unsigned i = 0; i < 512; i++) {
        sum += header[i];
    }
    (void)snprintf((char *)header + 148, 8, "%06o", sum);
}

static void make_header(uint8_t *header, const char *name, char type, uint64_t size,
                        const char *link)
{
    char number[16];

    memset(header, 0, 512);
    (void)snprintf((char *)header, 100, "%s", name);
    memcpy(header + 100, "0000640 \0000000145 \0000000146 ", 24);
    if (size < UINT64_C(1) << 33) {
        (void)snprintf(number, sizeof number, "%011llo", (unsigned long long)size);
        memcpy(header + 124, number, 12);
    } else {
        header[124] = 0x80;
        for (unsigned i = 0; i < 8; i++) {
            header[135 - i] = (uint8_t)(size >> 8 * i);
        }
    }
    memcpy(header + 136, "14000000000", 12);
    header[156] = (uint8_t)type;
    (void)snprintf((char *)header + 157, 100, "%s", link);
    memcpy(header + 257, "ustar", 6);
    put_sum(header);
}

/* Names and sizes of all members, as text; "!" when it is refused. */
static char *read_archive(const uint8_t *archive, size_t len, size_t piece, bool *ret_complete)
{
    static char text[4096];
    struct tar tar;
    struct tar_member member = {.name = ""};
    size_t used = 0;

    tar_init(&tar);
    text[0] = '\0';
    for (size_t at = 0; at < len;) {
        size_t part = len - at < piece ? len - at : piece;
        const uint8_t *data = archive + at;
        size_t left = part;
        while (left > 0) {
            const uint8_t *content = NULL;
            size_t content_len = 0;
            int event = tar_next(&tar, &data, &left, &member, &content, &content_len, &err);
            if (event < 0) {
                (void)snprintf(text, sizeof text, "!");
                return text;
            }
            if (event == TAR_MEMBER) {
                used +=
                    (size_t)snprintf(text + used, sizeof text - used, "%c%s%s%s:%llu:%o ",
                                     member.type, member.name, member.link[0] != '\0' ? ">" : "",
                                     member.link, (unsigned long long)member.size, member.mode);
            } else if (event == TAR_DATA) {
                for (size_t i = 0; i < content_len; i++) {
                    assert_int_equal(content[i], 'x');
                }
            }
        }
        at += part;
    }
    *ret_complete = tar_is_complete(&tar);
    return text;
}

static void an_archive_in_pieces_of_any_size(void **state)
{
    static uint8_t archive[512 * 9];
    static const size_t pieces[] = {1, 7, 511, 512, 513, 1000, sizeof archive};
    bool complete = false;

    (void)state;
    make_header(archive, "./base/", '5', 0, "");
    make_header(archive + 512, "base/1/2", '0', 700, "");
    memset(archive + 1024, 'x', 700);
    make_header(archive + 2048, "pg_tblspc/16400", '2', 0, "/mnt/fast");
    make_header(archive + 2560, "empty", '0', 0, "");
    make_header(archive + 3072, "one", '0', 512, "");
    memset(archive + 3584, 'x', 512);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        assert_string_equal(read_archive(archive, sizeof archive, pieces[i], &complete),
                            "5base:0:640 0base/1/2:700:640 2pg_tblspc/16400>/mnt/fast:0:640 "
                            "0empty:0:640 0one:512:640 ");
        assert_true(complete);
    }
    (void)read_archive(archive, 1500, 512, &complete);
    assert_false(complete);
}

static void large_sizes_are_read(void **state)
{
    uint8_t header[512];
    bool complete = true;

    (void)state;
    make_header(header, "huge", '0', UINT64_C(0x123456789A), "");
    assert_string_equal(read_archive(header, 512, 512, &complete), "0huge:78187493530:640 ");
    assert_false(complete);
    make_header(header, "absurd", '0', UINT64_C(1) << 60, "");
    assert_string_equal(read_archive(header, 512, 512, &complete), "!");
}

static void what_is_no_archive_is_refused(void **state)
{
    static const char *const names[] = {"/etc/passwd", "../x", "a/../b", "a//b", "a/.", ".."};
    uint8_t header[512];
    bool complete = false;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        make_header(header, names[i], '0', 0, "");
        assert_string_equal(read_archive(header, 512, 512, &complete), "!");
    }
    make_header(header, "device", '3', 0, "");
    assert_string_equal(read_archive(header, 512, 512, &complete), "!");
    /* Any changed byte is seen, but for the one behind the sum. */
    for (size_t i = 0; i < 512; i += i == 154 ? 2 : 1) {
        make_header(header, "plain", '0', 0, "");
        header[i] ^= 0x41;

        assert_string_equal(read_archive(header, 512, 512, &complete), "!");
    }
}

/* ---- manifest ----------------------------------------------------------------------------- */

static const char two_files[] =
    "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [\n"
    "{ \"Path\": \"base/1/2\", \"Size\": 9, \"Last-Modified\": \"2026-11-23 02:00:00 GMT\", "
    "\"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"839206e3\" },\n"
    "{ \"Encoded-Path\": \"ff2f61\", \"Size\": 0, \"Last-Modified\": \"2026-11-23 02:00:00 GMT\", "
    "\"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"00000000\" }\n],\n"
    "\"WAL-Ranges\": [\n{ \"Timeline\": 1, \"Start-LSN\": \"0/2000028\", \"End-LSN\": "
    "\"0/2000100\" }\n],\n";

/* ${body} with the checksum that it must have. */
static char *with_sum(const char *body)
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    size_t len = strlen(body);
    char *text = malloc(len + 120);

    assert_non_null(text);
    (void)SHA256((const unsigned char *)body, len, sum);
    int used = snprintf(text, len + 120, "%s\"Manifest-Checksum\": \"", body);
    for (size_t i = 0; i < sizeof sum; i++) {
        used += snprintf(text + used, 3, "%02x", sum[i]);
    }
    (void)snprintf(text + used, 8, "\"}\n");
    return text;
}

static int check(const char *text, size_t len, size_t piece, bool odd, bool extra, uint32_t crc)
{
    struct manifest *manifest = manifest_new();
    int status = SME_OK;

    err.message[0] = '\0';
    assert_int_equal(manifest_received(manifest, "base/1/2", 9, crc, &err), SME_OK);
    if (odd) {
        assert_int_equal(manifest_received(manifest, "\xff/a", 0, 0, &err), SME_OK);
    }
    if (extra) {
        assert_int_equal(manifest_received(manifest, "base/1/3", 1, 1, &err), SME_OK);
    }
    assert_int_equal(
        manifest_received(manifest, "pg_wal/000000010000000000000002", 16 * MEGABYTE, 5, &err),
        SME_OK);
    assert_int_equal(manifest_received(manifest, "base/1/2", 9, crc, &err), SME_E_CORRUPT);
    for (size_t at = 0; at < len && status == SME_OK; at += piece) {
        status = manifest_feed(manifest, text + at, len - at < piece ? len - at : piece, &err);
    }
    status = status < 0 ? status : manifest_finish(manifest, &err);
    manifest_free(manifest);
    return status;
}

static void a_manifest_that_agrees(void **state)
{
    char *text = with_sum(two_files);
    size_t len = strlen(text);

    (void)state;
    assert_int_equal(check(text, len, 1, true, false, 0xE3069283), SME_OK);
    assert_int_equal(check(text, len, 100, true, false, 0xE3069283), SME_OK);
    assert_int_equal(check(text, len, len, true, false, 0xE3069283), SME_OK);
    free(text);
}

static void a_manifest_that_does_not(void **state)
{
    char *text = with_sum(two_files);
    size_t len = strlen(text);

    (void)state;
    assert_int_equal(check(text, len, len, true, false, 1), SME_E_CORRUPT);
    assert_non_null(strstr(err.message, "'base/1/2'"));
    assert_int_equal(check(text, len, len, false, false, 0xE3069283), SME_E_CORRUPT);
    assert_non_null(strstr(err.message, "did not arrive"));
    assert_int_equal(check(text, len, len, true, true, 0xE3069283), SME_E_CORRUPT);
    assert_non_null(strstr(err.message, "not listed"));
    for (size_t cut = 0; cut < len - 3; cut++) {
        assert_int_equal(check(text, cut, len, true, false, 0xE3069283), SME_E_CORRUPT);
    }
    char *changed = strstr(text, "\"Timeline\": 1") + 12;
    *changed = '2';
    assert_int_equal(check(text, len, len, true, false, 0xE3069283), SME_E_CORRUPT);
    assert_non_null(strstr(err.message, "backup_manifest"));
    free(text);
}

static void the_log_must_be_whole(void **state)
{
    struct manifest *manifest = manifest_new();
    uint64_t segment = 16 * MEGABYTE;

    (void)state;
    assert_int_equal(manifest_check_wal(manifest, 0, 1, 1, 1, &err), SME_E_CORRUPT);
    assert_int_equal(
        manifest_received(manifest, "pg_wal/0000000100000000000000FF", segment, 0, &err), 0);
    assert_int_equal(
        manifest_received(manifest, "pg_wal/000000020000000100000000", segment, 0, &err), 0);
    uint64_t start = 0xFF * segment + 40;
    assert_int_equal(manifest_check_wal(manifest, start, start + 10, 1, 1, &err), SME_OK);
    /* Ends exactly with the segment: the next one is not needed. */
    assert_int_equal(manifest_check_wal(manifest, start, 0x100 * segment, 1, 1, &err), SME_OK);
    assert_int_equal(manifest_check_wal(manifest, start, 0x100 * segment + 1, 1, 1, &err),
                     SME_E_CORRUPT);
    assert_non_null(strstr(err.message, "100"));
    assert_int_equal(manifest_check_wal(manifest, start, 0x100 * segment + 1, 1, 2, &err), SME_OK);
    assert_int_equal(manifest_check_wal(manifest, start, start - 1, 1, 1, &err), SME_E_CORRUPT);
    manifest_free(manifest);
}

static void many_files_are_found_again(void **state)
{
    struct manifest *manifest = manifest_new();
    char path[64];
    uint64_t size = 0;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        (void)snprintf(path, sizeof path, "base/%u/%u", i % 17, i);
        assert_int_equal(manifest_received(manifest, path, i, i, &err), SME_OK);
    }
    assert_int_equal(manifest_count(manifest), 20000);
    assert_true(manifest_has(manifest, "base/7/19999", NULL) == (19999 % 17 == 7));
    (void)snprintf(path, sizeof path, "base/%u/%u", 777u % 17u, 777u);
    assert_true(manifest_has(manifest, path, &size));
    assert_int_equal(size, 777);
    manifest_free(manifest);
}

static void positions_in_the_log(void **state)
{
    uint64_t lsn = 0;

    (void)state;
    assert_true(basebackup_parse_lsn("1/2A3B4C5D", &lsn));
    assert_true(lsn == UINT64_C(0x12A3B4C5D));
    assert_false(basebackup_parse_lsn("12", &lsn));
    assert_false(basebackup_parse_lsn("/1", &lsn));
    assert_false(basebackup_parse_lsn("1/", &lsn));
    assert_false(basebackup_parse_lsn("1/123456789", &lsn));
    assert_false(basebackup_parse_lsn("1/2x", &lsn));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_has_the_published_values),
        cmocka_unit_test(crc_of_pieces_is_that_of_the_whole),
        cmocka_unit_test(an_archive_in_pieces_of_any_size),
        cmocka_unit_test(large_sizes_are_read),
        cmocka_unit_test(what_is_no_archive_is_refused),
        cmocka_unit_test(a_manifest_that_agrees),
        cmocka_unit_test(a_manifest_that_does_not),
        cmocka_unit_test(the_log_must_be_whole),
        cmocka_unit_test(many_files_are_found_again),
        cmocka_unit_test(positions_in_the_log),
    };
    return cmocka_run_group_tests_name("formats of the server", tests, NULL, NULL);
}
