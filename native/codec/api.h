/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The boundary of labkit._codec: pure functions over bytes. The build hands this file to cffi as
 * well, so it keeps to plain declarations.
 */
#ifndef LK_CODEC_API_H
#define LK_CODEC_API_H

#include "bpf.h"
#include "column_list.h"
#include "endpoint.h"
#include "frame_program.h"
#include "frame_ring.h"
#include "tunnel.h"
#include "flow_row.h"
#include "histogram.h"
#include "layers.h"
#include "link_type.h"
#include "engine_limits.h"
#include "recorder_memory.h"
#include "replay_ahead.h"
#include "sick_state.h"
#include "status.h"
#include "flow_state.h"
#include "stripped.h"
#include "token_bucket.h"
#include "trial_state.h"

/* Verdicts, by number; NULL past the last one. */
const char *lk_verdict_name(unsigned int verdict);
const char *lk_verdict_sentence(unsigned int verdict);
const char *lk_verdict_source(unsigned int verdict);

/* The Internet checksum of n bytes as a number in host order (RFC 1071). */
uint16_t lk_codec_checksum(const uint8_t *bytes, uint64_t n);

/*
 * What a node of this kind does with a frame: the verdict, or -1 for a kind that works on no single
 * frame. The frame stands at `buffer + *offset`; offset and length are moved as the node moves
 * them.
 */
int lk_codec_handle(const char *kind, uint8_t *buffer, uint32_t room, uint32_t *offset,
		    uint32_t *length, const struct lk_endpoint *endpoint);

/* Returns 1 and fills the fields when the frame ends in a signature. */
int lk_codec_signature(const uint8_t *frame, uint32_t length, uint16_t *stream, uint32_t *sequence,
		       uint64_t *tsc);

/* Kinds of layers, by number; NULL past the last one. */
const char *lk_layer_name(unsigned int kind);
const char *lk_layer_title(unsigned int kind);
const char *lk_layer_reference(unsigned int kind);

/* The kind of layer that an IP protocol announces; 0, which is data: none that is known. */
int lk_layer_of_protocol(unsigned int protocol);

/* walk.c: the layers of a frame of a link type (LINKTYPE_...), of which `kept` of `length` bytes
 * are there; `fcs` bytes at the end of the wire are its FCS. Any bytes will do. */
void lk_codec_walk(const uint8_t *frame, uint32_t kept, uint32_t length, uint32_t link_type,
		   uint32_t fcs, struct lk_walk *walk);

/* Makes a tunnel ready whose fields are set: see struct lk_tunnel. */
void lk_codec_tunnel_prepare(struct lk_tunnel *tunnel);

/*
 * A batch of frames in one buffer. Frame i lies in slot i, the bytes from slots[i] to slots[i + 1],
 * and grows and shrinks there as in an mbuf; offsets and lengths tell where it is. Each frame's
 * verdict is stored; returns how many frames were not refused.
 */
struct lk_batch {
	uint8_t *buffer;
	const uint64_t *slots; /* count + 1 of them */
	uint64_t *offsets;
	uint32_t *lengths;
	uint16_t *verdicts;
	uint32_t *vnis; /* that decap found */
	uint64_t count;
};
uint64_t lk_codec_encap(const struct lk_tunnel *tunnel, const struct lk_batch *batch);
/* `last` is told what was found in the last frame. */
uint64_t lk_codec_decap(const struct lk_tunnel *tunnel, const struct lk_batch *batch,
			struct lk_decapsulated *last);

/* The traffic class of a frame's IP header, -1 when it has none. */
int lk_codec_traffic_class(const uint8_t *frame, uint32_t length);

/* Hash of a frame's flow; the entropy port of a tunnel is 49152 + its top 14 bits. */
uint64_t lk_codec_flow_hash(const uint8_t *frame, uint32_t length);
/* What a generator makes of a template (frame_program.h). */
void lk_codec_make_frame(uint8_t *frame, const struct lk_template *t, struct lk_field *fields,
			 unsigned int field_count, unsigned int checksums, int has_signature,
			 uint32_t sequence, uint64_t tsc);
