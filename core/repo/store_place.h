/*
 * The store's calls that are about the place itself: protections, permissions, prices, thawing.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * All of them are optional for a sink.  They are for the one thread of a command that makes no
 * other call of the store meanwhile.  A failure names the sink.
 */
#ifndef SME_REPO_STORE_PLACE_H
#define SME_REPO_STORE_PLACE_H

#include "store.h"

enum store_ability { STORE_SETUP, STORE_AUDIT, STORE_POLICY, STORE_THAW, STORE_COST };

/* Has the sink this call? */
bool store_can(struct store *store, enum store_ability ability);
/* Name of the sink's plugin. */
const char *store_plugin(struct store *store);

/* Each as the call of that name in sme-backup/sink.h; SME_E_UNSUPPORTED if the sink lacks it.
 * What a callback gets is complete, whatever version of the header the plugin was built with. */
int store_setup(struct store *store, const struct sme_layout *layout, bool dry_run,
                sme_finding_fn *report, void *cookie, struct sme_error *err);
int store_audit(struct store *store, const struct sme_layout *layout, sme_finding_fn *report,
                void *cookie, struct sme_error *err);
int store_policy(struct store *store, const struct sme_layout *layout, uint32_t role,
                 sme_text_fn *write, void *cookie, struct sme_error *err);
int store_thaw_offers(struct store *store, const char *sample, uint64_t count, uint64_t bytes,
                      sme_thaw_offer_fn *report, void *cookie, struct sme_error *err);
/* Repeated while the sink says that it may succeed later. */
int store_thaw(struct store *store, const char *key, uint32_t speed, uint32_t days,
               uint32_t *ret_state, struct sme_error *err);
/* Price of all that ${meter} counts; SME_E_UNSUPPORTED also where the sink knows no prices. */
int store_cost(struct store *store, const struct store_meter *meter, int64_t *ret_nano_usd,
               struct sme_error *err);
/* The sink's clock, since 1970. */
int store_server_time(struct store *store, int64_t *ret_ns, struct sme_error *err);

#endif
