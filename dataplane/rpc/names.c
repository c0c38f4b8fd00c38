/* SPDX-License-Identifier: BSD-3-Clause */
/* Names for ids in texts of traces and table rows. */
#include "names.h"

#include <stdio.h>
#include <string.h>

#include "model.h"
#include "peer.h"
#include "session.h"

/* "gtpu n3 to 198.18.0.2": a tunnel of the switch's own. */
static bool peer_text(uint16_t id, char *out, size_t size)
{
	const struct object *obj;
	struct api_ip address;
	char text[64];
	uint16_t gtpu;

	if (!peer_describe(id, &gtpu, &address))
		return false;
	obj = model_by_id(OBJECT_GTPU, gtpu);
	api_ip_format(&address, false, text);
	snprintf(out, size, "gtpu %s to %s", obj ? obj->key : "?", text);
	return true;
}

/* "{slice 3}" at text → its name in out, and *end behind it; false when it is no such thing. */
static bool named(const char *text, const char **end, char *out, size_t size)
{
	const struct object *obj = NULL;
	const struct api_type *type;
	const char *session;
	char type_name[16];
	unsigned id;
	int used = 0;

	if (sscanf(text, "{%15[a-z] %u}%n", type_name, &id, &used) != 2 || used == 0)
		return false;
	type = api_type_find(type_name);
	*end = text + used;
	if (type != NULL && type->type == OBJECT_SESSION) {
		session = id != 0 && id <= LIMIT_SESSIONS ? session_name(id) : NULL;
		snprintf(out, size, "%s", session != NULL ? session : "");
		return session != NULL;
	}
	if (type != NULL && id <= UINT16_MAX)
		obj = model_by_id(type->type, id);
	if (obj == NULL)
		return type != NULL && type->type == OBJECT_TUNNEL && id <= UINT16_MAX &&
		       peer_text(id, out, size);
	snprintf(out, size, "%s", obj->key);
	return true;
}

json_t *names_text(const char *text)
{
	char out[512], name[API_KEY_BYTES];
	size_t n = 0;

	while (*text != '\0' && n + 1 < sizeof(out)) {
		const char *end;

		if (*text != '{' || !named(text, &end, name, sizeof(name))) {
			out[n++] = *text++;
			continue;
		}
		int len = snprintf(out + n, sizeof(out) - n, "%s", name);

		n += (size_t)len < sizeof(out) - n ? (size_t)len : sizeof(out) - n - 1;
		text = end;
	}
	out[n] = '\0';
	return json_string(out);
}
