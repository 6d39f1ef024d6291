/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_BPF_RANGE_H
#define LK_BPF_RANGE_H

#include <stdlib.h>

#include "bpf.h"

/*
 * Which programs DPDK (librte_bpf) makes the right machine code of. As of 22.11 not of those
 *
 * - that may read beyond 1 GiB: rte_pktmbuf_read adds offset and length in 32 bits, and takes what
 *   comes round to 0 for a place in the frame;
 * - that test a mask below 128: of the four bytes of it the x86 compiler writes one, and the CPU
 *   takes the instructions behind it for the others. Where A is low enough, a bit that it cannot
 *   have makes the mask a longer one;
 * - that shift by X or by more than 31: CPUs look at 5 bits of it;
 * - that jump back.
 */

/* The highest values that A, X and the words of memory may have before an instruction. */
struct lk_bpf_range {
	uint64_t a, x;
	uint64_t words[LK_BPF_WORDS];
	int is_reached;
};

#define LK_BPF_FARTHEST (1u << 30) /* offset */
#define LK_BPF_MASK_BIT (1u << 30) /* that a mask is given */

static inline void
lk_bpf_join(struct lk_bpf_range *to, const struct lk_bpf_range *from)
{
	to->is_reached = 1;
	to->a = from->a > to->a ? from->a : to->a;
	to->x = from->x > to->x ? from->x : to->x;
	for (int i = 0; i < LK_BPF_WORDS; i++)
		if (from->words[i] > to->words[i])
			to->words[i] = from->words[i];
}

/* The highest result of an operation on values up to `a` and `value`. */
static inline uint64_t
lk_bpf_highest(uint16_t code, uint64_t a, uint64_t value)
{
	uint64_t highest = UINT32_MAX;

	switch (code & LK_BPF_OP) {
	case LK_BPF_ADD:
		highest = a + value;
		break;
	case LK_BPF_MUL:
		highest = a * value; /* of two numbers of 32 bits */
		break;
	case LK_BPF_AND:
		highest = a < value ? a : value;
		break;
	case LK_BPF_LSH:
		highest = value < 32 ? a << value : 0;
		break;
	case LK_BPF_RSH:
		highest = value < 32 ? a >> value : 0;
		break;
	case LK_BPF_DIV:
	case LK_BPF_MOD:
		highest = a;
		break;
	default: /* may be anything */
		break;
	}
	return highest > UINT32_MAX ? UINT32_MAX : highest;
}

/* One instruction, which may be changed: 0 where the compiler is not to be trusted with it. */
static inline int
lk_bpf_step(struct lk_bpf_insn *at, struct lk_bpf_range *now)
{
	int is_x = (at->code & LK_BPF_X) != 0;
	uint64_t from = at->k;

	switch (at->code & LK_BPF_CLASS) {
	case LK_BPF_LD:
		switch (at->code & 0xe0) {
		case LK_BPF_IND:
			from += now->x;
			/* fall through */
		case LK_BPF_ABS:
			if (from > LK_BPF_FARTHEST)
				return 0;
			now->a = UINT32_MAX >> (32 - 8 * lk_bpf_bytes(at->code));
			break;
		case LK_BPF_MEM:
			now->a = now->words[at->k];
			break;
		case LK_BPF_IMM:
			now->a = at->k;
			break;
		default:
			now->a = UINT32_MAX;
		}
		break;
	case LK_BPF_LDX:
		if ((at->code & 0xe0) == LK_BPF_MSH && from > LK_BPF_FARTHEST)
			return 0;
		now->x = (at->code & 0xe0) == LK_BPF_MSH   ? 60
			 : (at->code & 0xe0) == LK_BPF_MEM ? now->words[at->k]
			 : (at->code & 0xe0) == LK_BPF_IMM ? at->k
							   : UINT32_MAX;
		break;
	case LK_BPF_ST:
		now->words[at->k] = now->a;
		break;
	case LK_BPF_STX:
		now->words[at->k] = now->x;
		break;
	case LK_BPF_MISC:
		if ((at->code & LK_BPF_OP) == LK_BPF_TXA)
			now->a = now->x;
		else
			now->x = now->a;
		break;
	case LK_BPF_ALU:
		if (((at->code & LK_BPF_OP) == LK_BPF_LSH ||
		     (at->code & LK_BPF_OP) == LK_BPF_RSH) &&
		    (is_x || at->k > 31))
			return 0;
		now->a = lk_bpf_highest(at->code, now->a, is_x ? now->x : at->k);
		break;
	case LK_BPF_JMP:
		if (at->code == (LK_BPF_JMP | LK_BPF_JSET) &&
		    (at->k <= INT8_MAX || at->k >= (uint32_t)INT8_MIN)) {
			at->k |= LK_BPF_MASK_BIT;
			return at->k <= INT32_MAX && now->a < LK_BPF_MASK_BIT;
		}
		return at->code != (LK_BPF_JMP | LK_BPF_JA) || (int32_t)at->k >= 0;
	default:
		break;
	}
	return 1;
}

/* Makes a checked program one that is compiled rightly and does the same; 0: there is none, or no
 * memory. */
static inline int
lk_bpf_make_compilable(struct lk_bpf_insn *program, uint32_t count)
{
	struct lk_bpf_range *before = calloc(count, sizeof(*before));
	int is_good = before != NULL;

	if (before != NULL)
		before[0].is_reached = 1;
	for (uint32_t i = 0; is_good && i < count; i++) {
		struct lk_bpf_insn *at = &program[i];
		struct lk_bpf_range now = before[i];

		if (!now.is_reached)
			continue;
		is_good = lk_bpf_step(at, &now);
		if (!is_good || (at->code & LK_BPF_CLASS) == LK_BPF_RET)
			continue;
		if (at->code == (LK_BPF_JMP | LK_BPF_JA)) {
			lk_bpf_join(&before[i + 1 + at->k], &now);
		} else if ((at->code & LK_BPF_CLASS) == LK_BPF_JMP) {
			lk_bpf_join(&before[i + 1 + at->jt], &now);
			lk_bpf_join(&before[i + 1 + at->jf], &now);
		} else {
			lk_bpf_join(&before[i + 1], &now);
		}
	}
	free(before);
	return is_good;
}

#endif
