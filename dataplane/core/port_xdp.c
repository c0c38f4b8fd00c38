/* SPDX-License-Identifier: BSD-3-Clause */
/* Around net_af_xdp, on the main thread: our XDP program is on the interface before the driver
 * opens its sockets, which then finds it there by name (control/bpf), and all is gone after it
 * closed. The program belongs to the kernel's interface. */
#include "port_xdp.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach.h"
#include "clock.h"
#include "port_device.h"
#include "port_sockets.h"
#include "xdp_filter.h"

#define LOOK_MS 500 /* between two looks for the program */

struct port_xdp {
	unsigned ifindex;
	uint32_t program;	     /* its id */
	struct xdp_program_fds held; /* the program alone, open: what was taken off is put back */
	uint64_t looked_ms;
	char fault[PORT_FAULT];
	struct xdp_filter *filter;
	struct port_sockets sockets;
};
_Static_assert(PORT_SOCKETS == XDP_QUEUES, "a socket each");

bool port_xdp_is(const char *devargs)
{
	return strncmp(devargs, "net_af_xdp", 10) == 0;
}

static int fail(struct rpc_error *err, const char *port, const char *field, const char *got,
	const char *text)
{
	snprintf(err->path, sizeof(err->path), "%s", field);
	snprintf(err->got, sizeof(err->got), "%.150s", got);
	return rpc_fail(err, RPC_ERR_PARAMS, "port %s: %s", port, text);
}

/* "net_af_xdp0,iface=eth1,busy_budget=0" → "eth1" */
static void interface_name(const char *devargs, char name[IFNAMSIZ])
{
	const char *iface = strstr(devargs, "iface=");

	iface = iface != NULL ? iface + 6 : "";
	snprintf(name, IFNAMSIZ, "%.*s", (int)strcspn(iface, ","), iface);
}

static int check_mac(const struct api_port *cfg, const char *name, struct rpc_error *err)
{
	static const struct api_mac_addr none;
	struct ifreq ifr = {0};
	char text[160];
	int fd, rc;

	if (memcmp(&cfg->mac, &none, sizeof(none)) == 0)
		return 0;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rc = fd >= 0 ? ioctl(fd, SIOCGIFHWADDR, &ifr) : -1;
	if (fd >= 0)
		close(fd);
	if (rc == 0 && memcmp(ifr.ifr_hwaddr.sa_data, cfg->mac.bytes, 6) == 0)
		return 0;
	snprintf(text, sizeof(text),
		"an AF_XDP port has the MAC of its interface: leave mac out, or ip link set %s "
		"address it",
		name);
	return fail(err, cfg->name, "mac", "another MAC", text);
}

int port_xdp_check(const struct api_port *cfg, struct rpc_error *err)
{
	char name[IFNAMSIZ], text[200];

	if (!port_xdp_is(cfg->device))
		return 0;
	interface_name(cfg->device, name);
	if (!cfg->tap)
		return check_mac(cfg, name, err);
	snprintf(text, sizeof(text),
		"an AF_XDP port has no tap: %s stays the kernel's interface and keeps addresses, "
		"ARP and ND",
		name);
	return fail(err, cfg->name, "tap", "true", text);
}

/* ---- the driver's sockets ---- */

/* DPDK 22.11 forgets its buffers' registration, a socket, and with it the queue stays taken. */
static void close_sockets(struct port_xdp *xdp)
{
	for (uint32_t i = 0; i < xdp->sockets.count; i++) {
		int fd = port_socket(&xdp->sockets, i);

		if (fd >= 0)
			close(fd);
	}
}

/* ---- the interface ---- */

/* Queues that it receives by; *combined: as the driver counts them, 0 = it takes one. */
static uint32_t queues_of(const char *name, uint32_t *combined)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq ifr = {.ifr_data = (char *)&channels};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = -1;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd >= 0) {
		rc = ioctl(fd, SIOCETHTOOL, &ifr);
		close(fd);
	}
	if (rc != 0)
		channels = (struct ethtool_channels){0};
	*combined = channels.max_combined != 0 ? channels.combined_count : 0;
	return channels.rx_count + channels.combined_count;
}

