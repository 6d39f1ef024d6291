/* SPDX-License-Identifier: BSD-3-Clause */

/* What is under way in drivers, for a notebook that waits for an answer (status.h). */
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <rte_per_lcore.h>

#include "api.h"
#include "driver_call.h"
#include "worker.h"

static RTE_DEFINE_PER_LCORE(struct lk_driver_call *, ours);

uint64_t
lk_monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Where more threads than there is room for are in drivers, the last of them are not told of. */
void
lk_driver_call_begin(const char *function, int port, const char *device)
{
	struct lk_driver_call *call = NULL;

	for (unsigned int i = 0; i < LK_DRIVER_CALLS && call == NULL; i++)
		if (atomic_exchange(&lk_status->calls[i].taken, 1) == 0)
			call = &lk_status->calls[i];
	RTE_PER_LCORE(ours) = call;
	if (call == NULL)
		return;
	call->port = port;
	call->thread = gettid();
	snprintf(call->function, sizeof(call->function), "%s", function);
	snprintf(call->device, sizeof(call->device), "%s", device);
	atomic_store(&call->since_ns, lk_monotonic_ns());
}

int
lk_driver_call_end(int rc)
{
	struct lk_driver_call *call = RTE_PER_LCORE(ours);

	if (call != NULL) {
		atomic_store(&call->since_ns, 0);
		atomic_store(&call->taken, 0);
	}
	return rc;
}

void
lk_port_name(uint16_t id, const char *name, const char *driver, const char *device)
{
	struct lk_named_port *port = &lk_status->ports[id];

	if (id >= LK_NAMED_PORTS)
		return;
	snprintf(port->name, sizeof(port->name), "%s", name);
	snprintf(port->driver, sizeof(port->driver), "%s", driver);
	snprintf(port->device, sizeof(port->device), "%s", device);
}
