/*
 * The options that say which photos are meant.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "photo_args.h"

#include "../base/cleanup.h"

#include <string.h>

const char *photo_args_given(const struct args *args)
{
    static const enum option_id ids[] = {OPT_TAKEN,  OPT_CAMERA, OPT_LENS, OPT_KEYWORD,
                                         OPT_RATING, OPT_NEAR,   OPT_KIND, OPT_DAMAGED};

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (args->given[ids[i]] > 0) {
            return option_names[ids[i]].name;
        }
    }
    return NULL;
}

int photo_args_filter(struct cli *cli, struct photo_filter *ret_filter)
{
    CLEANUP(photo_filter_done)
    struct photo_filter filter = {.damaged = cli->args.given[OPT_DAMAGED] > 0};
    const char *const *value = cli->args.value;
    struct sme_error *err = &cli->err;

    if ((value[OPT_TAKEN] != NULL && photo_filter_taken(&filter, value[OPT_TAKEN], err) < 0) ||
        (value[OPT_RATING] != NULL && photo_filter_rating(&filter, value[OPT_RATING], err) < 0) ||
        (value[OPT_NEAR] != NULL && photo_filter_near(&filter, value[OPT_NEAR], err) < 0) ||
        (value[OPT_KIND] != NULL && photo_filter_kind(&filter, value[OPT_KIND], err) < 0) ||
        (value[OPT_CAMERA] != NULL &&
         photo_filter_word(&filter.camera, "camera", value[OPT_CAMERA], err) < 0) ||
        (value[OPT_LENS] != NULL &&
         photo_filter_word(&filter.lens, "lens", value[OPT_LENS], err) < 0) ||
        (value[OPT_KEYWORD] != NULL &&
         photo_filter_word(&filter.keyword, "keyword", value[OPT_KEYWORD], err) < 0)) {
        return err->status;
    }
    *ret_filter = filter;
    memset(&filter, 0, sizeof filter);
    return SME_OK;
}
