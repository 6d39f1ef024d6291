/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Names are those of dumpcap: seen_00001_20261130161500.pcapng, the number of the file and the
 * local time of its begin. Such a file is always a new one; the oldest are removed only where the
 * file that has the name is still the one that was written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "capture_files.h"
#include "capture_record.h"

#define MOST_TAKEN_NAMES 1000 /* in a row; there is something wrong with the folder then */

static int
rotates(const struct lk_capture_config *config)
{
	return config->file_frames != 0 || config->file_bytes != 0 || config->file_ns != 0;
}

/* -EWOULDBLOCK: somebody has its lock; -EMEDIUMTYPE: it is no regular file. */
static int
open_locked(const char *name, int is_new)
{
	/* Nobody may be waited for who reads a FIFO. */
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(name, flags | (is_new ? O_EXCL : 0), 0600), rc = 0;
	struct stat state;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &state) != 0)
		rc = -errno;
	else if (!S_ISREG(state.st_mode))
		rc = -EMEDIUMTYPE;
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		rc = -EWOULDBLOCK;
	else if (ftruncate(fd, 0) != 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

/* The name of file `number` of several. */
static int
make_name(const struct lk_capture_files *f, uint64_t number, uint64_t time_ns, char *to)
{
	const char *slash = strrchr(f->given, '/');
	const char *dot = strrchr(slash != NULL ? slash : f->given, '.');
	time_t seconds = (time_t)(time_ns / 1000000000u);
	char stamp[32];
	struct tm local;
	int stem = (int)(dot != NULL ? (size_t)(dot - f->given) : strlen(f->given)), length;

	if (localtime_r(&seconds, &local) == NULL)
		return -EOVERFLOW;
	strftime(stamp, sizeof(stamp), "%Y%m%d%H%M%S", &local);
	length = snprintf(to, PATH_MAX, "%.*s_%05llu_%s%s", stem, f->given,
			  (unsigned long long)number, stamp, dot != NULL ? dot : "");
	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int
write_all(struct lk_capture_files *f, const uint8_t *bytes, size_t n, size_t *written)
{
	for (*written = 0; *written < n;) {
		ssize_t done =
			pwrite(f->fd, bytes + *written, n - *written, (off_t)(f->size + *written));

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done == 0)
			return -EIO;
		if (done > 0)
			*written += (size_t)done;
	}
	return 0;
}

/* Opens the next file under a name that nothing has yet, or the one file under the given name. */
static int
open_next(const struct lk_capture_files *f, uint64_t time_ns, char *name, uint64_t *number)
{
	int fd, rc;

	*number = f->count;
	do {
		++*number;
		rc = 0;
		if (rotates(&f->config))
			rc = make_name(f, *number, time_ns, name);
		else if (snprintf(name, PATH_MAX, "%s", f->given) >= PATH_MAX)
			rc = -ENAMETOOLONG;
		if (rc != 0)
			return rc;
		fd = open_locked(name, rotates(&f->config));
	} while (fd == -EEXIST && *number < f->count + MOST_TAKEN_NAMES);
	return fd;
}

/* A file without even a head is none: a new one goes again, and one that was there is empty. */
static void
give_up(struct lk_capture_files *f, const char *name)
{
	int rc = 0;

	if (rotates(&f->config))
		unlink(name);
	else
		rc = ftruncate(f->fd, 0);
	(void)rc; /* no more can be done */
	close(f->fd);
	f->fd = -1;
}

static int
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
remove_oldest(struct lk_capture_files *f)
{
	struct stat now;

	if (lstat(f->closed[0].name, &now) == 0 && is_same(&now, &f->closed[0].state))
		unlink(f->closed[0].name);
	free(f->closed[0].name);
	memmove(f->closed, f->closed + 1, --f->closed_count * sizeof(f->closed[0]));
}

int
lk_capture_files_end(struct lk_capture_files *f)
{
	struct lk_written_file closed = {0};
	int rc = 0;

	if (f->fd < 0)
		return 0;
	if (f->config.files != 0 && fstat(f->fd, &closed.state) == 0 &&
	    (closed.name = strdup(f->name)) != NULL)
		f->closed[f->closed_count++] = closed;
	if (close(f->fd) != 0 && errno != EINTR)
		rc = -errno;
	f->fd = -1;
	return rc;
}

int
lk_capture_files_next(struct lk_capture_files *f, uint64_t time_ns)
{
	uint8_t head[LK_CAPTURE_MOST_HEAD];
	char name[PATH_MAX];
	uint64_t number;
	size_t written;
	int rc = lk_capture_files_end(f);

	while (f->config.files != 0 && f->closed_count >= f->config.files)
		remove_oldest(f);
	if (rc != 0)
		return rc;
	f->fd = open_next(f, time_ns, name, &number);
	if (f->fd < 0)
		return f->fd;
	f->size = 0;
	f->begun_ns = time_ns;
	f->head = lk_capture_head(head, f->config.is_pcap, f->interface, f->config.snaplen);
	rc = write_all(f, head, f->head, &written);
	if (rc != 0) {
		give_up(f, name);
		return rc;
	}
	f->size = f->head;
	pthread_mutex_lock(&f->naming);
	memcpy(f->name, name, sizeof(name));
	f->count = number;
	f->newest = 0;
	pthread_mutex_unlock(&f->naming);
	return 0;
}

/* Bytes of the records that are whole among the first `n`, and how many these are. */
static size_t
whole_records(const uint8_t *records, size_t n, int is_pcap, uint32_t *frames)
{
	size_t at = 0;

	for (*frames = 0; at + LK_PCAP_LEAD <= n; (*frames)++) {
		uint32_t length = lk_capture_length(records + at, is_pcap);

		if (at + length > n)
			break;
		at += length;
	}
	return at;
}

int
lk_capture_files_write(struct lk_capture_files *f, const uint8_t *records, size_t n,
		       uint32_t *frames)
{
	struct stat state;
	size_t written, whole;
	int rc;

	*frames = 0;
	if (fstat(f->fd, &state) != 0)
		return -errno;
	if (state.st_nlink == 0) /* what is written now nobody would find */
		return -ENOENT;
	if ((uint64_t)state.st_size != f->size) /* by somebody else, who has cut it */
		return -ESTALE;
	rc = write_all(f, records, n, &written);
	whole = whole_records(records, written, f->config.is_pcap, frames);
	if (whole < written && ftruncate(f->fd, (off_t)(f->size + whole)) != 0)
		rc = -errno;
	f->size += whole;
	return rc;
}

void
lk_capture_files_tell(struct lk_capture_files *f, uint64_t newest)
{
	pthread_mutex_lock(&f->naming);
	f->newest = newest;
	pthread_mutex_unlock(&f->naming);
}

int
lk_capture_files_open(struct lk_capture_files *f, const struct lk_capture_config *config,
		      uint64_t now_ns)
{
	f->config = *config;
	f->fd = -1;
	pthread_mutex_init(&f->naming, NULL);
	f->given = strdup(config->file);
	f->interface = strdup(config->interface);
	if (config->files != 0)
		f->closed = calloc(config->files, sizeof(f->closed[0]));
	if (f->given == NULL || f->interface == NULL || (config->files != 0 && f->closed == NULL))
		return -ENOMEM;
	return lk_capture_files_next(f, now_ns);
}

void
lk_capture_files_free(struct lk_capture_files *f)
{
	lk_capture_files_end(f);
	while (f->closed_count != 0)
		free(f->closed[--f->closed_count].name);
	free(f->closed);
	free(f->given);
	free(f->interface);
	pthread_mutex_destroy(&f->naming);
}
