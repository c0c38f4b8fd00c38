/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules between intents, for what the open transaction has touched: what is needed is there,
 * what is there is not in another's way, what is gone is not missed; then places, VNIs and WANs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intent_private.h"

/* ---- keys ---- */

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

#define KEY_SHOWN 256

/* "port p1 of site gj": for people. text has KEY_SHOWN bytes. */
static const char *key_show(const struct constraint_key *key, char *text)
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

struct look {
	const struct world *world;
	const struct intent *intent;
	struct rpc_error *err;
};

static struct intent *owner_of(const struct look *look, const struct constraint_key *key)
{
	return world_holder(look->world, CONSTRAINT_HAS, key->kind, key->text, NULL);
}

/* ---- what is needed is there ---- */

/* Two names that differ by one letter, or two neighbours that are swapped. */
static bool is_near(const char *a, const char *b)
{
	size_t same = 0, end_a, end_b;

	while (a[same] && a[same] == b[same])
		same++;
	end_a = strlen(a);
	end_b = strlen(b);
	while (end_a > same && end_b > same && a[end_a - 1] == b[end_b - 1]) {
		end_a--;
		end_b--;
	}
	return (end_a - same <= 1 && end_b - same <= 1) ||
	       (end_a - same == 2 && end_b - same == 2 && a[same] == b[same + 1] &&
		       a[same + 1] == b[same]);
}

/* Of a port that is not there at a site that is not there the site is what is wrong. */
static bool refuse_missing_site(
	const struct world *world, const struct constraint_key *key, struct rpc_error *err)
{
	api_name site;
	const struct intent *near;
	char *last;

	snprintf(site, sizeof(site), "%.*s", (int)strcspn(key->text, "/"), key->text);
	if (world_find(world, INTENT_SITE, site))
		return false;
	near = world_first(world, INTENT_SITE);
	while (near && !is_near(site, near->name))
		near = world_next(near);
	rpc_fail_value(err, "", "the name of a site that is there", site);
	constraint_path(key, err);
	last = strrchr(err->path, '.');
	if (last && !strcmp(last, ".port"))
		strcpy(last, ".site");
	else if (!strcmp(err->path, "port"))
		strcpy(err->path, "site");
	rpc_fail(err, RPC_ERR_PARAMS,
		"there is no site %s%s%s: create it first, or in the same apply", site,
		near ? "; did you mean " : "", near ? near->name : "");
	return true;
}

/* One text for what is not there and for what is another tenant's: the second is nobody's business.
 */
static int refuse_missing(const struct world *world, const struct intent *user,
	const struct constraint_key *key, struct rpc_error *err)
{
	bool own = user->tenant[0] && (key->kind == KEY_SLICE || key->kind == KEY_HOST);
	char text[KEY_SHOWN];

	if (key->kind == KEY_PORT && refuse_missing_site(world, key, err))
		return -1;
	key_show(key, text);
	rpc_fail_value(err, "", "the name of something that is there", text);
	constraint_path(key, err);
	if (key->kind == KEY_ROUTER)
		rpc_fail(err, RPC_ERR_PARAMS, "slice %s is not l3", key->text);
	else
		rpc_fail(err, RPC_ERR_PARAMS,
			"there is no %s%s%s: create it first, or in the same apply", text,
			own ? " of tenant " : "", own ? user->tenant : "");
	return -1;
}

/* What is another tenant's is not there for a tenant; what is nobody's is the operators'. */
static bool may_use(
	const struct intent *user, const struct intent *owner, const struct constraint_key *key)
{
	if ((key->kind != KEY_SLICE && key->kind != KEY_HOST) || !user->tenant[0])
		return true;
	return !strcmp(user->tenant, owner->tenant);
}

static int look_needed(const struct constraint_key *key, void *arg)
{
	struct look *look = arg;
	struct intent *owner;

	if (key->role != CONSTRAINT_NEEDS)
		return 0;
	owner = owner_of(look, key);
	if (owner && may_use(look->intent, owner, key))
		return 0;
	return refuse_missing(look->world, look->intent, key, look->err);
}

/* ---- what is there is nobody else's ---- */

static int look_taken(const struct constraint_key *key, void *arg)
{
	struct look *look = arg;
	struct rpc_error *err = look->err;
	const struct intent *other;
	char text[KEY_SHOWN];

	if (key->role != CONSTRAINT_HAS)
		return 0;
	other = owner_of(look, key);
	if (other == look->intent)
		other = world_holder(look->world, CONSTRAINT_HAS, key->kind, key->text, other);
	if (!other)
		return 0;
	intent_title(other, err->with, sizeof(err->with));
	constraint_path(key, err);
	if (key->kind == KEY_NAME)
		return rpc_fail(err, RPC_ERR_CONFLICT,
			"the name is %s's: slices and networks share their names", err->with);
	return rpc_fail(
		err, RPC_ERR_CONFLICT, "%s is %s's already", key_show(key, text), err->with);
}

/* ---- what is gone is not missed ---- */

