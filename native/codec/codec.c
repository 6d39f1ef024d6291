/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "api.h"
#include "bpf_range.h"
#include "decap.h"
#include "encap.h"
#include "prepare.h"
#include "reflect.h"
#include "refuse.h"
#include "sequence.h"
#include "signature.h"

static const struct {
	const char *name, *sentence, *source;
} verdicts[LK_VERDICT_COUNT] = {
#define LK_VERDICT_TEXT(name, sentence, source) {#name, sentence, source},
	LK_VERDICTS(LK_VERDICT_TEXT)
#undef LK_VERDICT_TEXT
};

const char *
lk_verdict_name(unsigned int verdict)
{
	return verdict < LK_VERDICT_COUNT ? verdicts[verdict].name : NULL;
}

const char *
lk_verdict_sentence(unsigned int verdict)
{
	return verdict < LK_VERDICT_COUNT ? verdicts[verdict].sentence : NULL;
}

const char *
lk_verdict_source(unsigned int verdict)
{
	return verdict < LK_VERDICT_COUNT ? verdicts[verdict].source : NULL;
}

uint16_t
lk_codec_checksum(const uint8_t *bytes, uint64_t n)
{
	uint8_t field[2];

	lk_store_checksum(field, lk_sum(bytes, n, 0));
	return lk_get16(field);
}

static enum lk_verdict
reflect(struct lk_frame *frame, const struct lk_endpoint *endpoint)
{
	(void)endpoint;
	return lk_reflect(frame);
}

static const struct {
	const char *kind;
	enum lk_verdict (*handle)(struct lk_frame *, const struct lk_endpoint *);
} handlers[] = {
	{"arp_responder", lk_arp_responder},
	{"nd_responder", lk_nd_responder},
	{"icmp_echo", lk_icmp_echo},
	{"udp_echo", lk_udp_echo},
	{"refuse", lk_refuse},
	{"reflect", reflect},
};

int
lk_codec_handle(const char *kind, uint8_t *buffer, uint32_t room, uint32_t *offset,
		uint32_t *length, const struct lk_endpoint *endpoint)
{
	struct lk_frame frame = {
		.data = buffer + *offset,
		.length = *length,
		.headroom = *offset,
		.tailroom = room - *offset - *length,
	};
	int verdict = -1;

	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]) && verdict < 0; i++)
		if (strcmp(handlers[i].kind, kind) == 0)
			verdict = (int)handlers[i].handle(&frame, endpoint);
	*offset = (uint32_t)(frame.data - buffer);
	*length = frame.length;
	return verdict;
}

void
lk_codec_tunnel_prepare(struct lk_tunnel *tunnel)
{
	lk_tunnel_prepare(tunnel);
}

static inline struct lk_frame
batch_frame(const struct lk_batch *b, uint64_t i)
{
	return (struct lk_frame){
		.data = b->buffer + b->offsets[i],
		.length = b->lengths[i],
		.headroom = (uint32_t)(b->offsets[i] - b->slots[i]),
		.tailroom = (uint32_t)(b->slots[i + 1] - b->offsets[i] - b->lengths[i]),
	};
}

static inline uint64_t
batch_keep(const struct lk_batch *b, uint64_t i, const struct lk_frame *frame,
	   enum lk_verdict verdict)
{
	b->offsets[i] = (uint64_t)(frame->data - b->buffer);
	b->lengths[i] = frame->length;
	b->verdicts[i] = (uint16_t)verdict;
	return verdict == LK_next;
}

/* The lines that frame i is read from and its headers are written to. */
static inline void
batch_prefetch(const struct lk_batch *b, uint64_t i, uint32_t before)
{
	const uint8_t *data;

	if (i >= b->count)
		return;
	data = b->buffer + b->offsets[i];
	__builtin_prefetch(data, 1);
	if (b->offsets[i] - b->slots[i] >= before)
		__builtin_prefetch(data - before, 1);
}

#define PREFETCH_AHEAD 8

uint64_t
lk_codec_encap(const struct lk_tunnel *tunnel, const struct lk_batch *batch)
{
	uint64_t done = 0;

	for (uint64_t i = 0; i < batch->count; i++) {
		struct lk_frame frame = batch_frame(batch, i);

		batch_prefetch(batch, i + PREFETCH_AHEAD, tunnel->header_length);
		done += batch_keep(batch, i, &frame, lk_encap(&frame, tunnel));
	}
	return done;
}

