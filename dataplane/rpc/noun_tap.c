/* SPDX-License-Identifier: BSD-3-Clause */
/* Taps of attachments by name (noun_tap.h). */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attachment_tap.h"
#include "nouns.h"
#include "slice.h"
#include "tun.h"

struct tap {
	RB_ENTRY(tap) node;
	char name[sizeof(((struct api_attachment *)0)->tap)];
	int fd;			     /* -1: somebody deleted the interface */
	uint32_t index;		     /* of it */
	uint32_t users;		     /* states of attachments that name it, old and new */
	const struct object *holder; /* whose present state names it; NULL: none's */
};

static int compare(struct tap *a, struct tap *b)
{
	return strcmp(a->name, b->name);
}

RB_HEAD(taps, tap);
static struct taps taps = RB_INITIALIZER(&taps);
#define LOCAL __attribute__((unused)) static /* see model.c */
RB_PROTOTYPE_INTERNAL(taps, tap, node, compare, LOCAL)
RB_GENERATE_INTERNAL(taps, tap, node, compare, LOCAL)

static bool some_gone;

static struct tap *find(const char *name)
{
	struct tap key;

	snprintf(key.name, sizeof(key.name), "%s", name);
	return RB_FIND(taps, &taps, &key);
}

/* Of a state of an attachment; NULL: that has none. */
static struct tap *tap_of(const struct version *version)
{
	return version && version->data->attachment.tap[0] ? find(version->data->attachment.tap)
							   : NULL;
}

int noun_tap_check(const union api_object *data, struct rpc_error *err)
{
	const char *name = data->attachment.tap;
	const struct tap *tap = *name ? find(name) : NULL;
	char label[160];

	if (*name && !tun_name_valid(name))
		return rpc_fail_value(err, "tap",
			"a name for an interface: no \"/\", \":\", \"%\" or blanks, and not \".\" "
			"or \"..\"",
			name);
	if (!tap || !tap->holder)
		return 0;
	return noun_fail_conflict(err, "tap", model_label(tap->holder, label, sizeof(label)),
		"tap %s is already that of attachment %s", name, tap->holder->key);
}

/* ---- the interface ---- */

static bool is_l3(const struct version *attachment)
{
	return version_ref(attachment, OBJECT_SLICE)->now->data->slice.kind == SLICE_L3;
}

/* What stations see as their gateway has the kernel, too: what it says is as if the switch said it.
 */
static void gateway_mac(const struct version *attachment, struct api_mac_addr *mac)
{
	slice_gateway_mac(version_ref(attachment, OBJECT_SLICE)->id, mac);
}

static int open_for(struct tap *tap, const struct version *attachment)
{
	struct api_mac_addr mac;

	gateway_mac(attachment, &mac);
	return tun_open(tap->name, is_l3(attachment) ? &mac : NULL,
		version_ref(attachment, OBJECT_PORT)->now->data->port.mtu, &tap->fd, &tap->index);
}

static int fail_open(const char *name, int rc, struct rpc_error *err)
{
	char with[64];

	snprintf(with, sizeof(with), "interface %s", name);
	if (rc == -EEXIST)
		return noun_fail_conflict(err, "tap", with,
			"there already is an interface %s where the dataplane runs: give the tap "
			"another name, or delete that interface",
			name);
	rpc_fail(err, RPC_ERR_INTERNAL, "the kernel does not make the interface %s: %s%s", name,
		strerror(-rc),
		rc == -ENOENT || rc == -ENODEV ? " (load the module tun)"
		: rc == -EPERM		       ? " (the dataplane needs CAP_NET_ADMIN)"
					       : "");
	snprintf(err->path, sizeof(err->path), "tap");
	return -1;
}

/* What opening it would say, with the same wait for one that is being closed. */
static int check_open(const char *name)
{
	bool there = if_nametoindex(name) != 0;

	return there && (!tun_wait_closed(name) || if_nametoindex(name) != 0) ? -EEXIST : 0;
}

static int take(const struct version *next, bool check, struct rpc_error *err)
{
	struct tap *tap = tap_of(next);
	int rc;

	if (tap) {
		tap->users++;
		return 0;
	}
	tap = calloc(1, sizeof(*tap));
	if (!tap)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	strcpy(tap->name, next->data->attachment.tap);
	tap->fd = -1;
	rc = check ? check_open(tap->name) : open_for(tap, next);
	if (rc) {
		free(tap);
		return fail_open(next->data->attachment.tap, rc, err);
	}
	tap->users = 1;
	RB_INSERT(taps, &taps, tap);
	return 0;
}

