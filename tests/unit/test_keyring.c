/*
 * Tests of core/crypto/keyring.c and keyfile.c: key files, and the keys that follow from them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The pinned values come from tests/data/seal/golden.py, a second implementation.
 */
#include "../../core/crypto/keyring.h"
#include "../../core/base/buf.h"
#include "../../core/base/hex.h"
#include "../../core/base/limits.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define MAGIC_LINE "sme-backup-key 1\n"
#define REPOSITORY_LINE "repository     AAAQE-AYEAU-DAOCA-JBIFQ-YDIOB-6OOIR-I\n"
#define PUBLIC_LINE                                                                                \
    "reader-public  M5O5K-5HNO6-ETCCZ-5FZ3I-D43ZB-NDGY5-Z3CUQ\n"                                   \
    "               75TZW-K54VQ-NY6UU-XRO7D-P\n"
#define WRITER_LINE                                                                                \
    "writer-secret  EAQSE-IZEEU-TCOKB-JFIVS-YLJOF-4YDCM-RTGQ2\n"                                   \
    "               TMNZY-HE5DW-PB5HY-74L2M-K\n"
#define READER_LINE                                                                                \
    "reader-secret  MBQWE-Y3EMV-TGO2D-JNJVW-Y3LON-5YHC4-TTOR2\n"                                   \
    "               XM53Y-PF5HW-7D5PZ-73KZP-B\n"
#define WRITE_ONLY_TEXT MAGIC_LINE REPOSITORY_LINE PUBLIC_LINE WRITER_LINE
#define FULL_TEXT WRITE_ONLY_TEXT READER_LINE

/* The keys that FULL_TEXT holds, but for the public one. */
static void fill(struct keyring *keys)
{
    memset(keys, 0, sizeof *keys);
    for (size_t i = 0; i < 32; i++) {
        if (i < 16)
            keys->repository[i] = (uint8_t)i;
        keys->writer.bytes[i] = (uint8_t)(0x20 + i);
        keys->reader.bytes[i] = (uint8_t)(0x60 + i);
    }
    keys->has_reader = true;
}

static int parse(const char *text, struct keyring *keys, struct sme_error *err)
{
    return keyring_parse(text, strlen(text), "k", keys, err);
}

static void full_and_write_only_files(void **state)
{
    (void)state;
    struct keyring wanted, keys;
    struct sme_error err = SME_ERROR_INIT;
    fill(&wanted);
    assert_int_equal(parse(FULL_TEXT, &keys, &err), SME_OK);
    assert_memory_equal(keys.repository, wanted.repository, 16);
    assert_memory_equal(keys.writer.bytes, wanted.writer.bytes, 32);
    assert_memory_equal(keys.reader.bytes, wanted.reader.bytes, 32);
    assert_true(keys.has_reader);

    struct keyring half;
    assert_int_equal(parse(WRITE_ONLY_TEXT, &half, &err), SME_OK);
    assert_false(half.has_reader);
    assert_memory_equal(half.writer.bytes, wanted.writer.bytes, 32);
    assert_memory_equal(half.reader_public, keys.reader_public, 32);
    static const uint8_t zero[32];
    assert_memory_equal(half.reader.bytes, zero, 32);
    keyring_done(&keys);
    assert_memory_equal(keys.writer.bytes, zero, 32);
    assert_memory_equal(keys.reader.bytes, zero, 32);
}

static void what_a_person_types_is_understood(void **state)
{
    (void)state;
    struct keyring wanted, keys;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(parse(FULL_TEXT, &wanted, &err), SME_OK);
    /* Lower case, other order, blanks, comments, no groups, carriage returns, no last newline. */
    static const char text[] =
        "# Recovery kit\r\n"
        "\n"
        "   # indented comment\n"
        "  sme-backup-key\t1   # the first line\r\n"
        "reader-secret\n"
        "\tmbqwe-y3emv tgo2d jnjvw   -y3lon-5yhc4-ttor2 # first half\r\n"
        "\n"
        "# between\n"
        "  xm53ypf5hw7d5pz73kzpb\n"
        "writer-secret EAQSEIZEEUTCOKBJFIVSYLJOF4YDCMRTGQ2TMNZYHE5DWPB5HY74L2MK\n"
        "reader-public M5O5K5HNO6ETCCZ5FZ3ID43ZBNDGY5Z3CUQ\n"
        " 75TZ\n"
        " WK54VQNY6UUXRO7DP\n"
        "repository AAAQE-AYEAU-DAOCA-JBIFQ-YDIOB-6OOIR-I";
    assert_int_equal(parse(text, &keys, &err), SME_OK);
    assert_memory_equal(&keys, &wanted, sizeof keys);
}

