/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture_record.h"

#define PCAP_MAGIC_NS	0xa1b23c4du
#define PCAP_MAX_FRAME	262144u /* tools take no frame that is longer than a file says */
#define ETHERNET	1
#define SECTION_BLOCK	0x0a0d0d0au
#define BYTE_ORDER_MARK 0x1a2b3c4du
#define PACKET_BLOCK	6
#define OPTION_NAME	2
#define OPTION_FLAGS	2
#define OPTION_PROGRAM	4
#define OPTION_TSRESOL	9
#define FLAG_INBOUND	1
#define FLAG_OUTBOUND	2
#define MOST_NAME	200

static void
put32(uint8_t **p, uint32_t value)
{
	memcpy(*p, &value, 4);
	*p += 4;
}

static void
put16(uint8_t **p, uint16_t value)
{
	memcpy(*p, &value, 2);
	*p += 2;
}

/* An option: code, length, value padded to 4 bytes. */
static void
put_option(uint8_t **p, uint16_t code, const void *value, size_t length)
{
	put16(p, code);
	put16(p, (uint16_t)length);
	memcpy(*p, value, length);
	memset(*p + length, 0, -length & 3);
	*p += (length + 3) & ~(size_t)3;
}

/* Ends a block that began with its type and room for its length. */
static void
end_block(uint8_t *block, uint8_t **p)
{
	uint32_t length = (uint32_t)(*p + 4 - block);

	put32(p, length);
	memcpy(block + 4, &length, 4);
}

uint32_t
lk_capture_head(uint8_t *to, int is_pcap, const char *interface, uint32_t snaplen)
{
	static const char program[] = "labkit";
	const uint8_t nanoseconds = 9;
	uint8_t *p = to, *block = to;

	if (is_pcap) {
		put32(&p, PCAP_MAGIC_NS);
		put16(&p, 2);
		put16(&p, 4);
		put32(&p, 0);
		put32(&p, 0);
		put32(&p, snaplen != 0 ? snaplen : PCAP_MAX_FRAME);
		put32(&p, ETHERNET);
		return (uint32_t)(p - to);
	}
	put32(&p, SECTION_BLOCK);
	put32(&p, 0);
	put32(&p, BYTE_ORDER_MARK);
	put16(&p, 1);
	put16(&p, 0);
	put32(&p, UINT32_MAX); /* section length unknown */
	put32(&p, UINT32_MAX);
	put_option(&p, OPTION_PROGRAM, program, sizeof(program) - 1);
	put32(&p, 0);
	end_block(block, &p);

	block = p;
	put32(&p, 1); /* interface description block */
	put32(&p, 0);
	put16(&p, ETHERNET);
	put16(&p, 0);
	put32(&p, snaplen);
	put_option(&p, OPTION_NAME, interface, strnlen(interface, MOST_NAME));
	put_option(&p, OPTION_TSRESOL, &nanoseconds, 1);
	put32(&p, 0);
	end_block(block, &p);
	return (uint32_t)(p - to);
}

uint32_t
lk_capture_record(uint8_t *to, int is_pcap, const struct lk_record *record, uint32_t kept)
{
	uint32_t length = record->frame_length & LK_WAY_LENGTH, flags;
	uint8_t *p = to;

	if (is_pcap) {
		put32(&p, (uint32_t)(record->time_ns / 1000000000u));
		put32(&p, (uint32_t)(record->time_ns % 1000000000u));
		put32(&p, kept);
		put32(&p, length);
		return LK_PCAP_LEAD + kept;
	}
	put32(&p, PACKET_BLOCK);
	put32(&p, 0);
	put32(&p, 0); /* of the interface */
	put32(&p, (uint32_t)(record->time_ns >> 32));
	put32(&p, (uint32_t)record->time_ns);
	put32(&p, kept);
	put32(&p, length);
	memset(p + kept, 0, -kept & 3);
	p += (kept + 3) & ~3u;
	if (record->frame_length != length) {
		flags = record->frame_length & LK_WAY_OUT ? FLAG_OUTBOUND : FLAG_INBOUND;
		put_option(&p, OPTION_FLAGS, &flags, sizeof(flags));
		put32(&p, 0);
	}
	end_block(to, &p);
	return (uint32_t)(p - to);
}
