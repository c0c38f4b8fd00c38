/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules that an intent keeps by itself: names, what is there only once, and the rest by type.
 * The rules between intents are world_check's. Owns nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "intent_private.h"

static int refuse_ip(struct rpc_error *err, const char *path, const char *want,
	const struct api_ip *ip, bool prefix)
{
	char got[64];

	api_ip_format(ip, prefix, got);
	return rpc_fail_value(err, path, want, got);
}

static int refuse_mac(
	struct rpc_error *err, const char *path, const char *want, const struct api_mac_addr *mac)
{
	char got[64];

	api_mac_format(mac, got);
	return rpc_fail_value(err, path, want, got);
}

typedef int item_check(const void *item, const void *arg, struct rpc_error *err);

/* The same of each item of a list. */
static int check_each(const char *name, const void *list, size_t item_size, item_check *check,
	const void *arg, struct rpc_error *err)
{
	const struct api_list *items = list;

	for (uint32_t i = 0; i < items->count; i++) {
		if (!check((const char *)items->item + i * item_size, arg, err))
			continue;
		rpc_error_prefix(err, "%s[%u]", name, i);
		return -1;
	}
	return 0;
}

/* ---- names ---- */

/* Objects of the dataplane are called SLICE:PORT.VLAN and WAN:WAN, paths of the API hold names:
 * neither ":" nor "/" is in a name. */
static int check_name(const struct api_field *field, const char *name, struct rpc_error *err)
{
	char want[80];

	if (strlen(name) <= field->max && !strpbrk(name, ":/") && strcmp(name, ".") &&
		strcmp(name, ".."))
		return 0;
	return rpc_fail_value(err, field->name, api_field_want(field, want, sizeof(want)), name);
}

static int check_names(const void *structure, const void *fields, struct rpc_error *err)
{
	for (const struct api_field *f = fields; f->name; f++) {
		const void *place = api_field_at(f, structure);

		if (f->kind == FIELD_NAME && f->max && check_name(f, place, err))
			return -1;
		if (f->kind == FIELD_LIST &&
			check_each(f->name, place, f->item_size, check_names, f->fields, err))
			return -1;
		if (f->kind == FIELD_OBJECT && check_names(place, f->fields, err)) {
			rpc_error_prefix(err, "%s", f->name);
			return -1;
		}
	}
	return 0;
}

/* ---- what is in a list once ---- */

/* Items of a list have different keys; what a refusal says was got is a part of the item. */
struct once {
	struct api_constraint key[2]; /* one, and the end */
	struct key_part got;
	const char *field, *want;
};

#define PART(its_kind, structure, member)                                                          \
	{                                                                                          \
		KEY_OF_ITEM(its_kind, structure, member)                                           \
	}
#define WHOLE(its_kind)                                                                            \
	{                                                                                          \
		.kind = KEY_PART_##its_kind, .of_item = true                                       \
	}
#define ONCE(structure, its_list, its_item, its_field, its_want, its_got, ...)                     \
	{                                                                                          \
		.key = {{.role = CONSTRAINT_HAS,                                                   \
			.part = {__VA_ARGS__},                                                     \
			.path = #its_list "[%u]",                                                  \
			.list = offsetof(struct structure, its_list),                              \
			.item_size = sizeof(struct its_item)}},                                    \
		.got = its_got, .field = its_field, .want = its_want                               \
	}

static const struct once port_once[] = {
	ONCE(intent_port, addresses, api_ip, "", "each address once", WHOLE(PREFIX), WHOLE(IP)),
	ONCE(intent_port, neighbors, intent_neighbor, "address", "each address once",
		PART(IP, intent_neighbor, address), PART(IP, intent_neighbor, address)),
	ONCE(intent_port, routes, intent_route, "prefix", "each prefix once",
		PART(PREFIX, intent_route, prefix), PART(PREFIX, intent_route, prefix)),
	{.want = NULL},
};

static const struct once site_once[] = {
	ONCE(intent_site, ports, intent_port, "name", "each name once",
		PART(NAME, intent_port, name), PART(NAME, intent_port, name)),
	ONCE(intent_site, gtpu, intent_gtpu, "name", "each name once",
		PART(NAME, intent_gtpu, name), PART(NAME, intent_gtpu, name)),
	ONCE(intent_site, gtpu, intent_gtpu, "address", "each address once",
		PART(IP, intent_gtpu, address), PART(IP, intent_gtpu, address)),
	{.want = NULL},
};

