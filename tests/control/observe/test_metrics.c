/* SPDX-License-Identifier: BSD-3-Clause */
/* /metrics: the text format, whose series one sees, pages, sums by tenant. */
#include "../suite.h"
#include "observe_private.h"
#include "making.h"
#include "rig.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRAFFIC(n)                                                                                 \
	"{\"in_packets\":" #n ",\"in_bytes\":" #n "00,\"out_packets\":" #n ",\"out_bytes\":" #n    \
	"00,\"dropped\":0}"

static bool has(const char *line)
{
	char want[256];

	snprintf(want, sizeof(want), "\n%s\n", line);
	return strstr(rig_answer.text, want);
}

static int times(const char *text)
{
	int count = 0;

	for (const char *at = rig_answer.text; (at = strstr(at, text)); at++)
		count++;
	return count;
}

/* ---- the format ---- */

START_TEST(label_escapes_backslash_quote_and_newline)
{
	struct text p = {0};

	prom_u64(&p, "a_total", 1, "x", "a\\b\"c\nd", "left_out", NULL, "y", "", NULL);
	ck_assert_str_eq(strndupa(p.text, p.len), "a_total{x=\"a\\\\b\\\"c\\nd\",y=\"\"} 1\n");
	free(p.text);
}
END_TEST

START_TEST(help_escapes_backslash_and_newline_only)
{
	struct text p = {0};

	prom_family(&p, "a", PROM_GAUGE, "say \"a\\b\"\nnow");
	ck_assert_str_eq(
		strndupa(p.text, p.len), "# HELP a say \"a\\\\b\"\\nnow\n# TYPE a gauge\n");
	free(p.text);
}
END_TEST

START_TEST(values_are_written_as_prometheus_reads_them)
{
	struct text p = {0};

	prom_u64(&p, "a", UINT64_MAX, NULL);
	prom_f64(&p, "a", 0.25, NULL);
	prom_f64(&p, "a", 1795333830.833684, NULL);
	prom_f64(&p, "a", NAN, NULL);
	prom_f64(&p, "a", -INFINITY, NULL);
	ck_assert_str_eq(strndupa(p.text, p.len),
		"a 18446744073709551615\na 0.25\na 1795333830.83368\na NaN\na -Inf\n");
	free(p.text);
}
END_TEST

START_TEST(text_grows_to_any_length)
{
	struct text p = {0};
	char value[5000];

	memset(value, '"', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (int i = 0; i < 100; i++)
		prom_u64(&p, "a", i, "x", value, NULL);
	ck_assert_uint_gt(p.len, 100 * 2 * (sizeof(value) - 1));
	free(p.text);
}
END_TEST

/* ---- what is there ---- */

START_TEST(families_have_help_and_type_once_and_samples_behind_them)
{
	rig_reading("port", "{\"lan0\":{\"rx_packets\":1},\"wan0\":{\"rx_packets\":2}}");
	rig_get("/metrics", NULL);
	ck_assert(has("# HELP sluice_port_receive_packets_total Packets received by a port.\n"
		      "# TYPE sluice_port_receive_packets_total counter\n"
		      "sluice_port_receive_packets_total{port=\"lan0\"} 1\n"
		      "sluice_port_receive_packets_total{port=\"wan0\"} 2"));
	ck_assert_int_eq(times("# TYPE sluice_port_receive_packets_total"), 1);
	ck_assert(!strstr(rig_answer.text, "_tap_")); /* no port has one */
}
END_TEST

START_TEST(control_tells_of_itself_while_the_dataplane_is_down)
{
	rig_reading("port", "{\"lan0\":{\"rx_packets\":1}}");
	rig_state = DATAPLANE_DOWN;
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_dataplane_up 0"));
	ck_assert(has("sluice_http_requests_total{code=\"2xx\"} 9"));
	ck_assert(has("sluice_build_info{version=\"" SLUICE_VERSION "\"} 1"));
	ck_assert_int_eq(times("process_resident_memory_bytes "), 3);
	ck_assert(!strstr(rig_answer.text, "sluice_port"));
	ck_assert(!strstr(rig_answer.text, "sluice_dataplane_info"));
	rig_state = DATAPLANE_UP;
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_dataplane_up 1"));
	ck_assert(has("sluice_dataplane_info{version=\"0.1.0\"} 1"));
	ck_assert(has("sluice_port_receive_packets_total{port=\"lan0\"} 1"));
}
END_TEST

START_TEST(wan_rates_are_in_bytes)
{
	rig_wan("wan0", "here", "198.18.0.1/24");
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_wan_capacity_bytes_per_second{wan=\"wan0\",site=\"here\"} 1000"));
	ck_assert(has("sluice_wan_booked_bytes_per_second{wan=\"wan0\",site=\"here\"} 500"));
}
END_TEST

