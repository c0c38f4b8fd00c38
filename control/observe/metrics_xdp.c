/* SPDX-License-Identifier: BSD-3-Clause */
/* What the XDP programs under AF_XDP ports let through to the dataplane, and what to the kernel. */
#include "metrics.h"
#include "status.h"
#include "xdp.h"

static const char *const verdicts[] = {
#define VERDICT(up, low, help) #low,
	XDP_VERDICTS(VERDICT)
#undef VERDICT
};

static void write_attached(const struct xdp_status *status, void *arg)
{
	prom_u64(arg, "sluice_xdp_attached",
		status->state == XDP_DRIVER || status->state == XDP_GENERIC, "port", status->port,
		"interface", status->interface, "state", xdp_state_names[status->state], NULL);
}

static void write_packets(const struct xdp_status *status, void *arg)
{
	for (int v = 0; v < XDP_VERDICT_COUNT; v++)
		prom_u64(arg, "sluice_xdp_packets_total", status->count[v].packets, "port",
			status->port, "verdict", verdicts[v], NULL);
}

static void write_bytes(const struct xdp_status *status, void *arg)
{
	for (int v = 0; v < XDP_VERDICT_COUNT; v++)
		prom_u64(arg, "sluice_xdp_bytes_total", status->count[v].bytes, "port",
			status->port, "verdict", verdicts[v], NULL);
}

void metrics_write_xdp(struct text *p)
{
	if (!xdp_ports())
		return;
	prom_family(p, "sluice_xdp_attached", PROM_GAUGE,
		"Sluice's XDP program is on the interface of an AF_XDP port, in its driver or "
		"generic.");
	xdp_each(write_attached, p);
	prom_family(p, "sluice_xdp_packets_total", PROM_COUNTER,
		"Packets that came in by an AF_XDP port's interface, by where XDP sent them and "
		"why.");
	xdp_each(write_packets, p);
	prom_family(p, "sluice_xdp_bytes_total", PROM_COUNTER,
		"Bytes that came in by an AF_XDP port's interface, by where XDP sent them and "
		"why.");
	xdp_each(write_bytes, p);
}

static void status_one(const struct xdp_status *status, void *arg)
{
	json_t *one = json_pack("{s:s, s:s, s:s}", "port", status->port, "interface",
		status->interface, "state", xdp_state_names[status->state]);

	if (status->reason[0])
		json_object_set_new(one, "reason", json_string(status->reason));
	json_array_append_new(arg, one);
}

json_t *status_xdp(void)
{
	json_t *all = xdp_ports() ? json_array() : NULL;

	if (all)
		xdp_each(status_one, all);
	return all;
}
