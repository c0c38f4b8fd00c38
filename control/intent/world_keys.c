/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts of keys: to look for, and for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_parts.h"

/* What is too long to be a name is cut where it is still too long to be one. */
void key_place(char *text, const char *site, const char *port, uint32_t vlan)
{
	snprintf(text, API_KEY_BYTES, "%.63s/%.63s/%u", site, port, vlan);
}

void key_teid(char *text, const char *site, const char *gtpu, uint64_t teid)
{
	snprintf(text, API_KEY_BYTES, "%s/%s/%0*llu", site, gtpu, KEY_TEID_DIGITS,
		(unsigned long long)teid);
}

void key_vni(char *text, uint64_t vni)
{
	snprintf(text, API_KEY_BYTES, "%0*llu", KEY_VNI_DIGITS, (unsigned long long)vni);
}

const char *key_show(const struct constraint_key *key, char *text)
{
	static const char *const kinds[] = {[KEY_SITE] = "site",
		[KEY_PORT] = "port",
		[KEY_WAN] = "WAN",
		[KEY_GTPU] = "GTP-U address",
		[KEY_SLICE] = "slice",
		[KEY_ROUTER] = "l3 slice",
		[KEY_HOST] = "host",
		[KEY_NAME] = "slice or network",
		[KEY_TAP] = "interface",
		[KEY_PLACE] = "place",
		[KEY_TEID] = "TEID"};
	const char *slash = strchr(key->text, '/'), *vlan = slash ? strchr(slash + 1, '/') : NULL;
	int site = slash ? (int)(slash - key->text) : 0;

	if (key->kind == KEY_VNI)
		snprintf(text, KEY_SHOWN, "VNI %lu", strtoul(key->text, NULL, 10));
	else if (!slash)
		snprintf(text, KEY_SHOWN, "%s %s", kinds[key->kind], key->text);
	else if (key->kind == KEY_KERNEL)
		snprintf(text, KEY_SHOWN, "%.*s %s of the kernel", site, key->text, slash + 1);
	else if (!vlan)
		snprintf(text, KEY_SHOWN, "%s %s of site %.*s", kinds[key->kind], slash + 1, site,
			key->text);
	else if (key->kind == KEY_TEID)
		snprintf(text, KEY_SHOWN, "TEID %lu of GTP-U address %.*s of site %.*s",
			strtoul(vlan + 1, NULL, 10), (int)(vlan - slash - 1), slash + 1, site,
			key->text);
	else if (!strcmp(vlan, "/0"))
		snprintf(text, KEY_SHOWN, "port %.*s of site %.*s without VLAN",
			(int)(vlan - slash - 1), slash + 1, site, key->text);
	else
		snprintf(text, KEY_SHOWN, "VLAN %s of port %.*s of site %.*s", vlan + 1,
			(int)(vlan - slash - 1), slash + 1, site, key->text);
	return text;
}
