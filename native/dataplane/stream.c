/* SPDX-License-Identifier: BSD-3-Clause */

/* A stream as the generator has it: deep copies of what Python compiled, and its schedule. */
#include <errno.h>
#include <stdlib.h>

#include "trial.h"

#define BACKLOG_FRAMES	  512
#define BACKLOGS_A_SECOND 1000

static uint64_t
cycles(double ns)
{
	return (uint64_t)(ns * lk_clock_tsc_hz() / 1e9 * (1 << LK_CYCLE_FRACTION));
}

/* Python compiled the template as that of stream 0. */
static void
sign(struct lk_template *t, uint8_t *bytes, uint32_t checksums, uint16_t stream)
{
	const struct lk_signature signature = {.stream = stream};

	lk_write_signature(bytes + t->length, &signature);
	for (uint32_t i = 0; i < checksums; i++) {
		struct lk_checksum *c = &t->checksums[i];

		c->base = lk_fold(c->base + (uint64_t)stream * c->signature_factor);
	}
}

/* A frame of one segment, as DPDK's vector drivers write it: 32 bytes at once. */
static void
describe(struct lk_compiled *c)
{
	RTE_BUILD_BUG_ON(offsetof(struct rte_mbuf, ol_flags) !=
				 offsetof(struct rte_mbuf, rearm_data) + 8 ||
			 offsetof(struct rte_mbuf, rx_descriptor_fields1) !=
				 offsetof(struct rte_mbuf, rearm_data) + 16);
	/* data_off, refcnt, nb_segs, port */
	c->descriptor[0] = RTE_PKTMBUF_HEADROOM | UINT64_C(1) << 16 | UINT64_C(1) << 32 |
			   UINT64_C(0xffff) << 48;
	c->descriptor[1] = 0;				       /* ol_flags */
	c->descriptor[2] = (uint64_t)c->template.length << 32; /* packet_type, pkt_len */
	c->descriptor[3] = c->template.length;		       /* data_len, vlan_tci, hash.rss */
}

static int
copy_templates(struct lk_stream *s, const struct lk_stream_config *config)
{
	static uint64_t made;

	s->templates = calloc(config->template_count, sizeof(*s->templates));
	if (s->templates == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < config->template_count; i++) {
		struct lk_compiled *c = &s->templates[i];
		uint8_t *bytes;

		c->template = config->templates[i];
		bytes = calloc(1, RTE_ALIGN(c->template.length, 64u));
		if (bytes == NULL)
			return -ENOMEM;
		memcpy(bytes, c->template.bytes, c->template.length);
		if (config->has_signature)
			sign(&c->template, bytes, config->checksum_count, s->id);
		c->template.bytes = bytes;
		c->mark = ++made << 16 | s->id;
		describe(c);
		s->template_count++;
	}
	return 0;
}

static int
copy_fields(struct lk_stream *s, const struct lk_stream_config *config)
{
	for (uint32_t i = 0; i < config->field_count; i++) {
		struct lk_field *f = &s->fields[i];
		uint64_t *values;

		*f = config->fields[i];
		f->at = 0;
		if (f->values == NULL)
			continue;
		values = malloc(f->count * sizeof(*values));
		if (values != NULL)
			memcpy(values, config->fields[i].values, f->count * sizeof(*values));
		f->values = values;
		s->field_count = i + 1;
		if (values == NULL)
			return -ENOMEM;
	}
	s->field_count = config->field_count;
	return 0;
}

int
lk_trial_add_stream(struct lk_trial *t, uint32_t index, const struct lk_stream_config *config)
{
	struct lk_stream *s = &t->streams[index];
	uint64_t least;
	int rc;

	if (index >= t->config.streams || config->field_count > LK_MAX_FIELDS ||
	    config->checksum_count > LK_MAX_CHECKSUMS)
		return -EINVAL;
	s->id = (uint16_t)(t->config.first_stream + index);
	s->interval = cycles(config->interval_ns);
	s->due = cycles(config->first_ns);
	s->burst = s->burst_left = config->burst;
	s->intended = config->intended;
	s->has_signature = config->has_signature;
	s->checksum_count = config->checksum_count;
	least = s->interval / config->burst * BACKLOG_FRAMES;
	s->backlog = RTE_MAX(s->interval, RTE_MIN(least, cycles(1e9 / BACKLOGS_A_SECOND)));
	s->order = malloc(config->order_length * sizeof(*s->order));
	t->arrivals[index] = calloc(1, sizeof(*t->arrivals[index]));
	if (s->order == NULL || t->arrivals[index] == NULL)
		return -ENOMEM;
	memcpy(s->order, config->order, config->order_length * sizeof(*s->order));
	s->order_length = config->order_length;
	if (config->gaps_ns != NULL) {
		s->gaps = malloc(config->order_length * sizeof(*s->gaps));
		if (s->gaps == NULL)
			return -ENOMEM;
		for (uint32_t i = 0; i < config->order_length; i++)
			s->gaps[i] = cycles(config->gaps_ns[i]);
	}
	rc = copy_templates(s, config);
	if (rc == 0)
		rc = copy_fields(s, config);
	if (rc == 0 && s->intended > 0)
		t->heap[t->heap_length++] = index;
	return rc;
}

void
lk_stream_free(struct lk_stream *s)
{
	for (uint32_t i = 0; i < s->template_count; i++)
		free((void *)(uintptr_t)s->templates[i].template.bytes);
	for (uint32_t i = 0; i < s->field_count; i++)
		free((void *)(uintptr_t)s->fields[i].values);
	free(s->templates);
	free(s->order);
	free(s->gaps);
}
