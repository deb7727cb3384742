/*
 * Sealing of blocks and of small objects (seal.h describes the format).
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "seal.h"
#include "aead.h"
#include "../base/buf.h"
#include "../base/cleanup.h"
#include "../base/limits.h"

#define BLOCK_LABEL "sme-backup block 1"
#define OBJECT_LABEL "sme-backup object 1"
#define SALT_LABEL "sme-backup salt 1"
#define AAD_LABEL "sme1"
#define LABEL_LEN(label) (sizeof(label) - 1)

#define AAD_TYPE LABEL_LEN(AAD_LABEL) /* place of the type in the associated data */
#define AAD_MAX (LABEL_LEN(AAD_LABEL) + 1 + 16 + 4 + LIMIT_NAME + 8 + 8)
#define OBJECT_MAX LIMIT_INDEX_OBJECT /* the largest kind of object */
#define CHUNK_STEP 64                 /* chunks that go into the MAC at once */
#define CHUNK_WIRE (4 + 32)
#define CODEC_RAW 0
#define CODEC_ZSTD 1

_Static_assert(SEAL_TAG == AEAD_TAG, "one tag length");
_Static_assert(OBJECT_MAX <= AEAD_MAX, "objects fit into one message");
_Static_assert(LIMIT_BLOCK_PLAIN <= AEAD_MAX, "blocks fit into one message");

/* A MAC context that is kept as long as its key does not change. */
struct keyed_mac {
    struct secret key;
    struct mac *mac; /* NULL: none yet */
};

struct sealer {
    struct aead *aead;
    struct mac *id;
    struct mac *salt;
    struct keyed_mac block;  /* by the run's key           */
    struct keyed_mac object; /* by the key that was given  */
    size_t aad_len;
    uint8_t aad[AAD_MAX]; /* all but type and lengths stay */
};

static const uint8_t zero_nonce[AEAD_NONCE];

