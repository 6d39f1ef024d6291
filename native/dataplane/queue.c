/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

#include "dscp.h"
#include "filter.h"
#include "flow.h"
#include "queue.h"

#define FLOWS	       1024 /* RFC 8290 5.2.2 */
#define QUANTUM	       1514
#define SHORTEST       60
#define MOST_PLACES    (1u << 22)
#define TYPICAL	       1000 /* bytes of a frame, by which RED forgets while nothing comes */
#define RED_WEIGHT     0.002
#define RED_MOST       0.1
#define PIE_UPDATE_NS  15e6
#define PIE_BURST_NS   150e6
#define FRACTION_BITS  32
#define MARKS_AT_LEAST 14 /* bytes that have an IP header behind them */

static void
red_open(struct lk_queue *q, double per_byte)
{
	double limit = (double)q->limit;

	q->red = (struct lk_red){
		.lowest = limit / 6,
		.highest = limit / 2,
		.most = RED_MOST,
		.weight = RED_WEIGHT,
		.frame_cycles = q->counts_frames ? per_byte : per_byte * TYPICAL,
		.since = -1,
	};
}

/* Weighted ones take turns by their weights, in frames or bytes as the link counts. */
static int
classes_open(struct lk_queue *q, const struct lk_node_data *data)
{
	q->classes = malloc(data->length);
	if (q->classes == NULL)
		return -ENOMEM;
	memcpy(q->classes, data->bytes, data->length);
	for (uint32_t i = 0; i < q->class_count; i++) {
		q->flows[i].limit = q->classes[i].limit;
		q->flows[i].limits_frames = q->classes[i].limits_frames;
		q->flows[i].quantum =
			(int64_t)q->classes[i].weight * (q->counts_frames ? 1 : QUANTUM);
	}
	return 0;
}

static uint64_t
places_for(const struct lk_queue *q)
{
	uint64_t places = 0;

	if (q->class_count == 0)
		return q->limits_frames ? q->limit + 1 : q->limit / SHORTEST + 2;
	for (uint32_t i = 0; i < q->class_count; i++)
		places += q->flows[i].limits_frames ? q->flows[i].limit + 1
						    : q->flows[i].limit / SHORTEST + 2;
	return places;
}

int
lk_queue_open(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct lk_queue *q = self->state;
	double hz = lk_clock_tsc_hz(), per_unit = hz / values[LK_QUEUE_RATE].real;

	q->counts_frames = (int)values[LK_QUEUE_RATE].whole;
	q->per_unit = (uint64_t)ldexp(per_unit, FRACTION_BITS);
	q->limits_frames = (int)values[LK_QUEUE_LIMIT].whole;
	q->limit = (uint64_t)values[LK_QUEUE_LIMIT].real;
	q->aqm = (enum lk_aqm)values[LK_QUEUE_AQM].whole;
	q->burst = (uint64_t)(values[LK_QUEUE_BURST].real * per_unit);
	q->has_ecn = (int)values[LK_QUEUE_ECN].whole;
	q->overhead = (uint32_t)values[LK_QUEUE_OVERHEAD].whole;
	q->ns_per_cycle = 1e9 / hz;
	q->codel.target = (uint64_t)(values[LK_QUEUE_TARGET].real * hz);
	q->codel.interval = (uint64_t)(values[LK_QUEUE_INTERVAL].real * hz);
	q->free_at = rte_rdtsc();
	q->pie = (struct lk_pie){
		.target = q->codel.target,
		.update = (uint64_t)(PIE_UPDATE_NS * hz / 1e9),
		.burst = (uint64_t)(PIE_BURST_NS * hz / 1e9),
		.allowance = (uint64_t)(PIE_BURST_NS * hz / 1e9),
		.hz = hz,
		.updated = q->free_at,
		.seed = (uint64_t)values[LK_QUEUE_SEED].whole,
	};
	red_open(q, per_unit);
	q->red.seed = q->pie.seed;
	q->class_count = (uint32_t)(self->config.data[0].length / sizeof(*q->classes));
	q->flow_count = q->aqm == LK_AQM_FQ_CODEL ? FLOWS : RTE_MAX(1u, q->class_count);
	q->flows = calloc(q->flow_count, sizeof(*q->flows));
	if (q->flows == NULL)
		return -ENOMEM;
	if (q->class_count > 0 && classes_open(q, &self->config.data[0]) != 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < q->flow_count && q->class_count == 0; i++)
		q->flows[i].quantum = QUANTUM;
	q->place_count = (uint32_t)RTE_MIN((uint64_t)MOST_PLACES, places_for(q));
	q->places = calloc(q->place_count, sizeof(*q->places));
	if (q->places == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < q->place_count; i++)
		q->places[i].next = i + 1 < q->place_count ? i + 2 : 0;
	q->free_place = 1;
	return 0;
}

