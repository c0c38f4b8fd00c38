/* SPDX-License-Identifier: BSD-3-Clause */
/* The help pages of the intents' commands: from control/intent's tables. */
#include <string.h>

#include "cli.h"
#include "intent.h"

void help_noun(const struct group *group)
{
	const struct noun *noun = group->noun;
	const struct api_type *type = &intent_types[noun->type];

	printf("%s: %s\n", noun->name, type->help);
	if (strcmp(type->name, noun->name) != 0)
		printf("in documents: kind: %s\n", type->name);
	putchar('\n');
	help_group(stdout, group);
	putchar('\n');
	help_fields_all(type->fields, true);
}

void help_intent_command(const struct noun *noun, const struct command *command)
{
	help_command(command);
	if (command->words != WORD_INTENT_CREATE && command->words != WORD_INTENT_SET &&
		command->words != WORD_INTENT_MATCH)
		return;
	printf("\nFields of a %s:\n", noun->name);
	help_fields_all(intent_types[noun->type].fields, true);
}
