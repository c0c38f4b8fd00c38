/* SPDX-License-Identifier: BSD-3-Clause */
/* See pin.h. Owns the folder's name. */
#include "pin.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SYSTEM "/sys/fs/bpf"
#define OWN    "/run/sluice/bpf"

static char folder[64];

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* `ip netns exec` mounts a fresh /sys, which has no bpffs in it: then one of our own. */
const char *pin_folder(void)
{
	if (folder[0])
		return folder;
	if (is_bpffs(SYSTEM)) {
		snprintf(folder, sizeof(folder), "%s/sluice", SYSTEM);
	} else {
		mkdir("/run/sluice", 0755);
		mkdir(OWN, 0700);
		if (!is_bpffs(OWN) && mount("bpf", OWN, "bpf", 0, "mode=0700") != 0)
			return folder;
		snprintf(folder, sizeof(folder), "%s", OWN);
	}
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		folder[0] = '\0';
	return folder;
}

/* Names of interfaces, and their numbers, are those of one network namespace. */
static unsigned long netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) == 0 ? st.st_ino : 0;
}

static const char *const names[] = {"setting", "locals", "counts"};
#define NAMES (sizeof(names) / sizeof(*names))

static void place_of(char *path, size_t size, unsigned ifindex)
{
	snprintf(path, size, "%s/%lu-%u", folder, netns(), ifindex);
}

static void remove_at(const char *place)
{
	char path[420];

	for (size_t i = 0; i < NAMES; i++) {
		snprintf(path, sizeof(path), "%s/%s", place, names[i]);
		unlink(path);
	}
	rmdir(place);
}

void pin_put(unsigned ifindex, const struct xdp_program_fds *program)
{
	const int fds[NAMES] = {program->setting, program->locals, program->counts};
	char place[120], path[160];

	if (!pin_folder()[0])
		return;
	place_of(place, sizeof(place), ifindex);
	remove_at(place);
	if (mkdir(place, 0700) != 0)
		return;
	for (size_t i = 0; i < NAMES; i++) {
		snprintf(path, sizeof(path), "%s/%s", place, names[i]);
		bpf_obj_pin(fds[i], path);
	}
}

void pin_remove(unsigned ifindex)
{
	char place[120];

	if (!folder[0])
		return;
	place_of(place, sizeof(place), ifindex);
	remove_at(place);
}

void pin_remove_all(void)
{
	char mine[32], place[400];
	struct dirent *entry;
	DIR *dir = pin_folder()[0] ? opendir(folder) : NULL;

	snprintf(mine, sizeof(mine), "%lu-", netns());
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, mine, strlen(mine)))
			continue;
		snprintf(place, sizeof(place), "%s/%s", folder, entry->d_name);
		remove_at(place);
	}
	if (dir)
		closedir(dir);
}