START_TEST(xdp_is_told_by_port_and_verdict_where_there_is_such_a_port)
{
	rig_get("/metrics", NULL);
	ck_assert(!strstr(rig_answer.text, "sluice_xdp"));
	rig_xdp = true;
	rig_get("/metrics", NULL);
	rig_xdp = false;
	ck_assert(has("sluice_xdp_attached{port=\"wan0\",interface=\"eth1\",state=\"foreign\"} 0"));
	ck_assert(has("sluice_xdp_packets_total{port=\"wan0\",verdict=\"overlay\"} 1"));
	ck_assert(has("sluice_xdp_packets_total{port=\"wan0\",verdict=\"no_socket\"} 8"));
	ck_assert(has("sluice_xdp_bytes_total{port=\"wan0\",verdict=\"no_socket\"} 700"));
	ck_assert_int_eq(times("# TYPE sluice_xdp_packets_total"), 1);
}
END_TEST

START_TEST(workers_and_stages_have_labels_of_their_own)
{
	rig_reading("worker", "{\"worker1\":{\"packets\":5,\"cpu\":3}}");
	rig_reading("stage", "{\"worker1/parse\":{\"packets\":5,\"cycles\":90,"
			     "\"cycles_per_packet\":18.0}}");
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_worker_packets_total{worker=\"1\"} 5"));
	ck_assert(has("sluice_stage_sampled_cycles_total{worker=\"1\",stage=\"parse\"} 90"));
	ck_assert(!strstr(rig_answer.text, "per_packet"));
}
END_TEST

START_TEST(links_tunnels_and_drops_are_told)
{
	rig_reading("ports", "[{\"name\":\"wan0\",\"link\":false,\"speed_mbps\":1000}]");
	rig_reading("tunnels",
		"[{\"name\":\"t\",\"local\":\"198.18.0.1\",\"remote\":\"198.18.0.2\","
		"\"state\":\"down: no route\"},{\"name\":\"u\",\"local\":\"198.18.0.1\","
		"\"remote\":\"198.18.0.3\",\"state\":\"up via wan0 198.18.0.3\"}]");
	rig_reading("drops", "{\"no_route\":4}");
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_port_up{port=\"wan0\"} 0"));
	ck_assert(has("sluice_port_speed_bytes_per_second{port=\"wan0\"} 125000000"));
	ck_assert(
		has("sluice_tunnel_up{tunnel=\"t\",local=\"198.18.0.1\",remote=\"198.18.0.2\"} 0"));
	ck_assert(
		has("sluice_tunnel_up{tunnel=\"u\",local=\"198.18.0.1\",remote=\"198.18.0.3\"} 1"));
	ck_assert(has("sluice_dropped_packets_total{reason=\"no_route\"} 4"));
}
END_TEST

START_TEST(meter_colours_are_a_label)
{
	rig_slice("blue", "kim", "lan0", 10);
	rig_reading("slice", "{\"blue\":{\"meter_red_packets\":3,\"meter_green_packets\":4}}");
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_slice_meter_packets_total{slice=\"blue\",tenant=\"kim\","
		      "color=\"green\"} 4"));
	ck_assert(has("sluice_slice_meter_packets_total{slice=\"blue\",tenant=\"kim\","
		      "color=\"red\"} 3"));
	ck_assert_int_eq(times("# TYPE sluice_slice_meter_packets_total"), 1);
}
END_TEST

/* ---- whose ---- */

