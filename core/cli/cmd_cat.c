/*
 * "cat": the content of one file.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cleanup.h"
#include "../base/str.h"
#include "../pipeline/item_content.h"
#include "target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Ranges that are fetched ahead: what a distant store needs to be read at its speed. */
#define FETCHERS 4

static int put(void *cookie, const void *data, size_t len, struct sme_error *err)
{
    (void)cookie;
    errno = 0;
    if (fwrite(data, 1, len, stdout) != len) {
        return sme_fail_errno(err, SME_E_IO, "cannot write to standard output");
    }
    return SME_OK;
}

/* The item itself: the first one at its own path. */
static int put_item(struct cli *cli, struct target *target, const char *path, size_t len)
{
    struct sme_error *err = &cli->err;
    CLEANUP(free_ptr) char *prefix = strndup(path, len);
    struct item_iter *iter = NULL;
    struct item_view item;

    if (prefix == NULL) {
        return sme_fail(err, SME_E_NO_MEMORY, "no memory for a path");
    }
    int status = item_iter_new(target->vault, target->snapshot, prefix, &iter, err);
    if (status == SME_OK) {
        status = item_iter_next(iter, &item, err);
    }
    if (status == 0 ||
        (status > 0 && (item.path_len != len || memcmp(item.path, path, len) != 0))) {
        char shown[256];
        (void)sme_fail(err, SME_E_NOT_FOUND, "snapshot %s of '%s' has no '%s'",
                       target->snapshot->head.name, target->source,
                       str_escape(path, len, shown, sizeof shown));
        status = error_hint(err, "'sme-backup ls %s' lists what it has", target->source);
    } else if (status > 0 && item.type != SME_ITEM_FILE) {
        char shown[256];
        status = sme_fail(err, SME_E_INVALID, "'%s' is not a file",
                          str_escape(path, len, shown, sizeof shown));
    } else if (status > 0 && (item.flags & ITEM_FAILED) != 0) {
        char shown[256];
        status = sme_fail(err, SME_E_IO, "'%s' could not be read when it was backed up",
                          str_escape(path, len, shown, sizeof shown));
        (void)error_hint(err, "take it from another snapshot");
    } else if (status > 0) {
        status = item_content_send(target->vault, &item, FETCHERS, put, NULL, err);
    }
    item_iter_free(iter);
    return status;
}

/* A path as users write it ("/etc/x", "./x") as the item stream has it. */
static const char *trim(const char *path)
{
    while (path[0] == '/' || (path[0] == '.' && path[1] == '/')) {
        path++;
    }
    return path;
}

enum exit_code cmd_cat(struct cli *cli)
{
    CLEANUP(target_close) struct target target = {.sink = NULL};
    const char *path = trim(cli->args.words[1]);
    size_t len = strlen(path);

    if (cli->json) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "command 'cat' has no JSON output");
        return cli_fail(cli);
    }
    if (len == 0) {
        (void)sme_fail(&cli->err, SME_E_INVALID, "'%s' is not the path of a file",
                       cli->args.words[1]);
        return cli_fail(cli);
    }
    if (target_open(cli, cli->args.words[0], &target) < 0 ||
        put_item(cli, &target, path, len) < 0) {
        return ferror(stdout) ? EXIT_FAILED : cli_fail(cli);
    }
    return EXIT_DONE;
}