static void give(struct tap *tap)
{
	if (!tap || --tap->users)
		return;
	RB_REMOVE(taps, &taps, tap);
	if (tap->fd >= 0)
		tun_close(tap->fd, tap->name);
	free(tap);
}

static void hold(const struct version *version, const struct object *obj)
{
	struct tap *tap = tap_of(version);

	if (tap)
		tap->holder = obj;
}

/* Somebody else may hold it by now: one that was refused stays as it was (tx.c). */
static void let_go(const struct version *version, const struct object *obj)
{
	struct tap *tap = tap_of(version);

	if (tap && tap->holder == obj)
		tap->holder = NULL;
}

/* ---- a transaction's steps ---- */

void noun_tap_release(const struct change *change)
{
	let_go(change->old, change->obj);
}

void noun_tap_restore(const struct change *change)
{
	hold(change->old, change->obj);
}

int noun_tap_prepare(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	if (change->data->attachment.tap[0] && take(change->next, change->dry, err))
		return -1;
	hold(change->next, change->obj);
	return 0;
}

void noun_tap_undo(const struct change *change)
{
	let_go(change->next, change->obj);
	give(tap_of(change->next));
}

void noun_tap_commit(struct object *obj, const struct version *old, const struct version *next)
{
	struct tap *tap = tap_of(next);
	struct api_mac_addr mac;

	if (!tap || tap->fd < 0) { /* somebody deleted it: noun_tap_poll() makes it anew */
		attachment_tap_unset(obj->id);
	} else {
		gateway_mac(next, &mac);
		if (is_l3(next))
			tun_mac(tap->fd, &mac);
		attachment_tap_set(obj->id, tap->fd);
	}
	give(tap_of(old));
}

uint32_t noun_tap_index(const struct object *obj)
{
	const struct tap *tap = tap_of(obj->now);

	return tap && tap->fd >= 0 ? tap->index : 0;
}

void noun_tap_slice(const struct object *slice)
{
	struct api_mac_addr mac;
	const struct ref *ref;

	if (RB_EMPTY(&taps) || slice->now->data->slice.kind != SLICE_L3)
		return;
	slice_gateway_mac(slice->id, &mac);
	LIST_FOREACH (ref, &slice->used_by, link) {
		bool attachment = ref->from->owner->type->type == OBJECT_ATTACHMENT;
		const struct tap *tap = attachment ? tap_of(ref->from) : NULL;

		if (tap && tap->fd >= 0)
			tun_mac(tap->fd, &mac);
	}
}

/* ---- what others delete ---- */

static void on_gone(uint16_t attachment)
{
	const struct object *obj = model_by_id(OBJECT_ATTACHMENT, attachment);
	struct tap *tap = obj ? tap_of(obj->now) : NULL;

	if (!tap || tap->fd < 0)
		return;
	fprintf(stderr,
		"sluice-dataplane: somebody deleted the interface %s of attachment %s: it is made "
		"anew\n",
		tap->name, obj->key);
	attachment_tap_unset(attachment);
	tun_close(tap->fd, tap->name);
	tap->fd = -1;
	some_gone = true;
}

void noun_tap_poll(void)
{
	struct tap *tap;

	if (!some_gone)
		return;
	some_gone = false;
	RB_FOREACH (tap, taps, &taps) {
		if (tap->fd >= 0 || !tap->holder)
			continue;
		if (open_for(tap, tap->holder->now)) {
			tap->fd = -1; /* the name is taken: may be for a moment */
			some_gone = true;
			continue;
		}
		attachment_tap_set(tap->holder->id, tap->fd);
	}
}

void noun_tap_start(void)
{
	attachment_tap_on_gone = on_gone;
}

void noun_tap_stop(void)
{
	struct tap *tap;

	attachment_tap_on_gone = NULL;
	some_gone = false;
	while ((tap = RB_MIN(taps, &taps))) {
		tap->users = 1;
		give(tap);
	}
	/* the end of the process would close what is left, too, but one after the other */
	tun_wait_all_closed();
}
