/*
 * What this host holds: the key file, and the keys that follow from it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A repository has a reader pair (X25519) and a 32-byte writer secret.  A full key file has
 * both; a write-only one has the writer secret and the reader's public half, which is enough to
 * back up and not enough to open anything stored.
 *
 * The key file is text.  The recovery kit is a key file with comments, so that a printed kit
 * that somebody types in again works as it is:
 *
 *     # anything behind '#' is a comment
 *     sme-backup-key 1
 *     repository     <16 bytes in base32 groups>
 *     reader-public  <32 bytes in base32 groups>
 *     writer-secret  <32 bytes in base32 groups>
 *     reader-secret  <32 bytes in base32 groups>       (absent in a write-only key file)
 *
 * Base32 groups: the value followed by the first 3 bytes of SHA-256(label || value), in base32,
 * in groups of five characters separated by '-'; case and blanks between groups do not matter;
 * values may go on over indented lines.  A wrong character is found and its line named.
 */
#ifndef SME_CRYPTO_KEYRING_H
#define SME_CRYPTO_KEYRING_H

#include "digest.h"

struct buf;

struct keyring {
    uint8_t repository[16];
    uint8_t reader_public[32];
    struct secret writer;
    struct secret reader;
    bool has_reader;
};

void keyring_done(struct keyring *keys);
/* New random repository id, pair and writer secret. */
int keyring_generate(struct keyring *ret_keys, struct sme_error *err);
/* Parse a key file.  All checks, the pair's consistency included; SME_E_KEY names line and
 * finding, never a value.  ${label}: file name for messages. */
int keyring_parse(const void *text, size_t len, const char *label, struct keyring *ret_keys,
                  struct sme_error *err);
/* Load from a file that only root or the caller may write, and nobody else read. */
int keyring_load(const char *path, struct keyring *ret_keys, struct sme_error *err);
/* Append the text form.  ${write_only}: leave out the reader secret.  ${comment}: lines to put in
 * front, each already beginning with '#', may be NULL. */
int keyring_format(const struct keyring *keys, bool write_only, const char *comment,
                   struct buf *out, struct sme_error *err);

/* HMAC key of the repository descriptor. */
int keyring_descriptor_key(const struct keyring *keys, struct secret *ret_key,
                           struct sme_error *err);

/* Keys of one source, by HKDF from the writer secret: salt = repository id, info = label || 0 ||
 * source name. */
struct source_keys {
    uint8_t repository[16];
    char source[65];
    struct secret id;      /* "chunk id": chunk ids                              */
    struct secret index;   /* "index": seals tables, index objects, snapshots' heads */
    struct secret salt;    /* "salt": makes the salts of sealed objects          */
    struct secret chunker; /* "chunker": cut points                              */
    struct secret psk;     /* "psk": HPKE                                        */
    struct secret cache;   /* "item cache": keyed hashes of paths, local only    */
};
int source_keys_derive(const struct keyring *keys, const char *source, struct source_keys *ret_keys,
                       struct sme_error *err);
void source_keys_done(struct source_keys *keys);

/* One run's key: what its HPKE context exports.  Stored as ${enc}. */
struct run_key {
    uint8_t enc[32];
    struct secret key;
};
/* info = "sme-backup run 1" || 0 || repository id || source; psk id "sme-backup writer";
 * exporter context "run key". */
int run_key_new(const struct keyring *keys, const struct source_keys *source,
                struct run_key *ret_key, struct sme_error *err);
/* Needs the reader: SME_E_KEY with "this host holds a write-only key" otherwise. */
int run_key_open(const struct keyring *keys, const struct source_keys *source,
                 const uint8_t enc[32], struct run_key *ret_key, struct sme_error *err);

#endif
