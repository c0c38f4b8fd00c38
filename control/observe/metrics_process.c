/* SPDX-License-Identifier: BSD-3-Clause */
/* What Prometheus' client libraries tell of their process, from /proc. */
#include "metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct process {
	double cpu_s, start_s;
	uint64_t virtual_bytes, resident_bytes;
};

static double boot_time_s(void)
{
	FILE *stat = fopen("/proc/stat", "re");
	unsigned long long boot = 0;
	char line[256];

	while (stat && fgets(line, sizeof(line), stat))
		if (sscanf(line, "btime %llu", &boot) == 1)
			break;
	if (stat)
		fclose(stat);
	return boot;
}

static bool process_read(struct process *out)
{
	unsigned long long user, system, start, bytes;
	FILE *stat = fopen("/proc/self/stat", "re");
	long resident, hz = sysconf(_SC_CLK_TCK);
	char line[1024] = "";
	const char *at;

	if (!stat)
		return false;
	at = fgets(line, sizeof(line), stat) ? strrchr(line, ')') : NULL;
	fclose(stat);
	/* behind the name: fields 3, 4, …; 14 utime, 15 stime, 22 starttime, 23 vsize, 24 rss */
	if (!at || sscanf(at + 1,
			   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d "
			   "%*d %*d %llu %llu %ld",
			   &user, &system, &start, &bytes, &resident) != 5)
		return false;
	out->cpu_s = (double)(user + system) / hz;
	out->start_s = boot_time_s() + (double)start / hz;
	out->virtual_bytes = bytes;
	out->resident_bytes = (uint64_t)resident * sysconf(_SC_PAGESIZE);
	return true;
}

static uint64_t open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t count = 0;

	if (!dir)
		return 0;
	for (struct dirent *one; (one = readdir(dir));)
		count += one->d_name[0] != '.';
	closedir(dir);
	return count - 1; /* the directory's own */
}

void metrics_write_process(struct text *p)
{
	struct process process;
	struct rlimit files;

	prom_family(p, "sluice_build_info", PROM_GAUGE, "Always 1; the version is a label.");
	prom_u64(p, "sluice_build_info", 1, "version", SLUICE_VERSION, NULL);
	if (process_read(&process)) {
		prom_family(p, "process_cpu_seconds_total", PROM_COUNTER,
			"User and system CPU time spent by control.");
		prom_f64(p, "process_cpu_seconds_total", process.cpu_s, NULL);
		prom_family(p, "process_start_time_seconds", PROM_GAUGE,
			"When control began, since 1970.");
		prom_f64(p, "process_start_time_seconds", process.start_s, NULL);
		prom_family(p, "process_virtual_memory_bytes", PROM_GAUGE, "Virtual memory.");
		prom_u64(p, "process_virtual_memory_bytes", process.virtual_bytes, NULL);
		prom_family(p, "process_resident_memory_bytes", PROM_GAUGE, "Resident memory.");
		prom_u64(p, "process_resident_memory_bytes", process.resident_bytes, NULL);
	}
	prom_family(p, "process_open_fds", PROM_GAUGE, "Open file descriptors.");
	prom_u64(p, "process_open_fds", open_files(), NULL);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		prom_family(p, "process_max_fds", PROM_GAUGE, "File descriptors that may be open.");
		prom_u64(p, "process_max_fds", files.rlim_cur, NULL);
	}
}
