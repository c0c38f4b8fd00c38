/* SPDX-License-Identifier: BSD-3-Clause */
/* From which own address of its site a session sends into a tunnel. */
#include <string.h>

#include "intent.h"

static const struct intent_gtpu *find_gtpu(const struct intent_gtpus *gtpus, const char *name)
{
	for (uint32_t i = 0; i < gtpus->count; i++)
		if (!strcmp(gtpus->item[i].name, name))
			return &gtpus->item[i];
	return NULL;
}

const char *session_gtpu_own(const struct api_session *s, const struct intent_gtpus *gtpus,
	uint32_t interface, uint8_t family)
{
	for (uint32_t i = 0; i < s->pdrs.count; i++) {
		const struct intent_gtpu *gtpu = find_gtpu(gtpus, s->pdrs.item[i].gtpu);

		if (gtpu && gtpu->interface == interface && gtpu->address.family == family)
			return gtpu->name;
	}
	return NULL;
}

static const char *any_of(const struct intent_gtpus *gtpus, uint32_t interface, uint8_t family)
{
	for (uint32_t i = 0; i < gtpus->count; i++)
		if (gtpus->item[i].interface == interface &&
			gtpus->item[i].address.family == family)
			return gtpus->item[i].name;
	return NULL;
}

const char *session_gtpu_any(const struct intent_gtpus *gtpus, uint32_t interface, uint8_t family)
{
	const char *name = any_of(gtpus, interface, family);

	return name ? name : any_of(gtpus, !interface, family);
}