/* Frames come by all queues that the interface has: with fewer sockets some would be lost. */
static int add_queues(const struct device_request *req, const char *name, char *devargs,
	size_t size, struct rpc_error *err)
{
	uint32_t combined, queues = queues_of(name, &combined);
	char text[160];

	if (strstr(req->devargs, "queue_count=") != NULL ||
		strstr(req->devargs, "start_queue=") != NULL)
		return 0;
	if (queues > XDP_QUEUES || (combined == 0 && queues > 1)) {
		snprintf(text, sizeof(text),
			"%s receives by %u queues, and AF_XDP takes %u here: ethtool -L %s %s 1",
			name, queues, combined == 0 ? 1 : XDP_QUEUES, name,
			combined == 0 ? "rx" : "combined");
		return fail(err, req->port, "device", name, text);
	}
	if (combined > 1)
		snprintf(devargs + strlen(devargs), size - strlen(devargs), ",queue_count=%u",
			combined);
	return 0;
}

static bool kernel_has_sockets(void)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 || errno != EAFNOSUPPORT;

	if (fd >= 0)
		close(fd);
	return has;
}

/* What the driver would refuse without a word, or lose. */
int port_xdp_check_open(const struct device_request *req, struct rpc_error *err)
{
	char mtu[16];

	snprintf(mtu, sizeof(mtu), "%u", req->mtu);
	if (strstr(req->devargs, "xdp_prog=") != NULL)
		return fail(err, req->port, "device", req->devargs,
			"leave xdp_prog out: the program is sluice's own");
	if (!kernel_has_sockets())
		return fail(err, req->port, "device", req->devargs,
			"this kernel has no AF_XDP (CONFIG_XDP_SOCKETS): use net_af_packet");
	if (req->mtu > PORT_XDP_MTU_MAX) {
		snprintf(err->want, sizeof(err->want), "at most %u", PORT_XDP_MTU_MAX);
		return fail(
			err, req->port, "mtu", mtu, "AF_XDP wants a frame in one page of memory");
	}
	return 0;
}

/* ---- the program ---- */

static int fail_attach(const struct device_request *req, const char *name, int rc,
	const struct xdp_program_fds *program, struct rpc_error *err)
{
	char text[400];

	if (rc == -EEXIST || rc == -EBUSY)
		snprintf(text, sizeof(text),
			"interface %s has an XDP program of somebody else, %s; take it off: ip "
			"link "
			"set %s xdp off",
			name,
			program->foreign[0] != '\0' ? program->foreign : "or of another sluice",
			name);
	else if (rc == -EOPNOTSUPP || rc == -ENOSYS)
		snprintf(text, sizeof(text),
			"this kernel or the driver of %s has no XDP: use net_af_packet. %s", name,
			xdp_program_why());
	else
		snprintf(text, sizeof(text), "no XDP program on %s: %s. %s", name, strerror(-rc),
			xdp_program_why());
	return fail(err, req->port, "device", name, text);
}

/* By a process that is there, which may be another dataplane. */
static bool is_owned(const struct xdp_program_fds *program)
{
	uint32_t owner = xdp_program_owner(program);

	return owner != 0 && (kill(owner, 0) == 0 || errno != ESRCH);
}

static int attach(
	const struct device_request *req, const char *name, unsigned ifindex, struct rpc_error *err)
{
	struct xdp_program_fds program;
	int rc = xdp_program_find(ifindex, &program);

	if (rc == -ENOENT) {
		rc = xdp_program_load(&program);
		if (rc == 0 && (rc = xdp_program_attach(ifindex, &program)) != 0)
			xdp_program_close(&program);
	}
	/* one that a killed dataplane has left: what that took is not ours yet */
	if (rc == 0 && !is_owned(&program))
		rc = xdp_filter_clear(&program);
	if (rc != 0)
		return fail_attach(req, name, rc, &program, err);
	xdp_program_close(&program);
	return 0;
}

int port_xdp_open(const struct device_request *req, char *devargs, size_t size,
	struct port_xdp **out, struct rpc_error *err)
{
	char name[IFNAMSIZ];
	struct port_xdp *xdp;

