/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_version.h>

#include "api.h"
#include "clock.h"
#include "driver_call.h"
#include "link.h"
#include "node.h"
#include "service.h"
#include "trace.h"
#include "trial.h"

int
lk_eal_start(int argc, char **argv)
{
	int rc;

	lk_clock_begin();
	lk_driver_call_begin("rte_eal_init", -1, "");
	if (lk_driver_call_end(rte_eal_init(argc, argv)) < 0)
		return rte_errno > 0 ? -rte_errno : -EINVAL;
	lk_clock_start();
	rc = lk_trace_register();
	if (rc == 0)
		rc = lk_trials_start();
	if (rc == 0)
		rc = lk_nodes_start();
	if (rc == 0)
		rc = lk_service_start();
	if (rc == 0)
		rc = lk_links_start();
	return rc;
}

void
lk_eal_stop(void)
{
	lk_links_stop();
	lk_service_stop();
	rte_eal_cleanup();
}

const char *
lk_dpdk_version(void)
{
	return rte_version();
}
