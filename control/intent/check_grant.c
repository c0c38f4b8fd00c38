/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules that a tenant's grant keeps by itself. */
#include <stdio.h>
#include <string.h>

#include "intent_private.h"

static int check_range(const char *last, uint32_t from, uint32_t to, const char *list, uint32_t at,
	struct rpc_error *err)
{
	char want[64], got[16];

	if (from <= to)
		return 0;
	snprintf(want, sizeof(want), "at least its first, %u", from);
	snprintf(got, sizeof(got), "%u", to);
	rpc_fail_value(err, last, want, got);
	rpc_error_prefix(err, "%s[%u]", list, at);
	return -1;
}

static int check_ranges(const struct intent_ranges *ranges, const char *list, struct rpc_error *err)
{
	for (uint32_t i = 0; i < ranges->count; i++)
		if (check_range("last", ranges->item[i].first, ranges->item[i].last, list, i, err))
			return -1;
	return 0;
}

static int check_places(const struct intent_grant_places *places, struct rpc_error *err)
{
	for (uint32_t i = 0; i < places->count; i++) {
		if (!check_ranges(&places->item[i].vlans, "vlans", err))
			continue;
		rpc_error_prefix(err, "places[%u]", i);
		return -1;
	}
	return 0;
}

static int check_gtpu(const struct intent_grant_gtpu *gtpu, uint32_t at, struct rpc_error *err)
{
	for (uint32_t i = 0; i < gtpu->peers.count; i++) {
		const struct intent_grant_peer *peer = &gtpu->peers.item[i];

		if (!check_range("last_teid", peer->first_teid, peer->last_teid, "peers", i, err))
			continue;
		rpc_error_prefix(err, "gtpu[%u]", at);
		return -1;
	}
	return check_range("last_teid", gtpu->first_teid, gtpu->last_teid, "gtpu", at, err);
}

static int check_encaps(const struct api_texts *encaps, struct rpc_error *err)
{
	for (uint32_t i = 0; i < encaps->count; i++) {
		const char *encap = encaps->item[i].text;

		if (!strcmp(encap, "vxlan") || !strcmp(encap, "geneve"))
			continue;
		rpc_fail_value(err, "", "vxlan or geneve", encap);
		snprintf(err->path, sizeof(err->path), "encaps[%u]", i);
		return -1;
	}
	return 0;
}

static int check_peak(
	uint64_t committed_bps, uint64_t peak_bps, const char *path, struct rpc_error *err)
{
	char want[64], got[32];

	if (!peak_bps || peak_bps >= committed_bps)
		return 0;
	snprintf(want, sizeof(want), "at least committed_bps, %llu",
		(unsigned long long)committed_bps);
	snprintf(got, sizeof(got), "%llu", (unsigned long long)peak_bps);
	return rpc_fail_value(err, path, want, got);
}

static int compare_wans(const void *base, uint32_t a, uint32_t b)
{
	const struct intent_grant_wan *wans = base;

	return strcmp(wans[a].site, wans[b].site) ?: strcmp(wans[a].wan, wans[b].wan);
}

static int compare_gtpus(const void *base, uint32_t a, uint32_t b)
{
	const struct intent_grant_gtpu *gtpus = base;

	return strcmp(gtpus[a].site, gtpus[b].site) ?: strcmp(gtpus[a].gtpu, gtpus[b].gtpu);
}

/* Of two with other rates, or other TEIDs, only one would count. */
static int check_twins(const struct intent_tenant *tenant, struct rpc_error *err)
{
	uint32_t again, first;

	if (find_twin(tenant->wans.item, tenant->wans.count, compare_wans, &again, &first)) {
		rpc_fail_value(err, "", "each site and WAN once", tenant->wans.item[again].wan);
		rpc_error_prefix(err, "wans[%u]", again);
		return -1;
	}
	if (find_twin(tenant->gtpu.item, tenant->gtpu.count, compare_gtpus, &again, &first)) {
		rpc_fail_value(
			err, "", "each site and GTP-U address once", tenant->gtpu.item[again].gtpu);
		rpc_error_prefix(err, "gtpu[%u]", again);
		return -1;
	}
	return 0;
}

int check_grant(const struct intent_tenant *tenant, struct rpc_error *err)
{
	if (check_list_names(
		    INTENT_TENANT, "places", tenant->places.item, tenant->places.count, err) ||
		check_list_names(
			INTENT_TENANT, "wans", tenant->wans.item, tenant->wans.count, err) ||
		check_list_names(INTENT_TENANT, "gtpu", tenant->gtpu.item, tenant->gtpu.count, err))
		return -1;
	if (check_peak(tenant->committed_bps, tenant->peak_bps, "peak_bps", err) ||
		check_encaps(&tenant->encaps, err) || check_ranges(&tenant->vnis, "vnis", err) ||
		check_places(&tenant->places, err))
		return -1;
	for (uint32_t i = 0; i < tenant->wans.count; i++) {
		const struct intent_grant_wan *wan = &tenant->wans.item[i];

		if (!check_peak(wan->committed_bps, wan->peak_bps, "peak_bps", err))
			continue;
		rpc_error_prefix(err, "wans[%u]", i);
		return -1;
	}
	for (uint32_t i = 0; i < tenant->gtpu.count; i++)
		if (check_gtpu(&tenant->gtpu.item[i], i, err))
			return -1;
	return check_twins(tenant, err);
}
