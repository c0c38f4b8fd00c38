/* SPDX-License-Identifier: BSD-3-Clause */
/* Reserved addresses: calloc() gives the same, but AddressSanitizer then writes its shadow of all
 * of it at each end, which is most of the time of a test. */
#include "reserve.h"

#include <stdint.h>
#include <sys/mman.h>

static void *map(size_t bytes, int protection)
{
	void *at =
		mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

void *reserve_map(size_t bytes)
{
	return map(bytes, PROT_READ | PROT_WRITE);
}

void *reserve_map_huge(size_t bytes, int protection)
{
	const size_t page = 4096, whole = (bytes + page - 1) & ~(page - 1);
	char *at = map(whole + RESERVE_HUGE_BYTES, protection);
	size_t before = -(uintptr_t)at & (RESERVE_HUGE_BYTES - 1);

	if (!at)
		return NULL;
	if (before)
		munmap(at, before);
	munmap(at + before + whole, RESERVE_HUGE_BYTES - before);
	madvise(at + before, whole, MADV_HUGEPAGE); /* where there are any */
	return at + before;
}

void reserve_unmap(void *at, size_t bytes)
{
	if (at)
		munmap(at, bytes);
}