static const struct once endpoint_once[] = {
	ONCE(intent_endpoint, routes, intent_route, "prefix", "each prefix once",
		PART(PREFIX, intent_route, prefix), PART(PREFIX, intent_route, prefix)),
	{.want = NULL},
};

static const struct once slice_once[] = {
	ONCE(intent_slice, endpoints, intent_endpoint, "", "each site, port and VLAN once",
		PART(NAME, intent_endpoint, port), PART(NAME, intent_endpoint, site),
		PART(NAME, intent_endpoint, port), PART(NUMBER, intent_endpoint, vlan)),
	{.want = NULL},
};

static const struct once network_once[] = {
	ONCE(intent_network, hosts, api_text, "", "each host once", WHOLE(TEXT), WHOLE(TEXT)),
	ONCE(intent_network, placements, intent_placement, "site", "each site once",
		PART(NAME, intent_placement, site), PART(NAME, intent_placement, site)),
	{.want = NULL},
};

static const struct once local_network_once[] = {
	ONCE(intent_local_network, prefixes, api_ip, "", "each prefix once", WHOLE(PREFIX),
		WHOLE(PREFIX)),
	{.want = NULL},
};

/* Of two with other rates, or other TEIDs, only one would count. */
static const struct once tenant_once[] = {
	ONCE(intent_tenant, wans, intent_grant_wan, "", "each site and WAN once",
		PART(NAME, intent_grant_wan, wan), PART(NAME, intent_grant_wan, site),
		PART(NAME, intent_grant_wan, wan)),
	ONCE(intent_tenant, gtpu, intent_grant_gtpu, "", "each site and GTP-U address once",
		PART(NAME, intent_grant_gtpu, gtpu), PART(NAME, intent_grant_gtpu, site),
		PART(NAME, intent_grant_gtpu, gtpu)),
	{.want = NULL},
};

struct once_item {
	char *text;
	uint32_t index;
};

struct once_items {
	struct once_item *item;
	uint32_t count, room;
};

static int collect(const struct constraint_key *key, void *arg)
{
	struct once_items *items = arg;
	struct once_item *item =
		xarray_add(&items->item, &items->room, &items->count, sizeof(*item));

	item->text = xstrdup(key->text);
	item->index = key->index;
	return 0;
}

static int item_compare(const void *a, const void *b)
{
	const struct once_item *one = a, *other = b;
	int order = strcmp(one->text, other->text);

	return order ? order : (one->index > other->index) - (one->index < other->index);
}

/* The first item of the list whose key one before it has; -1: there is none. */
static int64_t find_again(const struct once *once, const void *object)
{
	struct once_items items = {0};
	int64_t again = -1;

	constraints_visit(once->key, object, collect, &items);
	if (items.count > 1)
		qsort(items.item, items.count, sizeof(*items.item), item_compare);
	for (uint32_t i = 1; i < items.count; i++)
		if (!strcmp(items.item[i].text, items.item[i - 1].text) &&
			(again < 0 || items.item[i].index < again))
			again = items.item[i].index;
	for (uint32_t i = 0; i < items.count; i++)
		free(items.item[i].text);
	free(items.item);
	return again;
}

static int check_once(const struct once *once, const void *object, struct rpc_error *err)
{
	for (; once->want; once++) {
		const struct api_list *list =
			(const void *)((const char *)object + once->key->list);
		int64_t again = list->count > 1 ? find_again(once, object) : -1;
		char got[API_KEY_BYTES];

		if (again < 0)
			continue;
		key_part_text(
			&once->got, (const char *)list->item + again * once->key->item_size, got);
		rpc_fail_value(err, once->field, once->want, got);
		rpc_error_prefix(err, once->key->path, (unsigned)again);
		return -1;
	}
	return 0;
}

/* ---- sites and WANs ---- */

static bool mac_is_unicast(const struct api_mac_addr *mac)
{
	static const struct api_mac_addr zero;

	return !(mac->bytes[0] & 1) && memcmp(mac, &zero, sizeof(zero));
}

static unsigned address_bits(const struct api_ip *ip)
{
	return ip->family == 6 ? 128 : 32;
}

