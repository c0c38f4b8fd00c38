/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of store.h that control/http calls. Tokens are called as their text is, "t-…". */
#include "store_fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

json_t *fake_audit;

static struct store_token known[8];
static int known_count;

/* hash: of "printf TEXT | sha256sum", not of the code under test */
static void add(
	const char *id, const char *role, const char *tenant, const char *hash, int64_t ends)
{
	struct store_token *token = &known[known_count++];

	snprintf(token->id, sizeof(token->id), "%s", id);
	snprintf(token->name, sizeof(token->name), "%s", id);
	snprintf(token->role, sizeof(token->role), "%s", role);
	snprintf(token->tenant, sizeof(token->tenant), "%s", tenant);
	snprintf(token->hash, sizeof(token->hash), "%s", hash);
	token->expires_us = ends;
}

void fake_store_init(void)
{
	fake_audit = json_array();
	add("admin", "admin", "",
		"c140b9ee332d67f84953aae63edc037a10d217685d2d98161ecb34696eb4e2a4",
		0); /* t-admin */
	add("viewer", "viewer", "",
		"7948afab15f6a03ab2eaf764063805ce01269c98b7ca3e3a9f4457b718b8e7cc",
		INT64_MAX); /* t-viewer */
	add("acme", "tenant", "acme",
		"be8b98ec87fea616f6bc6cae5ee21c5d50d9a9270a1931961d21129783bc0e00",
		0); /* t-tenant */
	add("old", "admin", "", "88bd5c2bc6c143b0472378b0313fbf5ff232e56124152f4092cab8fa83aca40b",
		1000000); /* t-old: expired in 1970 */
	add("broken", "", "", "2e0c10b5fce384dd4dd316c02f7990715c9fec9fbf401e0cc5da4538505afd93",
		0); /* t-broken: the store fails */
}

void fake_store_free(void)
{
	json_decref(fake_audit);
}

int store_token_find(struct store *store, const char *hash, struct store_token *out)
{
	for (int i = 0; i < known_count; i++) {
		if (strcmp(known[i].hash, hash))
			continue;
		*out = known[i];
		return *known[i].role ? 0 : -EIO;
	}
	return -ENOENT;
}

int store_audit_add(struct store *store, const char *actor, const char *source, const char *action,
	int status, const char *detail, int64_t now_us)
{
	return json_array_append_new(
		fake_audit, json_sprintf("%s|%s|%s|%d|%s", actor, source, action, status, detail));
}

int store_fd(const struct store *store)
{
	return -1; /* all is on disk at once */
}

void store_state(struct store *store, struct store_state *out)
{
	*out = (struct store_state){.err = 0};
}
