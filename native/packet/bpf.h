/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_BPF_H
#define LK_BPF_H

#include <errno.h>

#include "bytes.h"

/*
 * Filters as libpcap compiles them (McCanne, Jacobson: The BSD Packet Filter, 1993): an accumulator
 * A, an index X and 16 words of memory. What would be read past the end of a frame, or divided by
 * 0, takes no frame. Conditions jump forward; libpcap's "protochain" alone jumps back, and no frame
 * has headers enough for it to do so without end.
 */
struct lk_bpf_insn {
	uint16_t code;
	uint8_t jt; /* instructions that are skipped where a condition holds, */
	uint8_t jf; /* and where it does not */
	uint32_t k;
};

#define LK_BPF_WORDS 16
#define LK_BPF_MOST  65536 /* instructions of a program */
#define LK_BPF_LOOPS 65536 /* times that a program may jump back: more than a frame has bytes */

/* The class of an instruction, */
#define LK_BPF_CLASS 0x07
#define LK_BPF_LD    0x00
#define LK_BPF_LDX   0x01
#define LK_BPF_ST    0x02
#define LK_BPF_STX   0x03
#define LK_BPF_ALU   0x04
#define LK_BPF_JMP   0x05
#define LK_BPF_RET   0x06
#define LK_BPF_MISC  0x07
/* how much it loads, and from where, */
#define LK_BPF_SIZE 0x18
#define LK_BPF_WORD 0x00
#define LK_BPF_HALF 0x08
#define LK_BPF_BYTE 0x10
#define LK_BPF_IMM  0x00
#define LK_BPF_ABS  0x20
#define LK_BPF_IND  0x40
#define LK_BPF_MEM  0x60
#define LK_BPF_LEN  0x80
#define LK_BPF_MSH  0xa0
/* what it does, and with what. */
#define LK_BPF_OP   0xf0
#define LK_BPF_ADD  0x00
#define LK_BPF_SUB  0x10
#define LK_BPF_MUL  0x20
#define LK_BPF_DIV  0x30
#define LK_BPF_OR   0x40
#define LK_BPF_AND  0x50
#define LK_BPF_LSH  0x60
#define LK_BPF_RSH  0x70
#define LK_BPF_NEG  0x80
#define LK_BPF_MOD  0x90
#define LK_BPF_XOR  0xa0
#define LK_BPF_JA   0x00
#define LK_BPF_JEQ  0x10
#define LK_BPF_JGT  0x20
#define LK_BPF_JGE  0x30
#define LK_BPF_JSET 0x40
#define LK_BPF_X    0x08
#define LK_BPF_A    0x10
#define LK_BPF_TAX  0x00
#define LK_BPF_TXA  0x80

/* The number or X. */
#define LK_BPF_EITHER(code) (code) : case (code) | LK_BPF_X

/* Bytes that a load takes. */
static inline uint32_t
lk_bpf_bytes(uint16_t code)
{
	return 4u >> ((code & LK_BPF_SIZE) >> 3);
}

static inline int
lk_bpf_is_known(uint16_t code)
{
	switch (code) {
	case LK_BPF_LD | LK_BPF_ABS | LK_BPF_WORD:
	case LK_BPF_LD | LK_BPF_ABS | LK_BPF_HALF:
	case LK_BPF_LD | LK_BPF_ABS | LK_BPF_BYTE:
	case LK_BPF_LD | LK_BPF_IND | LK_BPF_WORD:
	case LK_BPF_LD | LK_BPF_IND | LK_BPF_HALF:
	case LK_BPF_LD | LK_BPF_IND | LK_BPF_BYTE:
	case LK_BPF_LD | LK_BPF_IMM:
	case LK_BPF_LD | LK_BPF_MEM:
	case LK_BPF_LD | LK_BPF_LEN:
	case LK_BPF_LDX | LK_BPF_IMM:
	case LK_BPF_LDX | LK_BPF_MEM:
	case LK_BPF_LDX | LK_BPF_LEN:
	case LK_BPF_LDX | LK_BPF_MSH | LK_BPF_BYTE:
	case LK_BPF_ST:
	case LK_BPF_STX:
	case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_ADD):
	case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_SUB):
	case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_MUL):
	case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_DIV):
	case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_MOD):
	case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_AND):
	case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_OR):
	case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_XOR):
	case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_LSH):
	case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_RSH):
	case LK_BPF_ALU | LK_BPF_NEG:
	case LK_BPF_JMP | LK_BPF_JA:
	case LK_BPF_EITHER(LK_BPF_JMP | LK_BPF_JEQ):
	case LK_BPF_EITHER(LK_BPF_JMP | LK_BPF_JGT):
	case LK_BPF_EITHER(LK_BPF_JMP | LK_BPF_JGE):
	case LK_BPF_EITHER(LK_BPF_JMP | LK_BPF_JSET):
	case LK_BPF_RET:
	case LK_BPF_RET | LK_BPF_A:
	case LK_BPF_MISC | LK_BPF_TAX:
	case LK_BPF_MISC | LK_BPF_TXA:
		return 1;
	default:
		return 0;
	}
}

static inline int
lk_bpf_uses_memory(uint16_t code)
{
	return code == LK_BPF_ST || code == LK_BPF_STX || code == (LK_BPF_LD | LK_BPF_MEM) ||
	       code == (LK_BPF_LDX | LK_BPF_MEM);
}

