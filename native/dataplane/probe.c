/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "probe.h"
#include "signature.h"

struct lk_probe *
lk_probe_create(const struct lk_probe_config *config)
{
	double cycles_per_ns = lk_clock_tsc_hz() / 1e9;
	struct lk_probe *p = calloc(1, sizeof(*p) + config->header_length + LK_SIGNATURE_LENGTH);

	if (p == NULL)
		return NULL;
	p->header_length = config->header_length;
	p->payload_length = config->payload_length;
	p->count = config->count;
	p->window = config->window;
	p->stream = config->stream;
	p->seed = config->seed;
	p->timeout = (uint64_t)((double)config->timeout_ns * cycles_per_ns);
	p->interval = (uint64_t)((double)config->interval_ns * cycles_per_ns);
	p->sent = calloc(config->count, sizeof(*p->sent));
	p->round_trip = calloc(config->count, sizeof(*p->round_trip));
	p->state = calloc(config->count, 1);
	memcpy(p->frame, config->frame, config->header_length);
	if (p->sent == NULL || p->round_trip == NULL || p->state == NULL) {
		lk_probe_free(p);
		return NULL;
	}
	/* Only the offsets are wanted: the lengths are those of a whole probe. */
	lk_parse(p->frame, config->header_length + config->payload_length, &p->headers);
	return p;
}

void
lk_probe_counts(const struct lk_probe *p, struct lk_probe_counts *counts)
{
	*counts = *(const volatile struct lk_probe_counts *)&p->counts;
}

uint32_t
lk_probe_round_trips(const struct lk_probe *p, double *out, uint32_t room)
{
	double ns_per_cycle = 1e9 / lk_clock_tsc_hz();
	uint32_t n = p->count < room ? p->count : room;

	for (uint32_t i = 0; i < n; i++)
		out[i] = (double)p->round_trip[i] * ns_per_cycle;
	return n;
}

/* No more probes are sent; answers to those under way are still taken. */
void
lk_probe_stop(struct lk_probe *p)
{
	p->stopped = 1;
}

void
lk_probe_free(struct lk_probe *p)
{
	free(p->sent);
	free(p->round_trip);
	free(p->state);
	free(p);
}
