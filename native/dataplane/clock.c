/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The TSC told in nanoseconds. rte_get_tsc_hz() is rounded to 10 MHz on most machines, which is an
 * error of up to 0.2 %; here the frequency is measured against CLOCK_MONOTONIC_RAW over the whole
 * life of the engine, so that it gets better while the engine runs.
 */
#include <stdatomic.h>
#include <time.h>

#include <rte_cycles.h>

#include "api.h"
#include "clock.h"

#define LEAST_NS 20000000u /* over which a reading that is 200 ns off makes 0.001 % */
#define TRIES	 20

static uint64_t first_tsc, first_raw;
static _Atomic double ns_per_cycle;
static _Atomic uint64_t base_tsc, base_realtime, version;

static uint64_t
now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The TSC and a clock at the same moment: the tightest of a few tries. */
static void
read_pair(clockid_t clock, uint64_t *tsc, uint64_t *ns)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = rte_rdtsc_precise();
		uint64_t t = now_ns(clock);
		uint64_t after = rte_rdtsc_precise();

		if (after - before < best) {
			best = after - before;
			*tsc = before + best / 2;
			*ns = t;
		}
	}
}

void
lk_clock_refine(void)
{
	uint64_t tsc = 0, ns = 0;

	read_pair(CLOCK_MONOTONIC_RAW, &tsc, &ns);
	if (ns - first_raw > LEAST_NS)
		ns_per_cycle = (double)(ns - first_raw) / (double)(tsc - first_tsc);
	read_pair(CLOCK_REALTIME, &tsc, &ns);
	version++;
	base_tsc = tsc;
	base_realtime = ns;
	version++;
}

void
lk_clock_begin(void)
{
	read_pair(CLOCK_MONOTONIC_RAW, &first_tsc, &first_raw);
}

void
lk_clock_start(void)
{
	ns_per_cycle = 1e9 / (double)rte_get_tsc_hz();
	lk_clock_refine();
}

double
lk_clock_tsc_hz(void)
{
	return 1e9 / ns_per_cycle;
}

uint64_t
lk_clock_tsc(void)
{
	return rte_rdtsc();
}

uint64_t
lk_clock_realtime_ns(uint64_t tsc)
{
	uint64_t from, realtime, seen;

	do {
		seen = version;
		from = base_tsc;
		realtime = base_realtime;
	} while (seen & 1 || seen != version);
	return realtime + (uint64_t)(int64_t)((double)(int64_t)(tsc - from) * ns_per_cycle);
}
