/* SPDX-License-Identifier: BSD-3-Clause */
/* See ports.h. */
#include "ports.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "device.h"

const char *const xdp_state_names[] = {"none", "driver", "generic", "foreign", "failed", NULL};

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

static bool has_port(const struct xdp_port_list *ports, const struct xdp_port *port)
{
	for (size_t i = 0; i < ports->count; i++)
		if (!strcmp(ports->port[i].name, port->name) &&
			!strcmp(ports->port[i].interface, port->interface))
			return true;
	return false;
}

static void add(struct xdp_port_list *ports, const json_t *object)
{
	const char *device = text_of(object, "device");
	struct xdp_port port = {0};

	if (strncmp(device, "net_af_xdp", 10) || !device_interface(device, port.interface))
		return;
	snprintf(port.name, sizeof(port.name), "%s", text_of(object, "name"));
	if (has_port(ports, &port))
		return;
	ports->port = xreallocarray(ports->port, ports->count + 1, sizeof(port));
	ports->port[ports->count++] = port;
}

void ports_add(struct xdp_port_list *ports, const char *text)
{
	json_t *object = json_loads(text, 0, NULL);

	add(ports, object);
	json_decref(object);
}

void ports_free(struct xdp_port_list *ports)
{
	free(ports->port);
	*ports = (struct xdp_port_list){0};
}