static void text_round_trip(void **state)
{
    (void)state;
    struct keyring keys, again;
    struct sme_error err = SME_ERROR_INIT;
    struct buf out = BUF_INIT(LIMIT_KEY_FILE);
    assert_int_equal(parse(FULL_TEXT, &keys, &err), SME_OK);
    assert_int_equal(keyring_format(&keys, false, NULL, &out, &err), SME_OK);
    assert_string_equal(buf_text(&out), FULL_TEXT);
    buf_clear(&out);
    assert_int_equal(keyring_format(&keys, true, "# one\n# two", &out, &err), SME_OK);
    assert_string_equal(buf_text(&out), "# one\n# two\n" WRITE_ONLY_TEXT);

    for (unsigned i = 0; i < 5; i++) {
        buf_clear(&out);
        assert_int_equal(keyring_generate(&keys, &err), SME_OK);
        assert_true(keys.has_reader);
        assert_int_equal(keyring_format(&keys, false, "# x\n", &out, &err), SME_OK);
        assert_int_equal(keyring_parse(out.data, out.len, "k", &again, &err), SME_OK);
        assert_memory_equal(keys.repository, again.repository, 16);
        assert_memory_equal(keys.reader_public, again.reader_public, 32);
        assert_memory_equal(keys.writer.bytes, again.writer.bytes, 32);
        assert_memory_equal(keys.reader.bytes, again.reader.bytes, 32);
    }
    buf_wipe(&out);
}

static void generated_keys_differ(void **state)
{
    (void)state;
    struct keyring one, other;
    assert_int_equal(keyring_generate(&one, NULL), SME_OK);
    assert_int_equal(keyring_generate(&other, NULL), SME_OK);
    assert_memory_not_equal(one.repository, other.repository, 16);
    assert_memory_not_equal(one.writer.bytes, other.writer.bytes, 32);
    assert_memory_not_equal(one.reader.bytes, other.reader.bytes, 32);
    assert_memory_not_equal(one.reader_public, other.reader_public, 32);
    assert_memory_not_equal(one.reader.bytes, one.writer.bytes, 32);
}

static void formatting_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct keyring keys;
    struct sme_error err = SME_ERROR_INIT;
    struct buf out = BUF_INIT(LIMIT_KEY_FILE);
    assert_int_equal(parse(WRITE_ONLY_TEXT, &keys, &err), SME_OK);
    assert_int_equal(keyring_format(&keys, false, NULL, &out, &err), SME_E_KEY);
    assert_string_equal(err.message, "this host holds a write-only key: there is no reader secret "
                                     "to write");
    assert_int_equal(keyring_format(&keys, true, "# fine\nnot fine\n", &out, &err), SME_E_INVALID);
    assert_string_equal(err.message,
                        "a comment for a key file has a line that does not begin with '#'");
    assert_int_equal(out.len, 0);
    buf_free(&out);
    struct buf small = BUF_INIT(40);
    assert_int_equal(keyring_format(&keys, true, NULL, &small, &err), SME_E_NO_MEMORY);
    assert_string_equal(err.message, "out of memory for a key file");
    buf_free(&small);
}

