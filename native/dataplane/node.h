/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What every node is made of. A kind of node is a file in nodes/ that holds its process function
 * and registers itself with LK_NODE or LK_FRAME_NODE at its end. A node of a path is a clone of its
 * kind's rte_node with its own edges, one for every verdict; its configuration is a struct lk_node,
 * reached from the node's context.
 *
 * Behind the edges of verdicts come those of outputs that have names of their own, by which
 * LK_OUTPUT lets a frame out.
 *
 * A node may write the headers of a frame and what stands in front of them, never the payload: the
 * generator counts on finding in a buffer what it once filled it with. One that moves the payload
 * in its buffer clears the mark. (A node from a cell may write what it likes: cell.c.)
 */
#ifndef LK_NODE_H
#define LK_NODE_H

#include <rte_graph.h>
#include <rte_graph_worker.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "apart.h"
#include "api.h"
#include "export.h"
#include "mark.h"
#include "trace.h"

/* In lines of its own, in which no other worker writes. */
struct lk_node {
	struct lk_node_config config;
	char name[64]; /* in the path */
	int graph;     /* index of its graph */
	int index;     /* of the declared node in its path; -1 - verdict for a drop node */
	uint64_t left[LK_EDGE_COUNT];  /* frames that went out by each edge */
	struct lk_frame_reader reader; /* of inject */
	void *state;		       /* of a kind with state: its counters come first */
	struct lk_node *next_free;
	rte_node_t id;
} __rte_cache_aligned;
LK_APART(struct lk_node);

struct lk_node_kind {
	const char *name;
	int is_polled;	/* process is called on every walk, frames or not */
	int reads_port; /* takes what arrives on a queue of a port */
	rte_node_process_t process;
	/* Drop nodes that a kind of a user's own brought along, by their own verdicts. */
	unsigned int own_drop_count;
	uint16_t own_drops[LK_MAX_OWN_DROPS];
	/*
	 * A kind with state: so many bytes for each node, zeroed, which live as long as its path.
	 * They begin with the counters that Python declares, 64 bits each, in their order.
	 */
	size_t state_bytes;
	int (*open)(struct lk_node *self);     /* makes it from the configuration; 0 or -errno */
	void (*close)(struct lk_node *self);   /* frees what it holds; after a failed open, too */
	void (*refresh)(struct lk_node *self); /* by the command thread, before its counters are
						* read; workers walk */
	/*
	 * Of a kind that can be changed as frames flow: values, port and ring of its configuration
	 * are others now. Workers stand still meanwhile.
	 */
	void (*change)(struct lk_node *self);
	/*
	 * Of a kind that keeps a table: rows from `cursor` on, at most `room`, and moves it on; 0:
	 * there are no more. Workers stand still meanwhile.
	 */
	uint32_t (*rows)(struct lk_node *self, uint64_t *cursor, struct lk_row *rows,
			 uint32_t room);
	void (*clear)(struct lk_node *self); /* forgets all of them; workers stand still */
	rte_node_t id;			     /* of the template that is cloned */
	struct lk_node *free; /* clones no path uses: rte_graph cannot unregister a node */
	unsigned int clones;
	struct lk_node_kind *next;
};

#define LK_MAX_NODES 4096

extern struct lk_node *lk_node_by_id[LK_MAX_NODES];

LK_EXPORT RTE_DECLARE_PER_LCORE(rte_node_t, lk_current_node);
/* Frames that sources brought in on this lcore; a worker that sees it stand still may rest. */
LK_EXPORT RTE_DECLARE_PER_LCORE(uint64_t, lk_activity);

/* A node of this walk holds frames until their time has come: the worker must not rest past it. */
LK_EXPORT RTE_DECLARE_PER_LCORE(int, lk_holds_frames);

/* In the ol_flags of a frame from Python, until it is sent. */
LK_EXPORT extern uint64_t lk_of_python;
/* There are such frames in this walk: others need not be looked at one by one. */
RTE_DECLARE_PER_LCORE(int, lk_python_sends);

/*
 * A kind of node for all paths, known by its name, which is that of its file; the linker refuses a
 * second one. What follows the function sets fields of struct lk_node_kind. A node that was
 * compiled by itself registers itself when it is loaded.
 */