/* Of one station: not zero, loopback, multicast or broadcast. */
static bool ip_is_unicast(const struct api_ip *ip)
{
	static const uint8_t loopback6[16] = {[15] = 1}, none6[16];

	if (ip->family == 4)
		return ip->bytes[0] != 0 && ip->bytes[0] != 127 && ip->bytes[0] < 224;
	return ip->bytes[0] != 0xff && memcmp(ip->bytes, none6, 16) &&
	       memcmp(ip->bytes, loopback6, 16);
}

/* All bits behind the first len are 0 (or, with ones, 1). */
static bool host_bits(const struct api_ip *ip, bool ones)
{
	for (unsigned bit = ip->len; bit < address_bits(ip); bit++)
		if ((ip->bytes[bit / 8] >> (7 - bit % 8) & 1) != ones)
			return false;
	return true;
}

bool ip_is_network_or_broadcast(const struct api_ip *ip)
{
	if (address_bits(ip) - ip->len < 2) /* RFC 3021, RFC 6164: both are stations */
		return false;
	return host_bits(ip, false) || (ip->family == 4 && host_bits(ip, true));
}

/* Of one station, with the length of the network that it is in; "" where it is the item itself. */
static int check_interface(const struct api_ip *ip, const char *path, struct rpc_error *err)
{
	if (!ip_is_unicast(ip))
		return refuse_ip(err, path, "an address of one station", ip, true);
	if (ip_is_network_or_broadcast(ip))
		return refuse_ip(err, path,
			"an address of a station in its network, not the network's own or its "
			"broadcast address",
			ip, true);
	return 0;
}

static int check_address(const void *item, const void *arg, struct rpc_error *err)
{
	return check_interface(item, "", err);
}

static int check_neighbor(const void *item, const void *arg, struct rpc_error *err)
{
	const struct intent_neighbor *neighbor = item;

	if (!ip_is_unicast(&neighbor->address))
		return refuse_ip(
			err, "address", "an address of one station", &neighbor->address, false);
	if (!mac_is_unicast(&neighbor->mac))
		return refuse_mac(err, "mac", "a MAC address of one station", &neighbor->mac);
	return 0;
}

/* via must be next door: in one of the networks of the place, and not the box itself. */
static int check_route(const void *item, const void *arg, struct rpc_error *err)
{
	const struct intent_route *route = item;
	const struct api_prefixes *networks = arg;
	const struct api_ip *via = &route->via;
	bool near = false;

	if (route->prefix.family != route->via.family)
		return refuse_ip(err, "via", "an address of the prefix's family", via, false);
	for (uint32_t i = 0; i < networks->count; i++) {
		if (api_ip_same(via, &networks->item[i]))
			return refuse_ip(
				err, "via", "another station than the box itself", via, false);
		near |= api_ip_within(via, &networks->item[i]);
	}
	return near ? 0
		    : refuse_ip(
			      err, "via", "an address in a network of the same place", via, false);
}

static int check_port(const void *item, const void *arg, struct rpc_error *err)
{
	const struct intent_port *port = item;
	const char *only = NULL, *dot = strrchr(port->name, '.');

	if (!port->device[0])
		only = port->tap ? "tap" : port->queues ? "queues" : port->mbufs ? "mbufs" : NULL;
	if (only)
		return rpc_fail_value(err, only, "only together with device", "no device");
	/* "x.5" without VLAN and "x" with VLAN 5 would be the same attachment */
	if (dot && dot[1] && !dot[1 + strspn(dot + 1, "0123456789")])
		return rpc_fail_value(err, "name",
			"a name that does not end in . and a number: so VLANs are written",
			port->name);
	if (port->mac.bytes[0] & 1)
		return refuse_mac(err, "mac", "a MAC address of one station", &port->mac);
	if (check_each("addresses", &port->addresses, sizeof(struct api_ip), check_address, NULL,
		    err) ||
		check_each("neighbors", &port->neighbors, sizeof(struct intent_neighbor),
			check_neighbor, NULL, err) ||
		check_each("routes", &port->routes, sizeof(struct intent_route), check_route,
			&port->addresses, err))
		return -1;
	return check_once(port_once, port, err);
}

static int check_gtpu(const void *item, const void *arg, struct rpc_error *err)
{
	const struct intent_gtpu *gtpu = item;

	return ip_is_unicast(&gtpu->address)
		       ? 0
		       : refuse_ip(err, "address", "an address of one station", &gtpu->address,
				 false);
}

static int check_site(const struct intent_site *site, struct rpc_error *err)
{
	if (check_each("ports", &site->ports, sizeof(struct intent_port), check_port, NULL, err) ||
		check_each("gtpu", &site->gtpu, sizeof(struct intent_gtpu), check_gtpu, NULL, err))
		return -1;
	return check_once(site_once, site, err);
}

