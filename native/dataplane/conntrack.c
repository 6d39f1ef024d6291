/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The table of connections. Each stands in the slot of a time wheel in which its time is over, or,
 * where that is further away than the wheel reaches, in the last one; there it is looked at again.
 * A frame that puts the end off writes only the new time: the old slot finds that it is not yet so.
 * A time that comes nearer moves the connection at once.
 */
#include <sys/random.h>

#include <rte_cycles.h>
#include <rte_errno.h>

#include "conntrack.h"
#include "worker.h"

#define TICK_SHIFT    22 /* cycles: 1 to 2 ms, and half a minute all round */
#define FRAGMENT_TIME 30 /* s, that the others may take (RFC 791 3.2 says 15, Linux 30) */
#define STALE_TICKS   8

struct lk_conntrack *lk_conntracks[256];
int lk_flow_offset;

static const uint8_t timeout_of[LK_CONNECTION_STATES] = {
	[LK_TCP_SYN_SENT] = LK_TIMEOUT_TCP_OPENING,
	[LK_TCP_SYN_RECEIVED] = LK_TIMEOUT_TCP_OPENING,
	[LK_TCP_ESTABLISHED] = LK_TIMEOUT_TCP_ESTABLISHED,
	[LK_TCP_FIN_WAIT] = LK_TIMEOUT_TCP_CLOSING,
	[LK_TCP_CLOSE_WAIT] = LK_TIMEOUT_TCP_CLOSING,
	[LK_TCP_LAST_ACK] = LK_TIMEOUT_TCP_CLOSING,
	[LK_TCP_TIME_WAIT] = LK_TIMEOUT_TCP_CLOSING,
	[LK_TCP_CLOSED] = LK_TIMEOUT_TCP_CLOSING,
	[LK_UDP_ONE_WAY] = LK_TIMEOUT_UDP,
	[LK_UDP_STREAM] = LK_TIMEOUT_UDP_STREAM,
	[LK_ICMP_ASKED] = LK_TIMEOUT_ICMP,
	[LK_OTHER_STATE] = LK_TIMEOUT_OTHER,
};

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
	t->tick = rte_rdtsc() >> TICK_SHIFT;
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

/* The wheel */

static void
put_into_wheel(struct lk_conntrack *t, uint32_t place, uint64_t earliest)
{
	struct lk_connection *c = &t->connections[place];
	uint64_t tick = c->deadline >> TICK_SHIFT;

	tick = RTE_MIN(RTE_MAX(tick, earliest), t->tick + LK_WHEEL_SLOTS - 1);
	c->slot = (uint16_t)(tick % LK_WHEEL_SLOTS);
	c->before = 0;
	c->next = t->slots[c->slot];
	if (c->next != 0)
		t->connections[c->next - 1].before = place + 1;
	t->slots[c->slot] = place + 1;
}

static void
take_from_wheel(struct lk_conntrack *t, struct lk_connection *c)
{
	if (c->before != 0)
		t->connections[c->before - 1].next = c->next;
	else
		t->slots[c->slot] = c->next;
	if (c->next != 0)
		t->connections[c->next - 1].before = c->before;
}

/* A nat behind, which holds an address and a port for it, and the second key */
static void
forget_translation(struct lk_conntrack *t, struct lk_connection *c, uint32_t place)
{
	if (c->flags & LK_IS_NATTED)
		lk_index_remove(&t->keys, c->back_hash, place);
	if (c->nat != 0)
		t->forget[c->nat - 1](t->nats[c->nat - 1], c);
	c->flags &= (uint8_t)~LK_IS_NATTED;
	c->nat = 0;
}

static void
forget(struct lk_conntrack *t, uint32_t place)
{
	struct lk_connection *c = &t->connections[place];

	take_from_wheel(t, c);
	forget_translation(t, c, place);
	lk_index_remove(&t->keys, c->hash, place);
	c->flags = 0;
	c->generation++;
	c->next = t->free;
	t->free = place + 1;
	t->active--;
	t->available++;
}

