/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <stdlib.h>

#include "impair.h"

struct lk_impair *
lk_impair_create(const struct lk_impair_config *config)
{
	struct lk_impair *impair = aligned_alloc(__alignof__(*impair), sizeof(*impair));
	const double p[3] = {config->loss, config->duplicate, config->reorder};

	if (impair == NULL)
		return NULL;
	memset(impair, 0, sizeof(*impair));
	impair->config = *config;
	for (int i = 0; i < 3; i++)
		impair->limits[i] = p[i] >= 1 ? UINT64_MAX : (uint64_t)ldexp(p[i], 64);
	impair->longest_hold = (uint64_t)(LK_LONGEST_HOLD * lk_clock_tsc_hz() / 1e9);
	return impair;
}

void
lk_impair_counts(const struct lk_impair *impair, struct lk_impair_counts *counts)
{
	const volatile struct lk_impair *i = impair;

	*counts = (struct lk_impair_counts){i->copied, i->reordered, i->held_count};
}

/* Its path is no longer walked. */
void
lk_impair_free(struct lk_impair *impair)
{
	for (uint32_t i = 0; i < impair->held_count; i++)
		rte_pktmbuf_free(impair->held[i].m);
	free(impair);
}
