/* SPDX-License-Identifier: BSD-3-Clause */
/* The bus and the log: order, replay, news that are published from within, lines. */
#include "../suite.h"
#include "bus.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/sluice-bus-XXXXXX";
static char file[64];

struct heard {
	uint64_t ids[3 * BUS_KEPT];
	int count;
	bool publish;
};

static void hear(const struct bus_entry *entry, void *arg)
{
	struct heard *heard = arg;

	heard->ids[heard->count++] = entry->id;
}

static void start(void)
{
	snprintf(file, sizeof(file), "%s/log", dir);
	unlink(file);
	ck_assert_int_eq(log_open(file, LOG_INFO_), 0);
}

static void stop(void)
{
	bus_free();
	log_close();
	unlink(file);
}

/* The lines of the log as JSON, checked to be as many. */
static json_t *lines(size_t want)
{
	json_t *all = json_array();
	FILE *in = fopen(file, "r");
	char *line = NULL;
	size_t room = 0;

	ck_assert_ptr_nonnull(in);
	while (getline(&line, &room, in) > 0) {
		json_t *one = json_loads(line, 0, NULL);

		ck_assert_msg(one, "not JSON: %s", line);
		json_array_append_new(all, one);
	}
	free(line);
	fclose(in);
	ck_assert_uint_eq(json_array_size(all), want);
	return all;
}

static const char *text_of(const json_t *array, size_t index, const char *name)
{
	return json_string_value(json_object_get(json_array_get(array, index), name));
}

START_TEST(event_is_heard_and_logged_with_one_text)
{
	struct heard heard = {0};
	json_t *all;

	bus_publish(LOG_WARN_, "link.down", "", json_pack("{s:s}", "port", "wan0"));
	bus_publish(LOG_INFO_, "mac.learned", "kim", json_pack("{s:s}", "slice", "blue\n\"x"));
	bus_replay(0, 0, hear, &heard);
	ck_assert_int_eq(heard.count, 2);
	ck_assert_uint_eq(heard.ids[1], 2);
	all = lines(2);
	ck_assert_str_eq(text_of(all, 0, "event"), "link.down");
	ck_assert_str_eq(text_of(all, 0, "level"), "warn");
	ck_assert_str_eq(text_of(all, 0, "port"), "wan0");
	ck_assert_ptr_null(text_of(all, 0, "tenant"));
	ck_assert_str_eq(text_of(all, 1, "tenant"), "kim");
	ck_assert_str_eq(text_of(all, 1, "slice"), "blue\n\"x");
	ck_assert_int_eq(strlen(text_of(all, 1, "at")), strlen("2026-11-22T07:34:28.000000Z"));
	json_decref(all);
}
END_TEST

START_TEST(field_cannot_hide_what_the_event_is)
{
	json_t *all;

	bus_publish(
		LOG_INFO_, "link.up", "kim", json_pack("{s:s, s:s}", "event", "x", "tenant", "y"));
	all = lines(1);
	ck_assert_str_eq(text_of(all, 0, "event"), "link.up");
	ck_assert_str_eq(text_of(all, 0, "tenant"), "kim");
	json_decref(all);
}
END_TEST

START_TEST(event_below_the_level_is_heard_but_not_logged)
{
	struct heard heard = {0};

	bus_publish(LOG_DEBUG_, "mac.learned", "", NULL);
	log_text(LOG_DEBUG_, "x");
	bus_replay(0, 0, hear, &heard);
	ck_assert_int_eq(heard.count, 1);
	json_decref(lines(0));
}
END_TEST

static struct heard told;
static uint64_t told_last;

static void on_news(void)
{
	bus_replay(told_last, 0, hear, &told);
	told_last = bus_last();
	if (told.publish)
		bus_publish(LOG_INFO_, "from within", "", NULL);
	told.publish = false;
}