uint64_t
lk_codec_decap(const struct lk_tunnel *tunnel, const struct lk_batch *batch,
	       struct lk_decapsulated *last)
{
	struct lk_decapsulated found = {0};
	uint64_t done = 0;

	for (uint64_t i = 0; i < batch->count; i++) {
		struct lk_frame frame = batch_frame(batch, i);

		batch_prefetch(batch, i + PREFETCH_AHEAD, 0);
		done += batch_keep(batch, i, &frame, lk_decap(&frame, tunnel, &found));
		batch->vnis[i] = found.vni;
	}
	*last = found;
	return done;
}

int
lk_codec_traffic_class(const uint8_t *frame, uint32_t length)
{
	struct lk_flow flow = lk_flow_of(frame, length);

	return flow.version == 0 ? -1 : flow.traffic_class;
}

uint64_t
lk_codec_flow_hash(const uint8_t *frame, uint32_t length)
{
	return lk_flow_of(frame, length).hash;
}

int
lk_codec_signature(const uint8_t *frame, uint32_t length, uint16_t *stream, uint32_t *sequence,
		   uint64_t *tsc)
{
	struct lk_signature s;

	if (!lk_read_signature(frame, length, &s))
		return 0;
	*stream = s.stream;
	*sequence = s.sequence;
	*tsc = s.tsc;
	return 1;
}

void
lk_codec_make_frame(uint8_t *frame, const struct lk_template *t, struct lk_field *fields,
		    unsigned int field_count, unsigned int checksums, int has_signature,
		    uint32_t sequence, uint64_t tsc)
{
	const struct lk_stamp stamp = {sequence, tsc, lk_folded(tsc)};

	memcpy(frame, t->bytes, t->length);
	lk_make_frame(frame, t, fields, field_count, checksums, 1, has_signature ? &stamp : NULL);
}

uint32_t
lk_codec_crc32c(const uint8_t *bytes, uint64_t n, int is_portable)
{
	return ~(is_portable ? lk_crc32c_portable : lk_crc32c)(bytes, n, UINT32_MAX);
}

void
lk_codec_share_field(struct lk_field *field, uint64_t first, uint32_t of)
{
	lk_field_share(field, first, of);
}

int64_t
lk_codec_sequence(const uint32_t *numbers, uint64_t count, const struct lk_field *fields,
		  uint32_t field_count, uint64_t lane, uint64_t of, uint64_t *counts)
{
	struct lk_flow_fields *flows =
		calloc(1, sizeof(*flows) + field_count * sizeof(flows->fields[0]));
	struct lk_flow_order *order = calloc(1, sizeof(*order));
	struct lk_sequence s = {0};
	int64_t passed_over = 0, missing;

	if (flows != NULL && order != NULL && field_count > 0) {
		flows->lane = lane;
		flows->of = of;
		flows->count = field_count;
		memcpy(flows->fields, fields, field_count * sizeof(flows->fields[0]));
		order->flows = flows;
	}
	for (uint64_t i = 0; i < count; i++) {
		lk_sequence_take(&s, order, numbers[i], &missing);
		passed_over += missing;
	}
	counts[0] = s.received;
	counts[1] = s.reordered;
	counts[2] = s.duplicated;
	counts[3] = s.too_old;
	free(order);
	free(flows);
	return passed_over;
}

uint32_t
lk_codec_histogram_index(uint64_t value)
{
	return lk_histogram_index(value);
}

void
lk_codec_bucket(const struct lk_bucket *bucket, struct lk_bucket_times *times, int waits,
		const uint64_t *came, const uint64_t *units, uint64_t count, uint64_t *leaves)
{
	for (uint64_t i = 0; i < count; i++) {
		leaves[i] = lk_bucket_leaves(bucket, times, units[i], came[i]);
		if (leaves[i] > came[i] && !waits)
			leaves[i] = UINT64_MAX;
		else
			lk_bucket_take(bucket, times, units[i], leaves[i]);
	}
}

uint64_t
lk_codec_ring_bytes(uint64_t size)
{
	return LK_RING_HEADER + size;
}

