/*
 * CRC-32C (Castagnoli), as the server's manifest has it.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * Polynomial 0x1EDC6F41, reflected, all ones before and after (RFC 3720, appendix B.4).
 */
#ifndef SME_POSTGRESQL_CRC32C_H
#define SME_POSTGRESQL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what ${crc} is the checksum of (0: of nothing), followed by ${data}. */
uint32_t crc32c_update(uint32_t crc, const void *data, size_t len);
/* The same without instructions of the processor; for tests. */
uint32_t crc32c_update_portable(uint32_t crc, const void *data, size_t len);

#endif