void
lk_conntrack_expire(struct lk_conntrack *t, uint64_t now, uint32_t budget)
{
	uint64_t end = now >> TICK_SHIFT;

	if (end >= t->tick + LK_WHEEL_SLOTS) /* all slots once are enough */
		t->tick = end - LK_WHEEL_SLOTS + 1;
	while (t->tick < end) {
		uint32_t *slot = &t->slots[t->tick % LK_WHEEL_SLOTS];

		for (; *slot != 0; budget--) {
			uint32_t place = *slot - 1;
			struct lk_connection *c = &t->connections[place];

			if (budget == 0)
				return;
			if (c->next != 0)
				rte_prefetch0(&t->connections[c->next - 1]);
			if (c->deadline <= now) {
				forget(t, place);
				t->expired++;
			} else {
				take_from_wheel(t, c);
				put_into_wheel(t, place, t->tick + 1);
			}
		}
		t->tick++;
	}
}

void
lk_conntrack_refresh(struct lk_node *self)
{
	struct lk_conntrack *t = self->state;

	if ((rte_rdtsc() >> TICK_SHIFT) - __atomic_load_n(&t->tick, __ATOMIC_RELAXED) < STALE_TICKS)
		return;
	lk_workers_pause();
	lk_conntrack_expire(t, rte_rdtsc(), UINT32_MAX);
	lk_workers_resume();
}

static void
set_time(struct lk_conntrack *t, struct lk_connection *c, uint64_t now)
{
	uint64_t deadline = now + t->timeouts[timeout_of[c->tcp.state]];
	int is_nearer = deadline < c->deadline;

	c->deadline = deadline;
	if (unlikely(is_nearer)) {
		take_from_wheel(t, c);
		put_into_wheel(t, (uint32_t)(c - t->connections), t->tick);
	}
}

/* Connections */

/* Which connection the key is of, and in which direction it goes. */
static uint32_t
find(const struct lk_conntrack *t, const struct lk_flow_key *key, uint64_t hash,
     unsigned int *direction)
{
	const struct lk_bucket *bucket = lk_bucket_of(&t->keys, hash);
	struct lk_flow_key turned = lk_flow_key_turned(key);
	unsigned int slot = 0;
	uint32_t place;

	while ((place = lk_index_next(&t->keys, &bucket, &slot, hash)) != LK_NO_PLACE) {
		const struct lk_connection *c = &t->connections[place];

		*direction = 0;
		if (lk_flow_key_is(&c->key, key))
			return place;
		*direction = 1;
		if (lk_flow_key_is(c->flags & LK_IS_NATTED ? &c->back : &c->key,
				   c->flags & LK_IS_NATTED ? key : &turned))
			return place;
		slot++;
	}
	return LK_NO_PLACE;
}

int
lk_conntrack_translate(struct lk_conntrack *t, struct lk_connection *c,
		       const struct lk_flow_key *back)
{
	uint64_t hash = lk_flow_key_hash(back, t->seed);
	uint32_t place = (uint32_t)(c - t->connections);
	unsigned int direction;
	uint32_t other = find(t, back, hash, &direction);

	if (other != LK_NO_PLACE && other != place)
		return -EEXIST;
	c->back = *back;
	c->back_hash = hash;
	c->flags |= LK_IS_NATTED;
	lk_index_add(&t->keys, hash, place);
	return 0;
}

static uint8_t
first_state(const struct lk_flow_frame *frame)
{
	switch (frame->key.protocol) {
	case LK_PROTO_TCP:
		return frame->tcp_flags & LK_TCP_SYN ? LK_TCP_SYN_SENT : LK_TCP_ESTABLISHED;
	case LK_PROTO_UDP:
		return LK_UDP_ONE_WAY;
	case LK_PROTO_ICMP:
	case LK_PROTO_ICMPV6:
		return LK_ICMP_ASKED;
	default:
		return LK_OTHER_STATE;
	}
}

/* Whether a connection may begin with this frame. */
static int
may_begin(const struct lk_conntrack *t, const struct lk_flow_frame *frame)
{
	if (frame->key.protocol == LK_PROTO_TCP)
		return frame->tcp_flags == LK_TCP_SYN || (frame->tcp_flags & 0x17) == LK_TCP_SYN ||
		       (t->picks_up && (frame->tcp_flags & 0x17) == LK_TCP_ACK);
	if (frame->key.protocol == LK_PROTO_ICMP || frame->key.protocol == LK_PROTO_ICMPV6)
		return frame->is_request;
	return 1;
}

static int
is_too_soon(struct lk_conntrack *t, uint64_t now)
{
	if (t->new_every == 0)
		return 0;
	if ((int64_t)(now - t->new_at) > (int64_t)t->new_burst)
		t->new_at = now - t->new_burst;
	if ((int64_t)(now - t->new_at) < (int64_t)t->new_every)
		return 1;
	t->new_at += t->new_every;
	return 0;
}

