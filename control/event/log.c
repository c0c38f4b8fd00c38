/* SPDX-License-Identifier: BSD-3-Clause */
/* The JSON log. Owns the file. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"

const char *const log_level_names[] = {"debug", "info", "warn", "error", NULL};

static struct {
	int fd;		/* -1: not opened, that is stderr */
	bool may_block; /* not a regular file */
	bool torn;	/* the last line is there in part: the next begins with a newline */
	char *file;
	enum log_level least;
	uint64_t lost;
} log_state = {.fd = -1, .may_block = true, .least = LOG_INFO_};

/* A fifo that nobody reads is refused, not waited for. */
static int open_log(const char *file)
{
	return open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
}

static int log_fd(void)
{
	return log_state.fd < 0 ? STDERR_FILENO : log_state.fd;
}

static bool blocks(int fd)
{
	struct stat st;

	return fstat(fd, &st) || !S_ISREG(st.st_mode);
}

int log_open(const char *file, enum log_level least)
{
	char *name = NULL;
	int fd = -1;

	if (file) {
		fd = open_log(file);
		if (fd < 0)
			return -errno;
		name = xstrdup(file);
	}
	log_close();
	log_state.fd = fd;
	log_state.file = name;
	log_state.least = least;
	log_state.may_block = blocks(log_fd());
	return 0;
}

void log_reopen(void)
{
	int fd;

	if (!log_state.file)
		return;
	fd = open_log(log_state.file);
	if (fd < 0) {
		log_text(LOG_ERROR_, "cannot open the log %s again: %s; the old one goes on",
			log_state.file, strerror(errno));
		return;
	}
	close(log_state.fd);
	log_state.fd = fd;
	log_state.may_block = blocks(fd);
	log_state.torn = false;
}

void log_close(void)
{
	if (log_state.fd >= 0)
		close(log_state.fd);
	free(log_state.file);
	log_state.fd = -1;
	log_state.file = NULL;
	log_state.may_block = true;
	log_state.torn = false;
}

uint64_t log_lost(void)
{
	return log_state.lost;
}

/* A pipe that is writable takes PIPE_BUF bytes at once: so much is written at a time, and nobody
 * waits for a reader that is slow. */
static bool write_some(struct iovec *iov, int count)
{
	struct pollfd poll_fd = {.fd = log_fd(), .events = POLLOUT};
	ssize_t len;

	if (log_state.may_block && (poll(&poll_fd, 1, 0) != 1 || !(poll_fd.revents & POLLOUT)))
		return false;
	do
		len = writev(poll_fd.fd, iov, count);
	while (len < 0 && errno == EINTR);
	for (int i = 0; len > 0 && i < count; i++) {
		size_t part = (size_t)len < iov[i].iov_len ? (size_t)len : iov[i].iov_len;

		iov[i].iov_base = (char *)iov[i].iov_base + part;
		iov[i].iov_len -= part;
		len -= part;
	}
	return len >= 0;
}

void log_line(enum log_level level, const char *text, size_t len)
{
	size_t most = log_state.may_block ? PIPE_BUF - 2 : len;
	bool begun = false, torn = log_state.torn;

	if (level < log_state.least)
		return;
	while (len) {
		size_t part = len < most ? len : most;
		struct iovec iov[] = {
			{"\n", torn ? 1 : 0}, {(char *)text, part}, {"\n", part == len ? 1 : 0}};

		if (!write_some(iov, 3) || iov[2].iov_len) {
			log_state.lost++;
			log_state.torn = begun || torn || iov[1].iov_len < part;
			return;
		}
		part -= iov[1].iov_len;
		begun = true;
		torn = torn && iov[0].iov_len;
		text += part;
		len -= part;
	}
	log_state.torn = false;
}

static void format_now(char out[40])
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, 40 - len, ".%06ldZ", now.tv_nsec / 1000);
}

char *log_make(enum log_level level, const char *event, const char *tenant, uint64_t id,
	json_t *fields, size_t *len)
{
	json_t *all = json_object();
	char at[40];
	char *text;

	format_now(at);
	if (id)
		json_object_set_new(all, "id", json_integer(id));
	json_object_set_new(all, "at", json_string(at));
	json_object_set_new(all, "level", json_string(log_level_names[level]));
	json_object_set_new(all, "event", json_string(event));
	if (tenant && tenant[0])
		json_object_set_new(all, "tenant", json_string(tenant));
	json_object_update_missing(all, fields);
	text = json_dumps(all, JSON_COMPACT);
	*len = strlen(text);
	json_decref(all);
	json_decref(fields);
	return text;
}

void log_text(enum log_level level, const char *fmt, ...)
{
	char text[1024], *line;
	json_t *string;
	va_list args;
	size_t len;

	if (level < log_state.least)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	string = json_string(text);
	if (!string) /* not UTF-8: the text of somebody else */
		string = json_string("a message that is not UTF-8");
	line = log_make(level, "message", NULL, 0, json_pack("{s:o}", "text", string), &len);
	log_line(level, line, len);
	free(line);
}
