/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/mman.h>

#include "api.h"

/* A ring in memory that the parent process made and laid out; NULL when it cannot be mapped. */
struct lk_frame_ring *
lk_ring_map(int fd, uint64_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void
lk_ring_unmap(struct lk_frame_ring *ring, uint64_t bytes)
{
	munmap(ring, bytes);
}
