/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The table of connections. Each stands in the slot of a time wheel in which its time is over, or,
 * where that is further away than the wheel reaches, in the last one; there it is looked at again.
 * A frame that puts the end off writes only the new time: the old slot finds that it is not yet so.
 * A time that comes nearer moves the connection at once.
 */
#include "conntrack.h"

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

/* The wheel */

static void
put_into_wheel(struct lk_conntrack *t, uint32_t place, uint64_t earliest)
{
	struct lk_connection *c = &t->connections[place];
	uint64_t tick = c->deadline >> LK_TICK_SHIFT;

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

void
lk_conntrack_forget(struct lk_conntrack *t, uint32_t place)
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
	uint64_t end = now >> LK_TICK_SHIFT;

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
				lk_conntrack_forget(t, place);
				t->expired++;
			} else {
				take_from_wheel(t, c);
				put_into_wheel(t, place, t->tick + 1);
			}
		}
		t->tick++;
	}
}

static void
set_deadline(struct lk_conntrack *t, struct lk_connection *c, uint64_t deadline)
{
	int is_nearer = deadline < c->deadline;

	c->deadline = deadline;
	if (unlikely(is_nearer)) {
		take_from_wheel(t, c);
		put_into_wheel(t, (uint32_t)(c - t->connections), t->tick);
	}
}

void
lk_conntrack_set_time(struct lk_conntrack *t, struct lk_connection *c, uint64_t now)
{
	set_deadline(t, c, now + t->timeouts[timeout_of[c->tcp.state]]);
}

void
lk_conntrack_end(struct lk_conntrack *t, struct lk_connection *c, uint64_t now)
{
	set_deadline(t, c, now);
}

/* Connections */

/* Which connection the key is of, and in which direction it goes. */
uint32_t
lk_conntrack_find(const struct lk_conntrack *t, const struct lk_flow_key *key, uint64_t hash,
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
	uint32_t other = lk_conntrack_find(t, back, hash, &direction);

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
	default:
		return lk_flow_key_is_query(&frame->key) ? LK_ICMP_ASKED : LK_OTHER_STATE;
	}
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

static void
begin(struct lk_conntrack *t, struct lk_connection *c, const struct lk_flow_frame *frame,
      uint64_t now)
{
	c->tcp = (struct lk_tcp_track){.state = first_state(frame), .syns = 1};
	memset(c->packets, 0, sizeof(c->packets));
	memset(c->bytes, 0, sizeof(c->bytes));
	c->created = now;
	t->new_connections++;
}

enum lk_verdict
lk_conntrack_add(struct lk_conntrack *t, const struct lk_flow_frame *frame, uint64_t now,
		 uint32_t *place)
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
	begin(t, c, frame, now);
	c->key = frame->key;
	c->hash = frame->hash;
	c->flags = LK_IS_TAKEN;
	c->generation++;
	c->deadline = now + t->timeouts[timeout_of[c->tcp.state]];
	put_into_wheel(t, *place, t->tick);
	lk_index_add(&t->keys, frame->hash, *place);
	t->active++;
	t->available--;
	t->most_active = RTE_MAX(t->most_active, t->active);
	return LK_next;
}

enum lk_verdict
lk_conntrack_restart(struct lk_conntrack *t, struct lk_connection *c,
		     const struct lk_flow_frame *frame, uint64_t now)
{
	if (is_too_soon(t, now)) {
		t->too_many++;
		return LK_conntrack_rate;
	}
	t->expired += c->deadline <= now;
	begin(t, c, frame, now);
	c->flags &= LK_IS_TAKEN | LK_IS_NATTED;
	lk_conntrack_set_time(t, c, now);
	return LK_next;
}