START_TEST(attachment_is_of_who_holds_its_place)
{
	rig_slice("a", "kim", "b:p", 0); /* attachment "a:b:p" */
	rig_slice("a:b", "lee", "q.5", 7);
	rig_reading("attachment", "{\"a:b:p\":{\"in_packets\":1},\"a:b:q.5.7\":{\"in_packets\":2},"
				  "\"x:y\":{\"in_packets\":3}}");
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_attachment_receive_packets_total{attachment=\"a:b:p\",slice=\"a\","
		      "tenant=\"kim\"} 1"));
	ck_assert(has("sluice_attachment_receive_packets_total{attachment=\"a:b:q.5.7\","
		      "slice=\"a:b\",tenant=\"lee\"} 2"));
	ck_assert(has("sluice_attachment_receive_packets_total{attachment=\"x:y\",tenant=\"\"} 3"));
}
END_TEST

START_TEST(tenant_sees_its_own_slices_and_nothing_of_the_box)
{
	rig_slice("blue", "kim", "lan0", 10);
	rig_slice("red", "lee", "lan0", 20);
	rig_reading("slice", "{\"blue\":" TRAFFIC(1) ",\"red\":" TRAFFIC(2) "}");
	rig_reading(
		"attachment", "{\"blue:lan0.10\":" TRAFFIC(1) ",\"red:lan0.20\":" TRAFFIC(2) "}");
	rig_reading("port", "{\"lan0\":{\"rx_packets\":1}}");
	rig_read();
	rig_actor.role = ROLE_TENANT;
	strcpy(rig_actor.tenant, "kim");
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_slice_receive_packets_total{slice=\"blue\",tenant=\"kim\"} 1"));
	ck_assert(strstr(rig_answer.text, "blue:lan0.10"));
	ck_assert(!strstr(rig_answer.text, "red"));
	ck_assert(!strstr(rig_answer.text, "lee"));
	ck_assert(!strstr(rig_answer.text, "sluice_port"));
	ck_assert(!strstr(rig_answer.text, "process_"));
	rig_get("/metrics/slices", NULL);
	ck_assert(!strstr(rig_answer.text, "red"));
}
END_TEST

START_TEST(many_slices_are_told_by_tenant_and_in_pages)
{
	int found = 0;

	for (int i = 0; i < 5; i++)
		rig_slice((const char *[]){"s0", "s1", "s2", "s3", "s4"}[i], "kim", "lan0", i + 1);
	rig_reading("slice", "{\"s0\":" TRAFFIC(1) ",\"s1\":" TRAFFIC(1) ",\"s2\":" TRAFFIC(
				     1) ",\"s3\":" TRAFFIC(1) ",\"s4\":" TRAFFIC(1) "}");
	rig_read();
	rig_get("/metrics", NULL);
	ck_assert(!strstr(rig_answer.text, "sluice_slice_"));
	ck_assert(has("sluice_tenant_receive_packets_total{tenant=\"kim\"} 0"));
	rig_get("/metrics/slices", NULL);
	ck_assert_int_eq(times("\nsluice_slice_receive_packets_total{"), 5);
	for (int page = 0; page < 3; page++) {
		char target[64];

		snprintf(target, sizeof(target), "/metrics/slices?pages=3&page=%d", page);
		rig_get(target, NULL);
		found += times("\nsluice_slice_receive_packets_total{");
	}
	ck_assert_int_eq(found, 5);
	rig_get("/metrics/slices?pages=3&page=3", NULL);
	ck_assert_int_eq(rig_answer.status, 400);
}
END_TEST

