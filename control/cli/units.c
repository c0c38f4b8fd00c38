/* SPDX-License-Identifier: BSD-3-Clause */
/* See units.h. */
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "units.h"

/* The digits are moved, not multiplied: 0.1G is exactly 100,000,000. */
json_t *units_number(const char *text)
{
	static const char letters[] = "kMGT";
	size_t whole = strspn(text, "0123456789"), fraction = 0, zeros = 0, i;
	const char *unit = text + whole, *letter;
	char digits[40];

	if (*unit == '.') {
		fraction = strspn(unit + 1, "0123456789");
		unit += 1 + fraction;
	}
	letter = *unit != '\0' ? strchr(letters, *unit == 'K' ? 'k' : *unit) : NULL;
	if (whole == 0 || unit[-1] == '.' || (*unit != '\0' && (letter == NULL || unit[1] != '\0')))
		return NULL;
	zeros = letter != NULL ? (size_t)(letter - letters + 1) * 3 : 0;
	if (fraction > zeros || whole + zeros > 18)
		return NULL;
	memcpy(digits, text, whole);
	if (fraction > 0)
		memcpy(digits + whole, text + whole + 1, fraction);
	for (i = fraction; i < zeros; i++)
		digits[whole + i] = '0';
	digits[whole + zeros] = '\0';
	return json_integer(strtoll(digits, NULL, 10));
}

void units_apply(json_t *json)
{
	const char *name;
	json_t *value, *number;
	void *next;
	size_t i;

	json_array_foreach (json, i, value)
		units_apply(value);
	json_object_foreach_safe (json, next, name, value) {
		units_apply(value);
		if (!json_is_string(value) || !ends_with(name, "_bps"))
			continue;
		number = units_number(json_string_value(value));
		if (number != NULL)
			json_object_set_new(json, name, number);
	}
}
