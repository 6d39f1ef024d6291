/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_RECORDER_MEMORY_H
#define LK_RECORDER_MEMORY_H

#include <stdint.h>

/*
 * Memory of the notebook that a recorder writes into: LK_RECORDER_HEADER bytes that begin with a
 * struct lk_recorder_header, then rows, each a struct lk_recorder_row with room for as many values
 * as the notebook asked for. Values of its counters come first, then pairs that tell where frames
 * went: nodes have an edge for every verdict, and most of these never carry a frame. A row is
 * announced before it is touched, and again when it is whole.
 */
#define LK_RECORDER_HEADER 4096u

struct lk_recorder_header {
	_Atomic uint64_t reserved; /* rows that the writer may have touched */
	uint64_t pad[7];
	_Atomic uint64_t written; /* rows that are whole */
	_Atomic uint64_t missed;  /* ticks that passed while one was late */
};

struct lk_recorder_row {
	uint64_t number;
	uint64_t generation; /* of the plan */
	uint64_t monotonic_ns;
	uint64_t time_ns;
	uint64_t count; /* of the values; what could not be read is UINT64_MAX */
	uint64_t flows; /* pairs behind them; UINT64_MAX: there was no room */
	uint64_t pad[2];
	uint64_t values[];
};

/* Frames that left a node by the edge of a verdict. */
struct lk_recorded_flow {
	uint32_t node; /* place of the first of its values in the row */
	uint32_t verdict;
	uint64_t frames;
};

/* What a lane, a worker, and what a mempool or a ring writes there: values under these names. */
struct lk_recorded_lane {
	uint64_t frames; /* that its sources brought in */
	uint64_t drops;
	uint64_t cycles; /* of all its nodes */
};
struct lk_recorded_worker {
	uint64_t busy_cycles;
	uint64_t idle_cycles;
	uint64_t loops;
};
struct lk_recorded_level {
	uint64_t in_use;
	uint64_t available;
};

#endif