static int check_wan(const struct intent_wan *wan, struct rpc_error *err)
{
	char got[32];

	if (wan->shape && wan->capacity_bps < RATE_MIN_BPS) {
		snprintf(got, sizeof(got), "%llu", (unsigned long long)wan->capacity_bps);
		return rpc_fail_value(
			err, "capacity_bps", "at least 100000 where shape is true", got);
	}
	return check_port(&wan->port, NULL, err);
}

/* ---- slices ---- */

static int check_bandwidth(const struct intent_bandwidth *bandwidth, struct rpc_error *err)
{
	char want[80], got[32];

	snprintf(got, sizeof(got), "%llu", (unsigned long long)bandwidth->committed_bps);
	if (bandwidth->committed_bps && bandwidth->committed_bps < GUARANTEE_MIN_BPS) {
		snprintf(want, sizeof(want), "0 or at least %d", GUARANTEE_MIN_BPS);
		return rpc_fail_value(err, "bandwidth.committed_bps", want, got);
	}
	if (bandwidth->committed_bps && !bandwidth->peak_bps)
		return 0;
	snprintf(want, sizeof(want), "at least committed_bps, %s", got);
	if (bandwidth->peak_bps < METER_RATE_MIN)
		snprintf(want, sizeof(want), "at least %d, where committed_bps is 0",
			METER_RATE_MIN);
	else if (bandwidth->peak_bps >= bandwidth->committed_bps)
		return 0;
	snprintf(got, sizeof(got), "%llu", (unsigned long long)bandwidth->peak_bps);
	return rpc_fail_value(err, "bandwidth.peak_bps", want, got);
}

static int check_gateway(const char *path, const struct api_ip *gateway, struct rpc_error *err)
{
	return gateway->family ? check_interface(gateway, path, err) : 0;
}

static int check_l3_endpoint(const struct intent_endpoint *endpoint, struct rpc_error *err)
{
	struct api_ip gateways[] = {endpoint->gateway, endpoint->gateway6};
	const struct api_prefixes networks = {2, gateways};

	/* with a tap the kernel's addresses there are gateways, too */
	if (!endpoint->gateway.family && !endpoint->gateway6.family && !endpoint->tap[0])
		return rpc_fail_value(
			err, "gateway", "gateway or gateway6 where service is l3", "nothing");
	if (check_gateway("gateway", &endpoint->gateway, err) ||
		check_gateway("gateway6", &endpoint->gateway6, err) ||
		check_each("routes", &endpoint->routes, sizeof(struct intent_route), check_route,
			&networks, err))
		return -1;
	return check_once(endpoint_once, endpoint, err);
}

static int check_l2_endpoint(const struct intent_endpoint *endpoint, struct rpc_error *err)
{
	const char *path = endpoint->gateway.family    ? "gateway"
			   : endpoint->gateway6.family ? "gateway6"
			   : endpoint->routes.count    ? "routes"
						       : NULL;

	return path ? rpc_fail_value(err, path, "only where service is l3", "service l2") : 0;
}

static int check_endpoint(const void *item, const void *arg, struct rpc_error *err)
{
	const struct intent_endpoint *endpoint = item;
	const struct intent_slice *slice = arg;

	if (slice->service == SERVICE_L3 ? check_l3_endpoint(endpoint, err)
					 : check_l2_endpoint(endpoint, err))
		return -1;
	if (!endpoint->tap[0] || slice->has_kernel)
		return 0;
	return rpc_fail_value(
		err, "tap", "nothing, the slice having no kernel part", endpoint->tap);
}

/* A prefix of an l3 slice and where it is from: each may be there only once. */
struct network {
	struct api_ip ip;
	uint32_t endpoint;
	bool gateway;
};

static void add_network(
	struct network *list, uint32_t *count, const struct api_ip *ip, uint32_t at, bool gateway)
{
	if (!ip->family)
		return;
	list[*count] = (struct network){.ip = *ip, .endpoint = at, .gateway = gateway};
	api_ip_mask(&list[(*count)++].ip);
}

