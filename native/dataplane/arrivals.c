/* SPDX-License-Identifier: BSD-3-Clause */

/* A share of a stream as the lanes that receive have it: its memory, and what tells its flows
 * apart. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "trial.h"

/*
 * Memory of its own pages, which no other worker writes to. Few of them are ever written to, and
 * only these take memory: malloc's might be cleared.
 */
static void *
new_pages(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

struct lk_latencies *
lk_latencies_new(void)
{
	return new_pages(sizeof(struct lk_latencies));
}

struct lk_arrivals *
lk_arrivals_new(uint32_t places)
{
	struct lk_arrivals *a = new_pages(sizeof(*a));

	if (a == NULL)
		return NULL;
	a->places = places;
	a->is_watched = 1;
	a->latency = lk_latencies_new();
	if (a->latency == NULL) {
		munmap(a, sizeof(*a));
		return NULL;
	}
	return a;
}

/* The fields that tell the flows of a share apart; NULL: it is one flow. */
static int
flows_of(struct lk_flow_fields **flows, const struct lk_stream_config *config,
	 struct lk_share share)
{
	struct lk_flow_fields *made;
	uint64_t *values;
	uint32_t count = 0;
	size_t listed = 0;

	*flows = NULL;
	for (uint32_t i = 0; i < config->field_count; i++) {
		count += config->fields[i].flow != 0;
		listed += config->fields[i].flow == LK_FLOW_BY_VALUE ? config->fields[i].count : 0;
	}
	if (count == 0 || share.of == 0)
		return 0;
	made = calloc(1,
		      sizeof(*made) + count * sizeof(made->fields[0]) + listed * sizeof(*values));
	if (made == NULL)
		return -ENOMEM;
	made->lane = share.lane;
	made->of = share.of;
	values = (uint64_t *)&made->fields[count];
	for (uint32_t i = 0; i < config->field_count; i++) {
		struct lk_field *field = &made->fields[made->count];

		if (config->fields[i].flow == 0)
			continue;
		*field = config->fields[i];
		field->values = NULL;
		if (field->flow == LK_FLOW_BY_VALUE) {
			field->values = memcpy(values, config->fields[i].values,
					       field->count * sizeof(*values));
			values += field->count;
		}
		made->count++;
	}
	*flows = made;
	return 0;
}

int
lk_flows_are_equal(const struct lk_flow_fields *a, const struct lk_flow_fields *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if (a->lane != b->lane || a->of != b->of || a->count != b->count)
		return 0;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct lk_field *one = &a->fields[i], *other = &b->fields[i];

		if (one->flow != other->flow || one->is_random != other->is_random ||
		    one->count != other->count || one->hold != other->hold ||
		    one->seed != other->seed)
			return 0;
		if (one->flow == LK_FLOW_BY_VALUE &&
		    memcmp(one->values, other->values, one->count * sizeof(uint64_t)) != 0)
			return 0;
	}
	return 1;
}

/*
 * The order of a share's frames, as each lane that receives has it. Its fields live as long as the
 * trial: a worker may look at those from before.
 */
int
lk_flows_new(struct lk_trial *t, uint32_t place, const struct lk_stream_config *config,
	     struct lk_share share, struct lk_flow_fields **flows)
{
	int rc = flows_of(flows, config, share);

	if (*flows == NULL)
		return rc;
	(*flows)->link = t->flows;
	t->flows = *flows;
	for (uint32_t lane = 0; lane < t->config.receivers; lane++) {
		struct lk_arrivals *a = t->receivers[lane].arrivals[place];
		struct lk_flow_order *order;

		if (a->order != NULL)
			continue;
		order = calloc(1, sizeof(*order));
		if (order == NULL)
			return -ENOMEM;
		atomic_store_explicit(&a->order, order, memory_order_release);
	}
	return 0;
}

/* From the next number on; by the command thread, or by the worker that makes the frames. */
void
lk_flows_begin(const struct lk_trial *t, uint32_t place, const struct lk_flow_fields *flows,
	       uint64_t first)
{
	for (uint32_t lane = 0; lane < t->config.receivers; lane++) {
		struct lk_flow_order *order = t->receivers[lane].arrivals[place]->order;

		if (order == NULL)
			continue;
		atomic_store_explicit(&order->first, first, memory_order_relaxed);
		atomic_store_explicit(&order->flows, flows, memory_order_release);
	}
}

void
lk_latencies_free(struct lk_latencies *list)
{
	while (list != NULL) {
		struct lk_latencies *next = list->link;

		munmap(list, sizeof(*list));
		list = next;
	}
}

void
lk_arrivals_free(struct lk_arrivals *a)
{
	if (a == NULL)
		return;
	lk_latencies_free(a->latency);
	lk_latencies_free(a->spare);
	lk_latencies_free(a->retired);
	free(a->order);
	munmap(a, sizeof(*a));
}
