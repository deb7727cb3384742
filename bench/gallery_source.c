/*
 * A source of made-up photos for bench/gallery: as many as are asked for, over twenty years, with
 * the facts that the photos source would tell of them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "sme-backup/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct made_config {
    int64_t items;
    const char *previews; /* file with a preview in base64 per line */
};

static const struct sme_option options[] = {
    SME_OPTION_INT(struct made_config, items, "items", 0, "1000", 0, 10000000, "How many."),
    SME_OPTION_PATH(struct made_config, previews, "previews", 0, NULL,
                    "File with a preview in base64 per line."),
};

struct made {
    const struct made_config *config;
    char **previews;
    size_t preview_count;
    int64_t next;
    uint64_t left;
    char path[64], taken[32], lat[24], lon[24], keywords[64];
    struct sme_extra extras[16];
};

static void made_destroy(void *handle)
{
    struct made *made = handle;

    for (size_t i = 0; made != NULL && i < made->preview_count; i++)
        free(made->previews[i]);
    if (made != NULL)
        free(made->previews);
    free(made);
}

static int read_previews(struct made *made, struct sme_error *err)
{
    FILE *file = fopen(made->config->previews, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    if (file == NULL)
        return sme_fail_errno(err, SME_E_IO, "cannot open '%s'", made->config->previews);
    while ((len = getline(&line, &size, file)) > 1) {
        char **grown = reallocarray(made->previews, made->preview_count + 1, sizeof *grown);
        if (grown == NULL)
            break;
        made->previews = grown;
        line[len - 1] = '\0';
        made->previews[made->preview_count++] = line;
        line = NULL;
        size = 0;
    }
    free(line);
    (void)fclose(file);
    return made->preview_count > 0
               ? SME_OK
               : sme_fail(err, SME_E_INVALID, "'%s' has no previews", made->config->previews);
}

static int made_create(const struct sme_host *host, const void *config, void **ret_handle,
                       struct sme_error *err)
{
    struct made *made = calloc(1, sizeof *made);

    (void)host;
    if (made == NULL)
        return sme_fail(err, SME_E_NO_MEMORY, "out of memory");
    made->config = config;
    if (made->config->previews != NULL) {
        int status = read_previews(made, err);
        if (status < 0) {
            made_destroy(made);
            return status;
        }
    }
    *ret_handle = made;
    return SME_OK;
}

static int made_begin(void *handle, const struct sme_run *run, struct sme_error *err)
{
    struct made *made = handle;

    (void)run;
    (void)err;
    made->next = 0;
    return SME_OK;
}

static int made_next(void *handle, struct sme_item *item, struct sme_error *err)
{
    static const char *const cameras[] = {"FUJIFILM X-T4", "Canon EOS R6", "Apple iPhone 13"};
    static const char *const lenses[] = {"XF16-55mmF2.8", "RF24-105mm F4 L", "iPhone 13 back"};
    struct made *made = handle;
    int64_t n = made->next;
    size_t count = 0;

    (void)err;
    if (n >= made->config->items)
        return 0;
    long long day = n * 20 * 336 / made->config->items; /* months of 28 days */
    int len = snprintf(made->path, sizeof made->path, "IMG_%08lld.JPG", (long long)n);
    (void)snprintf(made->taken, sizeof made->taken, "%04lld-%02lld-%02lldT%02lld:%02lld:07+03:00",
                   2005 + day / 336, 1 + day / 28 % 12, 1 + day % 28, (long long)n % 24,
                   (long long)n % 60);
    (void)snprintf(made->lat, sizeof made->lat, "%.6f", (double)(n * 37 % 12000) / 100 - 60);
    (void)snprintf(made->lon, sizeof made->lon, "%.6f", (double)(n * 91 % 36000) / 100 - 180);
    (void)snprintf(made->keywords, sizeof made->keywords, "family\tjourney %lld",
                   (long long)n / 250);
    made->extras[count++] = (struct sme_extra){"photo.kind", "photo"};
    made->extras[count++] = (struct sme_extra){"photo.format", "jpeg"};
    made->extras[count++] = (struct sme_extra){"photo.taken", made->taken};
    made->extras[count++] = (struct sme_extra){"photo.camera", cameras[n % 3]};
    made->extras[count++] = (struct sme_extra){"photo.lens", lenses[n % 3]};
    made->extras[count++] = (struct sme_extra){"photo.width", n % 5 == 0 ? "4000" : "6000"};
    made->extras[count++] = (struct sme_extra){"photo.height", n % 5 == 0 ? "6000" : "4000"};
    made->extras[count++] = (struct sme_extra){"photo.lat", made->lat};
    made->extras[count++] = (struct sme_extra){"photo.lon", made->lon};
    made->extras[count++] = (struct sme_extra){"photo.keywords", made->keywords};
    if (made->preview_count > 0) {
        made->extras[count++] = (struct sme_extra){
            "photo.preview", made->previews[(size_t)(n * 7919) % made->preview_count]};
        made->extras[count++] = (struct sme_extra){"photo.preview_type", "image/jpeg"};
    }
    item->type = SME_ITEM_FILE;
    item->flags = SME_ITEM_STREAM | SME_ITEM_HAS_STAT;
    item->path = made->path;
    item->path_len = (size_t)len;
    item->mode = 0644;
    item->nlink = 1;
    item->size = 1;
    item->mtime = (struct sme_time){.sec = 1000000000};
    item->ctime = item->mtime;
    item->extras = made->extras;
    item->extra_count = count;
    made->left = 1;
    made->next++;
    return 1;
}

static int64_t made_read(void *handle, void *buf, size_t len, struct sme_error *err)
{
    struct made *made = handle;
    int64_t now = len > 0 ? (int64_t)made->left : 0;

    (void)err;
    memset(buf, 'x', (size_t)now);
    made->left -= (uint64_t)now;
    return now;
}

static int made_end(void *handle, int outcome, struct sme_error *err)
{
    (void)handle;
    (void)outcome;
    (void)err;
    return SME_OK;
}

static const struct sme_source_ops source_ops = {
    .struct_size = sizeof(struct sme_source_ops),
    .create = made_create,
    .destroy = made_destroy,
    .begin = made_begin,
    .next = made_next,
    .read = made_read,
    .end = made_end,
};

const struct sme_plugin sme_backup_plugin_v1 = {
    .struct_size = sizeof(struct sme_plugin),
    .option_size = sizeof(struct sme_option),
    .threads = SME_THREADS_PER_HANDLE,
    .option_count = sizeof options / sizeof options[0],
    .name = "made",
    .version = "1",
    .summary = "made-up photos, for the measurement of the gallery",
    .options = options,
    .config_size = sizeof(struct made_config),
    .source = &source_ops,
};
