/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <stdlib.h>

#include "impair.h"

static uint64_t
limit_of(double probability)
{
	return probability >= 1 ? UINT64_MAX : (uint64_t)ldexp(probability, 64);
}

struct lk_impair *
lk_impair_create(const struct lk_impair_config *config)
{
	struct lk_impair *impair = aligned_alloc(__alignof__(*impair), sizeof(*impair));

	if (impair == NULL)
		return NULL;
	memset(impair, 0, sizeof(*impair));
	impair->config = *config;
	impair->limits[LK_LOSE] = limit_of(config->loss);
	impair->limits[LK_COPY] = limit_of(config->duplicate);
	impair->limits[LK_HOLD] = limit_of(config->reorder);
	impair->limits[LK_CORRUPT] = limit_of(config->corrupt);
	impair->limits[LK_TRUNCATE] = limit_of(config->truncate);
	impair->limits[LK_TURN] = limit_of(config->burst_start);
	impair->burst_end = limit_of(config->burst_end);
	impair->burst_loss = limit_of(config->burst_loss);
	impair->longest_hold = (uint64_t)(LK_LONGEST_HOLD * lk_clock_tsc_hz() / 1e9);
	return impair;
}

void
lk_impair_counts(const struct lk_impair *impair, struct lk_impair_counts *counts)
{
	*counts = *(const volatile struct lk_impair_counts *)&impair->counts;
}

/* Its path is no longer walked. */
void
lk_impair_free(struct lk_impair *impair)
{
	for (uint64_t i = 0; i < impair->counts.held; i++)
		rte_pktmbuf_free(impair->held[i].m);
	free(impair);
}
