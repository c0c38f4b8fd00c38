/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions as a put would bring them: what is sound passes, and each thing that is not is refused
 * at its own place. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_check.h"

/* A session with all kinds of rules, sound; tests change one thing. */
struct given {
	struct api_session s;
	struct api_pdr pdr[LIMIT_SESSION_PDRS + 1];
	struct api_far far[LIMIT_SESSION_FARS + 1];
	struct api_qer qer[LIMIT_SESSION_QERS + 1];
	struct api_urr urr[LIMIT_SESSION_URRS + 1];
	struct api_text filter[4];
	struct api_ethernet_filter ethernet[1];
	struct api_ip framed[LIMIT_SESSION_FRAMED + 1];
	uint32_t id[8];
};

static struct given g;
static struct rpc_error err;

static struct api_ip ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct api_ip){4, 32, {a, b, c, d}};
}

static struct api_text text(const char *t)
{
	return (struct api_text){t, (uint32_t)strlen(t)};
}

static void given_pdr(uint32_t i, uint32_t source, const char *gtpu, uint32_t teid)
{
	g.pdr[i] = (struct api_pdr){.id = i + 1,
		.precedence = 10 + i,
		.source = source,
		.teid = teid,
		.qfi = QFI_NONE,
		.outer_header_removal = gtpu[0] ? REMOVE_GTPU_IPV4 : REMOVE_NONE,
		.far = source == INTERFACE_ACCESS ? 1 : 2};
	strcpy(g.pdr[i].gtpu, gtpu);
}

static void given_rules(void)
{
	for (uint32_t i = 0; i <= LIMIT_SESSION_FARS; i++)
		g.far[i] = (struct api_far){
			.id = i + 1, .destination = INTERFACE_CORE, .dscp = DSCP_COPY};
	g.far[1].destination = INTERFACE_ACCESS;
	g.far[1].outer_header = (struct api_outer_header){.teid = 0x11, .peer = ip4(198, 18, 0, 2)};
	for (uint32_t i = 0; i <= LIMIT_SESSION_QERS; i++)
		g.qer[i] = (struct api_qer){.id = i + 1, .qfi = QFI_NONE};
	for (uint32_t i = 0; i <= LIMIT_SESSION_URRS; i++)
		g.urr[i] = (struct api_urr){.id = i + 1,
			.measure = MEASURE_VOLUME,
			.quota_bytes = NO_QUOTA,
			.quota_s = NO_QUOTA_S};
}

static void given_session(void)
{
	memset(&g, 0, sizeof(g));
	memset(&err, 0, sizeof(err));
	strcpy(g.s.name, "ue1");
	strcpy(g.s.slice, "internet");
	g.s.ue.ipv4 = ip4(10, 0, 0, 1);
	for (uint32_t i = 0; i <= LIMIT_SESSION_PDRS; i++)
		given_pdr(i, i % 2 ? INTERFACE_CORE : INTERFACE_ACCESS, i % 2 ? "" : "n3",
			i % 2 ? 0 : 0x100);
	given_rules();
	for (uint32_t i = 0; i <= LIMIT_SESSION_FRAMED; i++)
		g.framed[i] = (struct api_ip){4, 24, {10, 1, (uint8_t)i, 0}};
	g.s.pdrs = (struct api_pdrs){2, g.pdr};
	g.s.fars = (struct api_fars){2, g.far};
	g.s.qers = (struct api_qers){2, g.qer};
	g.s.urrs = (struct api_urrs){1, g.urr};
	g.s.ue.framed = (struct api_prefixes){0, g.framed};
	g.filter[0] = text("permit out ip from any to assigned");
	g.filter[1] = text("permit out 17 from 192.0.2.0/24 53 to assigned");
	g.pdr[1].filters = (struct api_texts){2, g.filter};
	g.id[0] = 1;
	g.id[1] = 2;
	g.pdr[0].qers = (struct api_ids){2, g.id};
	g.pdr[0].urrs = (struct api_ids){1, g.id};
}

static void passes(void)
{
	int rc = session_check(&g.s, &err);

	ck_assert_msg(rc == 0, "refused: %s", err.message);
	given_session();
}