/* At a place that was free, or whose connection is over: its key has the same hash. */
static void
begin(struct lk_conntrack *t, struct lk_connection *c, const struct lk_flow_frame *frame)
{
	c->key = frame->key;
	c->hash = frame->hash;
	c->flags = LK_IS_TAKEN;
	c->tcp = (struct lk_tcp_track){.state = first_state(frame), .syns = 1};
	c->generation++;
	memset(c->packets, 0, sizeof(c->packets));
	memset(c->bytes, 0, sizeof(c->bytes));
	t->new_connections++;
}

static enum lk_verdict
add(struct lk_conntrack *t, const struct lk_flow_frame *frame, uint64_t now, uint32_t *place)
{
	struct lk_connection *c;

	if (t->available == 0)
		lk_conntrack_expire(t, now, UINT32_MAX);
	if (t->available == 0) {
		t->exceeded++;
		return LK_conntrack_full;
	}
	if (is_too_soon(t, now)) {
		t->too_many++;
		return LK_conntrack_rate;
	}
	if (t->free != 0) {
		*place = t->free - 1;
		t->free = t->connections[*place].next;
	} else {
		*place = t->used++;
	}
	c = &t->connections[*place];
	begin(t, c, frame);
	c->created = now;
	c->deadline = now + t->timeouts[timeout_of[c->tcp.state]];
	put_into_wheel(t, *place, t->tick);
	lk_index_add(&t->keys, frame->hash, *place);
	t->active++;
	t->available--;
	t->most_active = RTE_MAX(t->most_active, t->active);
	return LK_next;
}

/* A connection that is over, by its time or because it was closed and begins anew. */
static int
is_over(const struct lk_connection *c, const struct lk_flow_frame *frame, uint64_t now)
{
	return c->deadline <= now ||
	       (frame->key.protocol == LK_PROTO_TCP && lk_tcp_is_closed(c->tcp.state) &&
		(frame->tcp_flags & (LK_TCP_SYN | LK_TCP_ACK)) == LK_TCP_SYN);
}

static enum lk_verdict
invalid(struct lk_conntrack *t, enum lk_verdict verdict, uint64_t *flow)
{
	t->invalid++;
	*flow = lk_flow_told(0, t->number, 0, 0, LK_INVALID);
	return t->when_invalid == LK_OTHERWISE_DROP ? verdict : LK_next;
}

/* What the frame does to its connection. 0: nothing that fits it. */
static int
advance(struct lk_connection *c, const struct lk_flow_frame *frame, unsigned int direction)
{
	if (frame->key.protocol == LK_PROTO_TCP) {
		if (!lk_tcp_flags_are_good(frame->tcp_flags) ||
		    !lk_tcp_track(&c->tcp, direction, frame->tcp_flags))
			return 0;
	} else if (frame->key.protocol == LK_PROTO_UDP) {
		if (direction == 0 && c->flags & LK_HAS_ANSWER)
			c->tcp.state = LK_UDP_STREAM;
	}
	if (direction == 1)
		c->flags |= LK_HAS_ANSWER;
	return 1;
}

static struct lk_fragment *
fragment_set(const struct lk_conntrack *t, uint64_t packet)
{
	return &t->fragments[packet % LK_FRAGMENT_SETS * LK_FRAGMENT_WAYS];
}

/* In the place of one whose time is over, or will be first. */
static void
remember_fragment(struct lk_conntrack *t, uint64_t packet, uint64_t flow, uint64_t now)
{
	struct lk_fragment *set = fragment_set(t, packet), *oldest = set;

	for (unsigned int i = 0; i < LK_FRAGMENT_WAYS; i++) {
		if (set[i].packet == packet) {
			oldest = &set[i];
			break;
		}
		if (set[i].until < oldest->until)
			oldest = &set[i];
	}
	*oldest = (struct lk_fragment){packet, now + (uint64_t)(FRAGMENT_TIME * t->hz), flow};
}

