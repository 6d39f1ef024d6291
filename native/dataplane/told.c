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

/* Its values, at most `room`; how many there are. Those of a device that cannot be read are
 * UINT64_MAX; whether it is sick is no device's to say. */
int
lk_sick_told(uint16_t id, uint64_t *values, uint32_t room)
{
	const struct lk_sick *s = lk_ports[id].sick;
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