void
lk_queue_close(struct lk_node *self)
{
	struct lk_queue *q = self->state;

	for (uint32_t i = 0; q->flows != NULL && i < q->flow_count; i++)
		for (uint32_t at = q->flows[i].head; at != 0; at = q->places[at - 1].next)
			rte_pktmbuf_free(q->places[at - 1].m);
	rte_pktmbuf_free(q->sending.m);
	free(q->classes);
	free(q->flows);
	free(q->places);
}

static uint32_t
bytes_of(const struct lk_queue *q, const struct rte_mbuf *m)
{
	return m->pkt_len + q->overhead;
}

static void
list_add(struct lk_queue *q, struct lk_flow_list *list, uint32_t flow)
{
	q->flows[flow].next = 0;
	q->flows[flow].is_listed = 1;
	if (list->tail != 0)
		q->flows[list->tail - 1].next = flow + 1;
	else
		list->head = flow + 1;
	list->tail = flow + 1;
}

static uint32_t
list_remove(struct lk_queue *q, struct lk_flow_list *list)
{
	uint32_t flow = list->head - 1;

	list->head = q->flows[flow].next;
	if (list->head == 0)
		list->tail = 0;
	q->flows[flow].is_listed = 0;
	return flow;
}

/* It has frames: it waits for its turn. */
static void
line_up(struct lk_queue *q, uint32_t flow)
{
	struct lk_queue_flow *f = &q->flows[flow];

	if (f->quantum == 0)
		q->strict |= 1ull << flow;
	else if (q->flow_count > 1 && !f->is_listed) {
		f->deficit = f->quantum;
		list_add(q, q->class_count > 0 ? &q->old_flows : &q->new_flows, flow);
	}
}

static void
push(struct lk_queue *q, uint32_t flow, struct rte_mbuf *m, uint64_t now)
{
	struct lk_queue_flow *f = &q->flows[flow];
	uint32_t place = q->free_place;
	struct lk_queued *queued = &q->places[place - 1];
	uint32_t bytes = bytes_of(q, m);

	q->free_place = queued->next;
	*queued = (struct lk_queued){m, now, 0, flow};
	if (f->tail != 0)
		q->places[f->tail - 1].next = place;
	else
		f->head = place;
	f->tail = place;
	f->bytes += bytes;
	f->held++;
	f->held_bytes += bytes;
	q->held++;
	q->held_bytes += bytes;
	q->most_held = RTE_MAX(q->most_held, q->held);
	line_up(q, flow);
}

/* From the head of a flow that has frames; still held. */
static struct lk_queued
pop(struct lk_queue *q, uint32_t flow)
{
	struct lk_queue_flow *f = &q->flows[flow];
	uint32_t place = f->head;
	struct lk_queued queued = q->places[place - 1];

	f->head = queued.next;
	if (f->head == 0) {
		f->tail = 0;
		if (f->quantum == 0)
			q->strict &= ~(1ull << flow);
	}
	q->places[place - 1].next = q->free_place;
	q->free_place = place;
	f->bytes -= bytes_of(q, queued.m);
	return queued;
}