static enum lk_verdict
take_fragment(struct lk_conntrack *t, const struct lk_flow_frame *frame, uint32_t bytes,
	      uint64_t now, uint64_t *flow)
{
	struct lk_fragment *set = fragment_set(t, frame->packet);

	for (unsigned int i = 0; i < LK_FRAGMENT_WAYS; i++) {
		struct lk_connection *c;

		if (set[i].packet != frame->packet || set[i].until <= now)
			continue;
		c = lk_flow_connection(set[i].flow);
		if (c == NULL || c->deadline <= now)
			break;
		c->packets[lk_flow_direction(set[i].flow)]++;
		c->bytes[lk_flow_direction(set[i].flow)] += bytes;
		*flow = set[i].flow | LK_FLOW_LATER_FRAGMENT;
		return LK_next;
	}
	return invalid(t, LK_conntrack_fragment, flow);
}

static enum lk_verdict
take_error(struct lk_conntrack *t, const struct lk_flow_frame *frame, uint64_t now, uint64_t *flow)
{
	unsigned int direction;
	uint32_t place = find(t, &frame->key, frame->hash, &direction);
	const struct lk_connection *c = &t->connections[place];

	if (place == LK_NO_PLACE || c->deadline <= now)
		return invalid(t, LK_conntrack_invalid, flow);
	t->related++;
	*flow = lk_flow_told(place, t->number, c->generation, direction, LK_RELATED);
	return LK_next;
}

static enum lk_verdict
take_packet(struct lk_conntrack *t, const struct lk_flow_frame *frame, uint32_t bytes, uint64_t now,
	    uint64_t *flow)
{
	unsigned int direction;
	uint32_t place = find(t, &frame->key, frame->hash, &direction);
	struct lk_connection *c = &t->connections[place];
	int is_first = 0;

	if (unlikely(place == LK_NO_PLACE || is_over(c, frame, now))) {
		enum lk_verdict verdict;

		if (place != LK_NO_PLACE) {
			t->expired += c->deadline <= now;
			forget(t, place);
		}
		if (!may_begin(t, frame))
			return invalid(t, LK_conntrack_invalid, flow);
		verdict = add(t, frame, now, &place);
		if (verdict != LK_next) {
			if (t->when_full == LK_OTHERWISE_DROP)
				return verdict;
			t->untracked++;
			*flow = 0;
			return LK_next;
		}
		c = &t->connections[place];
		direction = 0;
		is_first = 1;
	}
	if (!is_first && unlikely(!advance(c, frame, direction)))
		return invalid(t, LK_conntrack_invalid, flow);
	c->packets[direction]++;
	c->bytes[direction] += bytes;
	set_time(t, c, now);
	*flow = lk_flow_told(place, t->number, c->generation, direction,
			     c->flags & LK_HAS_ANSWER ? LK_ESTABLISHED : LK_NEW);
	if (unlikely(frame->what == LK_FLOW_FIRST))
		remember_fragment(t, frame->packet, *flow, now);
	return LK_next;
}

enum lk_verdict
lk_conntrack_take(struct lk_conntrack *t, struct lk_flow_frame *frame, uint32_t bytes, uint64_t now,
		  uint64_t *flow)
{
	switch (frame->what) {
	case LK_FLOW_PACKET:
	case LK_FLOW_FIRST:
		return take_packet(t, frame, bytes, now, flow);
	case LK_FLOW_ERROR:
		return take_error(t, frame, now, flow);
	case LK_FLOW_LATER:
		if (!lk_has_ports(frame->key.protocol) && frame->key.protocol != LK_PROTO_ICMP &&
		    frame->key.protocol != LK_PROTO_ICMPV6)
			return take_packet(t, frame, bytes, now, flow);
		return take_fragment(t, frame, bytes, now, flow);
	case LK_FLOW_INVALID:
		return invalid(t, LK_conntrack_invalid, flow);
	default:
		t->untracked++;
		*flow = 0;
		return LK_next;
	}
}

/* The table as Python shows it */

static void
put_address(uint64_t *cells, const uint8_t *address, uint8_t version)
{
	cells[0] = version;
	cells[1] = version == 4 ? 0 : lk_get64(address);
	cells[2] = version == 4 ? lk_get32(address) : lk_get64(address + 8);
}

static void
put_ports(const struct lk_flow_key *key, uint64_t *from, uint64_t *to)
{
	int is_query = key->protocol == LK_PROTO_ICMP || key->protocol == LK_PROTO_ICMPV6;

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
		put_address(cells, c->key.from, c->key.kind & 15);
		put_address(cells + 4, c->key.to, c->key.kind & 15);
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
