/*
 * A small picture of a large one.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * HEIC and AVIF files of telephones and cameras have a thumbnail; where there is none, decoding all
 * of a photo would take half a second and more, so only small ones are.  Of a JPEG file an eighth
 * of each side is decoded, which is quick at any size.  PNG is what screens are saved as.
 */
#include "preview_picture.h"

#include <libheif/heif.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define SIDE_WANTED 360              /* pixels of the longer side, at most            */
#define PIXELS_MAX (4 * 1000 * 1000) /* that are decoded at once                      */
#define SIDE_MAX 20000
#define SCREEN_MAX (16 * 1000 * 1000) /* pixels of a PNG file                       */

/* Red, green, blue, a byte each, row after row. */
struct raster {
    uint8_t *pixels;
    int width, height;
};

/* Every ${n} by ${n} pixels become their mean; in place. */
static void shrink(struct raster *raster, int n)
{
    int width = raster->width / n, height = raster->height / n;
    uint8_t *to = raster->pixels;

    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            unsigned sums[3] = {0, 0, 0};
            for (int dy = 0; dy < n; dy++) {
                const uint8_t *from =
                    raster->pixels +
                    3 * ((size_t)(y * n + dy) * (size_t)raster->width + (size_t)x * (size_t)n);
                for (int i = 0; i < 3 * n; i++)
                    sums[i % 3] += from[i];
            }
            for (int i = 0; i < 3; i++)
                *to++ = (uint8_t)(sums[i] / (unsigned)(n * n));
        }
    }
    raster->width = width;
    raster->height = height;
}

static void fit(struct raster *raster)
{
    int longer = raster->width > raster->height ? raster->width : raster->height;
    int shorter = raster->width > raster->height ? raster->height : raster->width;
    int n = (longer + SIDE_WANTED - 1) / SIDE_WANTED;

    if (n > shorter)
        n = shorter; /* a very long one */
    if (n > 1)
        shrink(raster, n);
}

static bool encode(const struct raster *raster, size_t max, struct picture *picture)
{
    static const int qualities[] = {75, 60, 45, 30, 15};
    tjhandle handle = tjInitCompress();
    unsigned char *jpeg = NULL;
    unsigned long len = 0;
    bool done = false;

    for (size_t i = 0; handle != NULL && i < sizeof qualities / sizeof *qualities && !done; i++) {
        if (tjCompress2(handle, raster->pixels, raster->width, 0, raster->height, TJPF_RGB, &jpeg,
                        &len, TJSAMP_420, qualities[i], 0) != 0)
            break;
        done = len <= max;
    }
    if (handle != NULL)
        (void)tjDestroy(handle);
    if (done) {
        picture->jpeg = jpeg;
        picture->len = len;
    } else {
        tjFree(jpeg);
    }
    return done;
}

/* ------------------------------------------------------------------ JPEG --------------------- */

/* The smallest scale that is not below what is wanted. */
static bool choose_scale(int width, int height, int *ret_width, int *ret_height)
{
    static const int eighths[] = {1, 2, 4, 8};
    int longer = width > height ? width : height;

    for (size_t i = 0; i < sizeof eighths / sizeof *eighths; i++) {
        const tjscalingfactor factor = {eighths[i], 8};
        if (TJSCALED(longer, factor) >= SIDE_WANTED || i + 1 == sizeof eighths / sizeof *eighths) {
            *ret_width = TJSCALED(width, factor);
            *ret_height = TJSCALED(height, factor);
            return true;
        }
    }
    return false;
}

static bool decode_jpeg(const uint8_t *file, size_t len, struct raster *raster)
{
    tjhandle handle = tjInitDecompress();
    int width = 0, height = 0, sampling = 0, colours = 0;
    bool done = false;

    if (handle == NULL)
        return false;
    if (tjDecompressHeader3(handle, file, len, &width, &height, &sampling, &colours) == 0 &&
        choose_scale(width, height, &raster->width, &raster->height) && raster->width > 0 &&
        raster->height > 0 && (int64_t)raster->width * raster->height <= PIXELS_MAX) {
        raster->pixels = malloc((size_t)raster->width * (size_t)raster->height * 3);
        /* One that is cut off is as good as it is. */
        done = raster->pixels != NULL &&
               (tjDecompress2(handle, file, len, raster->pixels, raster->width, 0, raster->height,
                              TJPF_RGB, 0) == 0 ||
                tjGetErrorCode(handle) == TJERR_WARNING);
    }
    (void)tjDestroy(handle);
    return done;
}

/* ------------------------------------------------------------------ PNG ---------------------- */

