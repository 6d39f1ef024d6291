/* SPDX-License-Identifier: BSD-3-Clause */

/* Workers that do not come to the end of their walk, because a driver does not let them go. */
#include <pthread.h>
#include <stdio.h>

#include "cell_at.h"
#include "driver_call.h"
#include "node.h"
#include "standstill.h"
#include "worker.h"

#define STANDSTILL_NS 1000000000u

static struct {
	const _Atomic uint64_t *_Atomic walks; /* NULL: no worker */
	const rte_node_t *node;
	pthread_t thread;
	uint64_t seen; /* walks when it was last seen to walk, */
	uint64_t seen_ns;
} watched[LK_LCORES];

void
lk_standstill_watch(unsigned int lcore, const _Atomic uint64_t *walks, const rte_node_t *node)
{
	if (lcore >= LK_LCORES)
		return;
	watched[lcore].node = node;
	watched[lcore].thread = pthread_self();
	watched[lcore].seen_ns = lk_monotonic_ns();
	atomic_store(&watched[lcore].walks, walks);
}

void
lk_standstill_end(unsigned int lcore)
{
	if (lcore < LK_LCORES)
		atomic_store(&watched[lcore].walks, NULL);
}

static void
tell(struct lk_standstill *told, rte_node_t node, uint64_t since_ns)
{
	const char *name =
		node < LK_MAX_NODES && lk_node_by_id[node] != NULL ? lk_node_by_id[node]->name : "";

	snprintf(told->node, sizeof(told->node), "%s", name);
	atomic_store(&told->since_ns, since_ns);
}

void
lk_standstill_look(void)
{
	static uint64_t before_ns;
	uint64_t now = lk_monotonic_ns();
	/* An engine that was stopped as a whole has seen nobody walk meanwhile. */
	int was_stopped = now - before_ns > STANDSTILL_NS;

	for (unsigned int lcore = 0; lcore < LK_LCORES; lcore++) {
		struct lk_standstill *told = &lk_status->workers[lcore];
		const _Atomic uint64_t *walks = watched[lcore].walks;

		if (walks == NULL || *walks != watched[lcore].seen || was_stopped) {
			watched[lcore].seen = walks == NULL ? 0 : *walks;
			watched[lcore].seen_ns = now;
			atomic_store(&told->since_ns, 0);
		} else if (now - watched[lcore].seen_ns > STANDSTILL_NS && told->since_ns == 0) {
			if (lk_has_cells())
				pthread_kill(watched[lcore].thread, LK_ASKS_WHERE);
			tell(told, *watched[lcore].node, watched[lcore].seen_ns);
		}
	}
	before_ns = now;
}
