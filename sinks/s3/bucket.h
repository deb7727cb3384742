/*
 * The bucket as a whole: making, hardening, auditing, permissions, archived objects, prices.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * The arguments are those of struct sme_sink_ops.
 */
#ifndef SME_SINKS_S3_BUCKET_H
#define SME_SINKS_S3_BUCKET_H

#include "call.h"

/* setup*.c */
int bucket_setup(struct s3 *s3, const struct sme_layout *layout, uint32_t flags,
                 sme_finding_fn *report, void *cookie, struct sme_error *err);
/* Create the bucket if it is missing, and nothing else (prepare()). */
int bucket_create(struct s3 *s3, struct sme_error *err);
/* audit*.c */
int bucket_audit(struct s3 *s3, const struct sme_layout *layout, sme_finding_fn *report,
                 void *cookie, struct sme_error *err);
/* policy.c */
int bucket_policy(struct s3 *s3, const struct sme_layout *layout, uint32_t role, sme_text_fn *write,
                  void *cookie, struct sme_error *err);
/* thaw.c */
int bucket_thaw_offers(struct s3 *s3, const char *sample, uint64_t count, uint64_t bytes,
                       sme_thaw_offer_fn *report, void *cookie, struct sme_error *err);
int bucket_thaw(struct s3 *s3, const char *key, uint32_t speed, uint32_t days, uint32_t *ret_state,
                struct sme_error *err);
/* prices.c */
int bucket_cost(struct s3 *s3, const struct sme_usage *usage, int64_t *ret_nano_usd,
                struct sme_error *err);

#endif
