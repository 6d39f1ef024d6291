/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames as files hold them: pcap with stamps in nanoseconds (draft-ietf-opsawg-pcap), or pcapng
 * with one interface of such stamps (draft-ietf-opsawg-pcapng), which also tells a frame's way.
 */
#ifndef LK_CAPTURE_RECORD_H
#define LK_CAPTURE_RECORD_H

#include "frame_ring.h"

#define LK_CAPTURE_MAX_FRAME 65536u
#define LK_CAPTURE_MOST_HEAD 512u
#define LK_CAPTURE_MOST_ROOM (LK_CAPTURE_MAX_FRAME + 64)

/* In frame_length of a record: the way of the frame, where a capture knows it. */
#define LK_WAY_IN      0x40000000u
#define LK_WAY_OUT     0x80000000u
#define LK_WAY_LENGTH  0x3fffffffu
#define LK_PCAP_LEAD   16u
#define LK_PCAPNG_LEAD 28u

/* What stands at the begin of a file; its length. `to` has room for LK_CAPTURE_MOST_HEAD bytes. */
uint32_t lk_capture_head(uint8_t *to, int is_pcap, const char *interface, uint32_t snaplen);

/* Writes what stands around `kept` bytes of a frame, which lie behind the lead; its length. */
uint32_t lk_capture_record(uint8_t *to, int is_pcap, const struct lk_record *record, uint32_t kept);

/* Bytes in front of the frame's own. */
static inline uint32_t
lk_capture_lead(int is_pcap)
{
	return is_pcap ? LK_PCAP_LEAD : LK_PCAPNG_LEAD;
}

/* The length of a record that lk_capture_record() made. */
static inline uint32_t
lk_capture_length(const uint8_t *record, int is_pcap)
{
	uint32_t length;

	memcpy(&length, record + (is_pcap ? 8 : 4), 4);
	return is_pcap ? LK_PCAP_LEAD + length : length;
}

#endif