static int look_missed(const struct constraint_key *key, void *arg)
{
	struct look *look = arg;
	struct rpc_error *err = look->err;
	struct intent *user;
	char text[KEY_SHOWN];

	if (key->role != CONSTRAINT_HAS || owner_of(look, key))
		return 0;
	user = world_holder(look->world, CONSTRAINT_NEEDS, key->kind, key->text, NULL);
	if (!user)
		return 0;
	intent_title(user, err->by, sizeof(err->by));
	err->path[0] = '\0';
	return rpc_fail(err, RPC_ERR_IN_USE, "%s is used by %s: change or delete that first",
		key_show(key, text), err->by);
}

/* A slice that goes to another tenant: those that use it and stay have lost it. */
static int look_left(const struct constraint_key *key, void *arg)
{
	struct look *look = arg;
	struct rpc_error *err = look->err;
	struct intent *user = NULL;

	if (key->role != CONSTRAINT_HAS || key->kind != KEY_SLICE)
		return 0;
	while ((user = world_holder(look->world, CONSTRAINT_NEEDS, KEY_SLICE, key->text, user))) {
		if (user->node->touch || may_use(user, look->intent, key))
			continue;
		intent_title(user, err->by, sizeof(err->by));
		snprintf(err->path, sizeof(err->path), "tenant");
		return rpc_fail(err, RPC_ERR_IN_USE,
			"%s of tenant %s uses it: change or delete that first", err->by,
			user->tenant);
	}
	return 0;
}

/* ---- all of it ---- */

static int visit_keys(const struct world *world, const struct intent *intent,
	constraint_visit *visit, struct rpc_error *err)
{
	struct look look = {world, intent, err};

	return constraints_visit(intent_types[intent->type].constraints, intent->obj, visit, &look);
}

static int rule_needed(struct world *world, struct intent *intent, struct rpc_error *err)
{
	return visit_keys(world, intent, look_needed, err);
}

static int rule_left(struct world *world, struct intent *intent, struct rpc_error *err)
{
	const struct intent *was = intent_was(intent);

	if (!was || !strcmp(was->tenant, intent->tenant))
		return 0;
	return visit_keys(world, intent, look_left, err);
}

static int rule_taken(struct world *world, struct intent *intent, struct rpc_error *err)
{
	return visit_keys(world, intent, look_taken, err);
}

/* What was chosen is written into the text, too. */
static int rule_last(struct world *world, struct intent *intent, struct rpc_error *err)
{
	struct objstore_touch *touch = objstore_touch_of(intent->node);

	if (intent->stale) {
		json_decref(intent->spec);
		intent->spec = intent_encode(intent->type, intent->obj);
		intent->stale = false;
		touch->effect = 0;
	}
	world_judge(touch);
	return 0;
}

static int check_missed(
	struct world *world, const struct objstore_touch *touch, struct rpc_error *err)
{
	const struct intent *was = touch->node->version[OBJSTORE_SEEN];

	return was ? visit_keys(world, was, look_missed, err) : 0;
}

/* Hosts that move take their networks along. */
static void touch_networks(struct world *world, const struct objstore_touch *touch)
{
	const struct intent *host = touch->node->version[OBJSTORE_MADE];
	struct intent *network = NULL;
	unsigned op = touch->op;

	if (!host || host->type != INTENT_HOST)
		return;
	while ((network = world_network_of(world, host->name, network)))
		if (!network->node->touch)
			world_take_along(world, network, op);
}

enum { PHASE_MISSED, PHASE_NETWORKS, PHASE_RULES };

/* 0, or -1 with err. */
static int check_one(struct world *world, intent_rule *rule, uint32_t at, struct rpc_error *err)
{
	struct objstore_touch *touch = objstore_touch_at(world->store, at);
	struct intent *intent = touch->node->version[OBJSTORE_MADE];
	int rc = 0;

	if (world->check_phase == PHASE_MISSED)
		rc = check_missed(world, touch, err);
	else if (world->check_phase == PHASE_NETWORKS)
		touch_networks(world, touch);
	else if (intent)
		rc = rule(world, intent, err);
	if (rc)
		rpc_error_prefix(err, "[%u]", objstore_touch_at(world->store, at)->op);
	return rc ? -1 : 0;
}

int world_check_step(struct world *world, uint64_t until_us, struct rpc_error *err)
{
	static intent_rule *const rules[] = {grant_check_asked, rule_needed, grant_check_untagged,
		rule_left, vni_choose, fteid_choose, rule_taken, place_check, admission_choose,
		grant_check_chosen, wan_check_user, wan_check_own, rule_last};
	const unsigned phases = PHASE_RULES + sizeof(rules) / sizeof(rules[0]);

	if (!world->check_phase && !world->check_at)
		vni_forget(world);
	for (; world->check_phase < phases; world->check_phase++, world->check_at = 0) {
		unsigned rule =
			world->check_phase < PHASE_RULES ? 0 : world->check_phase - PHASE_RULES;

		while (world->check_at < objstore_touched(world->store)) {
			if (check_one(world, rules[rule], world->check_at++, err))
				return -1;
			if (is_late(until_us))
				return 1;
		}
	}
	world->check_phase = 0;
	return 0;
}

int world_check(struct world *world, struct rpc_error *err)
{
	return world_check_step(world, 0, err);
}