static void broken_files_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
        const char *hint; /* part of it, or NULL: none */
    } cases[] = {
        {"", "k: key file is empty", "recovery kit"},
        {"# only a comment\n", "k: key file is empty", "recovery kit"},
        {"[sink offsite]\n",
         "k:1: this is not a key file: it does not begin with 'sme-backup-key 1'", "init"},
        {REPOSITORY_LINE MAGIC_LINE,
         "k:1: this is not a key file: it does not begin with 'sme-backup-key 1'", "init"},
        {"sme-backup-key 2\n", "k:1: version of this key file is not '1'", "newer"},
        {"\nsme-backup-key\n", "k:2: version of this key file is not '1'", "newer"},
        {"sme-backup-key 1 2\n", "k:1: version of this key file is not '1'", "newer"},
        {MAGIC_LINE MAGIC_LINE, "k:2: line begins with an unknown word", "known are"},
        {MAGIC_LINE REPOSITORY_LINE "frobnicate AAAAA\n", "k:3: line begins with an unknown word",
         "indented"},
        {MAGIC_LINE "Repository AAAAA\n", "k:2: line begins with an unknown word", "known are"},
        {MAGIC_LINE "  AAAAA\n",
         "k:2: line begins with a blank, but there is no value to go on with", NULL},
        {MAGIC_LINE REPOSITORY_LINE REPOSITORY_LINE,
         "k:3: 'repository' stands a second time (first in line 2)", NULL},
        {MAGIC_LINE PUBLIC_LINE WRITER_LINE, "k: 'repository' is missing", "recovery kit"},
        {MAGIC_LINE REPOSITORY_LINE WRITER_LINE, "k: 'reader-public' is missing", "recovery kit"},
        {MAGIC_LINE REPOSITORY_LINE PUBLIC_LINE READER_LINE, "k: 'writer-secret' is missing",
         "recovery kit"},
        {MAGIC_LINE "repository     AAAQE-AYEAU-DAOCA-JBIFQ-YDIOB-6OOIR\n" PUBLIC_LINE WRITER_LINE,
         "k:2: 'repository' has 30 characters instead of 31", NULL},
        {MAGIC_LINE "repository\n" PUBLIC_LINE WRITER_LINE,
         "k:2: 'repository' has 0 characters instead of 31", NULL},
        {MAGIC_LINE "repository     AAAQE-AYEAU-DAOCA-JBIFQ-YDIOB-6OOIR-IA\n",
         "k:2: 'repository' is longer than 31 characters", NULL},
        {MAGIC_LINE "repository     AAAQE-AYEAU-DAOCA-JB1FQ-YDIOB-6OOIR-I\n",
         "k:2: character 18 of 'repository' is not a letter or a digit from 2 to 7", "I or L"},
        {MAGIC_LINE "repository     AAAQE-AYEAU\n  DAOCA-JBIFQ=\n",
         "k:3: character 21 of 'repository' is not a letter or a digit from 2 to 7", "no 0, 1"},
        {MAGIC_LINE
         "repository     AAAQE-AYEAU-DAOCA-JBIFQ-YDIOB-6OOIR-J\n" PUBLIC_LINE WRITER_LINE,
         "k:2: checksum of 'repository' does not match: a character is wrong", "one by one"},
        {MAGIC_LINE REPOSITORY_LINE PUBLIC_LINE
         "writer-secret  EAQSE-IZEEU-TCOKB-JFIVS-YLJOF-4YDCM-RTGQ2\n"
         "               TMNZY-HE5DW-PB6HY-74L2M-K\n",
         "k:5: checksum of 'writer-secret' does not match: a character is wrong", "one by one"},
        /* A value under another keyword: the checksum knows its keyword. */
        {MAGIC_LINE REPOSITORY_LINE PUBLIC_LINE
         "writer-secret  MBQWE-Y3EMV-TGO2D-JNJVW-Y3LON-5YHC4-TTOR2-XM53Y-PF5HW-7D5PZ-73KZP-B\n",
         "k:5: checksum of 'writer-secret' does not match: a character is wrong", "one by one"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sme_error err = SME_ERROR_INIT;
        struct keyring keys, untouched;
        memset(&keys, 0xee, sizeof keys);
        memset(&untouched, 0xee, sizeof untouched);
        assert_int_equal(parse(cases[i].text, &keys, &err), SME_E_KEY);
        assert_string_equal(err.message, cases[i].message);
        if (cases[i].hint != NULL)
            assert_non_null(strstr(err.hint, cases[i].hint));
        else
            assert_string_equal(err.hint, "");
        assert_memory_equal(&keys, &untouched, sizeof keys);
    }
}

