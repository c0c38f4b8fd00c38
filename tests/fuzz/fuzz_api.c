/* SPDX-License-Identifier: BSD-3-Clause */
/* The codec: JSON → every object type and back, keys as people write them, addresses and MACs. What
 * was decoded encodes to what decodes to the same; a key is its own canonical form. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s\n", what, detail);
	abort();
}

/* What is only in answers does not come back in. */
static void drop_answers(const struct api_type *type, json_t *json)
{
	for (const struct api_field *f = type->fields; f->name != NULL; f++)
		if (f->flags & FIELD_ANSWER)
			json_object_del(json, f->name);
}

static void check_key(const struct api_type *type, const union api_object *obj)
{
	char key[API_KEY_BYTES], again[API_KEY_BYTES];
	struct rpc_error err = {0};
	union api_object out;

	memset(&out, 0, sizeof(out));
	api_key(type, obj, key);
	if (strlen(key) >= API_KEY_BYTES)
		wrong("key too long", key);
	if (api_key_parse(type, key, "key", again, &out, &err) != 0)
		wrong("an object's own key is refused", err.message);
	if (strcmp(key, again) != 0)
		wrong("not canonical", key);
}

static void check_decode(const struct api_type *type, const json_t *json)
{
	union api_object first, second;
	struct rpc_error err = {0};

	if (api_decode(type, json, "objects.0", &first, &err) != 0) {
		if (err.code == 0 || err.message[0] == '\0')
			wrong("an error without words", type->name);
		return;
	}
	json_t *text = api_encode(type, &first);

	if (text == NULL)
		wrong("does not encode", type->name);
	drop_answers(type, text);
	check_key(type, &first);
	if (api_decode(type, text, "", &second, &err) != 0)
		wrong("its own encoding is refused", err.message);
	if (!type->lists && memcmp(&first, &second, type->size) != 0)
		wrong("comes back different", type->name);
	if (type->lists) { /* their items are elsewhere: compared as texts */
		json_t *again = api_encode(type, &second);

		if (again == NULL || !json_equal(text, again))
			wrong("comes back different", type->name);
		json_decref(again);
	}
	json_decref(text);
}

static void check_text(const char *text)
{
	char form[128], again[128];
	struct api_mac_addr mac;
	struct api_ip ip;

	for (int prefix = 0; prefix < 2; prefix++) {
		if (api_ip_parse(text, prefix, &ip) != 0)
			continue;
		api_ip_format(&ip, prefix, form);
		if (api_ip_parse(form, prefix, &ip) != 0)
			wrong("an address is refused in its own form", form);
		api_ip_format(&ip, prefix, again);
		if (strcmp(form, again) != 0)
			wrong("two forms of an address", form);
	}
	if (api_mac_parse(text, &mac) == 0) {
		api_mac_format(&mac, form);
		if (api_mac_parse(form, &mac) != 0)
			wrong("a MAC is refused in its own form", form);
	}
	for (int t = 0; t < OBJECT_TYPES; t++) {
		char key[API_KEY_BYTES], twice[API_KEY_BYTES];
		struct rpc_error err = {0};
		union api_object out;

		memset(&out, 0, sizeof(out));
		if (api_key_parse(&api_types[t], text, "key", key, &out, &err) != 0)
			continue;
		if (api_key_parse(&api_types[t], key, "key", twice, &out, &err) != 0 ||
			strcmp(key, twice) != 0)
			wrong("a canonical key is not its own form", key);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_loadb(
		(const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	char *text = malloc(size + 1);
	char shown[80];

	memcpy(text, data, size);
	text[size] = '\0';
	check_text(text);
	free(text);
	for (int t = 0; json != NULL && t < OBJECT_TYPES; t++)
		check_decode(&api_types[t], json);
	if (json != NULL)
		api_show(json, shown, sizeof(shown));
	json_decref(json);
	return 0;
}
