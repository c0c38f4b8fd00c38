/* SPDX-License-Identifier: BSD-3-Clause */
/* Real programs on interfaces of a network namespace of its own
 * (control/xdp/xdp.c, pin.c). Needs root; skips with 77 without. */
#include "xdp.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../suite.h"
#include "pin.h"
#include "possible.h"

static struct xdp_port_list ports;

static void setup(void)
{
	/* mounts of its own, too: a bpffs that is mounted for the pins goes with the test */
	ck_assert_int_eq(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
	ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(system("ip link add x0 type veth peer name y0 && ip link set x0 up && "
				"ip link add x1 type veth peer name y1 && ip link set x1 up"),
		0);
}

static void teardown(void)
{
	xdp_close();
	pin_remove_all();
	ports_free(&ports);
}

/* What the dataplane does when it opens a port. */
static void open_port(const char *interface, uint32_t owner)
{
	struct xdp_program_fds program;

	ck_assert_int_eq(xdp_program_load(&program), 0);
	ck_assert_int_eq(xdp_program_attach(if_nametoindex(interface), &program), 0);
	ck_assert_int_eq(xdp_program_own(&program, owner), 0);
	xdp_program_close(&program);
}

static void want_x0(void)
{
	ports_free(&ports);
	ports_add(&ports, "{\"device\":\"net_af_xdp0,iface=x0\",\"name\":\"wan0\"}");
}

static enum xdp_state state;

static void note(const struct xdp_status *status, void *arg)
{
	state = status->state;
}

static enum xdp_state state_now(void)
{
	xdp_each(note, NULL);
	return state;
}

START_TEST(program_that_comes_later_is_found)
{
	want_x0();
	xdp_sync(&ports, true);
	ck_assert_int_eq(state_now(), XDP_NONE);
	open_port("x0", getpid());
	xdp_sync(&ports, false);
	ck_assert_int_eq(state_now(), XDP_DRIVER);
	/* the dataplane opened the port anew */
	ck_assert_int_eq(system("ip link set x0 xdp off"), 0);
	open_port("x0", getpid());
	xdp_sync(&ports, false);
	ck_assert_int_eq(state_now(), XDP_DRIVER);
	ck_assert_int_eq(system("ip link del x0"), 0);
	xdp_sync(&ports, false);
	ck_assert_int_eq(state_now(), XDP_NONE);
}
END_TEST

START_TEST(leftover_of_a_dead_dataplane_goes_and_others_stay)
{
	struct xdp_program_fds program;
	pid_t dead = fork();

	if (dead == 0)
		_exit(0);
	waitpid(dead, NULL, 0);
	open_port("x0", dead);
	open_port("x1", getpid());
	xdp_sync(&ports, true);
	ck_assert_int_eq(xdp_program_find(if_nametoindex("x0"), &program), -ENOENT);
	ck_assert_int_eq(xdp_program_find(if_nametoindex("x1"), &program), 0);
	xdp_program_close(&program);
}
END_TEST

START_TEST(maps_are_pinned_while_there_is_a_port)
{
	char path[200];

	if (!pin_folder()[0])
		return; /* no bpffs can be had here */
	snprintf(path, sizeof(path), "ls %s/*-%u/counts >/dev/null 2>&1", pin_folder(),
		if_nametoindex("x0"));
	open_port("x0", getpid());
	want_x0();
	xdp_sync(&ports, true);
	ck_assert_int_eq(system(path), 0);
	xdp_close();
	pin_remove_all();
	snprintf(path, sizeof(path), "ls %s | grep -q $(stat -Lc %%i /proc/self/ns/net)-",
		pin_folder());
	ck_assert_int_ne(system(path), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("xdp_sync");
	TCase *tcase = tcase_create("xdp_sync");

	if (!xdp_possible())
		return 77;
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, program_that_comes_later_is_found);
	tcase_add_test(tcase, leftover_of_a_dead_dataplane_goes_and_others_stay);
	tcase_add_test(tcase, maps_are_pinned_while_there_is_a_port);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
