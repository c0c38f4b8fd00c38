/* SPDX-License-Identifier: BSD-3-Clause */
/* Why an intent is refused, as its tenant may read it. */
#include <stdio.h>
#include <string.h>

#include "world.h"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@"

/* Sites, WANs and ports are known by name to everybody. */
static bool is_anothers(const struct world *world, const char *name, const char *tenant)
{
	for (int type = INTENT_SLICE; type <= INTENT_SESSION; type++) {
		const struct intent *intent = world_find(world, (enum intent_type)type, name);

		if (intent && strcmp(intent->tenant, tenant))
			return true;
	}
	return false;
}

/* Are there names of what is others' among the words? */
static bool names_others(const struct world *world, const char *reason, const char *tenant)
{
	while (*(reason += strcspn(reason, NAME_LETTERS))) {
		size_t len = strspn(reason, NAME_LETTERS);
		api_name name;

		snprintf(name, sizeof(name), "%.*s", (int)len, reason);
		if (len < sizeof(name) && is_anothers(world, name, tenant))
			return true;
		while (len && strchr("._-@", reason[len - 1])) /* "session a.": the end of a text */
			len--;
		snprintf(name, sizeof(name), "%.*s", (int)len, reason);
		if (len && len < sizeof(name) && is_anothers(world, name, tenant))
			return true;
		reason += strspn(reason, NAME_LETTERS);
	}
	return false;
}

const char *world_reason_told(
	const struct world *world, const struct intent *intent, char *text, size_t size)
{
	return world_told(world, intent->tenant, intent->status.reason, text, size);
}

const char *world_told(
	const struct world *world, const char *tenant, const char *reason, char *text, size_t size)
{
	snprintf(text, size, "%s", reason);
	if (!tenant[0])
		return text;
	if (!strncmp(reason, "wan ", 4))
		snprintf(text, size, "%.*s cannot be used: ask the operators",
			4 + (int)strspn(reason + 4, NAME_LETTERS), reason);
	else if (names_others(world, reason, tenant))
		snprintf(text, size,
			"something that is not tenant %s's is in its way: ask the operators",
			tenant);
	return text;
}
