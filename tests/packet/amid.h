/* SPDX-License-Identifier: BSD-3-Clause */
/* Main's turn in the midst of a worker's burst, at a place that the test chooses. The packet tests
 * have one thread for both: main begins where the worker calls a certain function (the linker's
 * --wrap stands in for it); where main would wait for a grace period the worker goes on, and
 * amid_end() lets main do the rest. Used by test_upf_amid.c and test_upf_line_change.c. */
#ifndef TESTS_AMID_H
#define TESTS_AMID_H

enum amid_place {
	AMID_NOWHERE,
	AMID_GTPU_READ,	   /* gtpu_read(): between the sessions of two packets that came in */
	AMID_CLASSIFY,	   /* rules_classify(): between a line's key and what it says */
	AMID_SESSION_DOWN, /* session_down_run(): between a UE's address and its session's block */
	AMID_HOLD_WAITS,   /* hold_waits(): between a block's flags and where its packet goes */
	AMID_HOLD_BACK,	   /* hold_back(): between two packets that come back */
	AMID_COMMIT /* session_doors_commit(): the worker has its turn, between two sessions of a
		       transaction that main publishes */
};

/* The next time that a worker gets there, main does this, once. */
void amid(enum amid_place place, void (*what)(void));
/* After the burst. Main has had its turn, or the test fails. */
void amid_end(void);
/* For upf_teardown(): main does the rest after a test that failed, if there is any. */
void amid_over(void);

#endif
