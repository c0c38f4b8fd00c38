/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules between intents, for what the open transaction has touched: what is needed is there,
 * what is there is not in another's way, what is gone is not missed; then places, VNIs and WANs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_parts.h"

static int out_of_memory(struct rpc_error *err)
{
	return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory; try again");
}

struct look {
	const struct world *world;
	const struct node *node;
	struct rpc_error *err;
};

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
	const struct intent *user, const struct node *owner, const struct constraint_key *key)
{
	if ((key->kind != KEY_SLICE && key->kind != KEY_HOST) || !user->tenant[0])
		return true;
	return !strcmp(user->tenant, owner->intent.tenant);
}

static int look_needed(const struct constraint_key *key, void *arg)
{
	struct look *look = arg;
	struct node *owner;

	if (key->role != CONSTRAINT_NEEDS)
		return 0;
	owner = index_holder(look->world, CONSTRAINT_HAS, key->kind, key->text, NULL);
	if (owner && may_use(&look->node->intent, owner, key))
		return 0;
	return refuse_missing(look->world, &look->node->intent, key, look->err);
}

/* ---- what is there is nobody else's ---- */

static int refuse_taken(
	const struct constraint_key *key, const struct node *other, struct rpc_error *err)
{
	char text[KEY_SHOWN];

	intent_title(&other->intent, err->with, sizeof(err->with));
	constraint_path(key, err);
	if (key->kind == KEY_NAME)
		return rpc_fail(err, RPC_ERR_CONFLICT,
			"the name is %s's: slices and networks share their names", err->with);
	return rpc_fail(
		err, RPC_ERR_CONFLICT, "%s is %s's already", key_show(key, text), err->with);
}

static int look_taken(const struct constraint_key *key, void *arg)
{
	struct look *look = arg;
	const struct node *other;

	if (key->role != CONSTRAINT_HAS)
		return 0;
	other = index_holder(look->world, CONSTRAINT_HAS, key->kind, key->text, NULL);
	if (other == look->node)
		other = index_holder(
			look->world, CONSTRAINT_HAS, key->kind, key->text, &look->node->intent);
	return other ? refuse_taken(key, other, look->err) : 0;
}

/* ---- what is gone is not missed ---- */

static int look_missed(const struct constraint_key *key, void *arg)
{
	struct look *look = arg;
	struct rpc_error *err = look->err;
	struct node *user;
	char text[KEY_SHOWN];

	if (key->role != CONSTRAINT_HAS ||
		index_holder(look->world, CONSTRAINT_HAS, key->kind, key->text, NULL))
		return 0;
	user = index_holder(look->world, CONSTRAINT_NEEDS, key->kind, key->text, NULL);
	if (!user)
		return 0;
	intent_title(&user->intent, err->by, sizeof(err->by));
	err->path[0] = '\0';
	return rpc_fail(err, RPC_ERR_IN_USE, "%s is used by %s: change or delete that first",
		key_show(key, text), err->by);
}

/* A slice that goes to another tenant: those that use it and stay have lost it. */
static int look_left(const struct constraint_key *key, void *arg)
{
	struct look *look = arg;
	struct rpc_error *err = look->err;
	struct node *user = NULL;

	if (key->role != CONSTRAINT_HAS || key->kind != KEY_SLICE)
		return 0;
	while ((user = index_holder(look->world, CONSTRAINT_NEEDS, KEY_SLICE, key->text,
			user ? &user->intent : NULL))) {
		if (user->touch || may_use(&user->intent, look->node, key))
			continue;
		intent_title(&user->intent, err->by, sizeof(err->by));
		snprintf(err->path, sizeof(err->path), "tenant");
		return rpc_fail(err, RPC_ERR_IN_USE,
			"%s of tenant %s uses it: change or delete that first", err->by,
			user->intent.tenant);
	}
	return 0;
}

/* ---- VNIs ---- */

static int refuse_no_vni(
	const struct world *world, const struct intent *intent, struct rpc_error *err)
{
	const struct intent_tenant *grant = grant_of(world, intent);

	if (grant && grant->vnis.count)
		return rpc_fail(err, RPC_ERR_CAPACITY,
			"no VNI is left of those in tenant %s's grant", intent->tenant);
	return rpc_fail(err, RPC_ERR_CAPACITY,
		"no VNI is left of those that no tenant's grant names (vnis)");
}

static int give_vni(struct world *world, struct node *node, struct rpc_error *err)
{
	uint32_t *vni = intent_vni(node->intent.type, node->intent.obj);
	int rc;

	if (!vni || *vni)
		return 0;
	world_edit_begin(world, node);
	rc = vni_choose(world, &node->intent, vni);
	if (world_edit_end(world, node) || rc)
		return out_of_memory(err);
	return *vni ? 0 : refuse_no_vni(world, &node->intent, err);
}

static int give_teids(struct world *world, struct node *node, struct rpc_error *err)
{
	if (node->intent.type != INTENT_SESSION)
		return 0;
	return fteid_choose(world, node, err);
}

/* ---- hosts that move take their networks along ---- */

