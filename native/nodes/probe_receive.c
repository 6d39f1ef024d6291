/* SPDX-License-Identifier: BSD-3-Clause */

/* The other end of probe_send: knows the answers, checks every byte and takes the time. */
#include <rte_cycles.h>

#include "node.h"
#include "probe.h"
#include "signature.h"
#include "udp.h"

/* The frame's addresses and ports are those of an answer to this experiment. */
static int
is_answer(const uint8_t *frame, const struct lk_headers *h, const struct lk_probe *p)
{
	const uint8_t *asked = p->frame + p->headers.l3, *ip = frame + h->l3;
	const uint8_t *asked_udp = p->frame + p->headers.l4, *udp = frame + h->l4;

	if (h->ip_version != p->headers.ip_version || h->protocol != LK_PROTO_UDP ||
	    h->l4_length < LK_UDP_LENGTH)
		return 0;
	if (h->ip_version == 4 ? memcmp(asked + 12, ip + 16, 4) || memcmp(asked + 16, ip + 12, 4)
			       : memcmp(asked + 8, ip + 24, 16) || memcmp(asked + 24, ip + 8, 16))
		return 0;
	return memcmp(asked_udp, udp + 2, 2) == 0 && memcmp(asked_udp + 2, udp, 2) == 0;
}

/* LK_next: a good answer, taken into account. */
static enum lk_verdict
take(const uint8_t *payload, uint32_t length, struct lk_probe *p, uint64_t now)
{
	struct lk_signature s;

	if (length < LK_SIGNATURE_LENGTH || !lk_read_signature(payload, length, &s))
		return LK_probe_corrupt;
	if (s.stream != p->stream)
		return LK_probe_late; /* of the size before */
	if (s.sequence >= p->next || length != p->payload_length ||
	    !lk_probe_matches(payload, length - LK_SIGNATURE_LENGTH, p->seed, s.sequence))
		return LK_probe_corrupt;
	switch (p->state[s.sequence]) {
	case LK_PROBE_UNDER_WAY:
		p->round_trip[s.sequence] = now - p->sent[s.sequence];
		p->state[s.sequence] = LK_PROBE_ANSWERED;
		p->under_way--;
		p->counts.received++;
		return LK_next;
	case LK_PROBE_GIVEN_UP:
		p->state[s.sequence] = LK_PROBE_ANSWERED_LATE;
		p->counts.late++;
		return LK_probe_late;
	default:
		p->counts.duplicate++;
		return LK_probe_duplicate;
	}
}

static enum lk_verdict
handle(struct lk_frame *f, struct lk_probe *p, uint64_t now)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(f->data, f->length, &h);

	if (verdict != LK_next)
		return verdict;
	if (!is_answer(f->data, &h, p))
		return LK_other;
	verdict = lk_check_udp(f->data, &h);
	if (verdict == LK_next)
		verdict = take(f->data + h.l4 + LK_UDP_LENGTH,
			       (uint32_t)h.l4_length - LK_UDP_LENGTH, p, now);
	else
		verdict = LK_probe_corrupt;
	if (verdict == LK_probe_corrupt)
		p->counts.corrupt++;
	return verdict;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_probe *p = lk_node_of(node)->config.probe;
	uint64_t now = rte_rdtsc();

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];
		struct lk_frame frame = {.data = rte_pktmbuf_mtod(m, uint8_t *),
					 .length = m->data_len};
		enum lk_verdict verdict = handle(&frame, p, now);

		if (verdict == LK_next)
			rte_pktmbuf_free(m);
		else
			lk_pass_one(graph, node, verdict, m);
	}
	return count;
}

LK_NODE(probe_receive, process)
