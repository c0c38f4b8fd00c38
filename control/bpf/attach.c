/* SPDX-License-Identifier: BSD-3-Clause */
/* See attach.h. Owns nothing but the line that libbpf said last. */
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice_xdp.skel.h"

#define MAPS_MAX 16

static char why[200];

const char *xdp_program_why(void)
{
	return why;
}

/* libbpf speaks on standard error; its last warning is worth a message. */
static int hear(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(why, sizeof(why), format, args);
	why[strcspn(why, "\n")] = '\0';
	return 0;
}

static const struct xdp_program_fds closed = {
	.program = -1, .setting = -1, .locals = -1, .counts = -1, .owner = -1};

void xdp_program_close(struct xdp_program_fds *p)
{
	const int fds[] = {p->program, p->setting, p->locals, p->counts, p->owner};

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*p = closed;
}

/* Keeps the descriptor if it is one of our maps. */
static void keep_map(struct xdp_program_fds *out, const char *name, int fd)
{
	const struct {
		const char *name;
		int *fd;
	} ours[] = {{XDP_SETTING_NAME, &out->setting}, {"sluice_locals", &out->locals},
		{"sluice_counts", &out->counts}, {"sluice_owner", &out->owner}};

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (!strcmp(ours[i].name, name) && *ours[i].fd < 0) {
			*ours[i].fd = fd;
			return;
		}
	close(fd);
}

static bool is_whole(const struct xdp_program_fds *p)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);

	/* one of another version of ours, with other maps, is not for us to fill */
	return p->setting >= 0 && p->locals >= 0 && p->counts >= 0 && p->owner >= 0 &&
	       bpf_obj_get_info_by_fd(p->setting, &info, &size) == 0 &&
	       info.value_size == sizeof(struct xdp_setting);
}

static int open_maps(struct xdp_program_fds *out)
{
	uint32_t ids[MAPS_MAX], size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids};

	if (bpf_obj_get_info_by_fd(out->program, &info, &size) != 0)
		return -errno;
	snprintf(out->foreign, sizeof(out->foreign), "%s", info.name);
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		struct bpf_map_info map = {0};
		int fd = bpf_map_get_fd_by_id(ids[i]);

		size = sizeof(map);
		if (fd < 0)
			return -errno;
		if (bpf_obj_get_info_by_fd(fd, &map, &size) != 0) {
			close(fd);
			return -errno;
		}
		keep_map(out, map.name, fd);
	}
	return is_whole(out) ? 0 : -EEXIST;
}

int xdp_program_find(unsigned ifindex, struct xdp_program_fds *out)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int rc;

	*out = closed;
	libbpf_set_print(hear);
	rc = bpf_xdp_query(ifindex, 0, &query);
	if (rc != 0)
		return rc;
	if (query.attach_mode == XDP_ATTACHED_NONE)
		return -ENOENT;
	out->id = query.prog_id != 0 ? query.prog_id : query.drv_prog_id;
	out->generic = query.attach_mode == XDP_ATTACHED_SKB;
	out->program = bpf_prog_get_fd_by_id(out->id);
	if (out->program < 0) {
		rc = -errno;
		*out = closed;
		return rc;
	}
	rc = open_maps(out);
	if (rc != 0) {
		char name[sizeof(out->foreign)];

		memcpy(name, out->foreign, sizeof(name));
		xdp_program_close(out);
		memcpy(out->foreign, name, sizeof(name));
	}
	return rc;
}

int xdp_program_on(unsigned ifindex, uint32_t id)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int rc;

	libbpf_set_print(hear);
	rc = bpf_xdp_query(ifindex, 0, &query);
	return rc != 0 ? rc : query.drv_prog_id == id || query.skb_prog_id == id;
}

/* A copy of the descriptor: the skeleton's are closed with it. */
static int copy_fd(const struct bpf_map *map)
{
	return dup(bpf_map__fd(map));
}

int xdp_program_load(struct xdp_program_fds *out)
{
	struct sluice_xdp *skeleton;
	int rc = 0;

	*out = closed;
	why[0] = '\0';
	libbpf_set_print(hear);
	skeleton = sluice_xdp__open_and_load();
	if (!skeleton)
		return errno == EINVAL ? -EOPNOTSUPP : -errno; /* no such type of map or program */
	out->program = dup(bpf_program__fd(skeleton->progs.xsk_def_prog));
	out->setting = copy_fd(skeleton->maps.sluice_setting);
	out->locals = copy_fd(skeleton->maps.sluice_locals);
	out->counts = copy_fd(skeleton->maps.sluice_counts);
	out->owner = copy_fd(skeleton->maps.sluice_owner);
	sluice_xdp__destroy(skeleton);
	if (out->program >= 0 && is_whole(out))
		return 0;
	rc = -EMFILE;
	xdp_program_close(out);
	return rc;
}

int xdp_program_attach(unsigned ifindex, struct xdp_program_fds *program)
{
	int rc;

	why[0] = '\0';
	libbpf_set_print(hear);
	rc = bpf_xdp_attach(
		ifindex, program->program, XDP_FLAGS_UPDATE_IF_NOEXIST | XDP_FLAGS_DRV_MODE, NULL);
	program->generic = false;
	if (rc == 0 || rc == -EBUSY || rc == -EEXIST || rc == -EPERM || rc == -ENODEV)
		return rc;
	program->generic = true;
	return bpf_xdp_attach(
		ifindex, program->program, XDP_FLAGS_UPDATE_IF_NOEXIST | XDP_FLAGS_SKB_MODE, NULL);
}

int xdp_program_detach(unsigned ifindex, const struct xdp_program_fds *program)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, only, .old_prog_fd = program->program);

	return bpf_xdp_detach(ifindex,
		XDP_FLAGS_REPLACE | (program->generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE),
		&only);
}

void xdp_program_forget(uint32_t id)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		char what[32] = "";
		int fd = atoi(entry->d_name);

		if (readlinkat(dirfd(dir), entry->d_name, what, sizeof(what) - 1) <= 0 ||
			strcmp(what, "anon_inode:bpf-prog"))
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.id == id)
			close(fd);
	}
	if (dir)
		closedir(dir);
}

uint32_t xdp_program_owner(const struct xdp_program_fds *program)
{
	uint32_t zero = 0, pid = 0;

	return bpf_map_lookup_elem(program->owner, &zero, &pid) == 0 ? pid : 0;
}

int xdp_program_own(const struct xdp_program_fds *program, uint32_t pid)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(program->owner, &zero, &pid, BPF_ANY) == 0 ? 0 : -errno;
}