static struct rte_mbuf *
let_go(struct lk_queue *q, const struct lk_queued *queued)
{
	struct lk_queue_flow *f = &q->flows[queued->flow];
	uint32_t bytes = bytes_of(q, queued->m);

	q->held--;
	q->held_bytes -= bytes;
	f->held--;
	f->held_bytes -= bytes;
	return queued->m;
}

/* RFC 8290 4.1: from the head of the flow that has the most bytes. */
static struct rte_mbuf *
drop_of_the_longest(struct lk_queue *q)
{
	uint32_t longest = 0;
	struct lk_queued queued;

	for (uint32_t i = 1; i < q->flow_count; i++)
		if (q->flows[i].bytes > q->flows[longest].bytes)
			longest = i;
	queued = pop(q, longest);
	q->flows[longest].dropped++;
	return let_go(q, &queued);
}

static int
is_full(const struct lk_queue *q, uint32_t flow, uint32_t more)
{
	const struct lk_queue_flow *f = &q->flows[flow];

	if (q->free_place == 0)
		return 1;
	if (q->class_count > 0)
		return f->limits_frames ? f->held >= f->limit : f->held_bytes + more > f->limit;
	return q->limits_frames ? q->held >= q->limit : q->held_bytes + more > q->limit;
}

static int
takes(const struct lk_queue_class *class, struct rte_mbuf *m, int dscp, int pcp)
{
	return (dscp >= 0 && (class->dscps >> dscp & 1)) ||
	       (pcp >= 0 && (class->pcps >> pcp & 1)) ||
	       (class->filter != NULL && lk_filter_takes(class->filter, m));
}

static uint32_t
flow_of(const struct lk_queue *q, struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip;
	int dscp, pcp = -1;

	if (q->aqm == LK_AQM_FQ_CODEL)
		return (uint32_t)lk_flow_of(frame, m->data_len).hash & (FLOWS - 1);
	if (q->class_count == 0)
		return 0;
	ip = lk_ip_of(frame, m->data_len);
	dscp = ip == NULL ? -1 : lk_dscp(ip);
	if (m->data_len >= LK_ETHER_LENGTH + 4u &&
	    (lk_get16(frame + 12) == LK_TYPE_VLAN || lk_get16(frame + 12) == LK_TYPE_QINQ))
		pcp = frame[14] >> 5;
	for (uint32_t i = 0; i + 1 < q->class_count; i++)
		if (takes(&q->classes[i], m, dscp, pcp))
			return i;
	return q->class_count - 1;
}

/* Whether it says congestion in place of being dropped (RFC 3168). */
static int
marks(struct lk_queue *q, struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	struct lk_flow flow;

	if (!q->has_ecn || m->data_len < MARKS_AT_LEAST)
		return 0;
	flow = lk_flow_of_any(frame, m->data_len);
	if (flow.version == 0 || (flow.traffic_class & LK_ECN) == LK_NOT_ECT)
		return 0;
	if ((flow.traffic_class & LK_ECN) != LK_CE)
		lk_set_traffic_class(frame + flow.l3, flow.traffic_class | LK_CE);
	q->marked++;
	return 1;
}

static int
goes_early(struct lk_queue *q, struct rte_mbuf *m, uint64_t now)
{
	if (q->aqm == LK_AQM_RED)
		return lk_red_drops(&q->red, q->limits_frames ? q->held : q->held_bytes, now) &&
		       !marks(q, m);
	if (q->aqm == LK_AQM_PIE)
		return lk_pie_drops(&q->pie, q->held_bytes, q->longest, now) && !marks(q, m);
	return 0;
}