/* Refused at `path` with a `want` that contains those words; the session is whole again after. */
static void refused(const char *path, const char *want)
{
	ck_assert_msg(session_check(&g.s, &err) == -1, "%s: taken", path);
	ck_assert_int_eq(err.code, RPC_ERR_PARAMS);
	ck_assert_str_eq(err.path, path);
	ck_assert_msg(strstr(err.want, want), "%s: wants \"%s\"", path, err.want);
	ck_assert(err.got[0]);
	given_session();
}

static void over(const char *path, long long limit)
{
	ck_assert_msg(session_check(&g.s, &err) == -1, "%s: taken", path);
	ck_assert_int_eq(err.code, RPC_ERR_CAPACITY);
	ck_assert_str_eq(err.path, path);
	ck_assert_int_eq(err.limit, limit);
	given_session();
}

START_TEST(sound_sessions_pass)
{
	passes();
	/* forward to access without a header: legal, its packets are dropped */
	g.far[1].outer_header = (struct api_outer_header){0};
	passes();
	/* both directions by F-TEIDs, no UE address needed: a branching UPF */
	given_pdr(1, INTERFACE_CORE, "n9", 0x100);
	g.s.ue.ipv4.family = 0;
	passes();
	/* the first downlink FAR of a 5G SMF: buffer and tell, no outer header */
	g.far[1] = (struct api_far){
		.id = 2, .action = FAR_BUFFER, .notify_cp = true, .dscp = DSCP_COPY};
	passes();
	g.pdr[0].outer_header_removal = REMOVE_GTPU;
	passes();
	g.pdr[0].outer_header_removal = REMOVE_GTPU_IPV6;
	passes();
	g.pdr[0].outer_header_removal = REMOVE_NONE;
	passes();
	g.s.ue.ipv6 = (struct api_ip){6, 64, {0x20, 0x01, 0x0d, 0xb8}};
	g.s.ue.framed.count = LIMIT_SESSION_FRAMED;
	passes();
}
END_TEST

START_TEST(a_pdr_without_fteid_inherits_the_only_one)
{
	g.s.pdrs.count = 3;
	given_pdr(2, INTERFACE_ACCESS, "", 0);
	ck_assert_int_eq(session_way(&g.s, 0), 0);
	ck_assert_int_eq(session_way(&g.s, 1), WAY_UE);
	ck_assert_int_eq(session_way(&g.s, 2), 0);
	passes();
	/* also from one that comes after it */
	g.s.pdrs.count = 3;
	given_pdr(0, INTERFACE_ACCESS, "", 0);
	ck_assert_int_eq(session_way(&g.s, 0), 2);
	passes();
	g.s.pdrs.count = 5;
	given_pdr(2, INTERFACE_ACCESS, "", 0);
	given_pdr(4, INTERFACE_ACCESS, "n3", 0x200);
	ck_assert_int_eq(session_way(&g.s, 2), WAY_MANY);
	refused("pdrs[2].gtpu", "which F-TEID");
	given_pdr(0, INTERFACE_ACCESS, "", 0);
	refused("pdrs[0].gtpu", "no other PDR of its source");
	/* downlink is found by the UE's address although there is an F-TEID of source core */
	g.s.pdrs.count = 3;
	given_pdr(2, INTERFACE_CORE, "n9", 7);
	ck_assert_int_eq(session_way(&g.s, 1), WAY_UE);
	/* and by that where there is no address */
	g.s.ue.ipv4.family = 0;
	ck_assert_int_eq(session_way(&g.s, 1), 2);
	given_session();
}
END_TEST

START_TEST(pdrs_that_choose_share_by_choose_id)
{
	g.s.pdrs.count = 5;
	given_pdr(0, INTERFACE_ACCESS, "n3", 0);
	given_pdr(2, INTERFACE_ACCESS, "n3", 0);
	given_pdr(4, INTERFACE_ACCESS, "n3", 0);
	g.pdr[4].choose_id = 5;
	ck_assert_int_eq(session_way(&g.s, 0), 0);
	ck_assert_int_eq(session_way(&g.s, 2), 0);
	ck_assert_int_eq(session_way(&g.s, 4), 4);
	g.pdr[2].precedence = g.pdr[4].precedence = 99;
	passes();
	/* a TEID is one of its gtpu */
	g.s.pdrs.count = 3;
	given_pdr(2, INTERFACE_ACCESS, "other", 0x100);
	ck_assert_int_eq(session_way(&g.s, 2), 2);
	passes();
}
END_TEST