#define LK_NODE(kind, function, ...)                                                               \
	struct lk_node_kind lk_kind_##kind = {.name = #kind, .process = function, __VA_ARGS__};    \
	RTE_INIT(lk_register_##kind)                                                               \
	{                                                                                          \
		lk_node_kind_add(&lk_kind_##kind);                                                 \
	}

LK_EXPORT void lk_node_kind_add(struct lk_node_kind *kind);
int lk_drop_node_add(unsigned int verdict, const char *name, rte_node_process_t process,
		     rte_node_init_t init);
int lk_nodes_start(void);
struct lk_node_kind *lk_node_kind_find(const char *name);
struct lk_node *lk_node_take(struct lk_node_kind *kind);
void lk_node_give_back(struct lk_node *node);
rte_node_t lk_drop_id(unsigned int verdict);
const char *lk_node_at_work(void);

static inline struct lk_node *
lk_node_of(const struct rte_node *node)
{
	struct lk_node *self;

	memcpy(&self, node->ctx, sizeof(self));
	return self;
}

/* First line of every process function: who is at work, for fault reports and traces. */
static __rte_always_inline void
lk_enter(const struct rte_node *node, void **objs, uint16_t count)
{
	RTE_PER_LCORE(lk_current_node) = node->id;
	if (unlikely(lk_trace_is_on))
		lk_trace_enter(node->id, objs, count);
}

/* A way out of a node: every frame that leaves one is counted on the edge of its verdict. */
static __rte_always_inline void
lk_pass(struct rte_graph *graph, struct rte_node *node, enum lk_verdict verdict, void **objs,
	uint16_t count)
{
	lk_node_of(node)->left[verdict] += count;
	rte_node_enqueue(graph, node, (rte_edge_t)verdict, objs, count);
}

static __rte_always_inline void
lk_pass_one(struct rte_graph *graph, struct rte_node *node, enum lk_verdict verdict, void *obj)
{
	lk_node_of(node)->left[verdict]++;
	rte_node_enqueue_x1(graph, node, (rte_edge_t)verdict, obj);
}

/* All that stand in node->objs. */
static __rte_always_inline void
lk_pass_all(struct rte_graph *graph, struct rte_node *node, enum lk_verdict verdict)
{
	lk_node_of(node)->left[verdict] += node->idx;
	rte_node_next_stream_move(graph, node, (rte_edge_t)verdict);
}

/* What goes another way would be missing in every picture. */
#pragma GCC poison rte_node_enqueue rte_node_enqueue_x1 rte_node_enqueue_x2 rte_node_enqueue_x4
#pragma GCC poison rte_node_enqueue_next rte_node_next_stream_get rte_node_next_stream_put
#pragma GCC poison rte_node_next_stream_move

/* Last lines of a source: `count` frames stand in node->objs. */
static __rte_always_inline uint16_t
lk_source_done(struct rte_graph *graph, struct rte_node *node, uint16_t count, int keeps_trace)
{
	if (count == 0)
		return 0;
	RTE_PER_LCORE(lk_activity) += count;
	if (unlikely(lk_trace_is_on))
		lk_trace_source(node->id, node->objs, count, keeps_trace);
	if (unlikely(lk_node_of(node)->config.stamps))
		for (uint16_t i = 0; i < count; i++)
			((struct rte_mbuf *)node->objs[i])->port = lk_node_of(node)->config.port;
	node->idx = count;
	lk_pass_all(graph, node, LK_next);
	return count;
}

/*
 * Gives every frame to `handle` and sends it out of the edge of the verdict. Frames travel in runs
 * of one verdict; a burst of one verdict, which is the rule, moves without being copied.
 */
typedef enum lk_verdict (*lk_handler)(struct lk_frame *frame, struct lk_node *self);

static __rte_always_inline struct lk_frame
lk_frame_of(struct rte_mbuf *m)
{
	return (struct lk_frame){
		.data = rte_pktmbuf_mtod(m, uint8_t *),
		.length = m->data_len,
		.headroom = m->data_off,
		.tailroom = (uint32_t)(m->buf_len - m->data_off - m->data_len),
	};
}

/* Carries over what was done to a frame; if nothing was moved nothing of this stays behind. */
static __rte_always_inline void
lk_frame_put(struct rte_mbuf *m, const struct lk_frame *frame)
{
	const uint8_t *before = rte_pktmbuf_mtod(m, uint8_t *);

	if (frame->data != before || frame->length != m->data_len) {
		if (unlikely(frame->data + frame->length != before + m->data_len))
			*lk_mark_of(m) = 0; /* it moved up in its buffer, or lost its padding */
		m->data_off = (uint16_t)(frame->data - (uint8_t *)m->buf_addr);
		m->data_len = (uint16_t)frame->length;
		m->pkt_len = frame->length;
	}
}

static __rte_always_inline enum lk_verdict
lk_handle_mbuf(struct rte_mbuf *m, struct lk_node *self, lk_handler handle)
{
	struct lk_frame frame = lk_frame_of(m);
	enum lk_verdict verdict = handle(&frame, self);

	lk_frame_put(m, &frame);
	return verdict;
}

static __rte_always_inline uint16_t
lk_each_frame(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count,
	      lk_handler handle)
{
	struct lk_node *self = lk_node_of(node);
	enum lk_verdict verdict, run = LK_next;
	uint16_t i, from = 0;

	lk_enter(node, objs, count);
	for (i = 0; i < 4 && i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i], void *));
	for (i = 0; i < count; i++) {
		if (likely(i + 4 < count))
			rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i + 4], void *));
		verdict = lk_handle_mbuf(objs[i], self, handle);
		if (unlikely(verdict != run)) {
			if (i > from)
				lk_pass(graph, node, run, objs + from, (uint16_t)(i - from));
			from = i;
			run = verdict;
		}
	}
	if (likely(from == 0))
		lk_pass_all(graph, node, run);
	else
		lk_pass(graph, node, run, objs + from, (uint16_t)(count - from));
	return count;
}

/*
 * A kind that looks at one frame after the other: `verdict` is an expression of `frame` and `self`.
 */
#define LK_FRAME_NODE(kind, verdict)                                                               \
	static enum lk_verdict handle(struct lk_frame *frame, struct lk_node *self)                \
	{                                                                                          \
		(void)self;                                                                        \
		return verdict;                                                                    \
	}                                                                                          \
	static uint16_t process(struct rte_graph *graph, struct rte_node *node, void **objs,       \
				uint16_t count)                                                    \
	{                                                                                          \
		return lk_each_frame(graph, node, objs, count, handle);                            \
	}                                                                                          \
	LK_NODE(kind, process)

#endif
