/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts what jansson allocates (budget.h). Called by jansson on any thread, hence the atomic; owns
 * the count. */
#include "budget.h"

#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>

/* 16 MiB of the largest useful message, 200,000 MACs, takes about 140 MB. */
#define BUDGET (512ll << 20)

static long long used;

static void *budget_malloc(size_t size)
{
	void *memory;

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
	__atomic_sub_fetch(&used, malloc_usable_size(memory), __ATOMIC_RELAXED);
	free(memory);
}

void budget_install(void)
{
	json_set_alloc_funcs(budget_malloc, budget_free);
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
