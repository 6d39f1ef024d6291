/* SPDX-License-Identifier: BSD-3-Clause */

/* Behind the C of a cell: it becomes a kind of node, and registers itself as any other does. */
#include "cell.h"

LK_EXPORT extern struct lk_cell_library lk_cell_library;

/* A node may be wrong of what it returns, and of where its frame ends. */
static enum lk_verdict
lk_cell_handle(struct lk_frame *frame, struct lk_node *self)
{
	const struct lk_frame before = *frame;
	enum lk_verdict verdict = LK_CELL_CALL(frame);

	(void)self;
	if (unlikely(frame->data != before.data || frame->length != before.length)) {
		const uint8_t *first = before.data - before.headroom;
		const uint8_t *end = before.data + before.length + before.tailroom;

		if (frame->data < first || frame->data > end || frame->length == 0 ||
		    frame->length > (size_t)(end - frame->data)) {
			*frame = before;
			return LK_no_room;
		}
	}
	return likely((unsigned int)verdict < LK_EDGE_COUNT) ? verdict : LK_unhandled;
}

static uint16_t
lk_cell_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	const struct lk_node *self = lk_node_of(node);

	/* Told before the cell's code runs, which the compiler would not see to if that crashes. */
	RTE_PER_LCORE(lk_current_node) = node->id;
	rte_compiler_barrier();
	lk_cell_now.values = self->config.values;
	lk_cell_now.counters = self->state;
	lk_cell_now.state = (uint8_t *)self->state + lk_cell_library.state_at;
	return lk_each_frame(graph, node, objs, count, lk_cell_handle);
}

/* Of the linker: the first byte of the library, and the one behind its code (ld(1)). */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

#define LK_CELL_NODE(kind)                                                                         \
	LK_NODE(kind, lk_cell_process)                                                             \
	struct lk_cell_library lk_cell_library = {                                                 \
		&lk_kind_##kind,                                                                   \
		__start_lk_cells,                                                                  \
		__stop_lk_cells,                                                                   \
		LK_CELL_STATE_BYTES,                                                               \
		0,                                                                                 \
		__ehdr_start,                                                                      \
		etext,                                                                             \
	};
#define LK_CELL_NODE_OF(kind) LK_CELL_NODE(kind)
LK_CELL_NODE_OF(LK_CELL_KIND)
