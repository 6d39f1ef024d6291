/* SPDX-License-Identifier: BSD-3-Clause */

/* What the driver of a sick port would tell: names and numbers of its own, from what is counted. */
#include <errno.h>

#include "sick.h"

#define BASE_XSTATS 256

static uint64_t
xstat(uint16_t id, const char *name)
{
	uint64_t at, value = 0;
	uint64_t values[BASE_XSTATS];
	int count;

	if (rte_eth_xstats_get_id_by_name(id, name, &at) != 0)
		return 0;
	count = lk_port_xstat_values(id, values, BASE_XSTATS);
	if (count > 0 && at < (uint64_t)count && count <= BASE_XSTATS)
		value = values[at];
	return value;
}

static uint64_t
value_of(uint16_t id, const struct lk_told *told, const struct lk_sick_counts *counts)
{
	switch (told->of) {
	case LK_TOLD_XSTAT:
		return xstat(id, told->xstat);
	case LK_TOLD_IN_RING:
		return counts->in_ring;
	case LK_TOLD_RING_BYTES:
		return counts->ring_bytes;
	case LK_TOLD_QUEUED:
		return xstat(id, "tx_good_packets") + counts->in_ring;
	case LK_TOLD_QUEUED_BYTES:
		return xstat(id, "tx_good_bytes") + counts->ring_bytes;
	case LK_TOLD_BACKLOG:
		return counts->in_backlog;
	case LK_TOLD_BACKLOG_BYTES:
		return counts->backlog_bytes;
	case LK_TOLD_REFUSED:
		return counts->refused;
	case LK_TOLD_IS_SICK:
		return lk_ports[id].sick->tx != LK_SICK_TX_SOUND ||
		       lk_ports[id].sick->rx != LK_SICK_RX_SOUND || lk_ports[id].sick->read_error;
	case LK_TOLD_FREE_DESCRIPTORS:
		return lk_ports[id].sick->config.ring - counts->in_ring - counts->unreturned;
	default:
		return 0;
	}
}

/* A level that several nodes have is the least of theirs, as of what is left in tables of both
 * ways. */
static uint64_t
with_part(const struct lk_sick *s, uint32_t at, uint64_t value)
{
	const struct lk_told_part *part = &s->parts[at];

	if (!part->is_level)
		return value + *part->counter;
	for (uint32_t i = 0; i < at; i++)
		if (s->parts[i].told == part->told)
			return RTE_MIN(value, *part->counter);
	return *part->counter;
}

static void
add_parts(struct lk_sick *s, uint64_t *values, uint32_t count)
{
	pthread_mutex_lock(&s->parts_lock);
	for (uint32_t i = 0; i < s->part_count; i++) {
		const struct lk_told_part *part = &s->parts[i];

		if (part->told < count)
			values[part->told] = with_part(s, i, values[part->told]);
	}
	pthread_mutex_unlock(&s->parts_lock);
}

/* Its values, at most `room`; how many there are. Those of a device that cannot be read are
 * UINT64_MAX; whether it is sick is no device's to say. */
int
lk_sick_told(uint16_t id, uint64_t *values, uint32_t room)
{
	struct lk_sick *s = lk_ports[id].sick;
	struct lk_sick_counts counts;
	uint32_t count;

	if (s == NULL)
		return 0;
	lk_sick_counts(id, &counts);
	count = s->told_count;
	for (uint32_t i = 0; i < count && i < room; i++) {
		const struct lk_told *told = &s->told[i];

		values[i] = counts.read_error != 0 && told->of != LK_TOLD_IS_SICK
				    ? UINT64_MAX
				    : told->value + value_of(id, told, &counts);
	}
	if (counts.read_error == 0)
		add_parts(s, values, RTE_MIN(count, room));
	return (int)count;
}

/* Sets one of them; a name that is new comes last. The port is sick already. */
int
lk_sick_tell(uint16_t id, const struct lk_told *told)
{
	struct lk_sick *s = lk_ports[id].sick;
	uint32_t i = 0;

	if (s == NULL)
		return -ENODEV;
	while (i < s->told_count && strcmp(s->told[i].name, told->name) != 0)
		i++;
	if (i == LK_SICK_MOST_TOLD)
		return -ENOSPC;
	s->told[i] = *told;
	if (i == s->told_count)
		s->told_count = i + 1;
	return 0;
}

/* Another instance has the port: what nodes of paths of the former one count is told no more, and
 * the first `kept` names alone stay. */
int
lk_told_begin(uint16_t id, uint32_t kept)
{
	struct lk_sick *s = lk_ports[id].sick;

	if (s == NULL)
		return -ENODEV;
	pthread_mutex_lock(&s->parts_lock);
	s->part_count = 0;
	s->told_count = RTE_MIN(kept, s->told_count);
	pthread_mutex_unlock(&s->parts_lock);
	return 0;
}

static int
told_at(const struct lk_sick *s, const char *name)
{
	for (uint32_t i = 0; i < s->told_count; i++)
		if (strcmp(s->told[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

/* The driver tells what a node of a graph counts, under a name that it has already. */
int
lk_told_join(uint16_t id, const char *name, int graph, unsigned int place, unsigned int counter,
	     int is_level)
{
	struct lk_sick *s = lk_ports[id].sick;
	const uint64_t *counters = lk_graph_state(graph, place);
	int told = s == NULL ? -ENODEV : told_at(s, name);

	if (told < 0 || counters == NULL)
		return told < 0 ? told : -ENOENT;
	if (s->part_count == LK_SICK_MOST_PARTS)
		return -ENOSPC;
	pthread_mutex_lock(&s->parts_lock);
	s->parts[s->part_count++] =
		(struct lk_told_part){counters + counter, (uint32_t)told, is_level};
	pthread_mutex_unlock(&s->parts_lock);
	return 0;
}

static void
leave(struct lk_sick *s, uintptr_t begin, uintptr_t end)
{
	uint32_t kept = 0;

	pthread_mutex_lock(&s->parts_lock);
	for (uint32_t i = 0; i < s->part_count; i++) {
		struct lk_told_part part = s->parts[i];
		uint64_t *value = &s->told[part.told].value;

		if ((uintptr_t)part.counter < begin || (uintptr_t)part.counter >= end)
			s->parts[kept++] = part;
		else
			*value = *part.counter + (part.is_level ? 0 : *value);
	}
	s->part_count = kept;
	pthread_mutex_unlock(&s->parts_lock);
}

void
lk_told_leave(const void *counters, size_t bytes)
{
	for (unsigned int id = 0; id < RTE_MAX_ETHPORTS; id++)
		if (lk_ports[id].sick != NULL)
			leave(lk_ports[id].sick, (uintptr_t)counters, (uintptr_t)counters + bytes);
}
