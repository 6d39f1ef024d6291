/* SPDX-License-Identifier: BSD-3-Clause */

/* What the device of a sick port does with frames. */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "sick.h"

static struct rte_mbuf *
take_first(struct lk_sick_queue *q, uint32_t ring)
{
	struct rte_mbuf *m = q->held[q->first];

	q->first = (q->first + 1) % LK_SICK_MOST_HELD;
	q->count--;
	q->ring_bytes -= m->pkt_len;
	if (q->count >= ring) { /* the next one comes into the ring from the queue in front */
		uint32_t length = q->held[(q->first + ring - 1) % LK_SICK_MOST_HELD]->pkt_len;

		q->backlog_bytes -= length;
		q->ring_bytes += length;
	}
	return m;
}

static void
hold(struct lk_sick_queue *q, uint32_t ring, struct rte_mbuf *m)
{
	*(q->count < ring ? &q->ring_bytes : &q->backlog_bytes) += m->pkt_len;
	q->held[(q->first + q->count++) % LK_SICK_MOST_HELD] = m;
}

static void
refuse(struct rte_graph *graph, struct rte_node *node, struct lk_sick *s, struct lk_sick_queue *q,
       void **objs, uint16_t count)
{
	q->refused += count;
	lk_pass(graph, node, (enum lk_verdict)s->config.refusal, objs, count);
}

/* Sends what was held, oldest first, as far as the port takes it. */
static void
send_held(struct lk_port *port, uint16_t queue, struct lk_sick_queue *q)
{
	uint32_t ring = port->sick->config.ring;

	while (q->count != 0) {
		struct rte_mbuf *m = q->held[q->first];
		uint32_t length = m->pkt_len;

		if (rte_eth_tx_burst((uint16_t)(port - lk_ports), queue, &m, 1) == 0)
			break;
		take_first(q, ring);
		if (port->needs_bytes)
			port->bytes[queue].tx += length;
	}
}

static void
begin(struct lk_sick *s)
{
	atomic_store(&s->began, rte_rdtsc());
	atomic_store(&s->tx, s->config.tx);
	atomic_store(&s->rx, s->config.rx);
	atomic_store(&s->read_error, s->config.read_error);
}

/* Those that are too long vanish by name; how many are left. */
static uint16_t
keep_short(struct rte_graph *graph, struct rte_node *node, uint32_t longest, void **objs,
	   uint16_t count)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];

		if (m->pkt_len <= longest)
			objs[kept++] = m;
		else
			lk_pass_one(graph, node, LK_mtu_black_hole, m);
	}
	return kept;
}

/* How many of `count` frames there is room for. */
static uint16_t
room_for(uint32_t room, uint32_t used, uint16_t count)
{
	return used < room ? (uint16_t)RTE_MIN(room - used, count) : 0;
}

uint16_t
lk_sick_tx(struct rte_graph *graph, struct rte_node *node, struct lk_port *port, uint16_t queue,
	   void **objs, uint16_t count)
{
	struct lk_sick *s = port->sick;
	struct lk_sick_queue *q = queue < LK_MAX_RING_QUEUES ? s->queues[queue] : NULL;
	uint32_t ring = s->config.ring;
	uint16_t n;

	if (q == NULL)
		return count;
	if (atomic_load(&s->began) == 0) {
		uint64_t bytes = (uint64_t)lk_bytes_of(objs, count);

		if (atomic_fetch_add(&s->passed, bytes) + bytes < s->config.after_bytes)
			return count;
		begin(s);
	}
	switch (atomic_load(&s->tx)) {
	case LK_SICK_TX_HELD:
		n = room_for(ring + s->config.backlog, q->count, count);
		for (uint16_t i = 0; i < n; i++)
			hold(q, ring, objs[i]);
		if (n < count)
			refuse(graph, node, s, q, objs + n, (uint16_t)(count - n));
		return 0;
	case LK_SICK_TX_UNRETURNED:
		n = room_for(ring, q->unreturned, count);
		q->unreturned += n;
		if (n < count)
			refuse(graph, node, s, q, objs + n, (uint16_t)(count - n));
		return n;
	case LK_SICK_TX_RESUMED:
		send_held(port, queue, q);
		if (q->count == 0)
			return count;
		n = room_for(LK_SICK_MOST_HELD, q->count, count);
		for (uint16_t i = 0; i < n; i++)
			hold(q, ring, objs[i]);
		if (n < count)
			lk_pass(graph, node, LK_tx_full, objs + n, (uint16_t)(count - n));
		return 0;
	case LK_SICK_TX_SHORT:
		return keep_short(graph, node, s->config.longest, objs, count);
	default:
		return count;
	}
}

uint16_t
lk_sick_rx(struct lk_port *port, void **objs, uint16_t count)
{
	if (atomic_load_explicit(&port->sick->rx, memory_order_relaxed) != LK_SICK_RX_DEAD)
		return count;
	rte_pktmbuf_free_bulk((struct rte_mbuf **)objs, count);
	atomic_fetch_add(&port->sick->lost, count);
	return 0;
}

