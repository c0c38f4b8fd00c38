/* SPDX-License-Identifier: BSD-3-Clause */
/* What was: history of one intent and of all, and the audit log. */
#include <string.h>

#include "change.h"

#define PAGE	 100
#define SCAN_MAX 2000 /* entries looked at for one answer, where most are others' */

/* null where the actor may not see that side. */
static bool side_hide(const struct actor *actor, json_t *entry, const char *side)
{
	const char *tenant =
		json_string_value(json_object_get(json_object_get(entry, side), "tenant"));

	if (json_is_null(json_object_get(entry, side)))
		return true;
	if (actor_sees(actor, tenant ? tenant : ""))
		return false;
	json_object_set_new(entry, side, json_null());
	return true;
}

/* false: nothing of it is for this actor. Sites and WANs have no tenant: those who see one tenant's
 * things only do not see what they were. */
static bool entry_show(const struct actor *actor, json_t *entry)
{
	bool before, after;

	if (!actor_limited(actor))
		return true;
	before = side_hide(actor, entry, "before");
	after = side_hide(actor, entry, "after");
	return !before || !after;
}

struct page {
	const char *kind, *name;
	uint64_t before;
	int64_t limit;
	json_t *items;
	bool more;
};

/* Reads on until the page is full, there are no more, or enough were looked at. 0 or -errno. */
static int page_read(const struct actor *actor, struct page *page)
{
	bool limited = actor_limited(actor);

	for (int scanned = 0; scanned < SCAN_MAX;) {
		int want = limited ? PAGE : (int)page->limit + 1;
		json_t *list, *entry;
		size_t i;
		int rc = store_history(
			control.store, page->kind, page->name, page->before, want, &list);

		if (rc)
			return rc;
		scanned += want;
		json_array_foreach (list, i, entry) {
			page->more = (int64_t)json_array_size(page->items) == page->limit;
			if (page->more)
				break;
			page->before = (uint64_t)json_integer_value(json_object_get(entry, "id"));
			if (entry_show(actor, entry))
				json_array_append(page->items, entry);
		}
		rc = (int)json_array_size(list);
		json_decref(list);
		if (page->more || rc < want)
			return 0;
	}
	page->more = true;
	return 0;
}

static void page_reply(struct request *r, const char *kind, const char *name)
{
	int64_t before = request_number(r, "before");
	struct page page = {.kind = kind,
		.name = name,
		.before = (uint64_t)before,
		.limit = request_number(r, "limit")};
	json_t *body;

	if (request_put_off(r))
		return;
	page.items = json_array();
	if (page_read(request_actor(r), &page)) {
		json_decref(page.items);
		reply_problem(r, 503, "the store failed; try again");
		return;
	}
	/* what never was and what was somebody else's look the same */
	if (name && !before && !json_array_size(page.items) && !page.more) {
		json_decref(page.items);
		reply_problem(r, 404, "there is no history of a %s %s", kind, name);
		return;
	}
	body = json_pack("{s:o}", "items", page.items);
	if (page.more)
		json_object_set_new(body, "next", json_integer((json_int_t)page.before));
	reply_json(r, 200, body);
}

void intent_history(struct request *r)
{
	page_reply(r, intent_kind((enum intent_type)(intptr_t)request_route(r)->arg),
		request_param(r, "name"));
}

static void history_get(struct request *r)
{
	const char *kind = request_query(r, "kind");

	if (kind && intent_type_of_kind(kind) < 0) {
		reply_problem(r, 400, "kind: want %s", intent_kinds());
		return;
	}
	page_reply(r, kind, NULL);
}

static void audit_get(struct request *r)
{
	int64_t limit = request_number(r, "limit"), before = request_number(r, "before");
	json_t *items, *body;

	if (request_put_off(r))
		return;
	if (store_audit(control.store, (uint64_t)before, (int)limit, &items)) {
		reply_problem(r, 503, "the store failed; try again");
		return;
	}
	body = json_pack("{s:o}", "items", items);
	if ((int64_t)json_array_size(items) == limit)
		json_object_set(body, "next",
			json_object_get(json_array_get(items, (size_t)limit - 1), "id"));
	reply_json(r, 200, body);
}

#define PAGE_BEFORE                                                                                \
	{                                                                                          \
		"before", "next of the page before", .kind = QUERY_NUMBER, .max = INT64_MAX        \
	}

const struct route_query rest_page_query[] = {PAGE_LIMIT, PAGE_BEFORE, {NULL}};
static const struct route_query history_query[] = {
	PAGE_LIMIT, PAGE_BEFORE, {"kind", "of this kind only", .kind = QUERY_TEXT}, {NULL}};

const struct route rest_history_routes[] = {
	{"GET", "/v1/history", history_get, ROLE_VIEWER, "listHistory",
		"What was changed, newest first", "history", NULL, HISTORY_PAGE, NULL,
		history_query, NULL},
	{"GET", "/v1/audit", audit_get, ROLE_ADMIN, "listAudit",
		"Who asked for changes, and what came of it, newest first", "history", NULL,
		HISTORY_PAGE, NULL, rest_page_query, NULL},
	{NULL},
};
