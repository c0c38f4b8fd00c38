/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts what jansson allocates (budget.h). Owns the count, and the memory of the request in
 * work: one range of addresses, taken from its beginning on and never given back piece by piece.
 * Freeing a session's JSON one by one took as long as parsing it. */
#include "budget.h"

#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

/* 16 MiB of the largest useful message, 200,000 MACs, takes about 140 MB. */
#define BUDGET (512ll << 20)

static long long used;

#define REQUEST_KEEP  (16u << 20) /* bytes that stay with the process */
#define REQUEST_POLLS 20	  /* without a request before the rest goes */

static struct {
	char *base; /* BUDGET bytes; NULL: not yet, or the kernel gave none */
	size_t used, last, touched;
	bool refused;
	unsigned idle;
} request; /* main thread; `in_request` says whose malloc is meant */
static __thread bool in_request;

static bool of_request(const void *memory)
{
	return (const char *)memory >= request.base && (const char *)memory < request.base + BUDGET;
}

static void *request_malloc(size_t size)
{
	size_t at = request.used;

	size = (size + 15) & ~(size_t)15;
	if (size > (size_t)BUDGET - at)
		return NULL;
	request.last = at;
	request.used = at + size;
	return request.base + at;
}

/* Only what was taken last is taken back: texts that grow, pairs that come and go. */
static void request_free(const void *memory)
{
	if (in_request && memory == request.base + request.last)
		request.used = request.last;
}

static void *budget_malloc(size_t size)
{
	void *memory;

	if (in_request)
		return request_malloc(size);
	if (__atomic_load_n(&used, __ATOMIC_RELAXED) + (long long)size > BUDGET)
		return NULL;
	memory = malloc(size);
	if (memory)
		__atomic_add_fetch(&used, malloc_usable_size(memory), __ATOMIC_RELAXED);
	return memory;
}

static void budget_free(void *memory)
{
	if (!memory)
		return;
	if (request.base && of_request(memory)) {
		request_free(memory);
		return;
	}
	__atomic_sub_fetch(&used, malloc_usable_size(memory), __ATOMIC_RELAXED);
	free(memory);
}

void budget_install(void)
{
	json_set_alloc_funcs(budget_malloc, budget_free);
}

/* A sanitizer wants to see every piece. */
#if defined(__SANITIZE_ADDRESS__)
#define REQUEST_MEMORY 0
#else
#define REQUEST_MEMORY 1
#endif

static void request_map(void)
{
	void *base = mmap(NULL, BUDGET, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	request.refused = base == MAP_FAILED;
	if (request.refused)
		return;
	madvise(base, BUDGET, MADV_HUGEPAGE);
	request.base = base;
}

bool budget_request_begin(void)
{
	if (!REQUEST_MEMORY || request.refused || in_request)
		return false;
	if (!request.base)
		request_map();
	in_request = request.base != NULL;
	request.used = request.last = 0;
	request.idle = 0;
	return in_request;
}

void budget_request_again(void)
{
	if (request.used > request.touched)
		request.touched = request.used;
	request.used = request.last = 0;
}

void budget_request_pause(void)
{
	in_request = false;
}

void budget_request_end(void)
{
	in_request = false;
	if (request.used > request.touched)
		request.touched = request.used;
}

void budget_poll(void)
{
	if (request.touched <= REQUEST_KEEP || ++request.idle < REQUEST_POLLS)
		return;
	madvise(request.base + REQUEST_KEEP, request.touched - REQUEST_KEEP, MADV_DONTNEED);
	request.touched = REQUEST_KEEP;
}

void *budget_grow_text(void *text, size_t size)
{
	size_t before = malloc_usable_size(text);
	void *more;

	if (__atomic_load_n(&used, __ATOMIC_RELAXED) + (long long)size > BUDGET)
		return NULL;
	more = realloc(text, size);
	if (more)
		__atomic_add_fetch(&used, malloc_usable_size(more) - before, __ATOMIC_RELAXED);
	return more;
}

void budget_free_text(const void *text, size_t len, void *arg)
{
	budget_free((void *)text);
}

long long budget_used(void)
{
	return __atomic_load_n(&used, __ATOMIC_RELAXED);
}

long long budget_limit(void)
{
	return BUDGET;
}