/* CRC32c of n bytes (crc32c.h), by the CPU's instruction where it has one, or without. */
uint32_t lk_codec_crc32c(const uint8_t *bytes, uint64_t n, int is_portable);
/* Makes the field one of frames first, first + of ... of its stream. */
void lk_codec_share_field(struct lk_field *field, uint64_t first, uint32_t of);
/* What a receiver makes of sequence numbers: counts[0..3] received, reordered, duplicated, too old;
 * the sum of those passed over is returned. Flows are told apart by the fields, if there are any,
 * of a stream of which every `of`th frame from number `lane` on is looked at. */
int64_t lk_codec_sequence(const uint32_t *numbers, uint64_t count, const struct lk_field *fields,
			  uint32_t field_count, uint64_t lane, uint64_t of, uint64_t *counts);
uint32_t lk_codec_histogram_index(uint64_t value);

/* When frames leave a token bucket that came at these times, in ticks; the time is UINT64_MAX where
 * one does not wait for its tokens, and is refused. */
void lk_codec_bucket(const struct lk_bucket *bucket, struct lk_bucket_times *times, int waits,
		     const uint64_t *came, const uint64_t *units, uint64_t count, uint64_t *leaves);

/* Frames to and from the engine (frame_ring.h). */
uint64_t lk_codec_ring_bytes(uint64_t size);
int lk_codec_ring_init(struct lk_frame_ring *ring, uint64_t size, uint32_t max_frame);
uint64_t lk_codec_ring_push(struct lk_frame_ring *ring, struct lk_status *status,
			    const uint8_t *frames, const uint32_t *lengths, uint64_t count);
int lk_codec_ring_send(struct lk_frame_ring *ring, struct lk_status *status, const uint8_t *frame,
		       uint32_t length);
uint64_t lk_codec_ring_unread(const struct lk_frame_ring *ring);
uint64_t lk_codec_ring_written(const struct lk_frame_ring *ring);
int lk_codec_ring_wait(struct lk_frame_ring *ring, uint64_t position, uint64_t ns);
void lk_codec_ring_empty(struct lk_frame_ring *ring);
int lk_codec_ring_listen(struct lk_frame_ring *ring, const struct lk_frame_reader *reader,
			 uint32_t slot);
void lk_codec_ring_from_now(struct lk_frame_ring *ring, struct lk_frame_reader *reader);
/* The next frame that a checked program takes, NULL: every one; 0 where there is none by now. */
int64_t lk_codec_ring_pull(struct lk_frame_ring *ring, struct lk_frame_reader *reader,
			   struct lk_record *record, uint8_t *to, uint32_t room,
			   const struct lk_bpf_insn *program);
int lk_codec_ring_has(const struct lk_frame_ring *ring, const struct lk_frame_reader *reader);

/* Filters (bpf.h). check: 0 or -EINVAL; the others take a checked program. */
int lk_codec_bpf_check(const struct lk_bpf_insn *program, uint32_t count);
uint32_t lk_codec_bpf_run(const struct lk_bpf_insn *program, const uint8_t *frame, uint32_t length,
			  uint32_t kept);
/* bpf_range.h: 1 where the program was made one that DPDK compiles rightly. */
int lk_codec_bpf_make_compilable(struct lk_bpf_insn *program, uint32_t count);

/* capture_read.c: records of a pcap or pcapng file, of which sections and interfaces are numbered
 * as they come. */
struct lk_captured {
	uint64_t offset; /* of its bytes in the buffer */
	uint64_t at;	 /* of its record in the file, where reading may begin */
	int64_t time_ns; /* since 1970; 0 without one */
	uint32_t kept;
	uint32_t length;    /* on the wire, never less */
	uint32_t interface; /* of all sections, from 0 */
	uint32_t section;
	uint32_t link_type;
	uint32_t flags; /* epb_flags of pcapng; 0: none */
	uint8_t fcs;	/* so many of the last bytes of `length` are the FCS */
	uint8_t has_time;
};
struct lk_capture_described {
	uint64_t at;
	uint32_t section;
	uint32_t number; /* within it */
	uint32_t link_type;
	uint32_t snaplen;
	int64_t offset_s;
	uint8_t resolution; /* as if_tsresol of pcapng */
	uint8_t fcs;
	uint8_t *options; /* as they stand in the file */
	uint32_t options_length;
};
struct lk_capture_section {
	uint64_t at;
	uint64_t first_interface;
	uint32_t interfaces;
	uint32_t is_big; /* its byte order */
	uint8_t *options;
	uint32_t options_length;
};
struct lk_capture_comment {
	uint64_t record; /* of the batch, from 0 */
	uint64_t offset; /* in the text of all comments */
	uint32_t length;
};
struct lk_capture_told {
	uint64_t records;
	uint64_t sections;
	uint64_t interfaces;
	uint64_t overlong;	 /* more was kept than was on the wire, says the file */
	uint64_t first_overlong; /* from 1 */
	uint64_t out_of_time;	 /* 64 bits do not hold their times */
	uint64_t first_out_of_time;
	int32_t is_read; /* the file's header */
	int32_t is_over;
	int32_t is_cut; /* over, within a record */
	int32_t is_bad; /* over, and no capture from here on */
	uint64_t at;
	const char *reason;
	uint64_t reason_at;
};
struct lk_capture_input;
/* Of a file, or of a pipe that is read once; NULL: there is no memory. The descriptor stays the
 * caller's, and open as long. */
