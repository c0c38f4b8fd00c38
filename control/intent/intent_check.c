/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules that an intent keeps by itself: names here, the rest by type in check_*.c. The rules
 * between intents are world_check's. Owns nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "intent_private.h"

int refuse_ip(struct rpc_error *err, const char *path, const char *want, const struct api_ip *ip,
	bool prefix)
{
	char got[64];

	api_ip_format(ip, prefix, got);
	return rpc_fail_value(err, path, want, got);
}

int refuse_mac(
	struct rpc_error *err, const char *path, const char *want, const struct api_mac_addr *mac)
{
	char got[64];

	api_mac_format(mac, got);
	return rpc_fail_value(err, path, want, got);
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

static int check_names(const struct api_field *fields, const void *structure, struct rpc_error *err)
{
	for (const struct api_field *f = fields; f->name; f++)
		if (f->kind == FIELD_NAME && f->max &&
			check_name(f, (const char *)structure + f->offset, err))
			return -1;
	return 0;
}

static const struct api_field *field_of(const struct api_field *fields, const char *name)
{
	while (fields->name && strcmp(fields->name, name))
		fields++;
	return fields;
}

/* The same of each item of one of the type's lists. */
int check_list_names(enum intent_type type, const char *list, const void *item, uint32_t count,
	struct rpc_error *err)
{
	const struct api_field *field = field_of(intent_types[type].fields, list);

	for (uint32_t i = 0; i < count; i++) {
		if (!check_names(field->fields, (const char *)item + i * field->item_size, err))
			continue;
		rpc_error_prefix(err, "%s[%u]", list, i);
		return -1;
	}
	return 0;
}

int check_part_names(
	enum intent_type type, const char *part, const void *structure, struct rpc_error *err)
{
	if (!check_names(field_of(intent_types[type].fields, part)->fields, structure, err))
		return 0;
	rpc_error_prefix(err, "%s", part);
	return -1;
}

struct order {
	const void *base;
	twin_compare *compare;
};

static int compare_items(const void *a, const void *b, void *arg)
{
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	const struct order *order = arg;
	int rc = order->compare(order->base, i, j);

	return rc ? rc : (i > j) - (i < j);
}

bool find_twin(
	const void *base, uint32_t count, twin_compare *compare, uint32_t *again, uint32_t *first)
{
	struct order order = {base, compare};
	uint32_t *index = count > 1 ? malloc(count * sizeof(*index)) : NULL;
	bool found = false;

	for (uint32_t i = 0; index && i < count; i++)
		index[i] = i;
	if (index)
		qsort_r(index, count, sizeof(*index), compare_items, &order);
	for (uint32_t i = 1; index && i < count; i++) {
		if (compare(base, index[i - 1], index[i]) || (found && index[i] > *again))
			continue;
		*first = index[i - 1];
		*again = index[i];
		found = true;
	}
	free(index);
	return found;
}

int intent_check(enum intent_type type, const union intent_object *obj, struct rpc_error *err)
{
	if (check_names(intent_types[type].fields, obj, err))
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
		return check_local_network(&obj->local_network, err);
	case INTENT_TENANT:
		return check_grant(&obj->tenant, err);
	default:
		return 0; /* sessions: the dataplane's rules, and it says them */
	}
}
