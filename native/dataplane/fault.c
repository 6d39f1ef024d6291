/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A fatal signal leaves its number and the node at work in the memory shared with the parent, then
 * ends the process as it would have ended without us. Of a node from a cell it leaves the address
 * in its library, too.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>

#include <rte_lcore.h>

#include "api.h"
#include "cell_at.h"
#include "standstill.h"
#include "node.h"
#include "worker.h"

/* Where nobody has shared memory with us, as in a test of this module, our own. */
static _Alignas(64) uint8_t own[LK_STATUS_BYTES];
struct lk_status *lk_status = (struct lk_status *)own;
static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

#define STACK_WORDS 256 /* of the stack, that are looked at for a call of a cell's code */

/* Where the thread was, and what it would return to. */
static void
registers(const ucontext_t *context, const void **at, const uintptr_t **stack)
{
#if defined(__x86_64__)
	*at = (const void *)context->uc_mcontext.gregs[REG_RIP];
	*stack = (const uintptr_t *)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	*at = (const void *)context->uc_mcontext.pc;
	*stack = (const uintptr_t *)context->uc_mcontext.sp;
#else
	(void)context;
	*at = *stack = NULL;
#endif
}

/*
 * The code of a cell that was at work: at this address, or where it called what stands there. Its
 * return address is in the innermost part of the stack, which is as deep as that at the least.
 */
static void
in_cell(const void *context, char *kind, size_t room, uint64_t *offset)
{
	const char *name;
	const uintptr_t *stack;
	const void *at;
	size_t i;

	registers(context, &at, &stack);
	name = lk_cell_at(at, offset);
	for (i = 0; name == NULL && stack != NULL && i < STACK_WORDS; i++) {
		name = lk_cell_at((const void *)stack[i], offset);
		if (name != NULL)
			(*offset)--; /* the call stands before what it returns to */
	}
	for (i = 0; name != NULL && name[i] != 0 && i + 1 < room; i++)
		kind[i] = name[i];
}

static void
on_fault(int number, siginfo_t *info, void *context)
{
	const char *name = lk_node_at_work();
	struct lk_status *status = lk_status;
	unsigned int i;

	(void)info;
	if (status->fault_signal == 0) {
		status->fault_lcore = rte_lcore_id() == LCORE_ID_ANY ? -1 : (int)rte_lcore_id();
		for (i = 0; name != NULL && name[i] != 0 && i + 1 < sizeof(status->fault_node); i++)
			status->fault_node[i] = name[i];
		if (lk_has_cells())
			in_cell(context, status->fault_library, sizeof(status->fault_library),
				&status->fault_at);
		status->fault_signal = number;
	}
	/* SA_RESETHAND has put the default action back. */
	raise(number);
}

/* A worker that stands still is asked where it is. */
static void
on_asked(int number, siginfo_t *info, void *context)
{
	struct lk_status *status = lk_status;
	char kind[sizeof(status->hung_library)] = "";
	uint64_t at = 0;

	(void)number;
	(void)info;
	in_cell(context, kind, sizeof(kind), &at);
	/* What another one has told stays, if there is nothing to tell of this one. */
	if (kind[0] == 0 && status->hung_lcore != (int)rte_lcore_id())
		return;
	memcpy(status->hung_library, kind, sizeof(kind));
	status->hung_at = at;
	status->hung_lcore = (int)rte_lcore_id();
}

int
lk_fault_start(struct lk_status *shared)
{
	struct sigaction action = {.sa_sigaction = on_fault,
				   .sa_flags = SA_RESETHAND | SA_ONSTACK | SA_SIGINFO};

	struct sigaction ask = {.sa_sigaction = on_asked,
				.sa_flags = SA_RESTART | SA_ONSTACK | SA_SIGINFO};

	lk_status = shared;
	if (sigaction(LK_ASKS_WHERE, &ask, NULL) != 0)
		return -errno;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], &action, NULL) != 0)
			return -errno;
	return 0;
}