START_TEST(precedence_is_once_in_a_way)
{
	g.s.pdrs.count = 4;
	g.pdr[2].precedence = g.pdr[0].precedence;
	refused("pdrs[2].precedence", "another precedence than pdrs[0]");
	g.s.pdrs.count = 4;
	g.pdr[3].precedence = g.pdr[1].precedence;
	refused("pdrs[3].precedence", "another precedence than pdrs[1]");
	given_pdr(1, INTERFACE_ACCESS, "n3", 0x100);
	g.pdr[1].precedence = g.pdr[0].precedence;
	refused("pdrs[1].precedence", "another precedence than pdrs[0]");
	/* up and down do not see the same packets */
	g.pdr[1].precedence = g.pdr[0].precedence;
	passes();
	/* nor do two slices */
	g.s.pdrs.count = 4;
	g.pdr[3].precedence = g.pdr[1].precedence;
	strcpy(g.pdr[3].slice, "edge");
	passes();
	/* nor what comes to framed routes and what comes by an F-TEID */
	g.s.pdrs.count = 3;
	given_pdr(2, INTERFACE_CORE, "n9", 0x200);
	g.pdr[2].precedence = g.pdr[1].precedence;
	memset(&g.s.ue.ipv4, 0, sizeof(g.s.ue.ipv4));
	g.s.ue.framed.count = 1;
	passes();
	/* an inherited F-TEID is that F-TEID */
	g.s.pdrs.count = 3;
	given_pdr(2, INTERFACE_ACCESS, "", 0);
	g.pdr[2].precedence = g.pdr[0].precedence;
	refused("pdrs[2].precedence", "another precedence");
}
END_TEST

START_TEST(ids_are_unique_and_known)
{
	g.pdr[1].id = g.pdr[0].id;
	refused("pdrs[1].id", "each id once");
	g.far[1].id = g.far[0].id;
	refused("fars[1].id", "each id once");
	g.qer[1].id = g.qer[0].id;
	refused("qers[1].id", "each id once");
	g.s.urrs.count = 3;
	g.urr[2].id = g.urr[1].id;
	refused("urrs[2].id", "each id once");
	g.pdr[1].far = 77;
	refused("pdrs[1].far", "one of the session's fars");
	g.id[1] = 77;
	refused("pdrs[0].qers[1]", "one of the session's qers");
	g.id[1] = 1;
	refused("pdrs[0].qers[1]", "each id once");
	g.pdr[0].urrs.count = 2;
	refused("pdrs[0].urrs[1]", "one of the session's urrs");
	g.s.qers.count = 0;
	refused("pdrs[0].qers[0]", "one of the session's qers");
}
END_TEST

START_TEST(filters_are_refused_where_they_break)
{
	g.filter[1] = text("permit out ip from any to assinged");
	ck_assert_int_eq(session_check(&g.s, &err), -1);
	ck_assert_str_eq(err.got, "\"assinged\" at character 27 of \"permit out ip from any to "
				  "assinged\"");
	refused("pdrs[1].filters[1]", "any, assigned, or an IPv4 or IPv6");
	g.filter[0] = text("permit out ip from any");
	refused("pdrs[1].filters[0]", "to, or ports");
	g.filter[0] = text("");
	refused("pdrs[1].filters[0]", "permit or deny");
}
END_TEST

START_TEST(a_pdr_says_what_fits_its_way)
{
	const uint32_t unknown[] = {2, 3, 4, 5, 7, 254, 256};

	for (uint32_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		g.pdr[0].outer_header_removal = unknown[i];
		refused("pdrs[0].outer_header_removal", "0 (GTP-U/UDP/IPv4)");
	}
	g.pdr[1].outer_header_removal = REMOVE_GTPU_IPV4;
	refused("pdrs[1].outer_header_removal", "none: packets to the UE");
	g.pdr[1].teid = 5;
	refused("pdrs[1].gtpu", "the gtpu at whose address");
	strcpy(g.pdr[0].slice, "edge");
	refused("pdrs[0].slice", "none: only packets to the UE");
	g.pdr[0].qfi = 65;
	refused("pdrs[0].qfi", "0 to 63");
	g.pdr[0].source = 2;
	refused("pdrs[0].source", "access or core");
	/* one F-TEID is of one interface */
	given_pdr(1, INTERFACE_CORE, "n3", 0x100);
	refused("pdrs[1].source", "the source of pdrs[0]");
}
END_TEST

