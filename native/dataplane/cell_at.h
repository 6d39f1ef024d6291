/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CELL_AT_H
#define LK_CELL_AT_H

#include <stdint.h>

#define LK_MAX_CELLS 1024 /* versions of nodes from cells, in the life of an engine */

int lk_has_cells(void);
const char *lk_cell_at(const void *address, uint64_t *offset);

#endif
