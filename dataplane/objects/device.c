/* SPDX-License-Identifier: BSD-3-Clause */
/* See device.h. Owns nothing. */
#include "device.h"

#include <string.h>

bool device_interface(const char *device, char interface[IFNAMSIZ])
{
	const char *name = strstr(device, ",iface=");
	size_t length;

	if (!name)
		return false;
	name += strlen(",iface=");
	length = strcspn(name, ",");
	if (!length || length >= IFNAMSIZ)
		return false;
	memcpy(interface, name, length);
	interface[length] = '\0';
	return true;
}