/* Lays out a ring of `size` data bytes, a power of two, in zeroed memory. */
int
lk_codec_ring_init(struct lk_frame_ring *ring, uint64_t size, uint32_t max_frame)
{
	if (size == 0 || (size & (size - 1)) != 0 || lk_record_size(max_frame) > size)
		return -EINVAL;
	ring->size = size;
	ring->max_frame = max_frame;
	return 0;
}

/* Wakes the worker that reads the queue, if it rests. */
static void
wake_walker(struct lk_frame_ring *ring, struct lk_status *status)
{
	uint32_t walker;

	atomic_thread_fence(memory_order_seq_cst);
	walker = atomic_load_explicit(&ring->walker, memory_order_relaxed);
	if (walker != 0 && walker <= LK_BELLS)
		lk_bell_ring(lk_bell_of(status, walker - 1));
}

/*
 * Frames stand one after the other. Returns how many found room; stops at one that is too long.
 * `status` is that of the engine that reads the queue.
 */
uint64_t
lk_codec_ring_push(struct lk_frame_ring *ring, struct lk_status *status, const uint8_t *frames,
		   const uint32_t *lengths, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++) {
		if (lengths[i] == 0 || lengths[i] > ring->max_frame ||
		    !lk_ring_write(ring, frames, lengths[i], lengths[i], 0, 1))
			break;
		frames += lengths[i];
	}
	if (i != 0)
		wake_walker(ring, status);
	return i;
}

/* The same for one frame. */
int
lk_codec_ring_send(struct lk_frame_ring *ring, struct lk_status *status, const uint8_t *frame,
		   uint32_t length)
{
	return (int)lk_codec_ring_push(ring, status, frame, &length, 1);
}

/* How far the queue has been written, and so read when its reader has taken everything. */
uint64_t
lk_codec_ring_written(const struct lk_frame_ring *ring)
{
	return atomic_load_explicit(&ring->written, memory_order_relaxed);
}

/* Bytes of a queue that its reader has not taken yet. */
uint64_t
lk_codec_ring_unread(const struct lk_frame_ring *ring)
{
	return atomic_load_explicit(&ring->written, memory_order_relaxed) -
	       atomic_load_explicit(&ring->read, memory_order_acquire);
}

int
lk_codec_ring_wait(struct lk_frame_ring *ring, uint64_t position, uint64_t ns)
{
	return lk_ring_wait(ring, position, ns);
}

/* What nobody has read is forgotten: for a queue whose reader is gone. */
void
lk_codec_ring_empty(struct lk_frame_ring *ring)
{
	atomic_store(&ring->walker, 0);
	atomic_store(&ring->read, atomic_load(&ring->written));
}

int
lk_codec_ring_listen(struct lk_frame_ring *ring, const struct lk_frame_reader *reader,
		     uint32_t slot)
{
	return lk_ring_listen(ring, reader, slot);
}

void
lk_codec_ring_from_now(struct lk_frame_ring *ring, struct lk_frame_reader *reader)
{
	lk_ring_read_from_now(ring, reader);
}

int64_t
lk_codec_ring_pull(struct lk_frame_ring *ring, struct lk_frame_reader *reader,
		   struct lk_record *record, uint8_t *to, uint32_t room,
		   const struct lk_bpf_insn *program)
{
	uint64_t end = atomic_load_explicit(&ring->written, memory_order_acquire);
	int64_t length;

	do { /* what arrives meanwhile waits: this has an end on a line that is full */
		length = lk_ring_read(ring, reader, record, to, room);
		if (length <= 0 || program == NULL ||
		    lk_bpf_run(program, to, record->frame_length, (uint32_t)length) != 0)
			return length;
	} while (reader->position < end);
	return 0;
}

int
lk_codec_ring_has(const struct lk_frame_ring *ring, const struct lk_frame_reader *reader)
{
	return atomic_load_explicit(&ring->written, memory_order_acquire) != reader->position;
}

int
lk_codec_bpf_check(const struct lk_bpf_insn *program, uint32_t count)
{
	return lk_bpf_check(program, count);
}

uint32_t
lk_codec_bpf_run(const struct lk_bpf_insn *program, const uint8_t *frame, uint32_t length,
		 uint32_t kept)
{
	return lk_bpf_run(program, frame, length, kept);
}

int
lk_codec_bpf_make_compilable(struct lk_bpf_insn *program, uint32_t count)
{
	return lk_bpf_make_compilable(program, count);
}
