/* SPDX-License-Identifier: BSD-3-Clause */
/* A session that churn_upf.c wants, as JSON. Owns the text. */
#include <stdarg.h>
#include <stdio.h>

#include "churn.h"
#include "churn_upf_state.h"

static bool one_in(uint32_t n)
{
	return churn_rnd(n) == 0;
}

static char text[4096];
static uint32_t at;

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	at += vsnprintf(text + at, sizeof(text) - at, fmt, args);
	va_end(args);
	RIG_CHECK(at < sizeof(text), "too long: %s", text);
}

static const char *names_of(const struct state *s, bool down)
{
	static char out[96];
	int n = 0;

	out[0] = '\0';
	if (s->limit != LIMIT_NONE)
		n += snprintf(out + n, sizeof(out) - n, ",'qers':[1]");
	if (s->urr[0] != 0 && s->urr[1] != 0 && down)
		n += snprintf(out + n, sizeof(out) - n, ",'urrs':[%u,%u]", s->urr[0], s->urr[1]);
	else if (s->urr[0] != 0 || (s->urr[1] != 0 && down))
		n += snprintf(out + n, sizeof(out) - n, ",'urrs':[%u]",
			s->urr[0] != 0 ? s->urr[0] : s->urr[1]);
	return out;
}

static uint32_t put_teid(uint32_t slot, const struct state *s)
{
	/* it looks like one that was chosen for some session */
	return (1 + slot / 4 * PUT_TEIDS + s->put) % SLOTS << 12 | (slot / 4 & 0xff);
}

/* That all packets pass, but must be looked at for. */
#define UDP ",'filters':['permit out 17 from any to assigned']"

static void say_pdrs(uint32_t slot, const struct state *s)
{
	say("'pdrs':[{'id':1,'precedence':100,'source':'access','gtpu':'n3',"
	    "'outer_header_removal':0,'far':1%s%s",
		names_of(s, false), s->filters ? UDP : "");
	if (s->put != 0)
		say(",'teid':%u", put_teid(slot, s));
	say("},{'id':2,'precedence':100,'source':'core','far':2%s%s}", names_of(s, true),
		s->filters ? UDP : "");
	if (s->n9)
		say(",{'id':3,'precedence':90,'source':'core','gtpu':'n9',"
		    "'outer_header_removal':0,'far':2%s}",
			names_of(s, true));
	if (s->classes)
		say(",{'id':4,'precedence':10,'source':'core','far':3,"
		    "'filters':['permit out 17 from any to assigned 6000-6999']%s}",
			names_of(s, true));
	say("]");
}

static void say_down(const struct state *s, int k)
{
	static const char *const gnb[GNBS] = {
		"198.18.0.2", "198.18.0.4", "198.18.0.5", "198.18.0.6"};

	if (s->down[k] == WAY_HOLD || s->down[k] == WAY_DROP)
		say(",{'id':%d,'action':'%s','destination':'access'}", 2 + k,
			s->down[k] == WAY_HOLD ? "buffer" : "drop");
	else
		say(",{'id':%d,'action':'forward','destination':'access','end_marker':%s,"
		    "'outer_header':{'teid':%u,'peer':'%s'}}",
			2 + k, one_in(2) ? "true" : "false", s->down_outlet[k], gnb[s->peer[k]]);
}

static void say_fars(const struct state *s)
{
	static const char *const up[] = {[WAY_SLICE] = "'action':'forward','destination':'core'",
		[WAY_EDGE] = "'action':'forward','destination':'core','slice':'edge'",
		[WAY_DROP] = "'action':'drop'",
		[WAY_HOLD] = "'action':'buffer','destination':'core'"};

	if (s->up == WAY_N9)
		say(",'fars':[{'id':1,'action':'forward','destination':'core',"
		    "'outer_header':{'teid':%u,'peer':'198.18.0.3'}}",
			s->up_outlet);
	else
		say(",'fars':[{'id':1,%s}", up[s->up]);
	say_down(s, 0);
	if (s->classes)
		say_down(s, 1);
	say("]");
}

static void say_limits(const struct state *s)
{
	if (s->limit == LIMIT_RATE)
		say(",'qers':[{'id':1,'qfi':9,'mbr_ul_bps':%u000000,'mbr_dl_bps':%u000000}]",
			s->rate, s->rate);
	else if (s->limit == LIMIT_GATE)
		say(",'qers':[{'id':1,'qfi':9,'gate_ul':'closed','gate_dl':'closed'}]");
	if (s->urr[0] == 0 && s->urr[1] == 0)
		return;
	say(",'urrs':[");
	if (s->urr[0] != 0)
		say("{'id':%u,'measure':['volume']%s}%s", s->urr[0],
			s->quota ? ",'quota_bytes':30000" : "", s->urr[1] != 0 ? "," : "");
	if (s->urr[1] != 0)
		say("{'id':%u,'measure':['volume'],'threshold_bytes':%u}", s->urr[1],
			s->urr[1] % 4 * 5000 + 5000);
	say("]");
}

const char *churn_say(uint32_t slot, const struct state *s)
{
	uint32_t a = slot_address(slot) + 1;

	at = 0;
	say("{'name':'s%u','slice':'%s','ue':{'ipv4':'10.45.%u.%u'", s->name,
		slot / ADDRESSES ? "other" : "internet", a >> 8, a & 255);
	if (s->v6)
		say(",'ipv6':'fd45:0:0:%x::/64'", a);
	say("},'bar':{'id':1,'packets':%u},", 1 + s->name % 100);
	say_pdrs(slot, s);
	say_fars(s);
	say_limits(s);
	say("}");
	return text;
}

const char *churn_name(const struct state *s)
{
	static char name[16];

	snprintf(name, sizeof(name), "s%u", s->name);
	return name;
}
