/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FILTER_H
#define LK_FILTER_H

#include <rte_mbuf.h>

#include "api.h"
#include "bpf.h"

struct rte_bpf;

/* Which frames match: libpcap's program, and what DPDK made of it for this CPU. */
struct lk_filter {
	uint64_t (*compiled)(void *mbuf); /* NULL: the program is interpreted */
	struct rte_bpf *bpf;
	struct lk_bpf_insn program[];
};

/* Of a frame in one segment. */
static inline int
lk_filter_takes(const struct lk_filter *filter, struct rte_mbuf *m)
{
	if (likely(filter->compiled != NULL))
		return (uint32_t)filter->compiled(m) != 0;
	return lk_bpf_run(filter->program, rte_pktmbuf_mtod(m, const uint8_t *), m->pkt_len,
			  m->data_len) != 0;
}

#endif
