/*
 * "cat": the content of one file.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "../base/cancel.h"
#include "../base/cleanup.h"
#include "../base/str.h"
#include "target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where the writer is in the file: data and holes take turns. */
struct cat {
    struct cli *cli;
    struct item_view holes; /* copy whose hole section is being read */
    uint64_t until_hole;    /* bytes of data before the next hole    */
    uint64_t hole;          /* its length                            */
    bool more_holes;
    uint64_t written;
};

static int put(struct cat *cat, const void *data, size_t len)
{
    errno = 0;
    if (fwrite(data, 1, len, stdout) != len) {
        return sme_fail_errno(&cat->cli->err, SME_E_IO, "cannot write to standard output");
    }
    cat->written += len;
    return SME_OK;
}

static void next_hole(struct cat *cat)
{
    cat->more_holes = item_next_hole(&cat->holes, &cat->until_hole, &cat->hole);
}

/* Write the holes that come now. */
static int put_holes(struct cat *cat)
{
    static const char zeroes[65536];
    int status = SME_OK;

    while (cat->more_holes && cat->until_hole == 0 && status == SME_OK) {
        while (cat->hole > 0 && status == SME_OK) {
            size_t part = cat->hole < sizeof zeroes ? (size_t)cat->hole : sizeof zeroes;
            cat->hole -= part;
            status = put(cat, zeroes, part);
            if (status == SME_OK) {
                status = cancel_check(&cat->cli->err);
            }
        }
        if (status == SME_OK) {
            next_hole(cat);
        }
    }
    return status;
}

static int put_data(struct cat *cat, const uint8_t *data, size_t len)
{
    int status = put_holes(cat);

    while (len > 0 && status == SME_OK) {
        size_t part = cat->more_holes && cat->until_hole < len ? (size_t)cat->until_hole : len;
        status = put(cat, data, part);
        data += part;
        len -= part;
        if (cat->more_holes) {
            cat->until_hole -= part;
        }
        if (status == SME_OK) {
            status = put_holes(cat);
        }
    }
    return status;
}

static int put_content(struct cat *cat, struct vault *vault, const struct item_view *item)
{
    struct sme_error *err = &cat->cli->err;
    struct block_reader *lists = NULL;
    struct block_reader *reader = NULL;
    struct ref_iter refs = {.depth = 0};
    struct block_chunk ref;
    const uint8_t *data = NULL;

    int status = block_reader_new(vault, &lists, err);
    if (status == SME_OK) {
        status = block_reader_new(vault, &reader, err);
    }
    if (status == SME_OK) {
        status = ref_iter_init(&refs, lists, item, err);
    }
    while (status == SME_OK && (status = ref_iter_next(&refs, &ref, err)) > 0) {
        status = chunk_fetch(reader, &ref, &data, err);
        if (status == SME_OK) {
            status = put_data(cat, data, ref.len);
        }
        if (status == SME_OK) {
            status = cancel_check(err);
        }
    }
    ref_iter_done(&refs);
    block_reader_free(reader);
    block_reader_free(lists);
    return status == SME_OK ? put_holes(cat) : status;
}

/* The item itself: the first one at its own path. */
static int put_item(struct cat *cat, struct target *target, const char *path, size_t len)
{
    struct sme_error *err = &cat->cli->err;
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
        cat->holes = item;
        next_hole(cat);
        status = put_content(cat, target->vault, &item);
        if (status == SME_OK && cat->written != item.size) {
            status =
                sme_fail(err, SME_E_CORRUPT, "item '%s' has %llu bytes of content instead of %llu",
                         prefix, (unsigned long long)cat->written, (unsigned long long)item.size);
        }
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
    struct cat cat = {.cli = cli};
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
        put_item(&cat, &target, path, len) < 0) {
        return ferror(stdout) ? EXIT_FAILED : cli_fail(cli);
    }
    return EXIT_DONE;
}
