/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Captures: workers write frames into a journal, the service thread writes the journal to a pcapng
 * file (draft-ietf-opsawg-pcapng: section header, one interface with nanosecond stamps, enhanced
 * packet blocks). A disk that is too slow costs frames of the capture, which are counted, and never
 * delays a worker.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api.h"
#include "capture.h"

#define JOURNAL_BYTES  (16u << 20)
#define BATCH_BYTES    (256u << 10)
#define MAX_FRAME      65536u
#define BLOCK_OVERHEAD 32u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lk_capture *captures;

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

static int
write_all(int fd, const uint8_t *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			bytes += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

static int
write_header(int fd, const char *interface, uint32_t snaplen)
{
	static const char application[] = "labkit";
	const uint8_t nanoseconds = 9;
	uint8_t block[512], *p = block, *length_at;
	uint32_t length;

	put32(&p, 0x0a0d0d0a); /* section header block */
	length_at = p;
	put32(&p, 0);
	put32(&p, 0x1a2b3c4d);
	put16(&p, 1);
	put16(&p, 0);
	put32(&p, UINT32_MAX); /* section length unknown */
	put32(&p, UINT32_MAX);
	put_option(&p, 4, application, sizeof(application) - 1);
	put32(&p, 0);
	length = (uint32_t)(p + 4 - block);
	put32(&p, length);
	memcpy(length_at, &length, 4);

	uint8_t *description = p;

	put32(&p, 1); /* interface description block */
	length_at = p;
	put32(&p, 0);
	put16(&p, 1); /* LINKTYPE_ETHERNET */
	put16(&p, 0);
	put32(&p, snaplen);
	put_option(&p, 2, interface, strnlen(interface, 200));
	put_option(&p, 9, &nanoseconds, 1);
	put32(&p, 0);
	length = (uint32_t)(p + 4 - description);
	put32(&p, length);
	memcpy(length_at, &length, 4);
	return write_all(fd, block, (size_t)(p - block));
}

struct lk_capture *
lk_capture_open(int fd, const char *interface, uint32_t snaplen)
{
	struct lk_capture *c = calloc(1, sizeof(*c));
	void *memory = mmap(NULL, LK_RING_HEADER + JOURNAL_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (c == NULL || memory == MAP_FAILED || write_header(fd, interface, snaplen) != 0) {
		if (memory != MAP_FAILED)
			munmap(memory, LK_RING_HEADER + JOURNAL_BYTES);
		free(c);
		return NULL;
	}
	c->ring = memory;
	c->ring->size = JOURNAL_BYTES;
	c->fd = fd;
	c->snaplen = snaplen;
	pthread_mutex_lock(&lock);
	c->next = captures;
	captures = c;
	pthread_mutex_unlock(&lock);
	return c;
}

/* One batch of the journal as enhanced packet blocks. */
static unsigned int
drain(struct lk_capture *c)
{
	static uint8_t batch[BATCH_BYTES];
	uint8_t *p = batch;
	struct lk_record record;
	unsigned int frames = 0;
	int rc;

	while (p + BLOCK_OVERHEAD + MAX_FRAME <= batch + sizeof(batch)) {
		int64_t kept = lk_ring_read(c->ring, &c->reader, &record, p + BLOCK_OVERHEAD - 4,
					    MAX_FRAME);
		uint32_t padded, length;

		if (kept <= 0)
			break;
		padded = ((uint32_t)kept + 3) & ~3u;
		length = BLOCK_OVERHEAD + padded;
		put32(&p, 6); /* enhanced packet block */
		put32(&p, length);
		put32(&p, 0);
		put32(&p, (uint32_t)(record.time_ns >> 32));
		put32(&p, (uint32_t)record.time_ns);
		put32(&p, (uint32_t)kept);
		put32(&p, record.frame_length);
		memset(p + kept, 0, padded - (uint32_t)kept);
		p += padded;
		put32(&p, length);
		frames++;
	}
	c->missed = c->reader.lost;
	if (frames == 0)
		return 0;
	rc = c->error != 0 ? c->error : write_all(c->fd, batch, (size_t)(p - batch));
	if (rc != 0)
		c->error = rc;
	else
		c->written += frames;
	return frames;
}

unsigned int
lk_capture_drain_all(void)
{
	unsigned int frames = 0;

	pthread_mutex_lock(&lock);
	for (struct lk_capture *c = captures; c != NULL; c = c->next)
		frames += drain(c);
	pthread_mutex_unlock(&lock);
	return frames;
}

int
lk_capture_flush(struct lk_capture *c)
{
	pthread_mutex_lock(&lock);
	while (drain(c) != 0)
		;
	pthread_mutex_unlock(&lock);
	return c->error;
}

void
lk_capture_counts(struct lk_capture *c, uint64_t *written, uint64_t *missed, int32_t *error)
{
	*written = c->written;
	*missed = c->missed;
	*error = c->error;
}

void
lk_capture_close(struct lk_capture *c)
{
	lk_capture_flush(c);
	pthread_mutex_lock(&lock);
	for (struct lk_capture **at = &captures; *at != NULL; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	pthread_mutex_unlock(&lock);
	munmap(c->ring, LK_RING_HEADER + JOURNAL_BYTES);
	close(c->fd);
	free(c);
}
