/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that a port may name (device_allow.h); owns the list of what root has allowed beyond. */
#include "device_allow.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bounds.h"
#include "nouns.h"
#include "unix_socket.h"

#define ALLOWED_MAX 16
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))

static const char *allowed[ALLOWED_MAX];
static size_t n_allowed;

/* A driver, and the arguments of it that neither run nor write anything. `paths`: those that name a
 * socket. */
struct driver {
	const char *name;
	const char *args[12];
	const char *paths[2];
};

static const struct driver drivers[] = {
	{.name = "net_af_packet",
		.args = {"iface", "qpairs", "blocksz", "framesz", "framecnt", "qdisc_bypass"}},
	{.name = "net_af_xdp",
		.args = {"iface", "start_queue", "queue_count", "busy_budget", "force_copy"}},
	{.name = "net_tap", .args = {"iface", "mac"}},
	{.name = "net_memif",
		.args = {"role", "id", "bsize", "rsize", "socket-abstract", "mac", "secret",
			"zero-copy"},
		.paths = {"socket"}},
	{.name = "net_vhost",
		.args = {"queues", "client", "iommu-support", "tso", "linear-buffer", "ext-buffer"},
		.paths = {"iface"}},
	{.name = "net_null", .args = {"size", "copy", "no-rx"}},
};

int device_allow(const char *driver)
{
	for (size_t i = 0; i < n_allowed; i++)
		if (strcmp(allowed[i], driver) == 0)
			return 0;
	if (n_allowed == ALLOWED_MAX)
		return -ENOSPC;
	allowed[n_allowed++] = driver;
	return 0;
}

/* ---- drivers that nobody knows ---- */

/* Of DPDK's, beside those above: what somebody may have meant. */
static const char *const others[] = {"net_bonding", "net_failsafe", "net_pcap", "net_ring",
	"net_softnic", "net_tun", "net_vdev_netvsc", "net_virtio_user"};

/* How many characters have to be put in, left out or changed. */
static size_t distance(const char *a, const char *b)
{
	size_t row[LIMIT_NAME + 1], len = strlen(b);

	if (len > LIMIT_NAME)
		return SIZE_MAX;
	for (size_t i = 0; i <= len; i++)
		row[i] = i;
	for (size_t n = 1; *a != '\0'; a++, n++) {
		size_t corner = row[0];

		row[0] = n;
		for (size_t i = 1; i <= len; i++) {
			size_t least = corner + (*a != b[i - 1]);

			corner = row[i];
			if (row[i] + 1 < least)
				least = row[i] + 1;
			if (row[i - 1] + 1 < least)
				least = row[i - 1] + 1;
			row[i] = least;
		}
	}
	return row[len];
}

/* NULL: nothing is like it. */
static const char *nearest(const char *name, bool (*known)(const char *driver))
{
	size_t best = 4, at;
	const char *found = NULL;

	for (size_t i = 0; i < COUNT(others) + COUNT(drivers); i++) {
		const char *one = i < COUNT(others) ? others[i] : drivers[i - COUNT(others)].name;

		at = distance(name, one);
		if (at < best && known(one)) {
			best = at;
			found = one;
		}
	}
	return found;
}

int device_allow_check(bool (*known)(const char *driver), char *why, size_t size)
{
	for (size_t i = 0; i < n_allowed; i++) {
		const char *near;

		if (strcmp(allowed[i], "any") == 0 || known(allowed[i]))
			continue;
		near = nearest(allowed[i], known);
		snprintf(why, size, "%.64s: DPDK has no such driver here%s%s", allowed[i],
			near != NULL ? "; the nearest is " : " (net_pcap is one, say)",
			near != NULL ? near : "");
		return -ENOENT;
	}
	return 0;
}

/* ---- what a port names ---- */

/* "net_tap" of "net_tap7": the name that DPDK finds the driver by, and a number or word behind it.
 */
static bool is_of(const char *device, size_t len, const char *driver)
{
	size_t n = strlen(driver);

	if (len < n || strncmp(device, driver, n) != 0)
		return false;
	for (size_t i = n; i < len; i++)
		if (!isalnum((unsigned char)device[i]) && device[i] != '_')
			return false;
	return true;
}

static bool is_plain(const char *value, size_t len, const char *more)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)value[i]) && strchr(more, value[i]) == NULL)
			return false;
	return len > 0;
}

/* "0000:3b:00.1" or "3b:00.1", and nothing behind it: arguments of PCI drivers are root's
 * (--allow-device any). */
static bool is_pci(const char *device)
{
	unsigned domain = 0, bus, slot, function;
	int end = -1;

	if (!is_plain(device, strlen(device), ":."))
		return false;
	if (sscanf(device, "%4x:%2x:%2x.%1u%n", &domain, &bus, &slot, &function, &end) == 4 &&
		end >= 0 && device[end] == '\0')
		return true;
	end = -1;
	return sscanf(device, "%2x:%2x.%1u%n", &bus, &slot, &function, &end) == 3 && end >= 0 &&
	       device[end] == '\0';
}

static bool is_in(const char *const *list, size_t n, const char *key, size_t len)
{
	for (size_t i = 0; i < n && list[i] != NULL; i++)
		if (strlen(list[i]) == len && strncmp(list[i], key, len) == 0)
			return true;
	return false;
}

