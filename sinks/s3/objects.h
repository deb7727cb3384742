/*
 * Objects of the bucket: what sinks are told to do with them.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The arguments are those of struct sme_sink_ops; keys are without the sink's prefix.
 */
#ifndef SME_SINKS_S3_OBJECTS_H
#define SME_SINKS_S3_OBJECTS_H

#include "call.h"

#define S3_KEY_SIZE 1025 /* the longest key of S3, and NUL */

#define S3_WHAT_SIZE 448

/* ${key} behind the sink's prefix. */
void object_full_key(const struct s3 *s3, const char *key, char out[S3_KEY_SIZE]);
/* "put of 's3://bucket/key'", for messages; a long key is cut, so that the cause has room. */
void object_name_call(const struct s3 *s3, const char *verb, const char *full_key,
                      char out[S3_WHAT_SIZE]);

int object_put(struct s3 *s3, const char *key, const struct sme_slice *slices, size_t count,
               const struct sme_put_info *info, struct sme_error *err);
int64_t object_get(struct s3 *s3, const char *key, uint64_t offset, void *buf, size_t len,
                   struct sme_error *err);
int object_stat(struct s3 *s3, const char *key, struct sme_object *ret_object,
                struct sme_error *err);
int object_remove(struct s3 *s3, const char *key, struct sme_error *err);
/* remove.c */
int object_remove_many(struct s3 *s3, const char *const *keys, size_t count,
                       sme_removed_fn *callback, void *cookie, struct sme_error *err);
/* list.c */
int object_list(struct s3 *s3, const char *prefix, sme_list_fn *callback, void *cookie,
                struct sme_error *err);
int object_list_from(struct s3 *s3, const char *prefix, const char *after, sme_list_fn *callback,
                     void *cookie, struct sme_error *err);

/* Does an object of this class need a thaw before it can be read? */
bool object_is_archived(const char *storage_class);

#endif