static void reader_secret_must_belong_to_reader_public(void **state)
{
    (void)state;
    struct keyring keys, stranger;
    struct sme_error err = SME_ERROR_INIT;
    struct buf out = BUF_INIT(LIMIT_KEY_FILE);
    assert_int_equal(parse(FULL_TEXT, &keys, &err), SME_OK);
    assert_int_equal(keyring_generate(&stranger, &err), SME_OK);
    keys.reader = stranger.reader;
    assert_int_equal(keyring_format(&keys, false, NULL, &out, &err), SME_OK);
    assert_int_equal(keyring_parse(out.data, out.len, "k", &stranger, &err), SME_E_KEY);
    assert_string_equal(err.message, "k:7: 'reader-secret' does not belong to 'reader-public'");
    buf_wipe(&out);
}

/* Each single character of each value, replaced by another: always noticed. */
static void every_wrong_character_is_noticed(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char text[] = FULL_TEXT;
    size_t checked = 0;
    for (size_t i = strlen(MAGIC_LINE); i < sizeof text - 1; i++) {
        char was = text[i];
        if (was == '\0' || strchr(alphabet, was) == NULL)
            continue;
        for (size_t k = 0; k < 32; k += 5) {
            if (alphabet[k] == was)
                continue;
            struct keyring keys;
            struct sme_error err = SME_ERROR_INIT;
            text[i] = alphabet[k];
            assert_int_equal(parse(text, &keys, &err), SME_E_KEY);
            assert_non_null(strstr(err.message, "checksum of '"));
            checked++;
        }
        text[i] = was;
    }
    assert_true(checked > 1000);
}

static void bytes_that_are_not_text_are_refused(void **state)
{
    (void)state;
    struct keyring keys;
    struct sme_error err = SME_ERROR_INIT;
    char text[] = FULL_TEXT;
    text[strlen(MAGIC_LINE) + 20] = '\0';
    assert_int_equal(keyring_parse(text, sizeof text - 1, "k", &keys, &err), SME_E_KEY);
    assert_non_null(strstr(err.message, "is not a letter or a digit"));
    assert_int_equal(keyring_parse("\0\0\0", 3, "k", &keys, &err), SME_E_KEY);
    assert_non_null(strstr(err.message, "not a key file"));
    static char large[LIMIT_KEY_FILE + 1];
    memset(large, '\n', sizeof large);
    assert_int_equal(keyring_parse(large, sizeof large, "k", &keys, &err), SME_E_KEY);
    assert_string_equal(err.message, "k: larger than a key file can be (65536 bytes)");
    assert_int_equal(keyring_parse(large, sizeof large - 1, "k", &keys, &err), SME_E_KEY);
    assert_string_equal(err.message, "k: key file is empty");
}

/* Files. */

static char folder[4000];

static int make_folder(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/test_keyring.XXXXXX", tmp != NULL ? tmp : "/tmp");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void write_file(const char *path, const char *text, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void loading_a_file(void **state)
{
    (void)state;
    char path[4096], link[4096], message[4300];
    struct keyring keys;
    struct sme_error err = SME_ERROR_INIT;
    (void)snprintf(path, sizeof path, "%s/a.key", folder);
    (void)snprintf(link, sizeof link, "%s/link.key", folder);

    assert_int_equal(keyring_load(path, &keys, &err), SME_E_KEY);
    (void)snprintf(message, sizeof message, "key file '%s' does not exist", path);
    assert_string_equal(err.message, message);
    assert_string_equal(err.hint,
                        "run 'sme-backup init', or restore the key file from the recovery kit");

    write_file(path, FULL_TEXT, strlen(FULL_TEXT), 0600);
    assert_int_equal(keyring_load(path, &keys, &err), SME_OK);
    assert_true(keys.has_reader);
    keyring_done(&keys);
    assert_int_equal(symlink("a.key", link), 0);
    assert_int_equal(keyring_load(link, &keys, &err), SME_OK);
    assert_int_equal(unlink(link), 0);

    write_file(path, "nonsense\n", 9, 0600);
    assert_int_equal(keyring_load(path, &keys, &err), SME_E_KEY);
    (void)snprintf(message, sizeof message,
                   "%s:1: this is not a key file: it does not begin with 'sme-backup-key 1'", path);
    assert_string_equal(err.message, message);
    assert_int_equal(unlink(path), 0);
}

static void files_that_others_could_read_are_refused(void **state)
{
    (void)state;
    char path[4096];
    static const mode_t modes[] = {0640, 0604, 0620, 0602};
    (void)snprintf(path, sizeof path, "%s/open.key", folder);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct keyring keys;
        struct sme_error err = SME_ERROR_INIT;
        write_file(path, FULL_TEXT, strlen(FULL_TEXT), modes[i]);
        assert_true(keyring_load(path, &keys, &err) < 0);
        assert_non_null(strstr(err.message, "key file"));
        assert_non_null(strstr(err.message, path));
    }
    assert_int_equal(unlink(path), 0);
}

