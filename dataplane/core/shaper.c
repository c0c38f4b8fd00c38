/* SPDX-License-Identifier: BSD-3-Clause */
/* A shaper's life, what is configured of it, and what is read; the rest is in shaper_run.c. Called
 * by port_shape.c and slice.c on the main thread. Owns the settings of the classes. */
#include <errno.h>
#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>

#include "shaper_state.h"

struct class_setting *shaper_settings;
int shaper_next_offset = -1;

/* ---- configuration ---- */

int shaper_init(void)
{
	static const struct rte_mbuf_dynfield link = {.name = "sluice_shaper_next",
		.size = sizeof(struct rte_mbuf *),
		.align = __alignof__(struct rte_mbuf *)};

	shaper_next_offset = rte_mbuf_dynfield_register(&link);
	shaper_settings =
		rte_zmalloc("shaper_classes", SHAPER_CLASSES * sizeof(*shaper_settings), 0);
	if (shaper_next_offset < 0 || shaper_settings == NULL) {
		shaper_fini();
		return -ENOMEM;
	}
	for (uint32_t id = 0; id < SHAPER_CLASSES; id++)
		shaper_class_set(id, 1, 0);
	return 0;
}

void shaper_fini(void)
{
	rte_free(shaper_settings);
	shaper_settings = NULL;
}

static uint64_t cost_of(uint64_t bps)
{
	return bps != 0 ? (UNITS_PER_S * 8 << COST_SHIFT) / bps : 0;
}

void shaper_class_set(uint16_t id, uint32_t weight, uint64_t guarantee_bps)
{
	STORE(shaper_settings[id].share, SHARE_ONE / RTE_MAX(weight, 1u));
	STORE(shaper_settings[id].cost, cost_of(guarantee_bps));
	STORE(shaper_settings[id].guarantee_bps, guarantee_bps);
}

void shaper_class_unset(uint16_t id)
{
	STORE(shaper_settings[id].epoch, shaper_settings[id].epoch + 1);
	shaper_class_set(id, 1, 0);
}

void shaper_set(struct shaper *s, const struct shaper_setting *to)
{
	uint64_t queue = to->rate_bps / 8 * SHAPER_QUEUE_MS / 1000;

	STORE(s->overhead, to->overhead);
	STORE(s->frame_max, to->frame_max);
	STORE(s->buffers_max, to->buffers_max);
	STORE(s->queue_bytes, RTE_MIN(RTE_MAX(queue, (uint64_t)SHAPER_QUEUE_MIN), 1ull << 31));
	STORE(s->own_bps, to->rate_bps / SHAPER_OWN_PART);
	STORE(s->own_cost, cost_of(to->rate_bps / SHAPER_OWN_PART));
	STORE(s->rate_bps, to->rate_bps);
	STORE(s->cost, cost_of(to->rate_bps));
}

static int calendar_init(struct calendar *cal, uint32_t low)
{
	cal->low = low;
	cal->entry = rte_zmalloc("shaper_entries", SHAPER_CLASSES * sizeof(*cal->entry), 0);
	for (uint32_t i = 0; cal->entry != NULL && i < SHAPER_CLASSES; i++)
		cal->entry[i].slot = CALENDAR_OUT;
	return cal->entry != NULL ? 0 : -ENOMEM;
}

struct shaper *shaper_new(uint64_t now_tsc, uint64_t tsc_hz)
{
	struct shaper *s = rte_zmalloc("shaper", sizeof(*s), RTE_CACHE_LINE_SIZE);

	if (s == NULL)
		return NULL;
	s->start_tsc = now_tsc - tsc_hz; /* the owner's clock may be a little behind main's */
	s->units_per_tsc = ((unsigned __int128)UNITS_PER_S << 32) / tsc_hz;
	s->clock = s->now = s->link = UNITS_PER_S;
	if (calendar_init(&s->guaranteed, GUARANTEE_LOW) == 0 &&
		calendar_init(&s->excess, EXCESS_LOW) == 0)
		return s;
	shaper_free(s);
	return NULL;
}

void shaper_free(struct shaper *s)
{
	if (s == NULL)
		return;
	rte_free(s->guaranteed.entry);
	rte_free(s->excess.entry);
	rte_free(s);
}

/* ---- reading ---- */

void shaper_class_read(const struct shaper *s, uint16_t id, struct shaper_counters *out)
{
	const struct shaper_class *c = &s->class[id];

	*out = (struct shaper_counters){0};
	if (LOAD(c->epoch) != shaper_settings[id].epoch) /* still those of the slice before */
		return;
	out->sent_packets = LOAD(c->sent_packets);
	out->sent_bytes = LOAD(c->sent_bytes);
	out->dropped = LOAD(c->dropped);
	out->queued_packets = LOAD(c->packets);
	out->queued_bytes = LOAD(c->bytes);
}

void shaper_read(const struct shaper *s, struct shaper_counters *out)
{
	out->sent_packets = LOAD(s->sent_packets);
	out->sent_bytes = LOAD(s->sent_bytes);
	out->dropped = LOAD(s->dropped);
	out->queued_packets = LOAD(s->packets);
	out->queued_bytes = LOAD(s->bytes);
}

uint32_t shaper_buffers_max(const struct shaper *s)
{
	return LOAD(s->buffers_max);
}
