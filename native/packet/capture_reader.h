/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_READER_H
#define LK_CAPTURE_READER_H

#include <errno.h>
#include <unistd.h>

#include "capture_file.h"

/*
 * The records of a file, read piece by piece: memory does not grow with the file, and one that
 * shrinks meanwhile ends early, where mapped pages would raise SIGBUS. A file is read at positions
 * of its own, what others read of the same descriptor apart; a pipe is read as it comes.
 */
struct lk_capture_reader {
	int fd;
	int is_pipe;
	int error;	       /* errno of a read that failed */
	uint32_t most_windows; /* without a record, behind which it rests; 0: it never does */
	uint64_t piped;	       /* bytes that came by the pipe */
	uint8_t *buffer;       /* the caller's, LK_CAPTURE_WINDOW bytes */
	struct lk_capture_file file;
};

static inline void
lk_capture_reader_begin(struct lk_capture_reader *r, int fd, uint8_t *buffer)
{
	r->fd = fd;
	r->is_pipe = 0;
	r->error = 0;
	r->most_windows = 0;
	r->piped = 0;
	r->buffer = buffer;
	lk_capture_file_begin(buffer, 0, &r->file);
	lk_capture_file_window(&r->file, buffer, 0, 0, 0);
}

/* Up to n bytes from `at` on, fewer at the end alone; of a pipe, of which at is where it stands. */
static inline uint64_t
lk_capture_reader_read(struct lk_capture_reader *r, uint8_t *to, uint64_t n, uint64_t at)
{
	uint64_t size = 0;

	while (size < n) {
		ssize_t got = r->is_pipe ? read(r->fd, to + size, n - size)
					 : pread(r->fd, to + size, n - size, (off_t)(at + size));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			r->error = errno;
		if (got <= 0)
			break;
		size += (uint64_t)got;
	}
	if (r->is_pipe)
		r->piped += size;
	return size;
}

/* Makes the window begin where the walk stands. */
static inline void
lk_capture_reader_fill(struct lk_capture_reader *r)
{
	struct lk_capture_file *w = &r->file;
	uint64_t end = w->start + w->size, held = 0, size;

	if (w->at >= w->start && w->at < end) {
		held = end - w->at;
		memmove(r->buffer, r->buffer + (w->at - w->start), held);
	}
	if (r->is_pipe &&
	    r->piped + LK_CAPTURE_WINDOW < w->at) { /* in a block that is walked over */
		size = lk_capture_reader_read(r, r->buffer, LK_CAPTURE_WINDOW, 0);
		lk_capture_file_window(w, r->buffer, 0, size < LK_CAPTURE_WINDOW ? 0 : w->at,
				       size < LK_CAPTURE_WINDOW);
		return;
	}
	if (r->is_pipe && r->piped < w->at)
		lk_capture_reader_read(r, r->buffer, w->at - r->piped, 0);
	size = held +
	       lk_capture_reader_read(r, r->buffer + held, LK_CAPTURE_WINDOW - held, w->at + held);
	/* A block that was walked over may lead beyond the end, which is not at the end. */
	if (size == 0 && w->at > 0 &&
	    (r->is_pipe ? r->piped < w->at
			: lk_capture_reader_read(r, r->buffer, 1, w->at - 1) == 0)) {
		lk_capture_file_window(w, r->buffer, 0, 0, 1);
		return;
	}
	lk_capture_file_window(w, r->buffer, size, w->at, size < LK_CAPTURE_WINDOW);
}

/* LK_CAPTURE_MORE: it rests, and goes on when it is called again. */
static inline enum lk_capture_status
lk_capture_reader_next(struct lk_capture_reader *r, struct lk_capture_record *record)
{
	for (uint32_t windows = 0;; windows++) {
		enum lk_capture_status status = lk_capture_file_next(&r->file, record);

		if (status != LK_CAPTURE_MORE ||
		    (r->most_windows != 0 && windows == r->most_windows))
			return status;
		lk_capture_reader_fill(r);
		if (r->error != 0)
			return lk_capture_fails(&r->file, LK_CAPTURE_BAD, "it cannot be read");
	}
}

#endif
