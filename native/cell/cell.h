/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the C of a cell finds when it is compiled (%%node): frames, headers, and names for what the
 * node has of its own. A name stands where it is used and nowhere else:
 *
 *   lk_drop("ttl_exceeded")        a verdict: the frame ends in drop_ttl_exceeded
 *   lk_output("slow")              a verdict: the frame leaves by the output `slow`
 *   lk_count("lowered")            one more of the counter `lowered`
 *   lk_add("bytes", f->length)     so many more
 *   lk_count_in("dscp", 64, n)     one more of counter n of dscp_0 … dscp_63; beyond: of none
 *   LK_PARAM(int, by, 1, 255, 1)   at the top: a parameter with its range, and its default if there
 *                                  is one; lk_param(by) is its value (int64_t, or double of `real`)
 *
 * Each use leaves an entry in the section lk_cells of the library, in which labkit finds the names,
 * and into which the engine writes their numbers when it loads the node: a use costs a load.
 */
#ifndef LK_CELL_H
#define LK_CELL_H

#ifdef LK_CELL_TEST
#include "api.h"
#else
#include "node.h"
#endif

#include "cell_library.h"
#include "checksum.h"
#include "headers.h"
#include "icmp.h"
#include "udp.h"

/* Those of the library, where it has any. */
extern struct lk_cell_entry __start_lk_cells[] __attribute__((weak, visibility("hidden")));
extern struct lk_cell_entry __stop_lk_cells[] __attribute__((weak, visibility("hidden")));

/* What the node at work has; set for every burst. */
struct lk_cell {
	uint64_t *counters;
	const struct lk_node_value *values;
	void *state;
};
static __thread struct lk_cell lk_cell_now __attribute__((tls_model("initial-exec")));

#define LK_CELL_ENTRY static struct lk_cell_entry __attribute__((section("lk_cells"), used))

/* The number is written behind the compiler's back. */
#define LK_CELL_NUMBER(entry) (*(const volatile uint32_t *)&(entry).number)

#define LK_CELL_VERDICT(kind, text)                                                                \
	({                                                                                         \
		LK_CELL_ENTRY lk_entry = {.name = "" text, .what = kind, .line = __LINE__};        \
		(enum lk_verdict) LK_CELL_NUMBER(lk_entry);                                        \
	})
#define lk_drop(name)	LK_CELL_VERDICT(LK_CELL_DROP, name)
#define lk_output(name) LK_CELL_VERDICT(LK_CELL_OUTPUT, name)

#define LK_CELL_ADD(text, size, which, more)                                                       \
	({                                                                                         \
		LK_CELL_ENTRY lk_entry = {.name = "" text,                                         \
					  .what = LK_CELL_COUNTER,                                 \
					  .line = __LINE__,                                        \
					  .count = size};                                          \
		uint64_t lk_which = (which);                                                       \
		if (lk_which < (size))                                                             \
			lk_cell_now.counters[LK_CELL_NUMBER(lk_entry) + lk_which] += (more);       \
	})
#define lk_count(name)		       LK_CELL_ADD(name, 1, 0, 1)
#define lk_add(name, more)	       LK_CELL_ADD(name, 1, 0, more)
#define lk_count_in(name, size, which) LK_CELL_ADD(name, size, which, 1)

#define LK_CELL_TYPE_int  int64_t
#define LK_CELL_TYPE_real double
#define LK_CELL_PART_int  whole
#define LK_CELL_PART_real real
#define LK_CELL_REAL_int  0
#define LK_CELL_REAL_real 1
#define LK_PARAM(type, param, low, high, ...)                                                      \
	LK_CELL_ENTRY lk_param_entry_##param = {                                                   \
		.name = #param,                                                                    \
		.what = LK_CELL_PARAM,                                                             \
		.line = __LINE__,                                                                  \
		.is_real = LK_CELL_REAL_##type,                                                    \
		.has_default = 0 __VA_OPT__(+1),                                                   \
		.lowest = (low),                                                                   \
		.highest = (high),                                                                 \
		.initial = 0 __VA_OPT__(+(__VA_ARGS__)),                                           \
	};                                                                                         \
	static inline LK_CELL_TYPE_##type lk_param_##param(void)                                   \
	{                                                                                          \
		return lk_cell_now.values[LK_CELL_NUMBER(lk_param_entry_##param)]                  \
			.LK_CELL_PART_##type;                                                      \
	}                                                                                          \
	_Static_assert(1, "")
#define lk_param(name) lk_param_##name()

/*
 * The frame grows and shrinks at either end, as by rte_pktmbuf_prepend() and its like. 0: there is
 * no room for that, and nothing has changed. lk.node.test sees by these what the node may touch.
 */
#ifdef LK_CELL_TEST
void lk_cell_moved(const struct lk_frame *f);
#else
#define lk_cell_moved(f) (void)(f)
#endif

static inline int
lk_prepend(struct lk_frame *f, uint32_t bytes)
{
	if (bytes > f->headroom)
		return 0;
	f->data -= bytes;
	f->length += bytes;
	f->headroom -= bytes;
	lk_cell_moved(f);
	return 1;
}

static inline int
lk_append(struct lk_frame *f, uint32_t bytes)
{
	if (bytes > f->tailroom)
		return 0;
	f->length += bytes;
	f->tailroom -= bytes;
	lk_cell_moved(f);
	return 1;
}

static inline int
lk_cut_front(struct lk_frame *f, uint32_t bytes)
{
	if (bytes >= f->length)
		return 0;
	f->data += bytes;
	f->length -= bytes;
	f->headroom += bytes;
	lk_cell_moved(f);
	return 1;
}

static inline int
lk_cut_end(struct lk_frame *f, uint32_t bytes)
{
	if (bytes >= f->length)
		return 0;
	f->length -= bytes;
	f->tailroom += bytes;
	lk_cell_moved(f);
	return 1;
}

#ifdef LK_CELL_STATE
struct LK_CELL_NAME; /* which the cell defines, and gets as its second argument */
#define LK_CELL_CALL(frame) LK_CELL_NAME(frame, lk_cell_now.state)
#define LK_CELL_STATE_BYTES sizeof(struct LK_CELL_NAME)
#else
#define LK_CELL_CALL(frame) LK_CELL_NAME(frame)
#define LK_CELL_STATE_BYTES 0
#endif

#endif
