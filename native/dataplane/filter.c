/* SPDX-License-Identifier: BSD-3-Clause */

/* Filters become machine code, where DPDK has a compiler for the CPU that does so rightly. */
#include <stdlib.h>

#ifdef LK_HAS_RTE_BPF
#include <rte_bpf.h>
#include <rte_malloc.h>
#endif

#include "bpf_range.h"
#include "filter.h"

#ifdef LK_HAS_RTE_BPF
#define MOST_COMPILED 4096 /* instructions that rte_bpf_convert takes */

/* As libpcap declares it, whose headers this build may not have. */
struct bpf_program {
	unsigned int bf_len;
	struct bpf_insn *bf_insns;
};

/* Loads at X of a byte or of four are converted to loads at A. */
static void
load_at_x(const struct rte_bpf_prm *converted)
{
	struct ebpf_insn *ins = (struct ebpf_insn *)(uintptr_t)converted->ins;

	for (uint32_t i = 0; i < converted->nb_ins; i++)
		if ((ins[i].code & ~LK_BPF_SIZE) == (LK_BPF_LD | LK_BPF_IND))
			ins[i].src_reg = EBPF_REG_7; /* which rte_bpf_convert has X in */
}

static void
compile(struct lk_filter *filter, struct lk_bpf_insn *copy, uint32_t count)
{
	struct bpf_program program = {count, (struct bpf_insn *)copy};
	struct rte_bpf_jit jit = {0};
	struct rte_bpf_prm *converted;

	if (count > MOST_COMPILED || !lk_bpf_make_compilable(copy, count))
		return;
	converted = rte_bpf_convert(&program);
	if (converted == NULL) /* DPDK was built without libpcap */
		return;
	load_at_x(converted);
	filter->bpf = rte_bpf_load(converted);
	if (filter->bpf != NULL && rte_bpf_get_jit(filter->bpf, &jit) == 0)
		filter->compiled = jit.func;
	rte_free(converted);
}
#endif

/* NULL: the program is none (EINVAL), or memory is short; errno tells. */
struct lk_filter *
lk_filter_create(const struct lk_bpf_insn *program, uint32_t count)
{
	struct lk_filter *filter;

	if (lk_bpf_check(program, count) != 0) {
		errno = EINVAL;
		return NULL;
	}
	filter = calloc(1, sizeof(*filter) + count * sizeof(*program));
	if (filter == NULL)
		return NULL;
	memcpy(filter->program, program, count * sizeof(*program));
#ifdef LK_HAS_RTE_BPF
	struct lk_bpf_insn *copy = malloc(count * sizeof(*program));

	if (copy != NULL) {
		memcpy(copy, program, count * sizeof(*program));
		compile(filter, copy, count);
		free(copy);
	}
#endif
	return filter;
}

/* No graph uses it any more. */
void
lk_filter_free(struct lk_filter *filter)
{
#ifdef LK_HAS_RTE_BPF
	rte_bpf_destroy(filter->bpf);
#endif
	free(filter);
}
