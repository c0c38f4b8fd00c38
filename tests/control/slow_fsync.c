/* SPDX-License-Identifier: BSD-3-Clause */
/* Preloaded into sluice-control by test_fsync.py: a disk that is slow, or fails. The file that
 * SLOW_FSYNC names says how: milliseconds that each fsync of the store takes, or "fail"; as long as
 * it is not there, all is as ever. Who has waited is written to the same name with ".log". */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int slow(const char *name, int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	const char *said = getenv("SLOW_FSYNC");
	char path[512] = "", link[64], how[16] = "";
	FILE *file;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!said || readlink(link, path, sizeof(path) - 1) < 0 || !strstr(path, "/store.db"))
		return real(fd);
	file = fopen(said, "re");
	if (!file)
		return real(fd);
	if (!fgets(how, sizeof(how), file))
		how[0] = '\0';
	fclose(file);
	snprintf(path + strlen(path), sizeof(path) - strlen(path), " by %s\n",
		gettid() == getpid() ? "loop" : "thread");
	snprintf(link, sizeof(link), "%.50s.log", said);
	file = fopen(link, "ae");
	if (file) {
		fputs(strrchr(path, '/') + 1, file);
		fclose(file);
	}
	usleep(1000 * atoi(how));
	if (!strcmp(how, "fail")) {
		errno = EIO;
		return -1;
	}
	return real(fd);
}

int fsync(int fd)
{
	return slow("fsync", fd);
}

int fdatasync(int fd)
{
	return slow("fdatasync", fd);
}
