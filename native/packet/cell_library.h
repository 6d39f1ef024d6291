/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CELL_LIBRARY_H
#define LK_CELL_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

enum lk_cell_what { LK_CELL_DROP, LK_CELL_OUTPUT, LK_CELL_COUNTER, LK_CELL_PARAM };

/* labkit/node/entries.py reads it. */
struct lk_cell_entry {
	char name[48];
	uint32_t what;
	uint32_t line;
	uint32_t count;	 /* counters of this name */
	uint32_t number; /* verdict, first counter, or place among the values; set when it is loaded
			  */
	uint32_t is_real;
	uint32_t has_default;
	double lowest, highest, initial;
} __attribute__((aligned(64)));

/* What the library of a cell's node shows of itself, under the name lk_cell_library. */
struct lk_cell_library {
	struct lk_node_kind *kind;
	struct lk_cell_entry *first, *end;
	size_t state_bytes; /* of the struct that the cell defines; 0: none */
	size_t state_at;    /* behind the counters; set when it is loaded */
	const char *base;   /* where the library was loaded */
	const char *code_end;
};

#endif
