/* SPDX-License-Identifier: BSD-3-Clause */
/* What an Ethernet session may say, and which tag the frames of each slice have at its UE
 * (session_doors.h). Main thread only. */
#include <stdio.h>

#include "session_plan.h"

static int fail_item(struct rpc_error *err, const char *list, uint32_t i, const char *field,
	const char *want, const char *got)
{
	char path[sizeof(err->path)];

	snprintf(path, sizeof(path), "%.20s[%u].%.80s", list, i, field);
	return rpc_fail_value(err, path, want, got);
}

/* The FAR of a PDR: its place. */
static uint32_t far_of(const struct api_session *s, const struct api_pdr *pdr)
{
	uint32_t i = 0;

	while (i + 1 < s->fars.count && s->fars.item[i].id != pdr->far)
		i++;
	return i;
}

/* The slice that a FAR sends into; 0: none. */
static uint16_t slice_of(const struct api_session *s, const struct api_far *far)
{
	if (far->action != FAR_FORWARD || far->outer_header.teid != 0 ||
		far->destination != INTERFACE_CORE)
		return 0;
	return far->slice_id != 0 ? far->slice_id : s->slice_id;
}

/* Frames from a slice have been bridged: they go to the UE or to another UPF. */
static int check_pdr(const struct plan *p, uint32_t i, struct rpc_error *err)
{
	const struct api_pdr *pdr = &p->put->pdrs.item[i];
	uint32_t far = far_of(p->put, pdr);

	if (pdr->filters.count > 0)
		return fail_item(err, "pdrs", i, "filters",
			"none: an Ethernet session has Ethernet filters", "IP filters");
	if (p->way[p->way_of[i]].gtpu == 0 && slice_of(p->put, &p->put->fars.item[far]) != 0)
		return fail_item(err, "fars", far, "destination",
			"access, or an outer header: the frames of a PDR with this FAR come from "
			"a slice",
			"a slice");
	return 0;
}

/* Takes what a PDR with frames from or to the way's slice says of their tag. */
static int add_vlan(struct way *w, const struct plan *p, uint32_t i, struct rpc_error *err)
{
	const struct api_ethernet_filters *f = &p->put->pdrs.item[i].ethernet;
	char field[48], want[96], got[16];

	for (uint32_t k = 0; k < f->count; k++) {
		uint32_t vlan = f->item[k].vlan;

		if (vlan == 0 || vlan == w->vlan)
			continue;
		if (w->vlan == 0) {
			w->vlan = vlan;
			continue;
		}
		snprintf(field, sizeof(field), "ethernet[%u].vlan", k);
		snprintf(want, sizeof(want),
			"%u, as another filter says: frames of one slice have one tag", w->vlan);
		snprintf(got, sizeof(got), "%u", vlan);
		return fail_item(err, "pdrs", i, field, want, got);
	}
	return 0;
}

int plan_frames(struct plan *p, struct rpc_error *err)
{
	const struct api_session *s = p->put;

	for (uint32_t k = 0; k < p->ways; k++)
		p->way[k].vlan = 0;
	if (!p->ethernet)
		return 0;
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (check_pdr(p, i, err) != 0)
			return -1;
	for (uint32_t i = 0; i < s->fars.count; i++)
		if (s->fars.item[i].redirect.family != 0)
			return fail_item(err, "fars", i, "redirect",
				"none: an Ethernet session is not routed", "an address");
	for (uint32_t k = 0; k < p->ways; k++)
		for (uint32_t i = 0; p->way[k].gtpu == 0 && i < s->pdrs.count; i++) {
			const struct api_far *far = &s->fars.item[far_of(s, &s->pdrs.item[i])];

			if (p->way_of[i] != k && slice_of(s, far) != p->way[k].slice)
				continue;
			if (add_vlan(&p->way[k], p, i, err) != 0)
				return -1;
		}
	return 0;
}
