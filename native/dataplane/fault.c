/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A fatal signal leaves its number and the node at work in the memory shared with the parent, then
 * ends the process as it would have ended without us.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include <rte_lcore.h>

#include "api.h"
#include "node.h"
#include "worker.h"

/* Where nobody has shared memory with us, as in a test of this module, our own. */
static _Alignas(64) uint8_t own[LK_STATUS_BYTES];
struct lk_status *lk_status = (struct lk_status *)own;
static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static void
on_fault(int number)
{
	const char *name = lk_node_at_work();
	struct lk_status *status = lk_status;
	unsigned int i;

	if (status->fault_signal == 0) {
		status->fault_lcore = rte_lcore_id() == LCORE_ID_ANY ? -1 : (int)rte_lcore_id();
		for (i = 0; name != NULL && name[i] != 0 && i + 1 < sizeof(status->fault_node); i++)
			status->fault_node[i] = name[i];
		status->fault_signal = number;
	}
	/* SA_RESETHAND has put the default action back. */
	raise(number);
}

int
lk_fault_start(struct lk_status *shared)
{
	struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_RESETHAND | SA_ONSTACK};

	lk_status = shared;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], &action, NULL) != 0)
			return -errno;
	return 0;
}
