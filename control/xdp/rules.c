/* SPDX-License-Identifier: BSD-3-Clause */
/* See rules.h. */
#include "rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VXLAN_PORT  4789
#define GENEVE_PORT 6081
#define GTPU_PORT   2152

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

static bool has_port(const struct xdp_rules *rules, const struct xdp_port *port)
{
	for (size_t i = 0; i < rules->ports; i++)
		if (!strcmp(rules->port[i].name, port->name) &&
			!strcmp(rules->port[i].interface, port->interface))
			return true;
	return false;
}

static int add_port(struct xdp_rules *rules, const json_t *object)
{
	const char *device = text_of(object, "device"), *iface = strstr(device, "iface=");
	struct xdp_port port = {.setting.flags = XDP_FILTER}, *more;

	if (strncmp(device, "net_af_xdp", 10) || !iface)
		return 0;
	snprintf(port.name, sizeof(port.name), "%s", text_of(object, "name"));
	snprintf(port.interface, sizeof(port.interface), "%.*s", (int)strcspn(iface + 6, ","),
		iface + 6);
	if (has_port(rules, &port))
		return 0;
	more = realloc(rules->port, (rules->ports + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	rules->port = more;
	rules->port[rules->ports++] = port;
	return 0;
}

static int add_attachment(struct xdp_rules *rules, const json_t *object)
{
	const char *port = text_of(object, "port");
	json_int_t vlan = json_integer_value(json_object_get(object, "vlan"));

	for (size_t i = 0; i < rules->ports; i++) {
		struct xdp_setting *setting = &rules->port[i].setting;

		if (strcmp(rules->port[i].name, port))
			continue;
		if (vlan > 0 && vlan < 4096)
			setting->vlans[vlan / 64] |= 1ull << (vlan % 64);
		else
			setting->flags |= XDP_UNTAGGED;
	}
	return 0;
}

static int add_local(struct xdp_rules *rules, const char *address, uint16_t port, __u32 kind)
{
	struct xdp_rule rule = {.local.port = htons(port), .kind = kind}, *more;

	if (inet_pton(AF_INET, address, rule.local.address + 12) == 1)
		rule.local.address[10] = rule.local.address[11] = 0xff;
	else if (inet_pton(AF_INET6, address, rule.local.address) != 1)
		return 0;
	more = realloc(rules->rule, (rules->rules + 2) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	rules->rule = more;
	more[rules->rules++] = rule;
	rule.local.port = 0; /* fragments */
	rule.kind = XDP_LOCAL_ADDRESS;
	more[rules->rules++] = rule;
	return 0;
}

static int add_tunnel(struct xdp_rules *rules, const json_t *object)
{
	json_int_t port = json_integer_value(json_object_get(object, "dst_port"));

	if (!port)
		port = strcmp(text_of(object, "encap"), "geneve") ? VXLAN_PORT : GENEVE_PORT;
	return add_local(rules, text_of(object, "local"), port, XDP_LOCAL_OVERLAY);
}

int rules_add(struct xdp_rules *rules, enum object_type type, const char *text)
{
	json_t *object = json_loads(text, 0, NULL);
	int rc = 0;

	if (type == OBJECT_PORT)
		rc = add_port(rules, object);
	else if (type == OBJECT_ATTACHMENT)
		rc = add_attachment(rules, object);
	else if (type == OBJECT_TUNNEL)
		rc = add_tunnel(rules, object);
	else if (type == OBJECT_GTPU)
		rc = add_local(rules, text_of(object, "address"), GTPU_PORT, XDP_LOCAL_GTPU);
	json_decref(object);
	return rc;
}

static int rule_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct xdp_local));
}

void rules_end(struct xdp_rules *rules)
{
	size_t kept = 0;

	if (rules->rules)
		qsort(rules->rule, rules->rules, sizeof(*rules->rule), rule_cmp);
	for (size_t i = 0; i < rules->rules; i++)
		if (!kept || rule_cmp(&rules->rule[kept - 1], &rules->rule[i]))
			rules->rule[kept++] = rules->rule[i];
	rules->rules = kept;
}

void rules_free(struct xdp_rules *rules)
{
	free(rules->port);
	free(rules->rule);
	*rules = (struct xdp_rules){0};
}