static int touch_network(struct world *world, struct node *network, unsigned op)
{
	union intent_object *obj;
	struct node *draft;

	if (network->touch)
		return 0;
	obj = intent_copy(INTENT_NETWORK, network->intent.obj);
	draft = obj ? world_touch(world, network) : NULL;
	if (!draft) {
		free(obj);
		return -ENOMEM;
	}
	draft->intent.obj = obj; /* equal: the index need not know */
	draft->intent.spec = json_incref(network->intent.spec);
	touch_of(world, draft)->op = op;
	touch_of(world, draft)->stale = true;
	return 0;
}

static int touch_networks(struct world *world, const struct node *host, struct rpc_error *err)
{
	struct intent *network = NULL;

	if (host->intent.type != INTENT_HOST || host->gone)
		return 0;
	while ((network = world_network_of(world, host->intent.name, network)))
		if (touch_network(world, node_of(network), touch_of(world, host)->op))
			return out_of_memory(err);
	return 0;
}

/* ---- all of it ---- */

typedef int node_rule(struct world *world, struct node *node, struct rpc_error *err);

static int visit_rule(
	struct world *world, struct node *node, constraint_visit *visit, struct rpc_error *err)
{
	struct look look = {world, node, err};

	return constraints_visit(&intent_types[node->intent.type], node->intent.obj, visit, &look);
}

static int rule_needed(struct world *world, struct node *node, struct rpc_error *err)
{
	return visit_rule(world, node, look_needed, err);
}

static int rule_left(struct world *world, struct node *node, struct rpc_error *err)
{
	const struct intent *was = touch_of(world, node)->was;

	if (!was || !strcmp(was->tenant, node->intent.tenant))
		return 0;
	return visit_rule(world, node, look_left, err);
}

static int rule_taken(struct world *world, struct node *node, struct rpc_error *err)
{
	return visit_rule(world, node, look_taken, err);
}

static int rule_place(struct world *world, struct node *node, struct rpc_error *err)
{
	return place_check(world, node, err);
}

static int rule_asked(struct world *world, struct node *node, struct rpc_error *err)
{
	return grant_check_asked(world, node, err);
}

static int rule_chosen(struct world *world, struct node *node, struct rpc_error *err)
{
	return grant_check_chosen(world, node, err);
}

static int rule_granted(struct world *world, struct node *node, struct rpc_error *err)
{
	return node->intent.type == INTENT_TENANT ? grant_check_untagged(world, node, err) : 0;
}

static int rule_user(struct world *world, struct node *node, struct rpc_error *err)
{
	return node->intent.type == INTENT_WAN ? 0 : wan_check(world, node, err);
}

static int rule_wan(struct world *world, struct node *node, struct rpc_error *err)
{
	return node->intent.type == INTENT_WAN ? wan_check(world, node, err) : 0;
}

/* What was chosen is written into the text, too. */
static int rule_restate(struct world *world, struct node *node, struct rpc_error *err)
{
	struct touch *touch = touch_of(world, node);
	json_t *spec = touch->stale ? intent_encode(node->intent.type, node->intent.obj) : NULL;

	if (!touch->stale)
		return 0;
	if (!spec)
		return out_of_memory(err);
	json_decref(node->intent.spec);
	node->intent.spec = spec;
	touch->stale = false;
	return 0;
}

static int rule_effect(struct world *world, struct node *node, struct rpc_error *err)
{
	world_judge(touch_of(world, node));
	return 0;
}

static int check_missed(struct world *world, const struct touch *touch, struct rpc_error *err)
{
	struct look look = {world, touch->node, err};

	if (!touch->was || !constraints_visit(&intent_types[touch->was->type], touch->was->obj,
				   look_missed, &look))
		return 0;
	return world_fail_at(world, touch->node, err);
}

enum { PHASE_MISSED, PHASE_NETWORKS, PHASE_RULES };

/* 0, or -1 with err. */
static int check_one(struct world *world, node_rule *rule, uint32_t at, struct rpc_error *err)
{
	struct node *node = world->touch[at].node;

	if (world->check_phase == PHASE_MISSED)
		return check_missed(world, &world->touch[at], err);
	if (world->check_phase == PHASE_NETWORKS)
		return touch_networks(world, node, err);
	return !node->gone && rule(world, node, err) ? world_fail_at(world, node, err) : 0;
}

int world_check_step(struct world *world, uint64_t until_us, struct rpc_error *err)
{
	static node_rule *const rules[] = {rule_asked, rule_needed, rule_granted, rule_left,
		give_vni, give_teids, rule_taken, rule_place, admission_choose, rule_chosen,
		rule_user, rule_wan, rule_restate, rule_effect};
	const unsigned phases = PHASE_RULES + sizeof(rules) / sizeof(rules[0]);

	if (!world->check_phase && !world->check_at)
		vni_forget(world);
	for (; world->check_phase < phases; world->check_phase++, world->check_at = 0) {
		unsigned rule =
			world->check_phase < PHASE_RULES ? 0 : world->check_phase - PHASE_RULES;

		while (world->check_at < world->touches) {
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