/* The frame's own flow may be the one that loses; what the link has begun with is out of reach. */
struct rte_mbuf *
lk_queue_make_room(struct lk_queue *q, const struct rte_mbuf *m)
{
	if (q->aqm != LK_AQM_FQ_CODEL || !is_full(q, 0, bytes_of(q, m)) ||
	    q->held == (q->sending.m != NULL))
		return NULL;
	return drop_of_the_longest(q);
}

enum lk_verdict
lk_queue_put(struct lk_queue *q, struct rte_mbuf *m, uint64_t now)
{
	uint32_t flow = flow_of(q, m);

	q->longest = RTE_MAX(q->longest, bytes_of(q, m));
	if (is_full(q, flow, bytes_of(q, m))) {
		q->flows[flow].dropped++;
		return LK_queue_full;
	}
	if (goes_early(q, m, now)) {
		q->flows[flow].dropped++;
		return LK_queue_early;
	}
	push(q, flow, m, now);
	return LK_next;
}

/* The flow whose turn it is (RFC 8290 4.2), strict classes first; -1: none has frames. */
static int64_t
flow_in_turn(struct lk_queue *q)
{
	if (q->flow_count == 1)
		return q->flows[0].head != 0 ? 0 : -1;
	if (q->strict != 0)
		return rte_bsf64(q->strict);
	for (;;) {
		struct lk_flow_list *list = q->new_flows.head != 0 ? &q->new_flows : &q->old_flows;
		struct lk_queue_flow *f;

		if (list->head == 0)
			return -1;
		f = &q->flows[list->head - 1];
		if (f->head == 0) {
			int is_new = list == &q->new_flows && q->old_flows.head != 0;
			uint32_t flow = list_remove(q, list);

			if (is_new)
				list_add(q, &q->old_flows, flow);
		} else if (f->deficit <= 0) {
			f->deficit += f->quantum;
			list_add(q, &q->old_flows, list_remove(q, list));
		} else {
			return list->head - 1;
		}
	}
}

/* When the link turns to a frame that came at this time. */
static uint64_t
turns_to(const struct lk_queue *q, uint64_t came)
{
	uint64_t free_at = q->free_at - q->burst;

	return (int64_t)(free_at - came) > 0 ? free_at : came;
}

static int
goes_late(struct lk_queue *q, struct lk_queue_flow *f, const struct lk_queued *queued)
{
	uint64_t start = turns_to(q, queued->at), wait = start - queued->at;
	int is_late;

	q->pie.delay = wait;
	if (q->aqm != LK_AQM_CODEL && q->aqm != LK_AQM_FQ_CODEL)
		return 0;
	is_late = lk_codel_is_late(&q->codel, &f->codel, wait, f->bytes, q->longest, start);
	return lk_codel_drops(&q->codel, &f->codel, is_late, start) && !marks(q, queued->m);
}

/* The link begins with a frame: when it will have sent it. */
static void
send(struct lk_queue *q, const struct lk_queued *queued)
{
	struct lk_queue_flow *f = &q->flows[queued->flow];
	uint64_t units = q->counts_frames ? 1 : bytes_of(q, queued->m);
	uint64_t start = turns_to(q, queued->at), wait = start - queued->at;
	uint64_t wait_ns = (uint64_t)((double)wait * q->ns_per_cycle);
	unsigned __int128 cost = (unsigned __int128)units * q->per_unit + q->free_fraction;

	if ((int64_t)(queued->at - q->free_at) > 0) {
		q->free_at = queued->at; /* it was idle */
		cost -= q->free_fraction;
	}
	q->free_at += (uint64_t)(cost >> FRACTION_BITS);
	q->free_fraction = (uint32_t)cost;
	q->leaves = q->free_at - q->burst;
	if ((int64_t)(q->leaves - queued->at) < 0)
		q->leaves = queued->at;
	q->sending = *queued;
	q->delayed += wait > 0;
	q->wait_ns += wait_ns;
	q->longest_wait_ns = RTE_MAX(q->longest_wait_ns, wait_ns);
	f->wait_ns += wait_ns;
	f->longest_wait_ns = RTE_MAX(f->longest_wait_ns, wait_ns);
}

