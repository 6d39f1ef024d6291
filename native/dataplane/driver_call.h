/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_DRIVER_CALL_H
#define LK_DRIVER_CALL_H

#include <stdint.h>

/*
 * Calls that may not return, because a driver waits for a device that does not answer. Each is seen
 * in the memory shared with the notebook as long as it is under way (driver_call.c).
 *
 * rc = LK_DRIVER_CALL(rte_eth_dev_start, id) is rc = rte_eth_dev_start(id); the first argument is
 * the number of the port.
 */
#define LK_DRIVER_CALL(function, ...)                                                              \
	(lk_driver_call_begin(#function, LK_FIRST_OF(__VA_ARGS__, 0), ""),                         \
	 lk_driver_call_end(function(__VA_ARGS__)))
#define LK_FIRST_OF(first, ...) (first)

/* port: -1: of a device that is no port yet */
void lk_driver_call_begin(const char *function, int port, const char *device);
int lk_driver_call_end(int rc); /* returns rc */

uint64_t lk_monotonic_ns(void);

#endif
