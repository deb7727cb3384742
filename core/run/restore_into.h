/*
 * Handing a snapshot's items back to their source plugin ("restore --into").
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SME_RUN_RESTORE_INTO_H
#define SME_RUN_RESTORE_INTO_H

#include "../config/conf.h"
#include "../repo/reader.h"

/* One value of the command line; the plugin's table of restore options says what it means. */
struct restore_value {
    const char *name;
    const char *text; /* NULL: not given */
};

struct restore_into_request {
    const struct conf *conf;
    const struct conf_source *configured; /* NULL: the source is not configured here */
    const char *source;
    struct vault *vault;
    struct snapshot *snapshot; /* root opened */
    const struct restore_value *values;
    size_t value_count;
    uint32_t flags;   /* SME_RESTORE_*                        */
    unsigned threads; /* that fetch ahead; 0: a few           */
    void (*progress)(void *cookie, uint64_t items, uint64_t bytes);
    /* Something that could not be taken back; the rest goes on.  Any thread, one at a time. */
    void (*problem)(void *cookie, const char *path, size_t path_len, const char *text);
    void *cookie;
};

struct restore_into_result {
    uint64_t items; /* that the plugin wanted */
    uint64_t bytes;
    int64_t elapsed_ns;
};

/* SME_OK also when problem() was called.  SME_E_UNSUPPORTED: the plugin cannot, or does not know
 * one of the values. */
int restore_into(const struct restore_into_request *request, struct restore_into_result *ret_result,
                 struct sme_error *err);

#endif