static int refuse_network(
	const struct network *again, const struct network *first, struct rpc_error *err)
{
	char want[160], other[64];

	api_ip_format(&first->ip, true, other);
	snprintf(want, sizeof(want), "a network of its own: endpoints[%u] has %s", first->endpoint,
		other);
	refuse_ip(err,
		!again->gateway		? "routes"
		: again->ip.family == 6 ? "gateway6"
					: "gateway",
		want, &again->ip, true);
	rpc_error_prefix(err, "endpoints[%u]", again->endpoint);
	return -1;
}

/* By family, address and length. */
static int ip_compare(const struct api_ip *a, const struct api_ip *b)
{
	int order = (int)a->family - b->family;

	if (!order)
		order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return order ? order : (int)a->len - b->len;
}

static int by_network(const void *a, const void *b)
{
	const struct network *x = a, *y = b;
	int order = ip_compare(&x->ip, &y->ip);

	return order ? order : (x->endpoint > y->endpoint) - (x->endpoint < y->endpoint);
}

/* Networks of gateways do not overlap (in order of addresses, one that does comes after the one
 * it is in, with only such between them); routes may be more special than others, not the same. */
static int check_distinct(struct network *list, uint32_t count, struct rpc_error *err)
{
	const struct network *gateway = NULL;

	qsort(list, count, sizeof(*list), by_network);
	for (uint32_t i = 0; i < count; i++) {
		const struct network *first = &list[i];

		if (i && !ip_compare(&list[i].ip, &list[i - 1].ip))
			return refuse_network(&list[i], &list[i - 1], err);
		if (!first->gateway)
			continue;
		if (gateway && api_ip_overlap(&gateway->ip, &first->ip))
			return gateway->endpoint < first->endpoint
				       ? refuse_network(first, gateway, err)
				       : refuse_network(gateway, first, err);
		gateway = first;
	}
	return 0;
}

static int check_networks(const struct intent_endpoints *endpoints, struct rpc_error *err)
{
	uint32_t count = 0;
	struct network *list;
	int rc;

	for (uint32_t i = 0; i < endpoints->count; i++)
		count += 2 + endpoints->item[i].routes.count;
	list = xcalloc(count + 1, sizeof(*list));
	count = 0;
	for (uint32_t i = 0; i < endpoints->count; i++) {
		const struct intent_endpoint *endpoint = &endpoints->item[i];

		add_network(list, &count, &endpoint->gateway, i, true);
		add_network(list, &count, &endpoint->gateway6, i, true);
		for (uint32_t j = 0; j < endpoint->routes.count; j++)
			add_network(list, &count, &endpoint->routes.item[j].prefix, i, false);
	}
	rc = check_distinct(list, count, err);
	free(list);
	return rc;
}

/* The dataplane calls the underlay's routes so. */
static int check_reserved(const char *name, struct rpc_error *err)
{
	return strcmp(name, "underlay")
		       ? 0
		       : rpc_fail_value(
				 err, "name", "another name: it stands for the routes below", name);
}

static int check_kernel(const struct intent_slice *slice, struct rpc_error *err)
{
	const struct intent_kernel *kernel = &slice->kernel;
	uint32_t named = !!kernel->netns[0] + !!kernel->vrf[0] + !!kernel->table;
	bool l3 = slice->service == SERVICE_L3;

	if (!slice->has_kernel)
		return 0;
	if (l3 ? named == 1 && !kernel->bridge[0] : !named && kernel->bridge[0])
		return 0;
	return rpc_fail_value(err, "kernel",
		l3 ? "one of netns, vrf and table, the slice being l3"
		   : "bridge alone, the slice being l2",
		"something else");
}

static int check_slice(const struct intent_slice *slice, struct rpc_error *err)
{
	if (check_reserved(slice->name, err) ||
		(slice->has_bandwidth && check_bandwidth(&slice->bandwidth, err)) ||
		check_kernel(slice, err) ||
		check_each("endpoints", &slice->endpoints, sizeof(struct intent_endpoint),
			check_endpoint, slice, err) ||
		check_once(slice_once, slice, err))
		return -1;
	return check_networks(&slice->endpoints, err);
}

/* ---- hosts and their networks ---- */

static int check_host(const struct intent_host *host, struct rpc_error *err)
{
	if (!mac_is_unicast(&host->mac))
		return refuse_mac(err, "mac", "a MAC address of one station", &host->mac);
	if (host->address.family && !ip_is_unicast(&host->address))
		return refuse_ip(
			err, "address", "an address of one station", &host->address, false);
	if (host->address6.family && !ip_is_unicast(&host->address6))
		return refuse_ip(
			err, "address6", "an address of one station", &host->address6, false);
	return 0;
}

