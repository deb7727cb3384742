/*
 * Credentials that do not change: environment and shared credentials file.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_SINKS_S3_CREDS_FILES_H
#define SME_SINKS_S3_CREDS_FILES_H

#include "creds_parse.h"

#include <sys/types.h>

/* The variable, or NULL if it is not set or empty. */
const char *creds_env(const char *name);

/* Keys of the environment; SME_E_NOT_FOUND if there are none. */
int creds_read_env(struct s3_keys *keys, struct sme_error *err);

/* Where a profile was looked for or found. */
struct creds_file {
    char path[512]; /* "" if there is no home directory */
    char profile[128];
    char state[64]; /* "is not there", for the list of what was looked at */
};

/*
 * Keys of a profile: option or AWS_PROFILE or "default", in option or AWS_SHARED_CREDENTIALS_FILE
 * or ~/.aws/credentials, then in AWS_CONFIG_FILE or ~/.aws/config.  SME_E_NOT_FOUND if nothing
 * was configured and there are none; whatever was configured must be there and complete.
 */
int creds_read_file(const struct sme_host *host, const struct s3_config *config,
                    struct creds_file *ret_file, struct s3_keys *keys, struct sme_error *err);

/* Is a profile or a file of credentials among the options of the sink? */
bool creds_file_is_option(const struct s3_config *config);

/*
 * Read a small file that may hold a secret: at most ${size} - 1 bytes, NUL-terminated.  The
 * length, or -1 with errno (EFBIG: longer, EINVAL: a NUL in it).  ${ret_mode} may be NULL.
 */
ssize_t creds_load(const char *path, char *out, size_t size, mode_t *ret_mode);

#endif