	interface_name(req->devargs, name);
	snprintf(devargs, size, "%s", req->devargs);
	if (port_xdp_check_open(req, err) != 0 || add_queues(req, name, devargs, size, err) != 0)
		return -1;
	xdp = calloc(1, sizeof(*xdp));
	if (xdp == NULL)
		return rpc_fail(err, RPC_ERR_INTERNAL, "port %s: out of memory", req->port);
	xdp->ifindex = if_nametoindex(name);
	xdp->held.program = -1;
	if (attach(req, name, xdp->ifindex, err) != 0) {
		free(xdp);
		return -1;
	}
	*out = xdp;
	return 0;
}

int port_xdp_opened(struct port_xdp *xdp)
{
	struct xdp_program_fds program;
	int rc;

	port_sockets_find(&xdp->sockets, AF_XDP, 0);
	rc = xdp_program_find(xdp->ifindex, &program);
	if (rc != 0)
		return rc;
	xdp->program = program.id;
	xdp->held.program = dup(program.program);
	rc = xdp_program_own(&program, getpid());
	if (rc == 0)
		rc = xdp_filter_open(&program, &xdp->filter);
	xdp_program_close(&program);
	return rc;
}

void port_xdp_take(struct port_xdp *xdp, uint16_t vlan, bool take)
{
	if (xdp != NULL)
		xdp_filter_vlan(xdp->filter, vlan, take);
}

/* ---- the program taken off by somebody ---- */

static void say_foreign(struct port_xdp *xdp, const char *name, const char *what)
{
	snprintf(xdp->fault, sizeof(xdp->fault),
		"its XDP program is gone from %s, another is there, %s; take that off (ip link set "
		"%s xdp off), and its own is put back by itself",
		name, what, name);
}

/* Its maps still have the sockets, and what is for them: the program was only taken off. */
static int put_back(struct port_xdp *xdp, const char *name)
{
	struct xdp_program_fds there;
	int rc = xdp_program_find(xdp->ifindex, &there);

	if (rc == -EEXIST) {
		say_foreign(xdp, name, there.foreign);
		return rc;
	}
	if (rc == 0) {
		xdp_program_close(&there);
		say_foreign(xdp, name, "of another sluice");
		return -EEXIST;
	}
	if (rc == -ENOENT)
		rc = xdp_program_attach(xdp->ifindex, &xdp->held);
	if (rc != 0)
		snprintf(xdp->fault, sizeof(xdp->fault),
			"its XDP program is gone from %s and cannot be put back, which is tried on "
			"and on: %s. %s",
			name, strerror(-rc), xdp_program_why());
	return rc;
}

void port_xdp_look(struct port_xdp *xdp, bool *lost, bool *back)
{
	char name[IFNAMSIZ] = "";
	uint64_t now_ms = clock_mono_us() / 1000;
	int on;

	*lost = *back = false;
	if (xdp == NULL || xdp->held.program < 0 || now_ms - xdp->looked_ms < LOOK_MS)
		return;
	xdp->looked_ms = now_ms;
	on = xdp_program_on(xdp->ifindex, xdp->program);
	if (on < 0 || if_indextoname(xdp->ifindex, name) == NULL)
		return; /* the interface itself is gone, as its link says */
	*lost = on == 0 && xdp->fault[0] == '\0';
	if (on != 0 || put_back(xdp, name) == 0) {
		*back = *lost || xdp->fault[0] != '\0';
		xdp->fault[0] = '\0';
	}
}

const char *port_xdp_fault(const struct port_xdp *xdp)
{
	return xdp != NULL ? xdp->fault : "";
}

void port_xdp_close(struct port_xdp *xdp)
{
	struct xdp_program_fds program;

	if (xdp == NULL)
		return;
	if (xdp->sockets.count == 0) /* it was not opened whole */
		port_sockets_find(&xdp->sockets, AF_XDP, 0);
	close_sockets(xdp);
	xdp_filter_close(xdp->filter);
	/* the driver takes it off where it is the driver's, and leaves a generic one */
	if (xdp_program_find(xdp->ifindex, &program) == 0) {
		uint32_t owner = xdp_program_owner(&program);

		if (owner == 0 || owner == (uint32_t)getpid())
			xdp_program_detach(xdp->ifindex, &program);
		xdp_program_close(&program);
	}
	if (xdp->held.program >= 0)
		close(xdp->held.program);
	if (xdp->program != 0)
		xdp_program_forget(xdp->program);
	port_sockets_forget(&xdp->sockets);
	free(xdp);
}
