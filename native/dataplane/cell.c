/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Nodes that were compiled from a cell: their library is loaded into the running engine, where it
 * registers its kind as any node does, and the names that it uses get their numbers. A library stays
 * until the engine ends, as rte_graph's nodes do.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>

#include "cell_at.h"
#include "cell_library.h"
#include "node.h"

struct cell {
	char kind[64];
	const uint8_t *base, *text, *end; /* where it was loaded, and the code in it */
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

/* Code is what may be executed of the library that the symbol stands in. */
static int
find_code(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct cell *cell = arg;
	const uint8_t *base = (const uint8_t *)(uintptr_t)info->dlpi_addr;
	const uint8_t *symbol = (const uint8_t *)cell->library;
	int is_this = 0;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];

		if (part->p_type != PT_LOAD)
			continue;
		is_this |= symbol >= base + part->p_vaddr &&
			   symbol < base + part->p_vaddr + part->p_memsz;
	}
	for (int i = 0; is_this && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];

		if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0) {
			cell->base = base;
			cell->text = base + part->p_vaddr;
			cell->end = cell->text + part->p_memsz;
		}
	}
	return is_this;
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
	dl_iterate_phdr(find_code, cell);
	cell->library->state_at = RTE_ALIGN_CEIL(counters * sizeof(uint64_t), RTE_CACHE_LINE_SIZE);
	cell->library->kind->state_bytes = cell->library->state_at + cell->library->state_bytes;
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
	const uint8_t *at = address;

	for (unsigned int i = 0; i < count; i++) {
		if (at >= cells[i].text && at < cells[i].end) {
			*offset = (uint64_t)(at - cells[i].base);
			return cells[i].kind;
		}
	}
	return NULL;
}
