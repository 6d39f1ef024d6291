/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow.h"
#include "queue.h"

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
