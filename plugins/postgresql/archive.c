/*
 * The head of a custom-format archive of pg_dump.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "archive.h"

#define MAGIC "PGDMP"
#define MAGIC_LEN 5
#define AT_MAJOR 5
#define AT_MINOR 6
#define AT_INT_SIZE 8
#define AT_OFFSET_SIZE 9
#define AT_FORMAT 10

#define MAJOR 1
#define MINOR_LEAST 12 /* PostgreSQL 9.0 */
#define FORMAT_CUSTOM 1

static int refuse(struct sme_error *err, const char *what, const char *why)
{
    (void)sme_fail(err, SME_E_CORRUPT, "'%s' is not an archive of pg_dump: %s", what, why);
    if (err != NULL) {
        (void)snprintf(err->hint, sizeof err->hint,
                       "run 'pg_dump -Fc' by hand and look at what it writes: bin_dir may point at "
                       "another program");
    }
    return SME_E_CORRUPT;
}

int archive_check_head(const uint8_t *head, size_t len, const char *what, struct sme_error *err)
{
    if (len < ARCHIVE_HEAD) {
        return refuse(err, what, len == 0 ? "it is empty" : "it ends within its head");
    }
    if (memcmp(head, MAGIC, MAGIC_LEN) != 0) {
        return refuse(err, what, "it does not begin with 'PGDMP'");
    }
    if (head[AT_MAJOR] != MAJOR || head[AT_MINOR] < MINOR_LEAST) {
        return refuse(err, what, "the version of its format is not known");
    }
    if ((head[AT_INT_SIZE] != 4 && head[AT_INT_SIZE] != 8) ||
        (head[AT_OFFSET_SIZE] != 4 && head[AT_OFFSET_SIZE] != 8)) {
        return refuse(err, what, "the sizes in its head make no sense");
    }
    if (head[AT_FORMAT] != FORMAT_CUSTOM) {
        return refuse(err, what, "it is not in the custom format");
    }
    return SME_OK;
}
