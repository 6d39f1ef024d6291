/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Nodes that were compiled from a cell: their library is loaded into the running engine, where it
 * registers its kind as any node does, and the names that it uses get their numbers. A library
 * stays until the engine ends, as rte_graph's nodes do.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>

#include "cell_at.h"
#include "cell_library.h"
#include "node.h"

struct cell {
	char kind[64];
	struct lk_cell_library *library;
};

static struct cell cells[LK_MAX_CELLS];
static unsigned int count;

static struct cell *
find(const char *kind)
{
	for (unsigned int i = 0; i < count; i++)
		if (strcmp(cells[i].kind, kind) == 0)
			return &cells[i];
	return NULL;
}

/*
 * Loads the library of a kind, once; what the loader says of one that it does not take goes to
 * standard output, and so to the engine's log. counters: how many the node has.
 */
int
lk_cell_load(const char *file, const char *kind, uint32_t counters)
{
	struct cell *cell = &cells[count];
	Dl_info module;
	void *handle;

	if (find(kind) != NULL)
		return 0;
	if (count == LK_MAX_CELLS)
		return -ENOSPC;
	/* Python has loaded this module for itself alone; the library looks for names in it. */
	if (dladdr(cells, &module) == 0 ||
	    dlopen(module.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD) == NULL)
		return -ENOENT;
	handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	cell->library = handle == NULL ? NULL : dlsym(handle, "lk_cell_library");
	if (cell->library == NULL) {
		printf("%s\n", dlerror());
		return -ENOEXEC;
	}
	if (lk_node_kind_find(kind) != cell->library->kind)
		return -EEXIST;
	snprintf(cell->kind, sizeof(cell->kind), "%s", kind);
	cell->library->state_at = RTE_ALIGN_CEIL(counters * sizeof(uint64_t), RTE_CACHE_LINE_SIZE);
	cell->library->kind->state_bytes = cell->library->state_at + cell->library->state_bytes;
	lk_payloads_change = 1;
	count++;
	return 0;
}

/* Every use of a name in the kind has this number. */
int
lk_cell_number(const char *kind, uint32_t what, const char *name, uint32_t number)
{
	const struct cell *cell = find(kind);

	if (cell == NULL)
		return -ENOENT;
	for (struct lk_cell_entry *e = cell->library->first; e < cell->library->end; e++)
		if (e->what == what && strncmp(e->name, name, sizeof(e->name)) == 0)
			e->number = number;
	return 0;
}

int
lk_has_cells(void)
{
	return count > 0;
}

/* The library that an address of code stands in, by its kind, and where in it; NULL: in none.
 * Called from a signal handler: reads memory only. */
const char *
lk_cell_at(const void *address, uint64_t *offset)
{
	const char *at = address;

	for (unsigned int i = 0; i < count; i++) {
		const struct lk_cell_library *library = cells[i].library;

		if (at >= library->base && at < library->code_end) {
			*offset = (uint64_t)(at - library->base);
			return cells[i].kind;
		}
	}
	return NULL;
}
