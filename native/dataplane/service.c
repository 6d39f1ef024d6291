/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The service thread: what has to be done now and then and must not be done by a worker. It refines
 * the clock, and tells of workers that stand still.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "clock.h"
#include "service.h"
#include "standstill.h"

#define REST_NS		5000000
#define RESTS_PER_CLOCK 20

static pthread_t thread;
static atomic_int running;

static void *
serve(void *unused)
{
	const struct timespec rest = {0, REST_NS};
	unsigned int rests = 0;

	(void)unused;
	while (running) {
		if (++rests % RESTS_PER_CLOCK == 0) {
			lk_clock_refine();
			lk_standstill_look();
		}
		nanosleep(&rest, NULL);
	}
	return NULL;
}

int
lk_service_start(void)
{
	running = 1;
	return -pthread_create(&thread, NULL, serve, NULL);
}

void
lk_service_stop(void)
{
	if (atomic_exchange(&running, 0))
		pthread_join(thread, NULL);
}
