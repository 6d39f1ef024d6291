/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The boundary of labkit._codec: pure functions over bytes. The build hands this file to cffi as
 * well, so it keeps to plain declarations.
 */
#ifndef LK_CODEC_API_H
#define LK_CODEC_API_H

#include "bpf.h"
#include "endpoint.h"
#include "frame_program.h"
#include "frame_ring.h"
#include "tunnel.h"
#include "histogram.h"
#include "engine_limits.h"
#include "recorder_memory.h"
#include "replay_ahead.h"
#include "sick_state.h"
#include "status.h"
#include "flow_state.h"
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
/* What a receiver makes of sequence numbers: counts[0..3] received, reordered, duplicated, too old;
 * the sum of those passed over is returned. */
int64_t lk_codec_sequence(const uint32_t *numbers, uint64_t count, uint64_t *counts);
uint32_t lk_codec_histogram_index(uint64_t value);

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
	uint64_t other_frame; /* the first one whose link type is not Ethernet */
	uint32_t other_link_type;
	int32_t is_whole;   /* read to its end */
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