struct lk_capture_input *lk_codec_capture_open(int fd);
/* How many records there were, up to `most`, as far as `room` lets them, which is 262,144 bytes or
 * more; 0: it is over, or -errno; EAGAIN: there was none within 256 MiB, call it again. */
int64_t lk_codec_capture_read(struct lk_capture_input *in, uint8_t *buffer, uint64_t room,
			      struct lk_captured *records, uint64_t most);
void lk_codec_capture_tell(const struct lk_capture_input *in, struct lk_capture_told *told);
const struct lk_capture_section *lk_codec_capture_sections(const struct lk_capture_input *in);
const struct lk_capture_described *lk_codec_capture_interfaces(const struct lk_capture_input *in);
/* Of the records of the last batch */
const struct lk_capture_comment *lk_codec_capture_comments(const struct lk_capture_input *in,
							   uint64_t *count_of,
							   const uint8_t **text);
/* Reads on at a record that was read before, of a file; or -errno. */
int lk_codec_capture_seek(struct lk_capture_input *in, uint64_t at);
void lk_codec_capture_shut(struct lk_capture_input *in);

/* columns.c: what columns tell; names are NULL past the last one. */
const char *lk_column_name(unsigned int column);
const char *lk_column_text(unsigned int column);
int lk_column_type(unsigned int column);
int lk_column_is_packets(unsigned int column); /* there is an inner one, too */

/* Takes frames apart into columns. Texts are numbered as they come; the numbers of addresses and
 * of layers stay from one call to the next. */
struct lk_columns;
struct lk_columns_wanted {
	const struct lk_column_out *out;
	uint32_t count;
	struct lk_tunnel *vxlan, *geneve, *gue; /* receivers, for the verdict */
	uint64_t filter; /* address of libpcap's bpf_filter(), 0: all frames */
	const uint8_t *program;
};
struct lk_columns *lk_codec_columns_open(void); /* NULL: no memory */
/* Rows that were made, of frames numbered from `first`; -ENOMEM. */
int64_t lk_codec_columns(struct lk_columns *c, const struct lk_columns_wanted *wanted,
			 const uint8_t *buffer, const struct lk_captured *records, uint64_t count,
			 uint64_t first);
/* Keys by number of a column type: MAC, IP or KINDS; each has `stride` bytes. */
uint32_t lk_codec_columns_keys(const struct lk_columns *c, int type, const uint8_t **keys,
			       const uint8_t **lengths, uint32_t *stride);
void lk_codec_columns_close(struct lk_columns *c);

/* flows.c: frames by flows; rows stay until the next frames are taken. */
struct lk_flows;
struct lk_flows *lk_codec_flows_open(void); /* NULL: no memory */
/* Frames that carry IP; -ENOMEM. filter: as in struct lk_columns_wanted */
int64_t lk_codec_flows(struct lk_flows *f, uint64_t filter, const uint8_t *program,
		       const uint8_t *buffer, const struct lk_captured *records, uint64_t count,
		       uint64_t first);
const struct lk_flow_row *lk_codec_flows_rows(struct lk_flows *f, uint32_t *count);
void lk_codec_flows_close(struct lk_flows *f);
/* capture_write.c: appends records to a file, of pcapng as they are in machine order, with stamps
 * in nanoseconds since offset_ns; its comments stand in the order of their records. Or -errno;
 * EMSGSIZE: comments of 1 MiB on one frame. All numbers were checked before. */
