/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_PCAP_H
#define LK_CAPTURE_PCAP_H

#include "capture_walker.h"

/* draft-ietf-opsawg-pcap, and the kinds that pcap-savefile(5) and Wireshark know beside it */
#define LK_PCAP_HEADER	     24u
#define LK_PCAP_RECORD	     16u
#define LK_PCAP_LONG_RECORD  24u /* with interface, protocol and packet type behind the lengths */
#define LK_PCAP_US	     0xa1b2c3d4u
#define LK_PCAP_NS	     0xa1b23c4du
#define LK_PCAP_IXIA_HW	     0x1c0001acu /* lcap: the size of all records follows on the header */
#define LK_PCAP_IXIA_SW	     0x1c0001abu
#define LK_PCAP_IXIA_MORE    4u
#define LK_PCAP_MODIFIED     0xa1b2cd34u /* of patched libpcaps for Linux, about the year 2000 */
#define LK_PCAP_LINK	     0x0000ffffu /* what stands above tells of the FCS */
#define LK_PCAP_HAS_FCS	     0x04000000u
#define LK_PCAP_FCS_SHIFT    28 /* its length in units of 16 bits */
#define LK_PCAP_VERSION	     2u
#define LK_PCAP_AIX_MINOR    2u
#define LK_PCAP_AIX_LINK     6u /* its interface type of Ethernet; nanoseconds whatever the magic */
#define LK_PCAP_EITHER_MINOR 3u
#define LK_NS_PER_SECOND     1000000000u

static inline int
lk_is_pcap(uint32_t magic)
{
	return magic == LK_PCAP_US || magic == LK_PCAP_NS || magic == LK_PCAP_MODIFIED ||
	       magic == LK_PCAP_IXIA_HW || magic == LK_PCAP_IXIA_SW;
}

/* Bytes in front of the first record. */
static inline uint32_t
lk_pcap_header(uint32_t magic)
{
	int is_ixia = magic == LK_PCAP_IXIA_HW || magic == LK_PCAP_IXIA_SW;

	return LK_PCAP_HEADER + (is_ixia ? LK_PCAP_IXIA_MORE : 0);
}

static inline enum lk_capture_status
lk_pcap_begin(struct lk_capture_file *w, uint32_t magic)
{
	const uint8_t *p;
	enum lk_capture_status status;
	uint32_t minor, link, header;

	w->is_big = lk_is_pcap(magic);
	if (!w->is_big)
		magic = __builtin_bswap32(magic);
	header = lk_pcap_header(magic);
	status = lk_capture_need(w, header, &p);
	if (status != LK_CAPTURE_RECORD)
		return status;
	w->fraction_ns = magic == LK_PCAP_NS ? 1 : 1000;
	w->head = magic == LK_PCAP_MODIFIED ? LK_PCAP_LONG_RECORD : LK_PCAP_RECORD;
	if (lk_capture16(w, p + 4) != LK_PCAP_VERSION)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "its version of pcap is not 2");
	minor = lk_capture16(w, p + 6);
	w->lengths = minor < LK_PCAP_EITHER_MINOR    ? LK_PCAP_LENGTH_FIRST
		     : minor == LK_PCAP_EITHER_MINOR ? LK_PCAP_EITHER
						     : LK_PCAP_KEPT_FIRST;
	link = lk_capture32(w, p + 20);
	if (minor == LK_PCAP_AIX_MINOR && (link & LK_PCAP_LINK) == LK_PCAP_AIX_LINK) {
		w->fraction_ns = 1;
		link = LK_LINK_ETHERNET;
	}
	w->interface_count = 1;
	w->interfaces[0] = (struct lk_capture_interface){
		.snaplen = lk_capture32(w, p + 16),
		.link_type = link & LK_PCAP_LINK,
		.resolution = w->fraction_ns == 1 ? 9 : 6,
		.fcs = (uint8_t)((link & LK_PCAP_HAS_FCS) != 0 ? (link >> LK_PCAP_FCS_SHIFT) * 2
							       : 0),
	};
	w->format = LK_CAPTURE_PCAP;
	w->at += header;
	return LK_CAPTURE_RECORD;
}

static inline enum lk_capture_status
lk_pcap_next(struct lk_capture_file *w, struct lk_capture_record *record)
{
	const uint8_t *p;
	enum lk_capture_status status;
	uint32_t kept, length;

	if (lk_capture_is_over(w))
		return w->status = LK_CAPTURE_END;
	status = lk_capture_need(w, w->head, &p);
	if (status != LK_CAPTURE_RECORD)
		return status;
	kept = lk_capture32(w, p + 8);
	length = lk_capture32(w, p + 12);
	if (w->lengths == LK_PCAP_LENGTH_FIRST || (w->lengths == LK_PCAP_EITHER && kept > length)) {
		uint32_t first = kept;

		kept = length;
		length = first;
	}
	if (kept > LK_CAPTURE_MOST_KEPT)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "a frame of more than 262,144 bytes");
	status = lk_capture_need(w, w->head + kept, &p);
	if (status != LK_CAPTURE_RECORD)
		return status;
	*record = (struct lk_capture_record){
		.bytes = p + w->head,
		.kept = kept,
		.length = length > kept ? length : kept,
		.is_overlong = kept > length,
		.link_type = w->interfaces[0].link_type,
		.fcs = w->interfaces[0].fcs,
		.time_ns = (int64_t)lk_capture32(w, p) * LK_NS_PER_SECOND +
			   (int64_t)(lk_capture32(w, p + 4) * w->fraction_ns),
		.has_time = 1,
		.at = w->at,
	};
	w->at += w->head + kept;
	return LK_CAPTURE_RECORD;
}

#endif
