/* SPDX-License-Identifier: BSD-3-Clause */
/* See xdp_filter.h. Owns the addresses that are taken, counted, and the list of open filters: the
 * maps' descriptors and what was told last. */
#include "xdp_filter.h"

#include <bpf/bpf.h>
#include <bsd/sys/tree.h>
#include <errno.h>
#include <rte_log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "attach.h"

struct xdp_filter {
	TAILQ_ENTRY(xdp_filter) link;
	int map_setting, map_locals;
	struct xdp_setting setting;
};

static TAILQ_HEAD(, xdp_filter) filters = TAILQ_HEAD_INITIALIZER(filters);

struct local {
	RB_ENTRY(local) node;
	struct xdp_local key;
	__u32 kind; /* enum xdp_local_kind */
	uint32_t users;
};

static int compare(struct local *a, struct local *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

RB_HEAD(locals, local);
static struct locals locals = RB_INITIALIZER(&locals);
#define LOCAL __attribute__((unused)) static /* the macros make more than is called */
RB_PROTOTYPE_INTERNAL(locals, local, node, compare, LOCAL)
RB_GENERATE_INTERNAL(locals, local, node, compare, LOCAL)

/* What a program has not been told it passes to the kernel: safe, and to be seen. */
static int told(int rc)
{
	int error = rc != 0 ? errno : 0; /* before the log's own calls */

	if (error != 0)
		RTE_LOG(ERR, USER1, "telling an XDP program what is the dataplane's: %s\n",
			strerror(error));
	return -error;
}

static int write_setting(int map, const struct xdp_setting *setting)
{
	uint32_t zero = 0;

	return told(bpf_map_update_elem(map, &zero, setting, BPF_ANY));
}

static int write_local(int map, const struct local *l)
{
	return told(bpf_map_update_elem(map, &l->key, &l->kind, BPF_ANY));
}

/* ---- a program ---- */

int xdp_filter_clear(const struct xdp_program_fds *program)
{
	static const struct xdp_setting none = {.flags = XDP_FILTER};
	struct xdp_local key, next;
	int rc = write_setting(program->setting, &none);
	bool more = bpf_map_get_next_key(program->locals, NULL, &key) == 0;

	while (more) {
		/* before its place is gone: the kernel would look from the first on each time */
		more = bpf_map_get_next_key(program->locals, &key, &next) == 0;
		bpf_map_delete_elem(program->locals, &key);
		key = next;
	}
	return rc;
}

int xdp_filter_open(const struct xdp_program_fds *program, struct xdp_filter **out)
{
	struct xdp_filter *f = calloc(1, sizeof(*f));
	struct local *l;
	int rc;

	if (f == NULL)
		return -ENOMEM;
	f->setting.flags = XDP_FILTER;
	f->map_setting = dup(program->setting);
	f->map_locals = dup(program->locals);
	TAILQ_INSERT_TAIL(&filters, f, link);
	rc = f->map_setting >= 0 && f->map_locals >= 0 ? xdp_filter_clear(program) : -EMFILE;
	RB_FOREACH (l, locals, &locals)
		if (rc == 0)
			rc = write_local(f->map_locals, l);
	if (rc != 0)
		xdp_filter_close(f);
	else
		*out = f;
	return rc;
}

void xdp_filter_close(struct xdp_filter *f)
{
	if (f == NULL)
		return;
	TAILQ_REMOVE(&filters, f, link);
	if (f->map_setting >= 0)
		close(f->map_setting);
	if (f->map_locals >= 0)
		close(f->map_locals);
	free(f);
}

void xdp_filter_vlan(struct xdp_filter *f, uint16_t vlan, bool add)
{
	if (f == NULL)
		return;
	if (vlan == 0)
		f->setting.flags = XDP_FILTER | (add ? XDP_UNTAGGED : 0);
	else if (add)
		f->setting.vlans[vlan / 64] |= 1ull << (vlan % 64);
	else
		f->setting.vlans[vlan / 64] &= ~(1ull << (vlan % 64));
	write_setting(f->map_setting, &f->setting);
}

/* ---- addresses ---- */

static void local_take(const struct xdp_local *key, __u32 kind)
{
	struct local *l = calloc(1, sizeof(*l)), *known = NULL;
	struct xdp_filter *f;

	if (l != NULL) {
		*l = (struct local){.key = *key, .kind = kind};
		known = RB_INSERT(locals, &locals, l);
	}
	if (known != NULL) {
		free(l);
		l = known;
	}
	if (l == NULL) {
		errno = ENOMEM;
		told(-1);
		return;
	}
	if (l->users++ != 0)
		return;
	TAILQ_FOREACH (f, &filters, link)
		write_local(f->map_locals, l);
}

static void local_give(const struct xdp_local *key)
{
	struct local *l = RB_FIND(locals, &locals, &(struct local){.key = *key});
	struct xdp_filter *f;

	if (l == NULL || --l->users != 0)
		return;
	TAILQ_FOREACH (f, &filters, link)
		bpf_map_delete_elem(f->map_locals, key);
	RB_REMOVE(locals, &locals, l);
	free(l);
}

void xdp_filter_local(const struct api_ip *address, uint16_t port_be, bool gtpu, bool add)
{
	struct xdp_local key = {.port = port_be}, any;

	if (address->family == 6) {
		memcpy(key.address, address->bytes, 16);
	} else {
		key.address[10] = key.address[11] = 0xff;
		memcpy(key.address + 12, address->bytes, 4);
	}
	any = key;
	any.port = 0; /* later fragments */
	if (add) {
		local_take(&key, gtpu ? XDP_LOCAL_GTPU : XDP_LOCAL_OVERLAY);
		local_take(&any, XDP_LOCAL_ADDRESS);
	} else {
		local_give(&key);
		local_give(&any);
	}
}

void xdp_filter_fini(void)
{
	struct local *l;

	while ((l = RB_MIN(locals, &locals)) != NULL) {
		RB_REMOVE(locals, &locals, l);
		free(l);
	}
}