/* What is left of a flow's turn shrinks by a frame: bytes, but where a link counts frames. */
static int64_t
cost_of(const struct lk_queue *q, const struct rte_mbuf *m)
{
	return q->class_count > 0 && q->counts_frames ? 1 : bytes_of(q, m);
}

struct rte_mbuf *
lk_queue_take(struct lk_queue *q, uint64_t now, enum lk_verdict *verdict)
{
	struct lk_queue_flow *f;
	struct rte_mbuf *m;

	if (q->sending.m == NULL) {
		int64_t flow = flow_in_turn(q);
		struct lk_queued queued;

		if (flow < 0)
			return NULL;
		f = &q->flows[flow];
		queued = pop(q, (uint32_t)flow);
		if (goes_late(q, f, &queued)) {
			f->dropped++;
			*verdict = LK_queue_early;
			return let_go(q, &queued);
		}
		f->deficit -= cost_of(q, queued.m);
		send(q, &queued);
	}
	if ((int64_t)(now - q->leaves) < 0)
		return NULL;
	f = &q->flows[q->sending.flow];
	f->passed++;
	f->passed_bytes += bytes_of(q, q->sending.m);
	m = let_go(q, &q->sending);
	q->sending.m = NULL;
	q->red.idle_since = q->leaves;
	q->passed++;
	*verdict = LK_next;
	return m;
}

/* What stands in the first cells of a row: a flow by the first of its frames that waits. */
static void
name_flow(const struct lk_queue *q, const struct lk_queue_flow *f, uint64_t *cells)
{
	const struct rte_mbuf *m = f->head != 0 ? q->places[f->head - 1].m : NULL;
	struct lk_headers h;
	enum lk_verdict verdict;
	const uint8_t *frame, *ip;

	if (m == NULL || q->class_count > 0)
		return;
	frame = rte_pktmbuf_mtod(m, const uint8_t *);
	verdict = lk_parse(frame, m->data_len, &h);
	ip = frame + h.l3;
	cells[1] = h.ip_version;
	if (h.ip_version == 4) {
		cells[3] = lk_get32(ip + 12);
		cells[5] = lk_get32(ip + 16);
	} else if (h.ip_version == 6) {
		for (int i = 0; i < 4; i++)
			cells[2 + i] = lk_get64(ip + 8 + 8 * i);
	}
	cells[6] = h.protocol;
	if (verdict == LK_next && h.l4 != 0 && lk_has_ports(h.protocol) && h.l4_length >= 4)
		cells[7] = lk_get32(frame + h.l4);
}

uint32_t
lk_queue_rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	const struct lk_queue *q = self->state;
	uint32_t count = 0;

	for (; *cursor < q->flow_count && count < room; ++*cursor) {
		const struct lk_queue_flow *f = &q->flows[*cursor];
		uint64_t *cells = rows[count].cells;

		if (q->aqm == LK_AQM_FQ_CODEL && f->held + f->passed + f->dropped == 0)
			continue;
		memset(cells, 0, sizeof(rows[count]));
		cells[0] = q->flow_count == 1 ? UINT64_MAX : *cursor;
		cells[7] = UINT64_MAX;
		if (q->aqm == LK_AQM_FQ_CODEL)
			name_flow(q, f, cells);
		cells[8] = f->held;
		cells[9] = f->held_bytes;
		cells[10] = f->passed;
		cells[11] = f->passed_bytes;
		cells[12] = f->dropped;
		cells[13] = f->passed == 0 ? UINT64_MAX : f->wait_ns / f->passed;
		cells[14] = f->passed == 0 ? UINT64_MAX : f->longest_wait_ns;
		count++;
	}
	return count;
}