/* A dataplane's socket or the lock file beside it (unix_socket.h), or no socket at all. */
static bool is_anothers_file(const char *path)
{
	size_t len = strlen(path), suffix = strlen(UNIX_SOCKET_LOCK);
	char lock[PATH_MAX];
	struct stat file;

	if (len >= suffix && strcmp(path + len - suffix, UNIX_SOCKET_LOCK) == 0)
		return true;
	snprintf(lock, sizeof(lock), "%s" UNIX_SOCKET_LOCK, path);
	return lstat(lock, &file) == 0 || (lstat(path, &file) == 0 && !S_ISSOCK(file.st_mode));
}

/* Below DEVICE_SOCKETS, in no folder of its own: what binds a socket unlinks what is there, as
 * root. */
static bool is_socket_path(const char *value, size_t len)
{
	size_t n = strlen(DEVICE_SOCKETS);
	char path[256];

	if (len <= n || len >= sizeof(path) || strncmp(value, DEVICE_SOCKETS, n) != 0 ||
		value[n] == '.' || !is_plain(value + n, len - n, "_.-"))
		return false;
	memcpy(path, value, len);
	path[len] = '\0';
	return strcmp(path + n, "dataplane.sock") != 0 && !is_anothers_file(path);
}

static int refuse(struct rpc_error *err, const char *want, const char *devargs)
{
	rpc_fail(err, RPC_ERR_PARAMS,
		"this device is not allowed; root may allow more: sluice-dataplane --allow-device "
		"NAME");
	snprintf(err->path, sizeof(err->path), "device");
	snprintf(err->want, sizeof(err->want), "%s", want);
	snprintf(err->got, sizeof(err->got), "%.150s", devargs);
	return -1;
}

/* Each KEY=VALUE of a driver of the list, once. */
static int check_args(const struct driver *d, const char *devargs, struct rpc_error *err)
{
	const char *seen[COUNT(d->args) + COUNT(d->paths)], *at = strchr(devargs, ',');
	char want[200];
	size_t n = 0;

	while (at != NULL) {
		const char *key = at + 1, *next = strchr(key, ',');
		size_t len = next != NULL ? (size_t)(next - key) : strlen(key),
		       name = strcspn(key, "=");
		const char *value = key + name + 1;
		bool path = name < len && is_in(d->paths, COUNT(d->paths), key, name);

		if (name >= len || (!path && !is_in(d->args, COUNT(d->args), key, name))) {
			size_t used = snprintf(want, sizeof(want), "arguments of %s:", d->name);

			for (size_t i = 0;
				i < COUNT(d->args) && d->args[i] != NULL && used < sizeof(want);
				i++)
				used += snprintf(
					want + used, sizeof(want) - used, " %s", d->args[i]);
			if (d->paths[0] != NULL && used < sizeof(want))
				snprintf(want + used, sizeof(want) - used, " %s", d->paths[0]);
			return refuse(err, want, devargs);
		}
		for (size_t i = 0; i < n; i++)
			if (strncmp(seen[i], key, name + 1) == 0)
				return refuse(err, "each argument once", devargs);
		if (n < COUNT(seen))
			seen[n++] = key;
		if (path ? !is_socket_path(value, len - name - 1)
			 : !is_plain(value, len - name - 1, "_.:@-"))
			return refuse(err,
				path ? "a socket in " DEVICE_SOCKETS
				     : "letters, digits and _ . : @ - as a value",
				devargs);
		at = next;
	}
	return 0;
}

/* The commonest mistake: an interface's name alone. */
static int refuse_interface(const char *devargs, struct rpc_error *err)
{
	char want[128];

	snprintf(want, sizeof(want), "net_af_packet0,iface=%.40s (or net_af_xdp0,iface=%.40s)",
		devargs, devargs);
	rpc_fail(err, RPC_ERR_PARAMS,
		"%.40s is an interface of the kernel: say by which driver it is to be opened",
		devargs);
	snprintf(err->path, sizeof(err->path), "device");
	snprintf(err->want, sizeof(err->want), "%s", want);
	snprintf(err->got, sizeof(err->got), "%.150s", devargs);
	return -1;
}

int device_check(const char *devargs, struct rpc_error *err)
{
	size_t len = strcspn(devargs, ",");

	for (size_t i = 0; i < n_allowed; i++)
		if (strcmp(allowed[i], "any") == 0 || is_of(devargs, len, allowed[i]))
			return 0;
	for (size_t i = 0; i < COUNT(drivers); i++)
		if (is_of(devargs, len, drivers[i].name))
			return check_args(&drivers[i], devargs, err);
	if (is_pci(devargs))
		return 0;
	if (strlen(devargs) < IF_NAMESIZE && if_nametoindex(devargs) != 0)
		return refuse_interface(devargs, err);
	refuse(err,
		"net_af_packetN,iface=IF, net_af_xdpN,iface=IF, net_tapN, net_memifN, net_vhostN, "
		"net_nullN, or a PCI address",
		devargs);
	return rpc_fail(err, RPC_ERR_PARAMS,
		"%.*s is none of the drivers that ports may name: net_af_packet, net_af_xdp, "
		"net_tap, "
		"net_memif, net_vhost, net_null, a PCI address; root may allow more: "
		"sluice-dataplane "
		"--allow-device NAME",
		(int)(len < 40 ? len : 40), devargs);
}