static int check_network(const struct intent_network *network, struct rpc_error *err)
{
	if (check_reserved(network->name, err) ||
		(network->has_bandwidth && check_bandwidth(&network->bandwidth, err)))
		return -1;
	return check_once(network_once, network, err);
}

/* ---- grants ---- */

static int refuse_less(
	const char *path, const char *want, uint64_t least, uint64_t is, struct rpc_error *err)
{
	char text[64], got[32];

	snprintf(text, sizeof(text), "%s, %llu", want, (unsigned long long)least);
	snprintf(got, sizeof(got), "%llu", (unsigned long long)is);
	return rpc_fail_value(err, path, text, got);
}

static int check_last(const char *path, uint32_t first, uint32_t last, struct rpc_error *err)
{
	return first <= last ? 0 : refuse_less(path, "at least its first", first, last, err);
}

static int check_peak(uint64_t committed_bps, uint64_t peak_bps, struct rpc_error *err)
{
	return !peak_bps || peak_bps >= committed_bps
		       ? 0
		       : refuse_less("peak_bps", "at least committed_bps", committed_bps, peak_bps,
				 err);
}

static int check_range(const void *item, const void *arg, struct rpc_error *err)
{
	const struct intent_range *range = item;

	return check_last("last", range->first, range->last, err);
}

static int check_grant_place(const void *item, const void *arg, struct rpc_error *err)
{
	const struct intent_grant_place *place = item;

	return check_each(
		"vlans", &place->vlans, sizeof(struct intent_range), check_range, NULL, err);
}

static int check_grant_wan(const void *item, const void *arg, struct rpc_error *err)
{
	const struct intent_grant_wan *wan = item;

	return check_peak(wan->committed_bps, wan->peak_bps, err);
}

static int check_grant_peer(const void *item, const void *arg, struct rpc_error *err)
{
	const struct intent_grant_peer *peer = item;

	return check_last("last_teid", peer->first_teid, peer->last_teid, err);
}

static int check_grant_gtpu(const void *item, const void *arg, struct rpc_error *err)
{
	const struct intent_grant_gtpu *gtpu = item;

	if (check_each("peers", &gtpu->peers, sizeof(struct intent_grant_peer), check_grant_peer,
		    NULL, err))
		return -1;
	return check_last("last_teid", gtpu->first_teid, gtpu->last_teid, err);
}

static int check_encap(const void *item, const void *arg, struct rpc_error *err)
{
	const char *encap = ((const struct api_text *)item)->text;

	return !strcmp(encap, "vxlan") || !strcmp(encap, "geneve")
		       ? 0
		       : rpc_fail_value(err, "", "vxlan or geneve", encap);
}

static int check_tenant(const struct intent_tenant *tenant, struct rpc_error *err)
{
	if (check_peak(tenant->committed_bps, tenant->peak_bps, err) ||
		check_each("encaps", &tenant->encaps, sizeof(struct api_text), check_encap, NULL,
			err) ||
		check_each("vnis", &tenant->vnis, sizeof(struct intent_range), check_range, NULL,
			err) ||
		check_each("places", &tenant->places, sizeof(struct intent_grant_place),
			check_grant_place, NULL, err) ||
		check_each("wans", &tenant->wans, sizeof(struct intent_grant_wan), check_grant_wan,
			NULL, err) ||
		check_each("gtpu", &tenant->gtpu, sizeof(struct intent_grant_gtpu),
			check_grant_gtpu, NULL, err))
		return -1;
	return check_once(tenant_once, tenant, err);
}

int intent_check(enum intent_type type, const union intent_object *obj, struct rpc_error *err)
{
	if (check_names(obj, intent_types[type].fields, err))
		return -1;
	switch (type) {
	case INTENT_SITE:
		return check_site(&obj->site, err);
	case INTENT_WAN:
		return check_wan(&obj->wan, err);
	case INTENT_SLICE:
		return check_slice(&obj->slice, err);
	case INTENT_HOST:
		return check_host(&obj->host, err);
	case INTENT_NETWORK:
		return check_network(&obj->network, err);
	case INTENT_LOCAL_NETWORK:
		return check_once(local_network_once, obj, err);
	case INTENT_TENANT:
		return check_tenant(&obj->tenant, err);
	default:
		return 0; /* sessions: the dataplane's rules, and it says them */
	}
}