static struct lk_sick *
sick_of(uint16_t id)
{
	struct lk_sick *s = lk_ports[id].sick;
	struct rte_eth_dev_info info;

	if (s != NULL || rte_eth_dev_info_get(id, &info) != 0)
		return s;
	s = calloc(1, sizeof(*s));
	if (s != NULL)
		pthread_mutex_init(&s->parts_lock, NULL);
	for (uint16_t q = 0; s != NULL && q < RTE_MIN(info.nb_tx_queues, LK_MAX_RING_QUEUES); q++) {
		s->queues[q] = calloc(1, sizeof(*s->queues[q]));
		if (s->queues[q] == NULL) {
			lk_ports[id].sick = s;
			lk_sick_free(&lk_ports[id]);
			return NULL;
		}
	}
	return s;
}

/* Bytes of what is held, by where it stands in a ring of another size. */
static void
weigh(struct lk_sick_queue *q, uint32_t ring)
{
	q->ring_bytes = q->backlog_bytes = 0;
	for (uint32_t i = 0; i < q->count; i++)
		*(i < ring ? &q->ring_bytes : &q->backlog_bytes) +=
			q->held[(q->first + i) % LK_SICK_MOST_HELD]->pkt_len;
}

/* From now on, or when so many bytes have been sent. What is held stays so until lk_sick_flush().
 */
int
lk_sick_set(uint16_t id, const struct lk_sick_config *config)
{
	struct lk_sick *s = sick_of(id);

	if (s == NULL)
		return -ENOMEM;
	if (config->ring + config->backlog > LK_SICK_MOST_HELD || config->ring == 0)
		return -EINVAL;
	lk_workers_pause();
	s->config = *config;
	for (unsigned int q = 0; q < LK_MAX_RING_QUEUES; q++)
		if (s->queues[q] != NULL)
			weigh(s->queues[q], config->ring);
	atomic_store(&s->passed, 0);
	atomic_store(&s->began, 0);
	if (config->after_bytes == 0)
		begin(s);
	lk_ports[id].sick = s;
	lk_workers_resume();
	return 0;
}

/* Sends what is held, or loses it; returns how many frames are held still. */
int
lk_sick_flush(uint16_t id, int sends)
{
	struct lk_port *port = &lk_ports[id];
	struct lk_sick *s = port->sick;
	unsigned int held;

	if (s == NULL)
		return 0;
	lk_workers_pause();
	for (uint16_t n = 0; n < LK_MAX_RING_QUEUES; n++) {
		struct lk_sick_queue *q = s->queues[n];

		if (q == NULL)
			continue;
		q->unreturned = 0;
		if (sends)
			send_held(port, n, q);
		while (!sends && q->count != 0) {
			rte_pktmbuf_free(take_first(q, s->config.ring));
			atomic_fetch_add(&s->lost, 1);
		}
		if (sends && port->is_ring)
			lk_port_wake_reader(port, n);
	}
	held = lk_sick_held(port);
	lk_workers_resume();
	return (int)held;
}

unsigned int
lk_sick_held(const struct lk_port *port)
{
	unsigned int held = 0;

	for (unsigned int q = 0; port->sick != NULL && q < LK_MAX_RING_QUEUES; q++)
		if (port->sick->queues[q] != NULL)
			held += port->sick->queues[q]->count;
	return held;
}

void
lk_sick_counts(uint16_t id, struct lk_sick_counts *counts)
{
	const struct lk_sick *s = lk_ports[id].sick;

	memset(counts, 0, sizeof(*counts));
	if (s == NULL)
		return;
	if (s->began != 0)
		counts->began_ns = lk_clock_realtime_ns(s->began);
	counts->lost = s->lost;
	counts->read_error = (uint64_t)s->read_error;
	for (unsigned int n = 0; n < LK_MAX_RING_QUEUES; n++) {
		const struct lk_sick_queue *q = s->queues[n];
		uint32_t in_ring;

		if (q == NULL)
			continue;
		in_ring = RTE_MIN(q->count, s->config.ring);
		counts->in_ring += in_ring;
		counts->ring_bytes += q->ring_bytes;
		counts->in_backlog += q->count - in_ring;
		counts->backlog_bytes += q->backlog_bytes;
		counts->refused += q->refused;
		counts->unreturned += q->unreturned;
	}
}

/* No worker sends on it any more. */
void
lk_sick_free(struct lk_port *port)
{
	struct lk_sick *s = port->sick;

	if (s == NULL)
		return;
	for (unsigned int n = 0; n < LK_MAX_RING_QUEUES; n++) {
		struct lk_sick_queue *q = s->queues[n];

		while (q != NULL && q->count != 0)
			rte_pktmbuf_free(take_first(q, s->config.ring));
		free(q);
	}
	port->sick = NULL;
	pthread_mutex_destroy(&s->parts_lock);
	free(s);
}
