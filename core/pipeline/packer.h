/*
 * Packs in the making: sealed blocks of several threads gathered into packs, which leave through
 * uploader threads.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Memory is bounded: there are ${buffers} pack buffers, and packer_add() waits for one.  The first
 * failure of an upload is remembered, and every later call returns it.
 */
#ifndef SME_PIPELINE_PACKER_H
#define SME_PIPELINE_PACKER_H

#include "../repo/index.h"

struct packer_params {
    struct repo *repo;
    const struct source_keys *keys;
    const struct run_key *run;
    uint8_t type;       /* SEAL_DATA or SEAL_META */
    uint64_t pack_size; /* a pack is closed when the next block would pass it */
    unsigned buffers;   /* at least 1 */
    unsigned uploaders; /* threads; 0: the thread that closes a pack uploads it */
};

struct packer;
int packer_new(const struct packer_params *params, struct packer **ret_packer,
               struct sme_error *err);
/* Waits for uploads that have begun; what was not flushed is dropped. */
void packer_free(struct packer *packer);

/* Add a sealed block of facts->stored_len + SEAL_TAG bytes.  Any thread. */
int packer_add(struct packer *packer, const struct block_facts *facts, const uint8_t *sealed,
               struct sme_error *err);
/* Close the open pack and wait until everything is stored.  No adds at the same time. */
int packer_flush(struct packer *packer, struct sme_error *err);
/* Make every later call fail and wake whoever waits. */
void packer_poison(struct packer *packer, const struct sme_error *err);

/* What was stored so far and not taken yet, moved to the end of ${add}.  Any thread. */
int packer_take(struct packer *packer, struct index_addition *add, struct sme_error *err);
uint64_t packer_stored_bytes(const struct packer *packer);
uint64_t packer_stored_packs(const struct packer *packer);

#endif