START_TEST(slices_in_pieces_are_of_one_reading)
{
	struct intent *blue = rig_slice("blue", "kim", "lan0", 1);
	int turns = 0;
	char *whole;

	rig_slice("red", "lee", "lan0", 2);
	rig_reading("slice", "{\"blue\":" TRAFFIC(100) ",\"red\":" TRAFFIC(200) "}");
	rig_reading(
		"attachment", "{\"blue:lan0.1\":" TRAFFIC(100) ",\"red:lan0.2\":" TRAFFIC(200) "}");
	rig_get("/metrics/slices", NULL);
	whole = strdup(rig_answer.text);
	making_bit_us = 0;
	rig_get("/metrics/slices", NULL);
	ck_assert_int_eq(rig_answer.status, 0);
	for (; !rig_answer.status && turns < 1000; turns++) {
		rig_once();
		if (turns == 8) { /* within the slices */
			rig_forget(blue);
			rig_reading("slice", "{\"red\":" TRAFFIC(300) "}");
			rig_reading("slice", "{\"red\":" TRAFFIC(400) "}");
		}
	}
	ck_assert_int_gt(turns, 20);
	ck_assert_int_eq(rig_answer.status, 200);
	ck_assert(has("sluice_slice_receive_packets_total{slice=\"blue\",tenant=\"kim\"} 100"));
	ck_assert(has("sluice_slice_receive_packets_total{slice=\"red\",tenant=\"lee\"} 200"));
	ck_assert_uint_eq(strlen(strstr(rig_answer.text, "# TYPE sluice_slice_transmit_bytes")) -
				  strlen(strstr(rig_answer.text, "# TYPE sluice_attachment_rec")),
		strlen(strstr(whole, "# TYPE sluice_slice_transmit_bytes")) -
			strlen(strstr(whole, "# TYPE sluice_attachment_rec")));
	free(whole);
}
END_TEST

/* ---- sums by tenant ---- */

START_TEST(sum_of_a_tenant_never_goes_back)
{
	rig_slice("blue", "kim", "lan0", 10);
	rig_slice("green", "kim", "lan0", 11);
	rig_reading("slice", "{\"blue\":" TRAFFIC(100) ",\"green\":" TRAFFIC(100) "}");
	rig_read(); /* what was before control began is not its tenant's traffic now */
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_tenant_receive_packets_total{tenant=\"kim\"} 0"));
	rig_reading("slice", "{\"blue\":" TRAFFIC(110) ",\"green\":" TRAFFIC(105) "}");
	rig_read();
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_tenant_receive_packets_total{tenant=\"kim\"} 15"));
	ck_assert(has("sluice_tenant_receive_bytes_total{tenant=\"kim\"} 1500"));
	rig_reading("slice", "{\"blue\":" TRAFFIC(120) "}"); /* green is deleted */
	rig_read();
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_tenant_receive_packets_total{tenant=\"kim\"} 25"));
	rig_reading("slice", "{\"blue\":" TRAFFIC(7) "}"); /* made anew: counts from nothing */
	rig_read();
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_tenant_receive_packets_total{tenant=\"kim\"} 32"));
	rig_reading("slice", "{\"blue\":" TRAFFIC(7) ",\"new\":" TRAFFIC(3) "}");
	rig_slice("new", "kim", "lan0", 12);
	rig_read();
	rig_get("/metrics", NULL);
	ck_assert(has("sluice_tenant_receive_packets_total{tenant=\"kim\"} 35"));
	rig_reading("slice", "{}");
	rig_read();
	rig_get("/metrics", NULL);
	ck_assert(!strstr(rig_answer.text, "kim"));
}
END_TEST

static const char *key_of(const char *type)
{
	return !strcmp(type, "slice") ? "blue" : !strcmp(type, "stage") ? "worker0/parse" : "x";
}

static void count_one(const struct measure *m)
{
	json_t *type = json_deep_copy(collector_stats(NULL, m->type));
	json_t *one;
	char *text;

	type = type ? type : json_object();
	if (!json_object_get(type, key_of(m->type)))
		json_object_set_new(type, key_of(m->type), json_object());
	one = json_object_get(type, key_of(m->type));
	json_object_set_new(one, m->counter, json_integer(1));
	text = json_dumps(type, 0);
	rig_reading(m->type, text);
	free(text);
	json_decref(type);
}

