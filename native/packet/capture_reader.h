/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_READER_H
#define LK_CAPTURE_READER_H

#include <errno.h>
#include <unistd.h>

#include "capture_file.h"

/*
 * The records of a file, read piece by piece: memory does not grow with the file, and one that
 * shrinks meanwhile ends early, where mapped pages would raise SIGBUS.
 */
struct lk_capture_reader {
	int fd;
	int error;	 /* errno of a read that failed */
	uint8_t *buffer; /* the caller's, LK_CAPTURE_WINDOW bytes */
	struct lk_capture_file file;
};

static inline void
lk_capture_reader_begin(struct lk_capture_reader *r, int fd, uint8_t *buffer)
{
	r->fd = fd;
	r->error = 0;
	r->buffer = buffer;
	lk_capture_file_begin(buffer, 0, &r->file);
	lk_capture_file_window(&r->file, buffer, 0, 0, 0);
}

static inline int
lk_capture_reader_fill(struct lk_capture_reader *r)
{
	uint64_t size = 0;

	while (size < LK_CAPTURE_WINDOW) {
		ssize_t got = pread(r->fd, r->buffer + size, LK_CAPTURE_WINDOW - size,
				    (off_t)(r->file.at + size));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			break;
		size += (uint64_t)got;
	}
	/* A block that was walked over may lead beyond the end, which is not at the end. */
	if (size == 0 && r->file.at > 0 && pread(r->fd, r->buffer, 1, (off_t)r->file.at - 1) == 0) {
		lk_capture_file_window(&r->file, r->buffer, 0, 0, 1);
		return 0;
	}
	lk_capture_file_window(&r->file, r->buffer, size, r->file.at, size < LK_CAPTURE_WINDOW);
	return 0;
}

static inline enum lk_capture_status
lk_capture_reader_next(struct lk_capture_reader *r, struct lk_capture_record *record)
{
	for (;;) {
		enum lk_capture_status status = lk_capture_file_next(&r->file, record);

		if (status != LK_CAPTURE_MORE)
			return status;
		r->error = lk_capture_reader_fill(r);
		if (r->error != 0)
			return lk_capture_fails(&r->file, LK_CAPTURE_BAD, "it cannot be read");
	}
}

#endif
