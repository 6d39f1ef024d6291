/* SPDX-License-Identifier: BSD-3-Clause */
#include "dscp.h"
#include "due.h"
#include "filter.h"
#include "flow.h"
#include "queue_flows.h"

#define MARKS_AT_LEAST 14 /* bytes that have an IP header behind them */

/* RFC 8290 4.1: from the head of the flow that has the most bytes. */
static struct rte_mbuf *
drop_of_the_longest(struct lk_queue *q)
{
	uint32_t longest = 0;
	struct lk_queued queued;

	for (uint32_t i = 1; i < q->flow_count; i++)
		if (q->flows[i].bytes > q->flows[longest].bytes)
			longest = i;
	queued = lk_queue_pop(q, longest);
	q->flows[longest].dropped++;
	return lk_queue_let_go(q, &queued);
}

static uint64_t
waiting(const struct lk_queue *q)
{
	return q->held - q->gone_count;
}

static uint64_t
waiting_bytes(const struct lk_queue *q)
{
	return q->held_bytes - q->gone_bytes;
}

static int
is_full(const struct lk_queue *q, uint32_t flow, uint32_t more)
{
	const struct lk_queue_flow *f = &q->flows[flow];

	if (q->free_place == 0)
		return 1;
	if (q->class_count > 0)
		return f->limits_frames ? f->held >= f->limit : f->held_bytes + more > f->limit;
	return q->limits_frames ? waiting(q) >= q->limit : waiting_bytes(q) + more > q->limit;
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
		return (uint32_t)lk_flow_of(frame, m->data_len).hash & (LK_QUEUE_FLOWS - 1);
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
		return lk_red_drops(&q->red, q->limits_frames ? waiting(q) : waiting_bytes(q),
				    now) &&
		       !marks(q, m);
	if (q->aqm == LK_AQM_PIE)
		return lk_pie_drops(&q->pie, waiting_bytes(q), q->longest, now) && !marks(q, m);
	return 0;
}

/* The frame's own flow may be the one that loses; what the link has begun with is out of reach. */
struct rte_mbuf *
lk_queue_make_room(struct lk_queue *q, const struct rte_mbuf *m)
{
	if (q->aqm != LK_AQM_FQ_CODEL || !is_full(q, 0, lk_queue_bytes(q, m)) ||
	    waiting(q) == (q->sending.m != NULL))
		return NULL;
	return drop_of_the_longest(q);
}

enum lk_verdict
lk_queue_put(struct lk_queue *q, struct rte_mbuf *m, uint64_t now)
{
	uint32_t flow = flow_of(q, m);

	q->longest = RTE_MAX(q->longest, lk_queue_bytes(q, m));
	if (is_full(q, flow, lk_queue_bytes(q, m))) {
		q->flows[flow].dropped++;
		return LK_queue_full;
	}
	if (goes_early(q, m, now)) {
		q->flows[flow].dropped++;
		return LK_queue_early;
	}
	lk_queue_push(q, flow, m, now);
	return LK_next;
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
	uint64_t units = q->counts_frames ? 1 : lk_queue_bytes(q, queued->m);
	uint64_t start = turns_to(q, queued->at), wait = start - queued->at;
	uint64_t wait_ns = (uint64_t)((double)wait * q->ns_per_cycle);
	unsigned __int128 cost = (unsigned __int128)units * q->per_unit + q->free_fraction;

	if ((int64_t)(queued->at - q->free_at) > 0) {
		q->free_at = queued->at; /* it was idle */
		cost -= q->free_fraction;
	}
	q->free_at += (uint64_t)(cost >> LK_QUEUE_FRACTION);
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
	return q->class_count > 0 && q->counts_frames ? 1 : lk_queue_bytes(q, m);
}

struct rte_mbuf *
lk_queue_take(struct lk_queue *q, uint64_t now, enum lk_verdict *verdict)
{
	struct lk_queue_flow *f;
	struct rte_mbuf *m;

	if (q->sending.m == NULL) {
		int64_t flow = lk_queue_flow_in_turn(q);
		struct lk_queued queued;

		if (flow < 0)
			return NULL;
		f = &q->flows[flow];
		queued = lk_queue_pop(q, (uint32_t)flow);
		if (goes_late(q, f, &queued)) {
			f->dropped++;
			*verdict = LK_queue_early;
			return lk_queue_let_go(q, &queued);
		}
		f->deficit -= cost_of(q, queued.m);
		send(q, &queued);
	}
	if ((int64_t)(now - q->leaves) < 0)
		return NULL;
	f = &q->flows[q->sending.flow];
	f->passed++;
	f->passed_bytes += lk_queue_bytes(q, q->sending.m);
	m = lk_queue_let_go(q, &q->sending);
	if (q->tells_due)
		*lk_due_of(m) = q->leaves;
	q->sending.m = NULL;
	q->red.idle_since = q->leaves;
	q->passed++;
	*verdict = LK_next;
	return m;
}

/*
 * Those that leave until then, of whom the next frame finds nothing any more; queue_release passes
 * them on. A frame that the queue drops meanwhile is returned, NULL: there is none.
 */
struct rte_mbuf *
lk_queue_leave(struct lk_queue *q, uint64_t came, enum lk_verdict *verdict)
{
	while (q->gone_count < LK_QUEUE_GONE) {
		struct rte_mbuf *m = lk_queue_take(q, came, verdict);
		uint32_t bytes;

		if (m == NULL || *verdict != LK_next)
			return m;
		bytes = lk_queue_bytes(q, m);
		q->gone[q->gone_count++] = m;
		q->gone_bytes += bytes;
		q->held_bytes += bytes;
		q->held++;
		q->passed--;
	}
	return NULL;
}

uint16_t
lk_queue_gone(struct lk_queue *q, struct rte_mbuf **frames)
{
	uint16_t count = (uint16_t)q->gone_count;

	memcpy(frames, q->gone, count * sizeof(*frames));
	q->held -= count;
	q->held_bytes -= q->gone_bytes;
	q->passed += count;
	q->gone_count = q->gone_bytes = 0;
	return count;
}
