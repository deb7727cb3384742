/*
 * Every maximum in one table, each with its reason.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_BASE_LIMITS_H
#define SME_BASE_LIMITS_H

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* Configuration: a file larger than this is not a configuration. */
#define LIMIT_CONFIG_BYTES (1u * 1024 * 1024)
#define LIMIT_CONFIG_SECTIONS 4096
#define LIMIT_NAME 64 /* of a source or sink: becomes part of object names */

/* Item stream: a path that Linux can hold through openat() may be longer than PATH_MAX. */
#define LIMIT_PATH (64u * 1024)
#define LIMIT_NAME_BYTES 255           /* one component, as the kernel has it */
#define LIMIT_XATTR_VALUE (64u * 1024) /* the kernel's XATTR_SIZE_MAX        */
#define LIMIT_XATTR_TOTAL (1024u * 1024)
#define LIMIT_EXTRA_VALUE (64u * 1024)   /* a fact of a source: a small picture */
#define LIMIT_EXTRAS_TOTAL (256u * 1024) /* of one item; a record has room for them */
#define LIMIT_LINK_TARGET (64u * 1024)
#define LIMIT_RECORD (4u * 1024 * 1024) /* one encoded item */

/* Chunks, blocks, packs: what a reader is willing to allocate for a number it was told. */
#define LIMIT_CHUNK (8u * 1024 * 1024)
#define LIMIT_BLOCK_PLAIN (16u * 1024 * 1024)
#define LIMIT_BLOCK_CHUNKS 65536
#define LIMIT_PACK (96u * 1024 * 1024)
#define LIMIT_PACK_BLOCKS 65536
#define LIMIT_PACK_TABLE (32u * 1024 * 1024)
#define LIMIT_INDEX_OBJECT (256u * 1024 * 1024)
#define LIMIT_SNAPSHOT_OBJECT (64u * 1024 * 1024)
#define LIMIT_DESCRIPTOR (16u * 1024)
#define LIMIT_KEY_FILE (64u * 1024)

#endif
