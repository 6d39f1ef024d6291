/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The files of a capture, one after the other. A file that is written has the lock of its writer
 * (flock), which keeps other captures and replays away whatever name they have for it.
 */
#ifndef LK_CAPTURE_FILES_H
#define LK_CAPTURE_FILES_H

#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#include "api.h"

/* A file that was closed, as it was then. */
struct lk_written_file {
	char *name;
	struct stat state;
};

struct lk_capture_files {
	struct lk_capture_config config;
	char *given;	 /* the name that the user gave */
	char *interface; /* what pcapng calls it */
	uint32_t head;	 /* bytes at the begin of each file */

	int fd;		   /* of the one that is written; -1: none */
	uint64_t size;	   /* its bytes, all of them whole records, */
	uint64_t begun_ns; /* when it began; of later ones their first frame's time */

	struct lk_written_file *closed; /* the newest, oldest first, where only so many are kept */
	uint32_t closed_count;

	pthread_mutex_t naming; /* of what other threads may ask for: */
	char name[PATH_MAX];	/* the newest file's */
	uint64_t count;		/* files so far */
	uint64_t newest;	/* where its last frames begin; 0: it has none yet */
};

int lk_capture_files_open(struct lk_capture_files *f, const struct lk_capture_config *config,
			  uint64_t now_ns);
/* Begins the next file with a frame of this time. */
int lk_capture_files_next(struct lk_capture_files *f, uint64_t time_ns);
/* Writes whole records. After an error, `frames` tells how many of them the file has. */
int lk_capture_files_write(struct lk_capture_files *f, const uint8_t *records, size_t n,
			   uint32_t *frames);
void lk_capture_files_tell(struct lk_capture_files *f, uint64_t newest);
/* Closes the file that is written, which others may have then. */
int lk_capture_files_end(struct lk_capture_files *f);
void lk_capture_files_free(struct lk_capture_files *f);

#endif