/* 0 for a program that lk_bpf_run may be given, or -EINVAL. */
static inline int
lk_bpf_check(const struct lk_bpf_insn *program, uint32_t count)
{
	if (count == 0 || count > LK_BPF_MOST ||
	    (program[count - 1].code & LK_BPF_CLASS) != LK_BPF_RET)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		const struct lk_bpf_insn *at = &program[i];
		uint32_t left = count - 1 - i; /* instructions that follow */

		if (!lk_bpf_is_known(at->code))
			return -EINVAL;
		if (lk_bpf_uses_memory(at->code) && at->k >= LK_BPF_WORDS)
			return -EINVAL;
		if (at->code == (LK_BPF_JMP | LK_BPF_JA)) {
			int64_t to = (int64_t)i + 1 + (int32_t)at->k;

			if (to < 0 || to >= count)
				return -EINVAL;
		} else if ((at->code & LK_BPF_CLASS) == LK_BPF_JMP) {
			if (at->jt >= left || at->jf >= left)
				return -EINVAL;
		}
	}
	return 0;
}

/*
 * What a checked program makes of a frame of `length` bytes, of which `kept` stand there: 0 when it
 * does not take it.
 */
static inline uint32_t
lk_bpf_run(const struct lk_bpf_insn *pc, const uint8_t *frame, uint32_t length, uint32_t kept)
{
	uint32_t words[LK_BPF_WORDS] = {0};
	uint32_t a = 0, x = 0, loops = 0;

	for (;; pc++) {
		uint32_t value = (pc->code & LK_BPF_X) != 0 ? x : pc->k; /* of ALU and JMP */
		uint64_t at = pc->k;

		switch (pc->code) {
		case LK_BPF_LD | LK_BPF_IND | LK_BPF_WORD:
			at += x;
			/* fall through */
		case LK_BPF_LD | LK_BPF_ABS | LK_BPF_WORD:
			if (at + 4 > kept)
				return 0;
			a = lk_get32(frame + at);
			break;
		case LK_BPF_LD | LK_BPF_IND | LK_BPF_HALF:
			at += x;
			/* fall through */
		case LK_BPF_LD | LK_BPF_ABS | LK_BPF_HALF:
			if (at + 2 > kept)
				return 0;
			a = lk_get16(frame + at);
			break;
		case LK_BPF_LD | LK_BPF_IND | LK_BPF_BYTE:
			at += x;
			/* fall through */
		case LK_BPF_LD | LK_BPF_ABS | LK_BPF_BYTE:
			if (at >= kept)
				return 0;
			a = frame[at];
			break;
		case LK_BPF_LDX | LK_BPF_MSH | LK_BPF_BYTE: /* the length of an IPv4 header */
			if (at >= kept)
				return 0;
			x = 4u * (frame[at] & 0xf);
			break;
		case LK_BPF_LD | LK_BPF_IMM:
			a = pc->k;
			break;
		case LK_BPF_LDX | LK_BPF_IMM:
			x = pc->k;
			break;
		case LK_BPF_LD | LK_BPF_LEN:
			a = length;
			break;
		case LK_BPF_LDX | LK_BPF_LEN:
			x = length;
			break;
		case LK_BPF_LD | LK_BPF_MEM:
			a = words[pc->k];
			break;
		case LK_BPF_LDX | LK_BPF_MEM:
			x = words[pc->k];
			break;
		case LK_BPF_ST:
			words[pc->k] = a;
			break;
		case LK_BPF_STX:
			words[pc->k] = x;
			break;
		case LK_BPF_MISC | LK_BPF_TAX:
			x = a;
			break;
		case LK_BPF_MISC | LK_BPF_TXA:
			a = x;
			break;
		case LK_BPF_JMP | LK_BPF_JA:
			if ((int32_t)pc->k < 0 && ++loops > LK_BPF_LOOPS)
				return 0;
			pc += (int32_t)pc->k;
			break;
		case LK_BPF_EITHER(LK_BPF_JMP | LK_BPF_JEQ):
			pc += a == value ? pc->jt : pc->jf;
			break;
		case LK_BPF_EITHER(LK_BPF_JMP | LK_BPF_JGT):
			pc += a > value ? pc->jt : pc->jf;
			break;
		case LK_BPF_EITHER(LK_BPF_JMP | LK_BPF_JGE):
			pc += a >= value ? pc->jt : pc->jf;
			break;
		case LK_BPF_EITHER(LK_BPF_JMP | LK_BPF_JSET):
			pc += (a & value) != 0 ? pc->jt : pc->jf;
			break;
		case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_ADD):
			a += value;
			break;
		case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_SUB):
			a -= value;
			break;
		case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_MUL):
			a *= value;
			break;
		case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_DIV):
			if (value == 0)
				return 0;
			a /= value;
			break;
		case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_MOD):
			if (value == 0)
				return 0;
			a %= value;
			break;
		case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_AND):
			a &= value;
			break;
		case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_OR):
			a |= value;
			break;
		case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_XOR):
			a ^= value;
			break;
		case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_LSH):
			a = value < 32 ? a << value : 0;
			break;
		case LK_BPF_EITHER(LK_BPF_ALU | LK_BPF_RSH):
			a = value < 32 ? a >> value : 0;
			break;
		case LK_BPF_ALU | LK_BPF_NEG:
			a = 0 - a;
			break;
		case LK_BPF_RET:
			return pc->k;
		case LK_BPF_RET | LK_BPF_A:
			return a;
		default:
			return 0;
		}
	}
}

#endif