START_TEST(the_ue_has_addresses_that_a_host_can_have)
{
	g.s.ue.ipv4 = ip4(224, 0, 0, 1);
	refused("ue.ipv4", "unicast");
	g.s.ue.ipv4 = ip4(0, 0, 0, 1);
	refused("ue.ipv4", "unicast");
	g.s.ue.ipv4 = ip4(127, 0, 0, 1);
	refused("ue.ipv4", "unicast");
	g.s.ue.ipv4 = (struct api_ip){6, 128, {0x20, 1}};
	refused("ue.ipv4", "IPv4");
	g.s.ue.ipv6 = (struct api_ip){6, 63, {0x20, 0x01, 0x0d, 0xb8}};
	refused("ue.ipv6", "/64 to /128");
	g.s.ue.ipv6 = (struct api_ip){6, 64, {0xfe, 0x80}};
	refused("ue.ipv6", "unicast");
	g.s.ue.ipv6 = (struct api_ip){6, 64, {0xff, 0x02}};
	refused("ue.ipv6", "unicast");
	g.s.ue.framed.count = 3;
	g.framed[2] = g.framed[0];
	refused("ue.framed[2]", "each prefix once");
	g.s.ue.framed.count = 1;
	g.framed[0] = ip4(255, 255, 255, 255);
	refused("ue.framed[0]", "unicast");
}
END_TEST

START_TEST(a_far_sends_where_one_can_send)
{
	g.far[1].outer_header.peer.family = 0;
	refused("fars[1].outer_header.peer", "an IPv4 or IPv6");
	g.far[1].outer_header.teid = 0;
	refused("fars[1].outer_header.teid", "1 to 4294967295");
	g.far[1].outer_header.peer = ip4(239, 1, 1, 1);
	refused("fars[1].outer_header.peer", "unicast");
	g.far[0].duplicate_to.teid = 9;
	refused("fars[0].duplicate_to.peer", "an IPv4 or IPv6");
	g.far[0].duplicate_to.peer = ip4(198, 18, 0, 9);
	refused("fars[0].duplicate_to.teid", "1 to 4294967295");
	strcpy(g.far[1].slice, "edge");
	refused("fars[1].slice", "not into a slice");
	g.far[1].redirect = ip4(198, 18, 0, 9);
	refused("fars[1].redirect", "not into a slice");
	g.far[0].redirect = ip4(0, 0, 0, 0);
	refused("fars[0].redirect", "unicast");
	g.far[0].end_marker = true;
	refused("fars[0].end_marker", "without outer_header");
	g.far[1].end_marker = true;
	passes();
	g.far[1].dscp = 65;
	refused("fars[1].dscp", "0 to 63");
	g.far[1].action = 3;
	refused("fars[1].action", "forward, drop or buffer");
	g.far[1].destination = 2;
	refused("fars[1].destination", "access or core");
}
END_TEST

START_TEST(rates_can_be_metered)
{
	g.qer[1].mbr_dl_bps = METER_RATE_MIN - 1;
	refused("qers[1].mbr_dl_bps", "8 to 1000000000000");
	g.qer[0].mbr_ul_bps = METER_RATE_MAX + 1;
	refused("qers[0].mbr_ul_bps", "8 to 1000000000000");
	g.qer[0].gbr_ul_bps = 1;
	refused("qers[0].gbr_ul_bps", "8 to 1000000000000");
	g.qer[0].mbr_dl_bps = 1000;
	g.qer[0].gbr_dl_bps = 1001;
	refused("qers[0].gbr_dl_bps", "no more than mbr_dl_bps");
	g.qer[0].gate_dl = 2;
	refused("qers[0].gate_dl", "open or closed");
	g.qer[0].qfi = 65;
	refused("qers[0].qfi", "0 to 63");
	g.qer[0].mbr_ul_bps = g.qer[0].gbr_ul_bps = 1000;
	passes();
}
END_TEST