static bool decode_png(const uint8_t *file, size_t len, struct raster *raster)
{
    const png_color white = {255, 255, 255}; /* behind what is transparent */
    png_image image = {.version = PNG_IMAGE_VERSION};
    bool done = false;

    if (png_image_begin_read_from_memory(&image, file, len) != 0 && image.width > 0 &&
        image.height > 0 && image.width <= SIDE_MAX && image.height <= SIDE_MAX &&
        (uint64_t)image.width * image.height <= SCREEN_MAX) {
        image.format = PNG_FORMAT_RGB;
        raster->width = (int)image.width;
        raster->height = (int)image.height;
        raster->pixels = malloc((size_t)image.width * image.height * 3);
        done = raster->pixels != NULL &&
               png_image_finish_read(&image, &white, raster->pixels, 0, NULL) != 0;
    }
    png_image_free(&image);
    return done;
}

/* ------------------------------------------------------------------ HEIC, AVIF --------------- */

static bool is_small(const struct heif_image_handle *handle)
{
    int width = heif_image_handle_get_width(handle);
    int height = heif_image_handle_get_height(handle);

    return width > 0 && height > 0 && width <= SIDE_MAX && height <= SIDE_MAX &&
           (int64_t)width * height <= PIXELS_MAX;
}

/* The largest of its thumbnails; or the picture itself. */
static struct heif_image_handle *choose_image(struct heif_image_handle *primary)
{
    heif_item_id ids[8];
    int count = heif_image_handle_get_list_of_thumbnail_IDs(primary, ids, 8);
    struct heif_image_handle *best = NULL;

    for (int i = 0; i < count; i++) {
        struct heif_image_handle *handle = NULL;
        struct heif_error error = heif_image_handle_get_thumbnail(primary, ids[i], &handle);
        if (error.code != heif_error_Ok)
            continue;
        if (is_small(handle) && (best == NULL || heif_image_handle_get_width(handle) >
                                                     heif_image_handle_get_width(best))) {
            if (best != NULL)
                heif_image_handle_release(best);
            best = handle;
        } else {
            heif_image_handle_release(handle);
        }
    }
    if (best != NULL) {
        heif_image_handle_release(primary);
        return best;
    }
    return primary;
}

static bool copy_image(const struct heif_image *image, struct raster *raster)
{
    int stride = 0;
    int width = heif_image_get_width(image, heif_channel_interleaved);
    int height = heif_image_get_height(image, heif_channel_interleaved);
    const uint8_t *from = heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);

    if (from == NULL || width <= 0 || height <= 0 || stride < 3 * width ||
        (int64_t)width * height > PIXELS_MAX)
        return false;
    raster->pixels = malloc((size_t)width * (size_t)height * 3);
    if (raster->pixels == NULL)
        return false;
    for (int y = 0; y < height; y++)
        memcpy(raster->pixels + (size_t)y * (size_t)width * 3, from + (size_t)y * (size_t)stride,
               (size_t)width * 3);
    raster->width = width;
    raster->height = height;
    return true;
}

static bool decode_image(const struct heif_image_handle *handle, struct raster *raster)
{
    struct heif_decoding_options *options = heif_decoding_options_alloc();
    struct heif_image *image = NULL;

    if (options == NULL)
        return false;
    options->convert_hdr_to_8bit = 1;
    struct heif_error error = heif_decode_image(handle, &image, heif_colorspace_RGB,
                                                heif_chroma_interleaved_RGB, options);
    heif_decoding_options_free(options);
    if (error.code != heif_error_Ok)
        return false;
    bool done = copy_image(image, raster);
    heif_image_release(image);
    return done;
}

static bool decode_heif(const uint8_t *file, size_t len, struct raster *raster)
{
    struct heif_context *context = heif_context_alloc();
    struct heif_image_handle *primary = NULL;
    bool done = false;

    if (context == NULL)
        return false;
    struct heif_error error = heif_context_read_from_memory_without_copy(context, file, len, NULL);
    if (error.code == heif_error_Ok)
        error = heif_context_get_primary_image_handle(context, &primary);
    if (error.code == heif_error_Ok) {
        struct heif_image_handle *chosen = choose_image(primary);
        done = is_small(chosen) && decode_image(chosen, raster);
        heif_image_handle_release(chosen);
    }
    heif_context_free(context);
    return done;
}

/* ------------------------------------------------------------------ both --------------------- */

bool picture_preview(const uint8_t *file, size_t len, size_t max, struct picture *ret_picture)
{
    struct raster raster = {0};
    struct picture picture = {0};
    bool done = false;

    if (len >= 12 && memcmp(file, "\xff\xd8\xff", 3) == 0) {
        done = decode_jpeg(file, len, &raster);
    } else if (len >= 12 && memcmp(file, "\x89PNG", 4) == 0) {
        done = decode_png(file, len, &raster);
    } else if (len >= 12 && memcmp(file + 4, "ftyp", 4) == 0) {
        /* The decoder turns it as the file says. */
        picture.upright = true;
        done = decode_heif(file, len, &raster);
    }
    if (done) {
        fit(&raster);
        done = encode(&raster, max, &picture);
    }
    free(raster.pixels);
    *ret_picture = picture;
    return done;
}

void picture_done(struct picture *picture)
{
    tjFree(picture->jpeg);
    *picture = (struct picture){0};
}