int lk_codec_capture_write(int fd, int is_pcapng, int64_t offset_ns, const uint8_t *buffer,
			   const struct lk_captured *records, uint64_t count,
			   const struct lk_capture_comment *comments, uint64_t comment_count,
			   const uint8_t *text);

/* strip.c: takes tunnels off frames, in place; those that are in none, or refused, stay as they
 * are. Without tunnels it is what the walk finds that counts, of any kind. -ENOMEM. */
int lk_codec_strip(const struct lk_tunnel *const *tunnels, uint32_t tunnel_count, int is_nested,
		   uint8_t *buffer, struct lk_captured *records, uint64_t count,
		   struct lk_stripped *out);
/* Copies frames to places of their own. */
void lk_codec_scatter(const uint8_t *from, const struct lk_captured *records, uint64_t count,
		      uint8_t *to, const uint64_t *offsets);

/* capture_scan.c: what a pcap or pcapng file holds; sizes are those of rewritten frames, which are
 * numbered from 1, 0: there is none.
 */
struct lk_capture_scan {
	uint64_t frames;
	uint64_t bytes;
	uint64_t all_frames;  /* of both sides, by which they are numbered */
	uint64_t duration_ns; /* of all, on the running maximum of the times */
	uint64_t went_back;   /* stamps before that maximum */
	uint32_t shortest;
	uint32_t longest;
	uint64_t short_frame; /* the first one without a whole Ethernet header */
	uint32_t short_kept;
	uint64_t cut_frame; /* the first one that was not kept whole */
	uint32_t cut_kept;  /* of cut and short ones before they are rewritten */
	uint32_t cut_length;
	uint64_t other_frame; /* the first one that is none of Ethernet, and cannot be made one */
	uint32_t other_link_type;
	int32_t other_why;  /* enum lk_to_ethernet */
	uint64_t converted; /* frames of other links that become Ethernet */
	uint32_t converted_link_type;
	uint64_t odd;	    /* frames with an FCS, or longer than they or their file say */
	uint64_t blocks;    /* of pcapng: section headers and interface descriptions */
	int32_t is_whole;   /* read to its end */
	int32_t is_cut;	    /* the file ends within a record */
	int32_t is_read;    /* its header */
	const char *reason; /* why not */
	uint64_t reason_at; /* byte of the file */
};
int lk_codec_capture_scan(int fd, const struct lk_rewrite *rewrite, const struct lk_side *side,
			  struct lk_capture_scan *scan);
/* capture_sides.c: the bits of struct lk_side, zeroed by the caller; `clients` in networks of its
 * `from`, NULL: by conversation alone. Or -errno; all frames were scanned and found to be sound. */
int lk_codec_capture_sides(int fd, const struct lk_rewrite *clients, uint8_t *bits,
			   uint64_t frames);
/* How many frames of a round are due before a time of its own or a number of bits, each frame with
 * so many bytes of overhead; the other limit is UINT64_MAX. Or -errno. */
int64_t lk_codec_capture_due(int fd, const struct lk_rewrite *rewrite, const struct lk_side *side,
			     uint64_t before_ns, uint64_t before_bits, uint32_t overhead);

/* Of frames in a buffer: each becomes one of Ethernet without FCS at `to`, and its record tells of
 * it there: offset, kept, length, link type, FCS. Of those that cannot (enum lk_to_ethernet in
 * `whys`) kept becomes 0. `to` has room for 14 bytes more a frame; bytes used are returned. */
uint64_t lk_codec_to_ethernet(struct lk_captured *records, uint64_t count, const uint8_t *buffer,
			      uint8_t *to, uint8_t *whys);

/* Rewrites one frame (rewrite.h); `to` has room for 4 bytes more. Returns its new length. */
uint32_t lk_codec_rewrite(const struct lk_rewrite *rewrite, const uint8_t *frame, uint32_t length,
			  uint8_t *to);

/* replay.c */
struct lk_replay;
struct lk_replay *lk_codec_replay_open(const struct lk_replay_config *config);
int lk_codec_replay_next(struct lk_replay *replay, uint8_t *to, uint32_t room, uint32_t *length,
			 uint64_t *due_ns);
void lk_codec_replay_close(struct lk_replay *replay);

#endif
