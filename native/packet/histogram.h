/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_HISTOGRAM_H
#define LK_HISTOGRAM_H

#include <stdint.h>

/*
 * HdrHistogram's layout (hdrhistogram.org) for values from 0 and 3 significant digits: exact below
 * 2048, then 1024 buckets for every power of two, up to 2^36 ns (69 s). labkit/results/latency.py
 * hands the counts to the PyPI package hdrhistogram as they are.
 */
#define LK_HISTOGRAM_HALF_BITS 10
#define LK_HISTOGRAM_COUNTS    27648u
#define LK_HISTOGRAM_HIGHEST   ((UINT64_C(1) << 36) - 1)

struct lk_histogram {
	uint64_t counts[LK_HISTOGRAM_COUNTS];
	uint64_t count;
	uint64_t sum;
	uint64_t min; /* 0 as well when nothing was recorded */
	uint64_t max;
};

static inline uint32_t
lk_histogram_index(uint64_t value)
{
	uint32_t bucket;

	if (value > LK_HISTOGRAM_HIGHEST)
		value = LK_HISTOGRAM_HIGHEST;
	bucket = (uint32_t)(63 - LK_HISTOGRAM_HALF_BITS -
			    __builtin_clzll(value | ((2u << LK_HISTOGRAM_HALF_BITS) - 1)));
	return (bucket << LK_HISTOGRAM_HALF_BITS) + (uint32_t)(value >> bucket);
}

static inline void
lk_histogram_record(struct lk_histogram *h, uint64_t value)
{
	h->counts[lk_histogram_index(value)]++;
	h->sum += value;
	if (value < h->min || h->count == 0)
		h->min = value;
	h->count++;
	if (value > h->max)
		h->max = value;
}

#endif