static void what_is_not_a_file_is_refused(void **state)
{
    (void)state;
    char path[4096], message[4300];
    struct keyring keys;
    struct sme_error err = SME_ERROR_INIT;
    (void)snprintf(path, sizeof path, "%s/fifo", folder);
    (void)snprintf(message, sizeof message, "key file '%s' is not a regular file", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(keyring_load(path, &keys, &err), SME_E_KEY);
    assert_string_equal(err.message, message);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(keyring_load(path, &keys, &err), SME_E_KEY);
    assert_string_equal(err.message, message);
    assert_int_equal(rmdir(path), 0);

    static char large[LIMIT_KEY_FILE + 10];
    memset(large, '#', sizeof large);
    write_file(path, large, sizeof large, 0600);
    assert_int_equal(keyring_load(path, &keys, &err), SME_E_KEY);
    assert_non_null(strstr(err.message, "larger than a key file can be"));
    assert_int_equal(unlink(path), 0);
}

/* Derived keys. */

static void assert_key(const struct secret *key, const char *wanted)
{
    char text[65];
    hex_encode(key->bytes, 32, text);
    assert_string_equal(text, wanted);
}

static void derived_keys_are_pinned(void **state)
{
    (void)state;
    struct keyring keys;
    struct source_keys source;
    struct secret key = SECRET_INIT;
    fill(&keys);
    assert_int_equal(source_keys_derive(&keys, "documents", &source, NULL), SME_OK);
    assert_string_equal(source.source, "documents");
    assert_memory_equal(source.repository, keys.repository, 16);
    assert_key(&source.id, "08a3bbca9e6294dcf7697a9eed33bc599df6a83bfb7ea59999f0b1da528f0a07");
    assert_key(&source.index, "57e814bda7dabbce9e217f0b18249992000b5bcb888360b7b477fe101a53b824");
    assert_key(&source.salt, "4e527b2ef6801c8073f0bae01d30c8adf6b96b99af12721ef20922e4e7a22b76");
    assert_key(&source.chunker, "81137e7364309d68b5f7b6b91a217edf261c5fe07ad449d38e32b742a00fbe36");
    assert_key(&source.psk, "13005a94784a4511185dd2da6a537597f770ac08493b6a82c71031d70cc57719");
    assert_key(&source.cache, "5f3db7d0a7362fe3e32437618f83f46208679dc35f2e96976c88e37d5b3df775");
    assert_int_equal(keyring_descriptor_key(&keys, &key, NULL), SME_OK);
    assert_key(&key, "85d288ded89a44f5cc7a4fae2662b8aeb9e5e0f26d3d58d6a0d2b5a74c1eb09e");
    source_keys_done(&source);
    static const struct source_keys zero;
    assert_memory_equal(&source, &zero, sizeof zero);
}

static void each_source_and_repository_has_its_own_keys(void **state)
{
    (void)state;
    struct keyring keys;
    struct source_keys one, other;
    fill(&keys);
    assert_int_equal(source_keys_derive(&keys, "documents", &one, NULL), SME_OK);
    assert_int_equal(source_keys_derive(&keys, "document", &other, NULL), SME_OK);
    assert_memory_not_equal(one.id.bytes, other.id.bytes, 32);
    assert_memory_not_equal(one.psk.bytes, other.psk.bytes, 32);
    keys.repository[15] ^= 1;
    assert_int_equal(source_keys_derive(&keys, "documents", &other, NULL), SME_OK);
    assert_memory_not_equal(one.id.bytes, other.id.bytes, 32);
}

static void source_names_are_checked(void **state)
{
    (void)state;
    struct keyring keys;
    struct source_keys source;
    struct sme_error err = SME_ERROR_INIT;
    char name[LIMIT_NAME + 2];
    fill(&keys);
    memset(name, 'n', sizeof name);
    name[LIMIT_NAME + 1] = '\0';
    assert_int_equal(source_keys_derive(&keys, name, &source, &err), SME_E_INVALID);
    assert_non_null(strstr(err.message, "is too long"));
    name[LIMIT_NAME] = '\0';
    assert_int_equal(source_keys_derive(&keys, name, &source, &err), SME_OK);
    assert_string_equal(source.source, name);
    assert_int_equal(source_keys_derive(&keys, "", &source, &err), SME_E_INVALID);
    assert_string_equal(err.message, "cannot derive keys for a source without a name");
}

/* Keys of runs. */

static void run_keys_open_with_the_reader_only(void **state)
{
    (void)state;
    struct keyring full, half, stranger;
    struct source_keys source, elsewhere;
    struct run_key made, again, opened;
    struct sme_error err = SME_ERROR_INIT;
    assert_int_equal(parse(FULL_TEXT, &full, &err), SME_OK);
    assert_int_equal(parse(WRITE_ONLY_TEXT, &half, &err), SME_OK);
    assert_int_equal(source_keys_derive(&full, "documents", &source, &err), SME_OK);
    assert_int_equal(source_keys_derive(&full, "photos", &elsewhere, &err), SME_OK);

    assert_int_equal(run_key_new(&half, &source, &made, &err), SME_OK);
    assert_int_equal(run_key_new(&half, &source, &again, &err), SME_OK);
    assert_memory_not_equal(made.enc, again.enc, 32);
    assert_memory_not_equal(made.key.bytes, again.key.bytes, 32);
    assert_int_equal(run_key_open(&full, &source, made.enc, &opened, &err), SME_OK);
    assert_memory_equal(&opened, &made, sizeof made);

    memset(&again, 0xee, sizeof again);
    opened = again;
    assert_int_equal(run_key_open(&half, &source, made.enc, &opened, &err), SME_E_KEY);
    assert_string_equal(err.message, "this host holds a write-only key: stored data of source "
                                     "'documents' cannot be opened");
    assert_non_null(strstr(err.hint, "recovery kit"));
    assert_memory_equal(&opened, &again, sizeof opened);

    /* Another source, or another repository's keys: another key, which opens nothing. */
    assert_int_equal(run_key_open(&full, &elsewhere, made.enc, &opened, &err), SME_OK);
    assert_memory_not_equal(opened.key.bytes, made.key.bytes, 32);
    assert_int_equal(keyring_generate(&stranger, &err), SME_OK);
    assert_int_equal(run_key_open(&stranger, &source, made.enc, &opened, &err), SME_OK);
    assert_memory_not_equal(opened.key.bytes, made.key.bytes, 32);

    static const uint8_t nothing[32];
    opened = again;
    assert_int_equal(run_key_open(&full, &source, nothing, &opened, &err), SME_E_KEY);
    assert_non_null(strstr(err.message, "cannot open the key of a run of source 'documents'"));
    assert_memory_equal(&opened, &again, sizeof opened);
    memset(half.reader_public, 0, 32);
    assert_int_equal(run_key_new(&half, &source, &opened, &err), SME_E_KEY);
    assert_non_null(strstr(err.message, "cannot make a key for this run"));
    assert_memory_equal(&opened, &again, sizeof opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_and_write_only_files),
        cmocka_unit_test(what_a_person_types_is_understood),
        cmocka_unit_test(text_round_trip),
        cmocka_unit_test(generated_keys_differ),
        cmocka_unit_test(formatting_is_refused_with_a_reason),
        cmocka_unit_test(broken_files_are_explained),
        cmocka_unit_test(reader_secret_must_belong_to_reader_public),
        cmocka_unit_test(every_wrong_character_is_noticed),
        cmocka_unit_test(bytes_that_are_not_text_are_refused),
        cmocka_unit_test(loading_a_file),
        cmocka_unit_test(files_that_others_could_read_are_refused),
        cmocka_unit_test(what_is_not_a_file_is_refused),
        cmocka_unit_test(derived_keys_are_pinned),
        cmocka_unit_test(each_source_and_repository_has_its_own_keys),
        cmocka_unit_test(source_names_are_checked),
        cmocka_unit_test(run_keys_open_with_the_reader_only),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
