/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_WALKER_H
#define LK_CAPTURE_WALKER_H

#include "bytes.h"

/*
 * What the walkers over pcap and pcapng share. Captures come from anywhere: every length is checked
 * against the bytes that are there before it is used. Nothing is allocated or read here: the walker
 * sees a window of the file, and says when it needs the one that begins where it stands.
 */
#define LK_CAPTURE_INTERFACES 4096u    /* of a section */
#define LK_CAPTURE_MOST_KEPT  262144u  /* bytes of a frame: libpcap's own limit */
#define LK_CAPTURE_WINDOW     1048576u /* no record and no block that is looked at is longer */
#define LK_LINK_ETHERNET      1u

enum lk_capture_status {
	LK_CAPTURE_END,	   /* behind the last record */
	LK_CAPTURE_RECORD, /* one was found */
	LK_CAPTURE_MORE,   /* a window is wanted that begins at `at` */
	LK_CAPTURE_CUT,	   /* the file ends within a record; those before it are whole */
	LK_CAPTURE_BAD,	   /* no capture, or none from here on: see `reason` and `reason_at` */
};

enum lk_capture_format {
	LK_CAPTURE_UNREAD,
	LK_CAPTURE_PCAP,
	LK_CAPTURE_PCAPNG,
};

struct lk_capture_interface {
	uint32_t link_type;
	uint32_t snaplen; /* 0: none */
	int64_t offset_s; /* added to every time */
	uint8_t resolution;
	uint8_t fcs; /* bytes of it behind every frame, as far as the file tells */
};

enum lk_pcap_lengths {
	LK_PCAP_KEPT_FIRST,
	LK_PCAP_LENGTH_FIRST, /* before version 2.3 */
	LK_PCAP_EITHER,	      /* version 2.3: what was kept is the lesser one */
};

struct lk_capture_file {
	const uint8_t *bytes; /* the window */
	uint64_t start;	      /* where in the file it begins */
	uint64_t size;
	int is_last; /* the file ends with the window */
	int is_big;  /* the file's byte order */
	enum lk_capture_format format;
	enum lk_capture_status status;
	uint64_t at; /* of the next record or block in the file */
	const char *reason;
	uint64_t reason_at;
	uint64_t fraction_ns; /* of pcap: what a unit of the stamp's second word is */
	uint32_t head;	      /* of pcap: bytes in front of a frame */
	enum lk_pcap_lengths lengths;
	/* Is told of every section header and interface description; NULL: nobody listens. */
	void (*hear)(void *listener, const uint8_t *block, uint32_t length);
	void *listener;
	uint32_t interface_count;
	struct lk_capture_interface interfaces[LK_CAPTURE_INTERFACES];
};

struct lk_capture_record {
	const uint8_t *bytes; /* in the window */
	uint32_t kept;
	uint32_t length;    /* on the wire; more than `kept` when the capture cut the frame */
	uint32_t interface; /* of its section */
	uint32_t link_type; /* 1: Ethernet */
	uint32_t flags;	    /* epb_flags of pcapng; 0: none */
	uint32_t fcs;	    /* so many of the last bytes of `length` are the FCS */
	int64_t time_ns;    /* since 1970, may be before; 0 without one */
	int has_time;	    /* a simple packet block has none */
	int is_out_of_time; /* it has none because 64 bits do not hold it */
	int is_overlong;    /* more is kept than was on the wire, says the file: all of it was */
	uint64_t at;	    /* of the record in the file */
	const uint8_t *options; /* of pcapng, as they stand there */
	uint32_t options_length;
};

static inline uint16_t
lk_capture16(const struct lk_capture_file *w, const uint8_t *p)
{
	uint16_t value = lk_get16(p);

	return w->is_big ? value : __builtin_bswap16(value);
}

static inline uint32_t
lk_capture32(const struct lk_capture_file *w, const uint8_t *p)
{
	uint32_t value = lk_get32(p);

	return w->is_big ? value : __builtin_bswap32(value);
}

static inline uint64_t
lk_capture64(const struct lk_capture_file *w, const uint8_t *p)
{
	uint64_t value = lk_get64(p);

	return w->is_big ? value : __builtin_bswap64(value);
}

/* The walk ends here; whoever asks again is told the same. */
static inline enum lk_capture_status
lk_capture_fails(struct lk_capture_file *w, enum lk_capture_status status, const char *reason)
{
	w->status = status;
	w->reason = reason;
	w->reason_at = w->at;
	return status;
}

/* The next n bytes, n within LK_CAPTURE_WINDOW: LK_CAPTURE_RECORD when they are in the window. */
static inline enum lk_capture_status
lk_capture_need(struct lk_capture_file *w, uint64_t n, const uint8_t **p)
{
	uint64_t from = w->at - w->start;

	if (w->at >= w->start && from <= w->size && n <= w->size - from) {
		*p = w->bytes + from;
		return LK_CAPTURE_RECORD;
	}
	if (!w->is_last)
		return LK_CAPTURE_MORE;
	return lk_capture_fails(w, LK_CAPTURE_CUT, "the file ends within a record");
}

static inline int
lk_capture_is_over(const struct lk_capture_file *w)
{
	return w->is_last && w->at == w->start + w->size;
}

#endif
