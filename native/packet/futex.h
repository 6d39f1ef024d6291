/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FUTEX_H
#define LK_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Waits on a word of memory that processes share: futex(2). */

/* Returns when somebody wakes the word, at once when it is not `seen`, or after `ns`. */
static inline void
lk_futex_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t ns)
{
	const struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	syscall(SYS_futex, word, FUTEX_WAIT, seen, &t, NULL, 0);
}

static inline void
lk_futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

#endif
