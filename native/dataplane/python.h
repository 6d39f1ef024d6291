/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_PYTHON_H
#define LK_PYTHON_H

#include "node.h"

/*
 * Frames of a node in Python: their bytes go to the notebook and come back, and the buffers wait
 * here. No more are away at once than the journal to Python holds, so that none is overwritten.
 */
#define LK_MOST_IN_PYTHON 256u
#define LK_LONGEST_RECORD 65535u

/* In front of a frame for Python. */
struct lk_question {
	uint64_t token; /* the life of the node, and the number of the frame in it */
};

/* In front of what Python makes of it. */
struct lk_answer {
	uint64_t token;
	uint32_t verdict;
	uint32_t has_frame; /* 0: it leaves as it came */
};

struct lk_python {
	/* counters: frames that came back, those in Python now, and the most that ever were */
	uint64_t passed, held, most_held;

	uint64_t first; /* number of the oldest frame in Python */
	uint64_t life;
	struct rte_mbuf *frames[LK_MOST_IN_PYTHON];
	uint8_t record[LK_LONGEST_RECORD + 1];
};

#endif