static void put_le32(uint8_t *out, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

static void put_le64(uint8_t *out, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

int sealer_new(const struct source_keys *keys, struct sealer **ret_sealer, struct sme_error *err)
{
    struct sealer *s = calloc(1, sizeof *s);
    if (s == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for sealing");
    int status = aead_new(&s->aead, err);
    if (status == SME_OK)
        status = mac_new(&keys->id, &s->id, err);
    if (status == SME_OK)
        status = mac_new(&keys->salt, &s->salt, err);
    if (status != SME_OK) {
        sealer_free(s);
        return status;
    }
    size_t name_len = strnlen(keys->source, LIMIT_NAME);
    uint8_t *at = s->aad;
    memcpy(at, AAD_LABEL, LABEL_LEN(AAD_LABEL));
    at += LABEL_LEN(AAD_LABEL) + 1;
    memcpy(at, keys->repository, sizeof keys->repository);
    at += sizeof keys->repository;
    put_le32(at, (uint32_t)name_len);
    at += 4;
    memcpy(at, keys->source, name_len);
    at += name_len + 16;
    s->aad_len = (size_t)(at - s->aad);
    *ret_sealer = s;
    return SME_OK;
}

static void keyed_mac_done(struct keyed_mac *slot)
{
    mac_free(slot->mac);
    slot->mac = NULL;
    secret_done(&slot->key);
}

void sealer_free(struct sealer *sealer)
{
    if (sealer == NULL)
        return;
    aead_free(sealer->aead);
    mac_free(sealer->id);
    mac_free(sealer->salt);
    keyed_mac_done(&sealer->block);
    keyed_mac_done(&sealer->object);
    free(sealer);
}

int sealer_chunk_id(struct sealer *sealer, const void *data, size_t len, struct chunk_id *ret_id)
{
    return mac_of(sealer->id, data, len, ret_id->bytes);
}

static int keyed_mac_get(struct keyed_mac *slot, const struct secret *key, struct mac **ret_mac,
                         struct sme_error *err)
{
    if (slot->mac == NULL || !secret_equal(slot->key.bytes, key->bytes, sizeof key->bytes)) {
        struct mac *mac = NULL;
        int status = mac_new(key, &mac, err);
        if (status != SME_OK)
            return status;
        keyed_mac_done(slot);
        slot->mac = mac;
        slot->key = *key;
    }
    *ret_mac = slot->mac;
    return SME_OK;
}

static void set_aad(struct sealer *s, uint8_t type, uint64_t plain_len, uint64_t stored_len)
{
    s->aad[AAD_TYPE] = type;
    put_le64(s->aad + s->aad_len - 16, plain_len);
    put_le64(s->aad + s->aad_len - 8, stored_len);
}

/* What is wrong with ${facts}, or NULL. */
static const char *examine_facts(const struct block_facts *facts)
{
    if (facts->type != SEAL_DATA && facts->type != SEAL_META)
        return "type is neither data nor meta";
    if (facts->codec != CODEC_RAW && facts->codec != CODEC_ZSTD)
        return "codec is unknown";
    if (facts->plain_len > LIMIT_BLOCK_PLAIN || facts->stored_len > LIMIT_BLOCK_PLAIN)
        return "block is too long";
    if (facts->codec == CODEC_RAW && (facts->plain_len != facts->stored_len || facts->level != 0))
        return "a raw block has one length and no level";
    if (facts->chunk_count == 0 || facts->chunk_count > LIMIT_BLOCK_CHUNKS)
        return "number of chunks is out of range";
    uint64_t sum = 0;
    for (uint32_t i = 0; i < facts->chunk_count; i++)
        sum += facts->chunks[i].len;
    return sum == facts->plain_len ? NULL : "chunks do not add up to the block";
}

static int block_key(struct sealer *s, const struct run_key *run, const struct block_facts *facts,
                     struct secret *ret_key, struct sme_error *err)
{
    struct mac *mac = NULL;
    int status = keyed_mac_get(&s->block, &run->key, &mac, err);
    if (status != SME_OK)
        return status;

    uint8_t head[LABEL_LEN(BLOCK_LABEL) + 3 + 12];
    uint8_t *at = head;
    memcpy(at, BLOCK_LABEL, LABEL_LEN(BLOCK_LABEL));
    at += LABEL_LEN(BLOCK_LABEL);
    *at++ = facts->type;
    *at++ = facts->codec;
    *at++ = facts->level;
    put_le32(at, facts->plain_len);
    put_le32(at + 4, facts->stored_len);
    put_le32(at + 8, facts->chunk_count);
    status = mac_start(mac);
    if (status == SME_OK)
        status = mac_add(mac, head, sizeof head);

    uint8_t wire[CHUNK_STEP * CHUNK_WIRE];
    for (uint32_t done = 0; done < facts->chunk_count && status == SME_OK;) {
        uint32_t left = facts->chunk_count - done;
        uint32_t step = left < CHUNK_STEP ? left : CHUNK_STEP;
        at = wire;
        for (uint32_t i = 0; i < step; i++) {
            const struct block_chunk *chunk = &facts->chunks[done + i];
            put_le32(at, chunk->len);
            memcpy(at + 4, chunk->id.bytes, sizeof chunk->id.bytes);
            at += CHUNK_WIRE;
        }
        status = mac_add(mac, wire, (size_t)(at - wire));
        done += step;
    }
    if (status == SME_OK)
        status = mac_finish(mac, ret_key->bytes);
    return status == SME_OK ? SME_OK : sme_fail(err, status, "out of memory for a block's key");
}

int seal_block(struct sealer *sealer, const struct run_key *run, const struct block_facts *facts,
               const void *in, uint8_t *out, struct sme_error *err)
{
    const char *finding = examine_facts(facts);
    if (finding != NULL)
        return sme_fail(err, SME_E_INVALID, "cannot seal a block: %s", finding);
    CLEANUP(secret_done) struct secret key = SECRET_INIT;
    int status = block_key(sealer, run, facts, &key, err);
    if (status != SME_OK)
        return status;
    set_aad(sealer, facts->type, facts->plain_len, facts->stored_len);
    status = aead_seal(sealer->aead, key.bytes, zero_nonce, sealer->aad, sealer->aad_len, in,
                       facts->stored_len, out);
    if (status != SME_OK)
        return sme_fail(err, status, "cannot seal a block of %u bytes", facts->stored_len);
    return SME_OK;
}

int open_block(struct sealer *sealer, const struct run_key *run, const struct block_facts *facts,
               const uint8_t *in, void *out, struct sme_error *err)
{
    const char *finding = examine_facts(facts);
    if (finding != NULL)
        return sme_fail(err, SME_E_CORRUPT, "sealed block does not fit its description: %s",
                        finding);
    CLEANUP(secret_done) struct secret key = SECRET_INIT;
    int status = block_key(sealer, run, facts, &key, err);
    if (status != SME_OK)
        return status;
    set_aad(sealer, facts->type, facts->plain_len, facts->stored_len);
    status = aead_open(sealer->aead, key.bytes, zero_nonce, sealer->aad, sealer->aad_len, in,
                       (size_t)facts->stored_len + SEAL_TAG, out);
    if (status == SME_E_CORRUPT)
        return sme_fail(err, status, "sealed block of %u bytes is not genuine", facts->stored_len);
    if (status != SME_OK)
        return sme_fail(err, status, "cannot open a block of %u bytes", facts->stored_len);
    return SME_OK;
}

static const char *type_name(enum seal_type type)
{
    switch (type) {
    case SEAL_PACK_TABLE:
        return "pack table";
    case SEAL_INDEX:
        return "index object";
    case SEAL_SNAPSHOT_HEAD:
        return "snapshot head";
    case SEAL_SNAPSHOT_REACH:
        return "snapshot reach list";
    case SEAL_SNAPSHOT_ROOT:
        return "snapshot root";
    case SEAL_SESSION:
        return "session marker";
    case SEAL_PENDING:
        return "pending-delete set";
    case SEAL_TOMBSTONE:
        return "tombstone";
    case SEAL_DATA:
    case SEAL_META:
        break;
    }
    return NULL; /* blocks are sealed by seal_block() */
}

static int object_key(struct sealer *s, const struct secret *given, uint8_t type,
                      const uint8_t salt[SEAL_SALT], struct secret *ret_key, struct sme_error *err)
{
    struct mac *mac = NULL;
    int status = keyed_mac_get(&s->object, given, &mac, err);
    if (status != SME_OK)
        return status;
    const struct sme_slice parts[] = {
        {OBJECT_LABEL, LABEL_LEN(OBJECT_LABEL)}, {&type, 1}, {salt, SEAL_SALT}};
    status = mac_of_slices(mac, parts, sizeof parts / sizeof parts[0], ret_key->bytes);
    return status == SME_OK ? SME_OK : sme_fail(err, status, "out of memory for an object's key");
}

int seal_object(struct sealer *sealer, const struct secret *key, enum seal_type type,
                const void *plain, size_t len, struct buf *out, struct sme_error *err)
{
    const char *name = type_name(type);
    if (name == NULL)
        return sme_fail(err, SME_E_INVALID, "cannot seal an object of type %u", (unsigned)type);
    if (len > OBJECT_MAX)
        return sme_fail(err, SME_E_INVALID, "cannot seal %s of %zu bytes: it is too long", name,
                        len);
    const uint8_t type_byte = (uint8_t)type;
    const struct sme_slice parts[] = {
        {SALT_LABEL, LABEL_LEN(SALT_LABEL)}, {&type_byte, 1}, {plain, len}};
    uint8_t salt[SEAL_SALT];
    CLEANUP(secret_done) struct secret own = SECRET_INIT;
    int status = mac_of_slices(sealer->salt, parts, sizeof parts / sizeof parts[0], salt);
    if (status != SME_OK)
        return sme_fail(err, status, "out of memory for the salt of %s", name);
    status = object_key(sealer, key, type_byte, salt, &own, err);
    if (status != SME_OK)
        return status;

    uint8_t *place = buf_grow(out, len + SEAL_OBJECT_OVERHEAD);
    if (place == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for %s of %zu bytes", name, len);
    memcpy(place, salt, SEAL_SALT);
    set_aad(sealer, type_byte, len, len);
    status = aead_seal(sealer->aead, own.bytes, zero_nonce, sealer->aad, sealer->aad_len, plain,
                       len, place + SEAL_SALT);
    if (status != SME_OK) {
        out->len -= len + SEAL_OBJECT_OVERHEAD;
        return sme_fail(err, status, "cannot seal %s of %zu bytes", name, len);
    }
    return SME_OK;
}

int open_object(struct sealer *sealer, const struct secret *key, enum seal_type type,
                const void *sealed, size_t len, struct buf *out, struct sme_error *err)
{
    const char *name = type_name(type);
    if (name == NULL)
        return sme_fail(err, SME_E_INVALID, "cannot open an object of type %u", (unsigned)type);
    if (len < SEAL_OBJECT_OVERHEAD)
        return sme_fail(err, SME_E_CORRUPT, "%s of %zu bytes is too short", name, len);
    size_t plain_len = len - SEAL_OBJECT_OVERHEAD;
    if (plain_len > OBJECT_MAX)
        return sme_fail(err, SME_E_CORRUPT, "%s of %zu bytes is too long", name, len);
    const uint8_t *salt = sealed;
    const uint8_t type_byte = (uint8_t)type;
    CLEANUP(secret_done) struct secret own = SECRET_INIT;
    int status = object_key(sealer, key, type_byte, salt, &own, err);
    if (status != SME_OK)
        return status;

    uint8_t nothing[1]; /* room for the plaintext of an empty object */
    uint8_t *place = plain_len > 0 ? buf_grow(out, plain_len) : nothing;
    if (place == NULL || out->bad)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory for %s of %zu bytes", name, plain_len);
    set_aad(sealer, type_byte, plain_len, plain_len);
    status = aead_open(sealer->aead, own.bytes, zero_nonce, sealer->aad, sealer->aad_len,
                       salt + SEAL_SALT, len - SEAL_SALT, place);
    if (status == SME_OK)
        return SME_OK;
    out->len -= plain_len;
    if (status == SME_E_CORRUPT)
        return sme_fail(err, status, "%s of %zu bytes is not genuine", name, len);
    return sme_fail(err, status, "cannot open %s of %zu bytes", name, len);
}
