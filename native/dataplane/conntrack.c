/* SPDX-License-Identifier: BSD-3-Clause */

/* A table of connections from its parameters, and as Python shows it. */
#include <sys/random.h>

#include <rte_cycles.h>
#include <rte_errno.h>

#include "conntrack.h"
#include "worker.h"

#define STALE_TICKS 8

struct lk_conntrack *lk_conntracks[256];
int lk_flow_offset;

static int
register_field(void)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "labkit_flow",
		.size = sizeof(uint64_t),
		.align = __alignof__(uint64_t),
	};
	int offset = rte_mbuf_dynfield_register(&field);

	if (offset < 0)
		return -rte_errno;
	lk_flow_offset = offset;
	return 0;
}

static int
take_number(struct lk_conntrack *t)
{
	for (unsigned int i = 0; i < RTE_DIM(lk_conntracks); i++) {
		if (lk_conntracks[i] == NULL) {
			lk_conntracks[i] = t;
			t->number = (uint8_t)i;
			return 0;
		}
	}
	return -ENOSPC;
}

int
lk_conntrack_open(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	double hz = lk_clock_tsc_hz(), per_second = values[LK_CONNTRACK_NEW_PER_SECOND].real;
	struct lk_conntrack *t = self->state;
	int rc = register_field();

	if (rc != 0)
		return rc;
	t->hz = hz;
	t->count = (uint32_t)values[LK_CONNTRACK_ENTRIES].whole;
	t->available = t->count;
	t->when_full = (enum lk_otherwise)values[LK_CONNTRACK_WHEN_FULL].whole;
	t->when_invalid = (enum lk_otherwise)values[LK_CONNTRACK_WHEN_INVALID].whole;
	t->picks_up = (int)values[LK_CONNTRACK_PICKS_UP].whole;
	for (int i = 0; i < LK_TIMEOUTS; i++)
		t->timeouts[i] = (uint64_t)(values[LK_CONNTRACK_TIMEOUTS + i].real * hz);
	if (per_second > 0) {
		t->new_every = RTE_MAX((uint64_t)(hz / per_second), UINT64_C(1));
		t->new_burst = (uint64_t)hz;
		t->new_at = rte_rdtsc() - t->new_burst;
	}
	t->untracked_filter = self->config.filter;
	t->tick = rte_rdtsc() >> LK_TICK_SHIFT;
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != sizeof(t->seed))
		t->seed = rte_rdtsc(); /* a machine that has just started */
	t->connections = lk_pages_new(t->count * sizeof(*t->connections));
	t->fragments = calloc(LK_FRAGMENT_SETS * LK_FRAGMENT_WAYS, sizeof(*t->fragments));
	if (t->connections == NULL || t->fragments == NULL)
		return -ENOMEM;
	rc = lk_index_table_new(&t->keys, 2 * (uint64_t)t->count);
	return rc != 0 ? rc : take_number(t);
}

void
lk_conntrack_close(struct lk_node *self)
{
	struct lk_conntrack *t = self->state;

	if (lk_conntracks[t->number] == t)
		lk_conntracks[t->number] = NULL;
	if (t->connections != NULL)
		munmap(t->connections, t->count * sizeof(*t->connections));
	lk_index_table_free(&t->keys);
	free(t->fragments);
}

void
lk_conntrack_refresh(struct lk_node *self)
{
	struct lk_conntrack *t = self->state;
	uint64_t tick = rte_rdtsc() >> LK_TICK_SHIFT;

	if (__atomic_load_n(&t->active, __ATOMIC_RELAXED) == 0 ||
	    tick - __atomic_load_n(&t->tick, __ATOMIC_RELAXED) < STALE_TICKS)
		return;
	lk_workers_pause();
	lk_conntrack_expire(t, rte_rdtsc(), UINT32_MAX);
	lk_workers_resume();
}

/* The table as Python shows it */

void
lk_put_address_cells(uint64_t *cells, const uint8_t *address, uint8_t version)
{
	cells[0] = version;
	cells[1] = version == 4 ? 0 : lk_get64(address);
	cells[2] = version == 4 ? lk_get32(address) : lk_get64(address + 8);
}

static void
put_ports(const struct lk_flow_key *key, uint64_t *from, uint64_t *to)
{
	int is_query = lk_flow_key_is_query(key);

	*from = is_query || lk_has_ports(key->protocol) ? key->from_port : UINT64_MAX;
	*to = lk_has_ports(key->protocol) ? key->to_port : UINT64_MAX;
}

uint32_t
lk_conntrack_rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	const struct lk_conntrack *t = self->state;
	double ns = 1e9 / t->hz;
	uint64_t now = rte_rdtsc();
	uint32_t count = 0;

	for (; *cursor < t->used && count < room; ++*cursor) {
		const struct lk_connection *c = &t->connections[*cursor];
		uint64_t *cells = rows[count].cells;

		if (!(c->flags & LK_IS_TAKEN) || c->deadline <= now)
			continue;
		*cells++ = c->key.protocol;
		lk_put_address_cells(cells, c->key.from, c->key.kind & 15);
		lk_put_address_cells(cells + 4, c->key.to, c->key.kind & 15);
		put_ports(&c->key, &cells[3], &cells[7]);
		cells += 8;
		*cells++ = c->tcp.state;
		for (unsigned int way = 0; way < 2; way++) {
			*cells++ = c->packets[way];
			*cells++ = c->bytes[way];
		}
		*cells++ = (uint64_t)((double)(now - c->created) * ns);
		*cells++ = (uint64_t)((double)(c->deadline - now) * ns);
		count++;
	}
	return count;
}