/* Also for promtool, which test_promtool.py runs on what is written to METRICS_FILE. */
START_TEST(every_counter_of_the_table_is_told)
{
	const char *file = getenv("METRICS_FILE");
	FILE *out;

	rig_slice("blue", "kim", "lan0", 10);
	rig_wan("wan0", "here", "198.18.0.1/24");
	for (const struct measure *m = measures; m->type; m++)
		count_one(m);
	rig_reading("ports", "[{\"name\":\"wan0\",\"link\":true,\"speed_mbps\":1000}]");
	rig_reading("tunnels", "[{\"name\":\"t\",\"local\":\"198.18.0.1\","
			       "\"remote\":\"198.18.0.2\",\"state\":\"down: no route\"}]");
	rig_reading("drops", "{\"no_route\":4}");
	rig_reading("peers", "[{\"match\":{\"gtpu\":\"n3\",\"peer\":\"198.18.3.2\"},\"params\":{"
			     "\"state\":\"up via n3 x\",\"path\":\"down\"},\"counters\":{"
			     "\"out_packets\":5,\"out_bytes\":500}}]");
	strcpy(rig_session("ue", "kim")->obj->session.session.slice, "blue");
	rig_read();
	control.mirror = (struct mirror_link *)&rig_mirror; /* never looked into */
	rig_get("/metrics", NULL);
	control.mirror = NULL;
	ck_assert(has("sluice_gtpu_path_up{gtpu=\"n3\",peer=\"198.18.3.2\"} 0"));
	ck_assert(has("sluice_gtpu_paths{state=\"down\"} 1") &&
		  has("sluice_gtpu_paths{state=\"up\"} 0"));
	ck_assert(
		has("sluice_gtpu_path_transmit_bytes_total{gtpu=\"n3\",peer=\"198.18.3.2\"} 500"));
	ck_assert(has("sluice_sessions{slice=\"blue\",tenant=\"kim\"} 1") &&
		  has("sluice_sessions_not_well{slice=\"blue\",tenant=\"kim\"} 1"));
	for (const struct measure *m = measures; m->type; m++) {
		char line[128];

		snprintf(line, sizeof(line), "\n# TYPE %s%s ",
			strcmp(m->type, "process") ? "sluice_" : "", m->name);
		ck_assert_msg(times(line) == 1, "%s is told %d times", m->name, times(line));
	}
	if (!file)
		return;
	out = fopen(file, "w");
	ck_assert_ptr_nonnull(out);
	fputs(rig_answer.text, out);
	fclose(out);
}
END_TEST

START_TEST(sessions_are_counted_without_a_look_at_each)
{
	unsigned few;
	char name[8];

	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "ue%d", i);
		rig_session(name, "kim");
		if (i == 0) {
			rig_walked = 0;
			rig_get("/metrics", NULL);
			few = rig_walked;
		}
	}
	rig_walked = 0;
	rig_get("/metrics", NULL);
	ck_assert_uint_eq(rig_walked, few);
	ck_assert(has("sluice_intents{type=\"sessions\",state=\"pending\"} 40"));
	rig_walked = 0;
	rig_get("/v1/status", NULL);
	ck_assert_int_eq(rig_answer.status, 200);
	ck_assert_uint_eq(rig_walked, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tcase = tcase_create("metrics");

	tcase_add_checked_fixture(tcase, rig_start, rig_stop);
	tcase_add_test(tcase, label_escapes_backslash_quote_and_newline);
	tcase_add_test(tcase, help_escapes_backslash_and_newline_only);
	tcase_add_test(tcase, values_are_written_as_prometheus_reads_them);
	tcase_add_test(tcase, text_grows_to_any_length);
	tcase_add_test(tcase, families_have_help_and_type_once_and_samples_behind_them);
	tcase_add_test(tcase, control_tells_of_itself_while_the_dataplane_is_down);
	tcase_add_test(tcase, wan_rates_are_in_bytes);
	tcase_add_test(tcase, xdp_is_told_by_port_and_verdict_where_there_is_such_a_port);
	tcase_add_test(tcase, workers_and_stages_have_labels_of_their_own);
	tcase_add_test(tcase, links_tunnels_and_drops_are_told);
	tcase_add_test(tcase, meter_colours_are_a_label);
	tcase_add_test(tcase, attachment_is_of_who_holds_its_place);
	tcase_add_test(tcase, tenant_sees_its_own_slices_and_nothing_of_the_box);
	tcase_add_test(tcase, many_slices_are_told_by_tenant_and_in_pages);
	tcase_add_test(tcase, slices_in_pieces_are_of_one_reading);
	tcase_add_test(tcase, sum_of_a_tenant_never_goes_back);
	tcase_add_test(tcase, every_counter_of_the_table_is_told);
	tcase_add_test(tcase, sessions_are_counted_without_a_look_at_each);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