START_TEST(news_are_told_once_in_order_and_from_within_in_turn)
{
	bus_publish(LOG_INFO_, "before", "", NULL);
	told_last = bus_last();
	memset(&told, 0, sizeof(told));
	told.publish = true;
	bus_on_news(on_news);
	bus_publish(LOG_INFO_, "a", "", NULL);
	ck_assert_int_eq(told.count, 2);
	bus_publish(LOG_INFO_, "b", "", NULL);
	ck_assert_int_eq(told.count, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(told.ids[i], i + 2);
	bus_on_news(NULL);
	bus_publish(LOG_INFO_, "c", "", NULL);
	ck_assert_int_eq(told.count, 3);
}
END_TEST

START_TEST(replay_gives_what_is_newer_in_order)
{
	struct heard heard = {0};

	for (int i = 0; i < 10; i++)
		bus_publish(LOG_DEBUG_, "a", "", NULL);
	ck_assert(bus_replay(7, 0, hear, &heard));
	ck_assert_int_eq(heard.count, 3);
	ck_assert_uint_eq(heard.ids[0], 8);
	heard.count = 0;
	ck_assert(bus_replay(2, 4, hear, &heard));
	ck_assert_int_eq(heard.count, 4);
	ck_assert_uint_eq(heard.ids[3], 6);
	heard.count = 0;
	ck_assert(bus_replay(10, 0, hear, &heard));
	ck_assert_int_eq(heard.count, 0);
}
END_TEST

START_TEST(replay_tells_of_a_gap_when_events_are_gone)
{
	static struct heard heard;

	heard.count = 0;
	for (int i = 0; i < BUS_KEPT + 5; i++)
		bus_publish(LOG_DEBUG_, "a", "", NULL);
	ck_assert(bus_replay(5, 0, hear, &heard));
	ck_assert_int_eq(heard.count, BUS_KEPT);
	heard.count = 0;
	ck_assert(!bus_replay(4, 0, hear, &heard));
	ck_assert_int_eq(heard.count, BUS_KEPT);
	ck_assert_uint_eq(heard.ids[0], 6);
	heard.count = 0; /* of an earlier life */
	ck_assert(!bus_replay(BUS_KEPT + 6, 0, hear, &heard));
	ck_assert_int_eq(heard.count, BUS_KEPT);
}
END_TEST

START_TEST(log_goes_on_in_a_new_file_after_a_rotation)
{
	char old[80];

	log_text(LOG_INFO_, "one");
	snprintf(old, sizeof(old), "%s.1", file);
	ck_assert_int_eq(rename(file, old), 0);
	log_text(LOG_INFO_, "two");
	log_reopen();
	log_text(LOG_ERROR_, "three");
	json_decref(lines(1));
	unlink(old);
	ck_assert_int_eq(log_open("/nowhere/at/all", LOG_INFO_), -ENOENT);
	log_text(LOG_INFO_, "four"); /* it stayed where it was */
	json_decref(lines(2));
}
END_TEST

START_TEST(log_of_a_full_pipe_loses_lines_and_counts_them)
{
	char fifo[64], text[900];
	static char all[1 << 20];
	uint64_t lost = log_lost();
	ssize_t len;
	int fd;

	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(log_open(fifo, LOG_INFO_), -ENXIO); /* nobody reads: no waiting */
	fd = open(fifo, O_RDONLY | O_NONBLOCK);
	ck_assert_int_eq(log_open(fifo, LOG_INFO_), 0);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 200; i++)
		log_text(LOG_INFO_, "%s", text);
	ck_assert_uint_gt(log_lost(), lost);
	len = read(fd, all, sizeof(all));
	ck_assert_int_gt(len, 10000);
	log_text(LOG_INFO_, "after");
	len += read(fd, all + len, sizeof(all) - len);
	for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *one = json_loads(line, 0, NULL);

		ck_assert_msg(one, "torn line: %s", line);
		json_decref(one);
	}
	close(fd);
	unlink(fifo);
}
END_TEST

/* What is given to us as stderr blocks, and is not ours to change. */
START_TEST(log_to_stderr_does_not_wait_for_its_reader)
{
	uint64_t lost = log_lost();
	int fds[2], old = dup(STDERR_FILENO);

	ck_assert_int_eq(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	ck_assert_int_eq(log_open(NULL, LOG_INFO_), 0);
	alarm(30);
	for (int i = 0; i < 2000; i++)
		log_text(
			LOG_INFO_, "nobody reads this, so that the pipe becomes full at some time");
	alarm(0);
	dup2(old, STDERR_FILENO);
	close(old);
	close(fds[0]);
	close(fds[1]);
	ck_assert_uint_gt(log_lost(), lost);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bus");
	TCase *tcase = tcase_create("bus");
	int failed;

	if (!mkdtemp(dir))
		return EXIT_FAILURE;
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, event_is_heard_and_logged_with_one_text);
	tcase_add_test(tcase, field_cannot_hide_what_the_event_is);
	tcase_add_test(tcase, event_below_the_level_is_heard_but_not_logged);
	tcase_add_test(tcase, news_are_told_once_in_order_and_from_within_in_turn);
	tcase_add_test(tcase, replay_gives_what_is_newer_in_order);
	tcase_add_test(tcase, replay_tells_of_a_gap_when_events_are_gone);
	tcase_add_test(tcase, log_goes_on_in_a_new_file_after_a_rotation);
	tcase_add_test(tcase, log_to_stderr_does_not_wait_for_its_reader);
	tcase_add_test(tcase, log_of_a_full_pipe_loses_lines_and_counts_them);
	suite_add_tcase(suite, tcase);
	failed = suite_main(suite);
	rmdir(dir);
	return failed;
}
