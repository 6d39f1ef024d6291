/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Captures: workers write frames into a journal, a thread takes them from there to files. A disk
 * that is too slow or full costs frames of this capture, which are counted, and never delays a
 * worker or another capture. A limit that is reached ends the capture; frames go on.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "capture.h"
#include "futex.h"

#define JOURNAL_BYTES (16u << 20)
#define BATCH_BYTES   (256u << 10)
#define THREAD_BYTES  (256u << 10)
#define REST_NS	      5000000u
#define LONG_REST_NS  100000000u /* of a capture that has ended */
#define GRACE_NS      5000000u	 /* until frames that came before the end are in the journal */

static uint64_t
now_ns(void)
{
	return lk_clock_realtime_ns(rte_rdtsc());
}

static int
is_over(const struct lk_capture *c)
{
	return atomic_load_explicit(&c->ended, memory_order_relaxed) != LK_CAPTURE_GOES_ON;
}

static void
end(struct lk_capture *c, enum lk_capture_end why, int error)
{
	int rc = lk_capture_files_end(&c->files);

	if (error == 0 && rc != 0) {
		why = LK_CAPTURE_FAILED;
		error = rc;
	}
	c->error = error;
	c->ended = (int32_t)why;
}

static uint64_t
place_of_newest(const struct lk_capture *c)
{
	if (c->taken_of_file < LK_CAPTURE_NEWEST)
		return c->files.head;
	return c->places[c->taken_of_file % LK_CAPTURE_NEWEST];
}

/* Writes the batch; false when that failed, which ends the capture. */
static int
write_batch(struct lk_capture *c, const uint8_t *to, uint32_t frames)
{
	uint64_t size = c->files.size;
	uint32_t written = frames;
	int rc = 0;

	if (frames != 0)
		rc = lk_capture_files_write(&c->files, c->batch, (size_t)(to - c->batch), &written);
	c->written += written;
	c->bytes += c->files.size - size;
	if (written != 0)
		lk_capture_files_tell(&c->files, place_of_newest(c));
	if (rc == 0)
		return 1;
	c->lost_by_error += frames - written;
	end(c, LK_CAPTURE_FAILED, rc);
	return 0;
}

static int
needs_next_file(const struct lk_capture *c, const struct lk_record *record, uint32_t size,
		uint32_t in_batch)
{
	const struct lk_capture_config *config = &c->files.config;
	uint64_t begun = c->files.begun_ns;

	if (c->taken_of_file == 0)
		return 0;
	return (config->file_frames != 0 && c->taken_of_file >= config->file_frames) ||
	       (config->file_bytes != 0 && c->files.size + in_batch + size > config->file_bytes) ||
	       (config->file_ns != 0 && record->time_ns > begun &&
		record->time_ns - begun >= config->file_ns);
}

/* Which limit a record would exceed. */
static enum lk_capture_end
limit_of(const struct lk_capture *c, const struct lk_record *record, uint64_t more_bytes)
{
	const struct lk_capture_config *config = &c->files.config;

	if (config->frames != 0 && c->taken >= config->frames)
		return LK_CAPTURE_FRAMES;
	if (config->ns != 0 && record->time_ns > c->begun_ns &&
	    record->time_ns - c->begun_ns >= config->ns)
		return LK_CAPTURE_TIME;
	if (config->bytes != 0 && c->taken_bytes + more_bytes > config->bytes)
		return LK_CAPTURE_BYTES;
	return LK_CAPTURE_GOES_ON;
}

/* One frame of the journal, which stands at `*p` as a record; the batch grows by it. */
static void
take(struct lk_capture *c, const struct lk_record *record, uint32_t size, uint8_t **p,
     uint32_t *frames)
{
	int is_next = needs_next_file(c, record, size, (uint32_t)(*p - c->batch));
	enum lk_capture_end limit = limit_of(c, record, size + (is_next ? c->files.head : 0));
	int rc;

	if (limit != LK_CAPTURE_GOES_ON || is_next) {
		int wrote = write_batch(c, *p, *frames);

		memmove(c->batch, *p, size);
		*p = c->batch;
		*frames = 0;
		if (!wrote) {
			c->lost_by_error++;
			return;
		}
		if (limit != LK_CAPTURE_GOES_ON) {
			end(c, limit, 0);
			c->passed_over++;
			return;
		}
		rc = lk_capture_files_next(&c->files, record->time_ns);
		if (rc != 0) {
			c->lost_by_error++;
			end(c, LK_CAPTURE_FAILED, rc);
			return;
		}
		c->taken_of_file = 0;
		c->taken_bytes += c->files.size;
		c->bytes += c->files.size;
	}
	c->places[c->taken_of_file % LK_CAPTURE_NEWEST] = c->files.size + (uint64_t)(*p - c->batch);
	c->taken++;
	c->taken_of_file++;
	c->taken_bytes += size;
	*p += size;
	++*frames;
}