START_TEST(a_urr_reports_what_it_measures)
{
	g.urr[0].measure = 0;
	refused("urrs[0].measure", "volume, duration or both");
	g.urr[0].threshold_s = 1;
	refused("urrs[0].threshold_s", "\"duration\"");
	g.urr[0].quota_s = 0;
	refused("urrs[0].quota_s", "\"duration\"");
	g.urr[0].measure = MEASURE_DURATION;
	g.urr[0].threshold_bytes = 1;
	refused("urrs[0].threshold_bytes", "\"volume\"");
	g.urr[0].measure = MEASURE_DURATION;
	g.urr[0].quota_bytes = 0;
	refused("urrs[0].quota_bytes", "\"volume\"");
	g.urr[0].measure = MEASURE_DURATION;
	g.urr[0].quota_bytes = 5;
	refused("urrs[0].quota_bytes", "\"volume\"");
	g.urr[0].measure = MEASURE_DURATION | MEASURE_VOLUME;
	g.urr[0].quota_bytes = g.urr[0].threshold_bytes = 5;
	passes();
}
END_TEST

START_TEST(ethernet_and_ip_do_not_mix)
{
	g.pdr[0].ethernet = (struct api_ethernet_filters){1, g.ethernet};
	refused("ue", "no addresses");
	g.pdr[0].ethernet = (struct api_ethernet_filters){1, g.ethernet};
	g.s.ue.ipv4.family = 0;
	refused("pdrs[1].filters", "Ethernet filters");
	g.pdr[0].ethernet = (struct api_ethernet_filters){1, g.ethernet};
	g.s.ue.ipv4.family = 0;
	g.pdr[1].filters.count = 0;
	g.far[0].redirect = ip4(198, 18, 0, 9);
	refused("fars[0].redirect", "Ethernet filters");
	g.pdr[0].ethernet = (struct api_ethernet_filters){1, g.ethernet};
	g.s.ue.ipv4.family = 0;
	g.pdr[1].filters.count = 0;
	passes();
}
END_TEST

START_TEST(there_are_limits)
{
	g.s.pdrs.count = 0;
	refused("pdrs", "at least one");
	g.s.pdrs.count = LIMIT_SESSION_PDRS + 1;
	over("pdrs", LIMIT_SESSION_PDRS);
	g.s.pdrs.count = LIMIT_SESSION_PDRS;
	passes();
	g.s.fars.count = LIMIT_SESSION_FARS + 1;
	over("fars", LIMIT_SESSION_FARS);
	g.s.qers.count = LIMIT_SESSION_QERS + 1;
	over("qers", LIMIT_SESSION_QERS);
	g.s.urrs.count = LIMIT_SESSION_URRS + 1;
	over("urrs", LIMIT_SESSION_URRS);
	g.s.ue.framed.count = LIMIT_SESSION_FRAMED + 1;
	over("ue.framed", LIMIT_SESSION_FRAMED);
	g.pdr[1].filters.count = LIMIT_PDR_FILTERS + 1;
	over("pdrs[1].filters", LIMIT_PDR_FILTERS);
	g.s.pdrs.count = LIMIT_SESSION_TEIDS + 1;
	for (uint32_t i = 0; i <= LIMIT_SESSION_TEIDS; i++)
		given_pdr(i, INTERFACE_ACCESS, "n3", 1 + i);
	over("pdrs", LIMIT_SESSION_TEIDS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session_check");
	TCase *t = tcase_create("session_check");

	tcase_add_checked_fixture(t, given_session, NULL);
	tcase_add_test(t, sound_sessions_pass);
	tcase_add_test(t, a_pdr_without_fteid_inherits_the_only_one);
	tcase_add_test(t, pdrs_that_choose_share_by_choose_id);
	tcase_add_test(t, precedence_is_once_in_a_way);
	tcase_add_test(t, ids_are_unique_and_known);
	tcase_add_test(t, filters_are_refused_where_they_break);
	tcase_add_test(t, a_pdr_says_what_fits_its_way);
	tcase_add_test(t, the_ue_has_addresses_that_a_host_can_have);
	tcase_add_test(t, a_far_sends_where_one_can_send);
	tcase_add_test(t, rates_can_be_metered);
	tcase_add_test(t, a_urr_reports_what_it_measures);
	tcase_add_test(t, ethernet_and_ip_do_not_mix);
	tcase_add_test(t, there_are_limits);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
