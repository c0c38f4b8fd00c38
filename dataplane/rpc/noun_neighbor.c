/* SPDX-License-Identifier: BSD-3-Clause */
/* neighbor: the MAC of an IP next door, on the underlay or on an attachment. Owns nothing: static
 * ones are in the model, learned ones in pipelines/l3/neighbor.h alone. In an l3 slice it must be
 * on a network of its attachment, and keeps that from going; in an l2 slice any address will do. */
#include "nouns.h"

#include <stdio.h>
#include <string.h>

#include "neighbor.h"
#include "networks.h"
#include "underlay.h"

static void unique_text(const char *slice, const struct api_ip *address, char *text)
{
	char ip[64];

	api_ip_format(address, false, ip);
	snprintf(text, NOUN_UNIQUE, "slice %s neighbor %s", slice, ip);
}

/* On a port the key says it all; in a slice an address is behind one attachment. */
static void neighbor_unique(const union api_object *data, char *text)
{
	const struct object *at = model_find(OBJECT_ATTACHMENT, data->neighbor.attachment);

	text[0] = '\0';
	if (data->neighbor.attachment[0] && at)
		unique_text(at->now->data->attachment.slice, &data->neighbor.address, text);
}

struct object *neighbor_holder(const struct object *slice, const struct api_ip *address)
{
	char text[NOUN_UNIQUE];

	unique_text(slice->key, address, text);
	return model_unique_holder(OBJECT_NEIGHBOR, text);
}

static int check_network(const struct object *slice, const struct object *at,
	const struct api_ip *ip, struct rpc_error *err)
{
	const struct network *network = network_of(slice->id, at->id, ip);
	char label[160];
	const struct object *own;

	if (!network || !network_host(ip, network->key.ip.len))
		return noun_fail_ip(err, "address",
			"a host's address on a network of the attachment (put its address first)",
			ip, false);
	own = gateway_holder(slice, ip);
	if (!own)
		return 0;
	return noun_fail_conflict(err, "address", model_label(own, label, sizeof(label)),
		"the address is the switch's own: %.120s", label);
}

static int neighbor_check(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct api_neighbor *next = &change->data->neighbor;
	const struct object *at = model_find(OBJECT_ATTACHMENT, next->attachment), *slice;

	if (!change_begins(change) && strcmp(change->old->data->neighbor.port, next->port))
		return noun_fail_place(err, change->obj);
	if (!noun_ip_unicast(&next->address))
		return noun_fail_ip(err, "address", "a unicast address", &next->address, false);
	if (!noun_mac_unicast(&next->mac))
		return noun_fail_mac(err, "mac", &next->mac);
	if (!next->attachment[0] || !at)
		return 0;
	slice = version_ref(at->now, OBJECT_SLICE);
	return slice->now->data->slice.kind == SLICE_L3
		       ? check_network(slice, at, &next->address, err)
		       : 0;
}

/* The network a neighbor of an l3 slice is on; NULL in others. */
static struct network *network_at(const struct object *obj, const struct api_ip *address)
{
	struct api_ip prefix = *address;

	prefix.len = obj->network_len;
	return obj->network_len ? network_any(obj->slice, &prefix) : NULL;
}

static void count(const struct object *obj, const struct version *version, int by)
{
	struct network *network = network_at(obj, &version->data->neighbor.address);

	if (network)
		network->neighbors += by;
}

static void neighbor_noun_release(const struct change *change)
{
	count(change->obj, change->old, -1);
}

static void neighbor_restore(const struct change *change)
{
	count(change->obj, change->old, 1);
}

static int neighbor_prepare(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct object *at = version_ref(change->next, OBJECT_ATTACHMENT);
	struct object *obj = change->obj;
	const struct network *network;
	int rc;

	if (!at)
		return 0;
	rc = neighbor_reserve();
	if (rc)
		return noun_fail_room(err, rc, "a box holds at most %u neighbours", LIMIT_HOSTS);
	obj->slice = version_ref(at->now, OBJECT_SLICE)->id;
	network = network_of(obj->slice, at->id, &change->data->neighbor.address);
	obj->network_len = network ? network->key.ip.len : 0;
	count(obj, change->next, 1);
	return 0;
}

static void neighbor_undo(const struct change *change)
{
	if (!version_ref(change->next, OBJECT_ATTACHMENT))
		return;
	neighbor_release();
	count(change->obj, change->next, -1);
}

static void neighbor_commit(
	struct object *obj, const struct version *old, const struct version *next)
{
	const struct version *version = next ? next : old;
	const struct api_neighbor *neighbor = &version->data->neighbor;
	const struct object *at = version_ref(version, OBJECT_ATTACHMENT);
	const struct object *port = version_ref(version, OBJECT_PORT);

	if (at && next)
		neighbor_set(obj->slice, at->id, &neighbor->address, &neighbor->mac);
	else if (at)
		neighbor_forget(obj->slice, at->id, &neighbor->address);
	else if (next)
		underlay_neighbor_set(port->id, &neighbor->address, &neighbor->mac);
	else
		underlay_neighbor_unset(port->id, &neighbor->address);
}

static void neighbor_answer(const struct object *obj, union api_object *copy)
{
	const struct object *port = version_ref(obj->now, OBJECT_PORT);
	bool known;

	if (port)
		copy->neighbor.wanted =
			underlay_hop_wanted(port->id, &copy->neighbor.address, &known);
}

