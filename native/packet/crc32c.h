/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CRC32C_H
#define LK_CRC32C_H

#include <stddef.h>

#include "bytes.h"

/* CRC32c (RFC 9260 appendix A), reflected; the caller begins with all ones and inverts the end. */
static inline uint32_t
lk_crc32c_portable(const uint8_t *p, size_t n, uint32_t crc)
{
	static const uint32_t of_nibble[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = of_nibble[crc & 15] ^ crc >> 4;
		crc = of_nibble[crc & 15] ^ crc >> 4;
	}
	return crc;
}

#ifdef __x86_64__
/* By the CPU's instruction, which is looked up at every call as in checksum.h. */
__attribute__((target("sse4.2"))) static inline uint32_t
lk_crc32c_sse42(const uint8_t *p, size_t n, uint32_t crc)
{
	uint64_t word, wide = crc;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&word, p + i, 8);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	for (; i < n; i++)
		crc = __builtin_ia32_crc32qi(crc, p[i]);
	return crc;
}

static inline uint32_t
lk_crc32c(const uint8_t *p, size_t n, uint32_t crc)
{
	return __builtin_cpu_supports("sse4.2") ? lk_crc32c_sse42(p, n, crc)
						: lk_crc32c_portable(p, n, crc);
}
#else
#define lk_crc32c lk_crc32c_portable
#endif

#define LK_SCTP_HEADER	 12
#define LK_SCTP_CHECKSUM 8

/* The checksum of an SCTP packet as the big-endian number that it is stored as (RFC 9260 6.8). */
static inline uint32_t
lk_sctp_checksum(const uint8_t *p, size_t n)
{
	static const uint8_t zeros[4];
	uint32_t crc = lk_crc32c(p, LK_SCTP_CHECKSUM, UINT32_MAX);

	crc = lk_crc32c(zeros, sizeof(zeros), crc);
	return __builtin_bswap32(~lk_crc32c(p + LK_SCTP_HEADER, n - LK_SCTP_HEADER, crc));
}

#endif