/* What a batch has room for; returns how many frames. */
static uint32_t
drain(struct lk_capture *c)
{
	const int is_pcap = c->files.config.is_pcap;
	const uint64_t most = c->files.config.frames;
	uint8_t *p = c->batch;
	struct lk_record record;
	uint32_t seen = 0, frames = 0;

	while (p + LK_CAPTURE_MOST_ROOM <= c->batch + BATCH_BYTES) {
		int64_t kept = lk_ring_read(c->ring, &c->reader, &record,
					    p + lk_capture_lead(is_pcap), LK_CAPTURE_MAX_FRAME);

		if (kept <= 0)
			break;
		seen++;
		if (!is_over(c))
			take(c, &record, lk_capture_record(p, is_pcap, &record, (uint32_t)kept), &p,
			     &frames);
		else if (c->ended == LK_CAPTURE_FAILED)
			c->lost_by_error++;
		else
			c->passed_over++;
	}
	if (!is_over(c) && write_batch(c, p, frames) && most != 0 && c->taken >= most)
		end(c, LK_CAPTURE_FRAMES, 0);
	c->missed = c->reader.lost + c->lost_by_error;
	return seen;
}

static void
look_at_time(struct lk_capture *c)
{
	uint64_t limit = c->files.config.ns;

	if (limit != 0 && !is_over(c) && now_ns() > c->begun_ns + limit + GRACE_NS)
		end(c, LK_CAPTURE_TIME, 0);
}

static void *
work(void *capture)
{
	struct lk_capture *c = capture;

	for (;;) {
		uint32_t bell = c->bell;
		int stops = c->stops;

		while (drain(c) != 0)
			c->drained = c->reader.position;
		look_at_time(c);
		c->drained = c->reader.position;
		c->passes++;
		lk_futex_wake(&c->passes);
		if (stops)
			break;
		lk_futex_wait(&c->bell, bell, is_over(c) ? LONG_REST_NS : REST_NS);
	}
	return NULL;
}

static void
ring_bell(struct lk_capture *c)
{
	c->bell++;
	lk_futex_wake(&c->bell);
}

static void
release(struct lk_capture *c)
{
	lk_capture_files_free(&c->files);
	if (c->ring != NULL)
		munmap(c->ring, LK_RING_HEADER + JOURNAL_BYTES);
	if (c->filter != NULL)
		lk_filter_free(c->filter);
	free(c->batch);
	free(c);
}

static int
start_thread(struct lk_capture *c)
{
	pthread_attr_t attributes;
	int rc;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_BYTES);
	rc = pthread_create(&c->thread, &attributes, work, c);
	pthread_attr_destroy(&attributes);
	return -rc;
}

int
lk_capture_open(const struct lk_capture_config *config, struct lk_capture **capture)
{
	struct lk_capture *c = aligned_alloc(64, sizeof(*c));
	void *memory;
	int rc;

	if (c == NULL) {
		if (config->filter != NULL)
			lk_filter_free(config->filter);
		return -ENOMEM;
	}
	memset(c, 0, sizeof(*c));
	c->begun_ns = now_ns();
	c->snaplen = config->snaplen;
	c->filter = config->filter;
	c->batch = malloc(BATCH_BYTES);
	memory = mmap(NULL, LK_RING_HEADER + JOURNAL_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	c->ring = memory != MAP_FAILED ? memory : NULL;
	rte_spinlock_init(&c->writing);
	rc = lk_capture_files_open(&c->files, config, c->begun_ns);
	if (rc == 0 && (c->batch == NULL || c->ring == NULL))
		rc = -ENOMEM;
	if (rc == 0) {
		c->ring->size = JOURNAL_BYTES;
		c->bytes = c->taken_bytes = c->files.size;
		rc = start_thread(c);
	}
	if (rc == 0)
		*capture = c;
	else
		release(c);
	return rc;
}

int
lk_capture_flush(struct lk_capture *c, uint64_t ns)
{
	uint64_t target = atomic_load(&c->ring->written), end_ns = now_ns() + ns;

	while (c->drained < target) {
		uint32_t passes = c->passes;

		ring_bell(c);
		if (c->drained < target)
			lk_futex_wait(&c->passes, passes, REST_NS);
		if (now_ns() > end_ns)
			return c->drained < target ? -ETIMEDOUT : 0;
	}
	return 0;
}

void
lk_capture_counts(struct lk_capture *c, struct lk_capture_counts *counts)
{
	uint64_t late = c->late, done;

	memset(counts, 0, sizeof(*counts));
	counts->ended = c->ended;
	counts->error = c->error;
	counts->unsent = c->unsent;
	counts->bytes = c->bytes;
	counts->written = c->written;
	counts->missed = c->missed;
	counts->passed_over = c->passed_over;
	done = counts->written + counts->missed + counts->passed_over;
	counts->waiting = *(volatile uint64_t *)&c->ring->next_sequence;
	counts->waiting = counts->waiting > done ? counts->waiting - done : 0;
	*(counts->ended == LK_CAPTURE_FAILED ? &counts->missed : &counts->passed_over) += late;
	pthread_mutex_lock(&c->files.naming);
	counts->files = c->files.count;
	counts->newest = c->files.newest;
	memcpy(counts->file, c->files.name, sizeof(counts->file));
	pthread_mutex_unlock(&c->files.naming);
}

void
lk_capture_close(struct lk_capture *c)
{
	c->stops = 1;
	ring_bell(c);
	pthread_join(c->thread, NULL);
	release(c);
}