/* ---- wanted ones without a MAC ---- */

static bool missing_describe(const struct underlay_hop *hop, struct api_neighbor *out)
{
	const struct object *port = model_by_id(OBJECT_PORT, hop->port);

	if (!port)
		return false;
	memset(out, 0, sizeof(*out));
	strcpy(out->port, port->key);
	out->address = hop->address;
	out->learned = true; /* nobody has put it */
	out->state = NEIGHBOR_INCOMPLETE;
	out->wanted = true;
	return true;
}

static int missing_find(const struct api_neighbor *key, struct api_neighbor *out)
{
	const struct object *port = model_find(OBJECT_PORT, key->port);
	struct underlay_hop hop = {.address = key->address};
	bool known;

	if (!port || !underlay_hop_wanted(port->id, &key->address, &known) || known)
		return -1;
	hop.port = port->id;
	return missing_describe(&hop, out) ? 1 : -1;
}

static uint32_t missing_iterate(const struct page *page, const struct row_list *list,
	uint64_t *cursor, void *entries, uint32_t max)
{
	if (!match_text(page, "attachment"))
		return underlay_hops_missing(cursor, entries, max);
	*cursor = 0;
	return 0;
}

static bool missing_page_describe(const struct page *page, const void *entry, union api_object *out)
{
	return missing_describe(entry, &out->neighbor);
}

/* ---- learned ones ---- */

struct neighbor_step {
	uint16_t slice, attachment;
	struct api_ip address;
};

/* The place of a key stands in `port`, whatever it is. */
static const struct object *place_of(const union api_object *key)
{
	return model_find(OBJECT_ATTACHMENT, key->neighbor.port);
}

static int learned_remove(struct tx *tx, const union api_object *key, struct rpc_error *err)
{
	const struct api_ip *address = &key->neighbor.address;
	const struct object *at = place_of(key);
	struct neighbor_entry entry;
	struct neighbor_step step;

	if (!at || neighbor_get(at->id, address, &entry) || entry.state == NEIGHBOR_STATIC)
		return 1;
	if (tx_step_room(tx, OBJECT_NEIGHBOR, err))
		return -1;
	step = (struct neighbor_step){entry.slice, at->id, *address};
	tx_step_add(tx, OBJECT_NEIGHBOR, &step);
	tx->deleted++;
	return 0;
}

static void learned_commit(const void *steps, size_t count)
{
	for (const struct neighbor_step *step = steps; count-- > 0; step++)
		neighbor_forget(step->slice, step->attachment, &step->address);
}

static bool neighbor_describe(const struct neighbor_entry *entry, struct api_neighbor *out)
{
	const struct object *slice = model_by_id(OBJECT_SLICE, entry->slice);
	const struct object *at = model_by_id(OBJECT_ATTACHMENT, entry->attachment);

	if (!slice || (entry->attachment && !at))
		return false;
	memset(out, 0, sizeof(*out));
	if (at)
		strcpy(out->attachment, at->key);
	strcpy(out->slice, slice->key);
	out->address = entry->address;
	out->mac = entry->mac;
	out->learned = entry->state != NEIGHBOR_STATIC;
	out->state = entry->state;
	out->age_s = entry->age_s;
	return true;
}

static int learned_find(const union api_object *key, union api_object *out)
{
	const struct object *at = place_of(key);
	struct neighbor_entry entry;

	if (at && !neighbor_get(at->id, &key->neighbor.address, &entry) &&
		neighbor_describe(&entry, &out->neighbor))
		return 1;
	return missing_find(&key->neighbor, &out->neighbor);
}

static uint32_t learned_iterate(const struct page *page, const struct row_list *list,
	uint64_t *cursor, void *entries, uint32_t max)
{
	if (!match_text(page, "port"))
		return neighbor_iterate(cursor, entries, max);
	*cursor = 0;
	return 0;
}

static bool learned_describe(const struct page *page, const void *entry, union api_object *out)
{
	const struct neighbor_entry *neighbor = entry;

	return neighbor->state != NEIGHBOR_STATIC && neighbor_describe(neighbor, &out->neighbor);
}

static const struct row_list neighbor_lists[] = {
	{'n', learned_iterate, sizeof(struct neighbor_entry), learned_describe},
	{'w', missing_iterate, sizeof(struct underlay_hop), missing_page_describe},
	{.iterate = NULL},
};
_Static_assert(sizeof(struct neighbor_entry) <= STORE_ENTRY, "an entry fits");
_Static_assert(sizeof(struct underlay_hop) <= STORE_ENTRY, "an entry fits");

const struct backend neighbor_backend = {
	.step_bytes = sizeof(struct neighbor_step),
	.find = learned_find,
	.remove = learned_remove,
	.commit = learned_commit,
	.lists = neighbor_lists,
};

const struct noun noun_neighbor = {
	.unique_field = "address",
	.unique = neighbor_unique,
	.release = neighbor_noun_release,
	.restore = neighbor_restore,
	.check = neighbor_check,
	.prepare = neighbor_prepare,
	.undo = neighbor_undo,
	.commit = neighbor_commit,
	.answer = neighbor_answer,
};
