/* SPDX-License-Identifier: BSD-3-Clause */
/* What a device carries: its MTU, and that of the kernel's interface below it. Main thread only. */
#include <errno.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port_device.h"
#include "tap.h"

#define AF_PACKET_FRAME	   2048u /* its framesz unless told otherwise */
#define AF_PACKET_OVERHEAD 100u	 /* of that, the kernel's own */

static int fail_mtu(struct rpc_error *err, uint32_t mtu, const char *want)
{
	snprintf(err->path, sizeof(err->path), "mtu");
	snprintf(err->want, sizeof(err->want), "%s", want);
	snprintf(err->got, sizeof(err->got), "%u", mtu);
	return rpc_fail(err, RPC_ERR_CONFLICT, "mtu: want %s, got %u", want, mtu);
}

int device_check_mtu(const char *devargs, uint32_t mtu, struct rpc_error *err)
{
	const char *framesz = strstr(devargs, "framesz=");
	uint32_t frame = framesz != NULL ? strtoul(framesz + 8, NULL, 10) : AF_PACKET_FRAME;
	uint32_t most = frame - AF_PACKET_OVERHEAD - 18; /* Ethernet and a tag */
	char want[100];

	if (strncmp(devargs, "net_af_packet", 13) != 0 || mtu <= most)
		return 0;
	snprintf(want, sizeof(want),
		"at most %u, or larger frames in device: framesz=16384,blocksz=65536", most);
	return fail_mtu(err, mtu, want);
}

/* A socket on a kernel interface: what that does not carry would be lost without a count. Its MTU
 * is never lowered: it may be larger for others, and the pipelines hold to the port's. */
static int set_mtu_below(const struct rte_eth_dev_info *info, const char *devargs, uint32_t mtu,
	struct rpc_error *err)
{
	uint32_t has;
	char want[100];
	int rc;

	if (device_check_mtu(devargs, mtu, err) != 0)
		return -1;
	rc = link_mtu_raise(info->if_index, mtu, &has);
	if (rc != -EMSGSIZE)
		return 0;
	snprintf(want, sizeof(want),
		"at most %u, which is the MTU of the interface below and stays so", has);
	return fail_mtu(err, mtu, want);
}

int device_set_mtu(uint16_t ethdev, const char *devargs, uint32_t mtu, struct rpc_error *err)
{
	struct rte_eth_dev_info info = {0};

	if (devargs != NULL && rte_eth_dev_info_get(ethdev, &info) == 0 && info.if_index != 0 &&
		(strcmp(info.driver_name, "net_af_packet") == 0 ||
			strcmp(info.driver_name, "net_af_xdp") == 0))
		return set_mtu_below(&info, devargs, mtu, err);
	int rc = rte_eth_dev_set_mtu(ethdev, mtu);

	/* virtual devices mostly cannot, and need not: the pipelines hold to the port's mtu
	 * themselves */
	if (rc == 0 || rc == -ENOTSUP || rte_eth_dev_info_get(ethdev, &info) != 0 ||
		info.max_rx_pktlen < mtu + 18)
		return 0;
	return fail_mtu(err, mtu, "what the device takes");
}
