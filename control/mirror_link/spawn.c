/* SPDX-License-Identifier: BSD-3-Clause */
/* The guardian of spawn.h. It owns sluice-kernel, and nothing else that it was forked with. */
#include "spawn.h"

#include <cap-ng.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_S 1
#define END_S	3

bool spawn_may(void)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
}

int spawn_drop_capabilities(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (capng_get_caps_process())
		return -EINVAL;
	if (capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE)
		return 0;
	capng_clear(CAPNG_SELECT_ALL);
	return capng_apply(capng_have_capability(CAPNG_BOUNDING_SET, 0) || geteuid() == 0
				   ? CAPNG_SELECT_ALL
				   : CAPNG_SELECT_CAPS)
		       ? -EPERM
		       : 0;
}

/* ---- the guardian ---- */

/* It gets the signal when its parent ends, also by SIGKILL. */
static void follow_parent(pid_t parent, int sig)
{
	prctl(PR_SET_PDEATHSIG, sig);
	if (getppid() != parent)
		_exit(0);
}

/* Does not return. */
static void become_kernel(char *const argv[], pid_t parent)
{
	sigset_t none;

	follow_parent(parent, SIGKILL); /* a process that is stopped, too */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(argv[0], argv);
	fprintf(stderr, "sluice-control: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static pid_t start(char *const argv[])
{
	pid_t self = getpid(), child = fork();

	if (child == 0)
		become_kernel(argv, self);
	return child;
}

static void complain(int status)
{
	if (WIFSIGNALED(status))
		fprintf(stderr,
			"sluice-control: sluice-kernel was ended by signal %d (%s), and is started "
			"again\n",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		fprintf(stderr,
			"sluice-control: sluice-kernel has ended with status %d, and is started "
			"again\n",
			WEXITSTATUS(status));
}

/* Does not return. SIGTERM ends it, after sluice-kernel, which has END_S for that. */
static void guard(char *const argv[], const sigset_t *signals)
{
	const struct timespec pause = {.tv_sec = PAUSE_S}, end = {.tv_sec = END_S};
	pid_t child = start(argv);
	bool ends = false;
	int status, sig;

	while (!ends || child > 0) {
		sig = child > 0 && !ends ? sigwaitinfo(signals, NULL)
					 : sigtimedwait(signals, NULL, ends ? &end : &pause);
		if (sig == SIGTERM) {
			ends = true;
			if (child > 0)
				kill(child, SIGTERM);
		} else if (sig == SIGHUP && child > 0) {
			kill(child, SIGHUP);
		} else if (sig == SIGCHLD && waitpid(child, &status, WNOHANG) == child) {
			child = 0;
			if (!ends)
				complain(status);
		} else if (sig < 0 && errno == EAGAIN && ends) {
			kill(child, SIGKILL);
		} else if (sig < 0 && errno == EAGAIN && child <= 0) {
			child = start(argv);
		}
	}
	_exit(0);
}

/* Where sluice-kernel is: beside this program. Static. */
static const char *program(void)
{
	static char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("sluice-kernel"));
	char *slash;

	path[len < 0 ? 0 : len] = '\0';
	slash = strrchr(path, '/');
	strcpy(slash ? slash + 1 : path, "sluice-kernel");
	return path;
}

int spawn_start(const char *socket, const char *dataplane, const char *log_file,
	const char *log_level, pid_t *guardian)
{
	const char *const argv[] = {program(), "--control", socket, "--dataplane", dataplane,
		"--log-level", log_level, log_file[0] ? "--log" : NULL, log_file, NULL};
	sigset_t signals, before;
	pid_t self = getpid(), pid;

	if (access(argv[0], X_OK))
		return -errno;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT); /* of a terminal: the guardian waits for SIGTERM */
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &before);
	pid = fork();
	if (pid == 0) {
		follow_parent(self, SIGTERM);
		closefrom(STDERR_FILENO + 1); /* the log, which is opened anew without it */
		guard((char *const *)argv, &signals);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return -errno;
	*guardian = pid;
	return 0;
}

void spawn_stop(pid_t guardian)
{
	if (!guardian)
		return;
	kill(guardian, SIGTERM);
	while (waitpid(guardian, NULL, 0) < 0 && errno == EINTR)
		;
}

void spawn_reload(pid_t guardian)
{
	if (guardian)
		kill(guardian, SIGHUP);
}

bool spawn_ended(pid_t guardian)
{
	return guardian && waitpid(guardian, NULL, WNOHANG) == guardian;
}
