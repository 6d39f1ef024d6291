/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_PCAP_H
#define LK_CAPTURE_PCAP_H

#include "capture_walker.h"

/* draft-ietf-opsawg-pcap */
#define LK_PCAP_HEADER	 24u
#define LK_PCAP_RECORD	 16u
#define LK_PCAP_US	 0xa1b2c3d4u
#define LK_PCAP_NS	 0xa1b23c4du
#define LK_PCAP_LINK	 0x03ffffffu /* what stands above tells of the FCS */
#define LK_PCAP_VERSION	 2u
#define LK_NS_PER_SECOND 1000000000u

static inline enum lk_capture_status
lk_pcap_begin(struct lk_capture_file *w, uint32_t magic)
{
	const uint8_t *p;
	enum lk_capture_status status = lk_capture_need(w, LK_PCAP_HEADER, &p);

	if (status != LK_CAPTURE_RECORD)
		return status;
	w->is_big = magic == LK_PCAP_US || magic == LK_PCAP_NS;
	w->fraction_ns = lk_capture32(w, p) == LK_PCAP_NS ? 1 : 1000;
	if (lk_capture16(w, p + 4) != LK_PCAP_VERSION)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "its version of pcap is not 2");
	w->interface_count = 1;
	w->interfaces[0] = (struct lk_capture_interface){
		.snaplen = lk_capture32(w, p + 16),
		.link_type = lk_capture32(w, p + 20) & LK_PCAP_LINK,
	};
	w->format = LK_CAPTURE_PCAP;
	w->at += LK_PCAP_HEADER;
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
	status = lk_capture_need(w, LK_PCAP_RECORD, &p);
	if (status != LK_CAPTURE_RECORD)
		return status;
	kept = lk_capture32(w, p + 8);
	length = lk_capture32(w, p + 12);
	if (kept > LK_CAPTURE_MOST_KEPT)
		return lk_capture_fails(w, LK_CAPTURE_BAD, "a frame of more than 262,144 bytes");
	status = lk_capture_need(w, LK_PCAP_RECORD + kept, &p);
	if (status != LK_CAPTURE_RECORD)
		return status;
	*record = (struct lk_capture_record){
		.bytes = p + LK_PCAP_RECORD,
		.kept = kept,
		.length = length > kept ? length : kept,
		.link_type = w->interfaces[0].link_type,
		.time_ns = (uint64_t)lk_capture32(w, p) * LK_NS_PER_SECOND +
			   lk_capture32(w, p + 4) * w->fraction_ns,
		.has_time = 1,
		.at = w->at,
	};
	w->at += LK_PCAP_RECORD + kept;
	return LK_CAPTURE_RECORD;
}

#endif
