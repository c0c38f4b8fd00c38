/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of filters, stored once each. Main thread only. Owns the lists. A list's texts lie one
 * after the other, each with its NUL; so two lists are the same when their bytes are. */
#include "session_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <rte_hash_crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"

/* In place of the UE's own address: IPv4, with "/32" after it, the IPv6 prefix. */
#define MARK_UE4    '\x01'
#define MARK_UE4_32 '\x02'
#define MARK_UE6    '\x03'

struct list {
	uint32_t uses;
	uint32_t hash;
	uint32_t next; /* of the same hash; of a free one: the next free one */
	uint32_t n, n_ethernet;
	uint32_t text_bytes;
	char *text;
	struct filter *filter;
	struct api_ethernet_filter *ethernet;
};

static struct list *lists; /* [0] is nobody's */
static uint32_t lists_room, lists_next, lists_free, lists_count;
static uint32_t *heads;
static uint32_t heads_mask;

/* Texts under way: of the list that is taken, of the answer that is made. */
static char *scratch, *arena;
static size_t scratch_room, arena_room, arena_used;
static struct api_text *items;
static uint32_t items_used;
#define ITEMS_MAX (LIMIT_SESSION_PDRS * LIMIT_PDR_FILTERS)

void filters_fini(void)
{
	for (uint32_t i = 1; i < lists_next; i++) {
		free(lists[i].text);
		free(lists[i].filter);
		free(lists[i].ethernet);
	}
	free(lists);
	free(heads);
	free(scratch);
	free(arena);
	free(items);
	lists = NULL;
	heads = NULL;
	scratch = arena = NULL;
	items = NULL;
	lists_room = lists_next = lists_free = lists_count = heads_mask = 0;
	scratch_room = arena_room = arena_used = items_used = 0;
}

uint32_t filters_lists(void)
{
	return lists_count;
}

static bool room_for(char **at, size_t *room, size_t bytes)
{
	if (bytes <= *room)
		return true;
	size_t more = bytes > 2 * *room ? bytes : 2 * *room;
	char *to = realloc(*at, more);

	if (to == NULL)
		return false;
	*at = to;
	*room = more;
	return true;
}

/* ---- the UE's own address in a text ---- */

struct own_text {
	char ue4[INET_ADDRSTRLEN];
	char ue6[INET6_ADDRSTRLEN + 4];
	size_t len4, len6;
	bool both; /* `assigned` is more than one of them */
};

/* Nothing is replaced where `assigned` would mean more than was written. */
static void own_text(const struct api_ue *ue, struct own_text *own)
{
	*own = (struct own_text){.both = ue->ipv4.family != 0 && ue->ipv6.family != 0};
	if (ue->framed.count > 0)
		return;
	if (ue->ipv4.family != 0) {
		inet_ntop(AF_INET, ue->ipv4.bytes, own->ue4, sizeof(own->ue4));
		own->len4 = strlen(own->ue4);
	}
	if (ue->ipv6.family != 0) {
		inet_ntop(AF_INET6, ue->ipv6.bytes, own->ue6, sizeof(own->ue6));
		own->len6 = strlen(own->ue6);
		own->len6 += sprintf(own->ue6 + own->len6, "/%u", ue->ipv6.len);
	}
}

static const char *find_word(const char *text, const char *word, size_t len)
{
	const char *at = len > 0 ? strstr(text, word) : NULL;

	while (at != NULL && (at == text || at[-1] != ' ' ||
				     (at[len] != '\0' && at[len] != ' ' && at[len] != '/')))
		at = strstr(at + 1, word);
	return at;
}

/* Copies a text with the UE's address replaced; returns what it wrote, its NUL included. */
static size_t copy_marked(const char *text, const struct own_text *own, bool marks, char *out)
{
	const char *at = NULL;
	size_t len = strlen(text), word = 0;
	char mark = 0;

	if (marks && !(own->both && strstr(text, " any") != NULL)) {
		at = find_word(text, own->ue4, own->len4);
		word = own->len4;
		mark = MARK_UE4;
		if (at != NULL && strncmp(at + word, "/32", 3) == 0 &&
			(at[word + 3] == ' ' || at[word + 3] == '\0')) {
			word += 3;
			mark = MARK_UE4_32;
		} else if (at != NULL && at[word] == '/') {
			at = NULL;
		}
		if (at == NULL) {
			at = find_word(text, own->ue6, own->len6);
			word = own->len6;
			mark = MARK_UE6;
		}
	}
	if (at == NULL) {
		memcpy(out, text, len + 1);
		return len + 1;
	}
	memcpy(out, text, at - text);
	out[at - text] = mark;
	memcpy(out + (at - text) + 1, at + word, len + 1 - (at - text) - word);
	return len + 2 - word;
}

static size_t marked(const struct api_pdr *pdr, const struct own_text *own, bool marks)
{
	size_t n = 0, most = 0;

	for (uint32_t i = 0; i < pdr->filters.count; i++)
		most += strlen(pdr->filters.item[i].text) + 2;
	if (!room_for(&scratch, &scratch_room, most))
		return SIZE_MAX;
	for (uint32_t i = 0; i < pdr->filters.count; i++)
		n += copy_marked(pdr->filters.item[i].text, own, marks, scratch + n);
	return n;
}

/* ---- the lists ---- */

/* With `assigned` for a mark. */
static int parse(const char *text, struct filter *out)
{
	const char *mark = strpbrk(text, "\x01\x02\x03"), *want;
	char plain[LIMIT_FILTER + 16];
	size_t at;
	int len;

	if (mark == NULL)
		return filter_parse(text, strlen(text), out, &want, &at);
	len = snprintf(plain, sizeof(plain), "%.*sassigned%s", (int)(mark - text), text, mark + 1);
	if (len >= (int)sizeof(plain) || filter_parse(plain, len, out, &want, &at) != 0)
		return -1;
	return out->local.assigned && !out->remote.assigned ? 0 : -1;
}

static int heads_grow(void)
{
	uint32_t mask = heads_mask == 0 ? 1023 : 2 * heads_mask + 1;
	uint32_t *more = calloc(mask + 1, sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	free(heads);
	heads = more;
	heads_mask = mask;
	for (uint32_t i = 1; i < lists_next; i++)
		if (lists[i].uses > 0) {
			lists[i].next = heads[lists[i].hash & mask];
			heads[lists[i].hash & mask] = i;
		}
	return 0;
}

static int list_new(uint32_t *id)
{
	if (lists_count >= heads_mask && heads_grow() != 0)
		return -ENOMEM;
	if (lists_free != 0) {
		*id = lists_free;
		lists_free = lists[*id].next;
		return 0;
	}
	if (!array_grow(&lists, &lists_room, lists_next, sizeof(*lists)))
		return -ENOMEM;
	if (lists_next == 0)
		lists[lists_next++] = (struct list){0};
	*id = lists_next++;
	return 0;
}

static void list_free(uint32_t id)
{
	struct list *l = &lists[id];

	free(l->text);
	free(l->filter);
	free(l->ethernet);
	*l = (struct list){.next = lists_free};
	lists_free = id;
}

/* Fills a new list from the scratch: 0, -ENOMEM; -EINVAL when filter *at does not parse. */
static int list_fill(uint32_t id, const struct api_pdr *pdr, size_t bytes, uint32_t *at)
{
	struct list *l = &lists[id];
	const char *text;

	*l = (struct list){.n = pdr->filters.count,
		.n_ethernet = pdr->ethernet.count,
		.text_bytes = bytes,
		.text = malloc(bytes + 1),
		.filter = malloc(pdr->filters.count * sizeof(*l->filter) + 1),
		.ethernet = malloc(pdr->ethernet.count * sizeof(*l->ethernet) + 1)};
	if (l->text == NULL || l->filter == NULL || l->ethernet == NULL)
		return -ENOMEM;
	if (bytes > 0)
		memcpy(l->text, scratch, bytes);
	if (l->n_ethernet > 0)
		memcpy(l->ethernet, pdr->ethernet.item, l->n_ethernet * sizeof(*l->ethernet));
	text = l->text;
	for (*at = 0; *at < l->n; text += strlen(text) + 1, ++*at)
		if (parse(text, &l->filter[*at]) != 0)
			return -EINVAL;
	return 0;
}

static uint32_t list_find(const struct api_pdr *pdr, size_t bytes, uint32_t hash)
{
	uint32_t i = heads != NULL ? heads[hash & heads_mask] : 0;

	for (; i != 0; i = lists[i].next) {
		const struct list *l = &lists[i];

		if (l->hash == hash && l->n == pdr->filters.count && l->text_bytes == bytes &&
			l->n_ethernet == pdr->ethernet.count &&
			(bytes == 0 || memcmp(l->text, scratch, bytes) == 0) &&
			(l->n_ethernet == 0 || memcmp(l->ethernet, pdr->ethernet.item,
						       l->n_ethernet * sizeof(*l->ethernet)) == 0))
			return i;
	}
	return 0;
}

static int take(const struct api_pdr *pdr, const struct own_text *own, bool marks, uint32_t *id,
	uint32_t *at)
{
	size_t bytes = marked(pdr, own, marks);

	if (bytes == SIZE_MAX)
		return -ENOMEM;
	uint32_t hash = rte_hash_crc(scratch, bytes, pdr->filters.count);

	hash = rte_hash_crc(
		pdr->ethernet.item, pdr->ethernet.count * sizeof(*pdr->ethernet.item), hash);
	*id = list_find(pdr, bytes, hash);
	if (*id != 0) {
		lists[*id].uses++;
		return 0;
	}
	int rc = list_new(id);

	if (rc != 0)
		return rc;
	rc = list_fill(*id, pdr, bytes, at);
	if (rc != 0) {
		list_free(*id);
		return rc;
	}
	lists[*id].uses = 1;
	lists[*id].hash = hash;
	lists[*id].next = heads[hash & heads_mask];
	heads[hash & heads_mask] = *id;
	lists_count++;
	return 0;
}

int filters_take(const struct api_pdr *pdr, const struct api_ue *ue, uint32_t *id, uint32_t *at)
{
	struct own_text own;
	int rc;

	*id = 0;
	*at = 0;
	if (pdr->filters.count == 0 && pdr->ethernet.count == 0)
		return 0;
	own_text(ue, &own);
	rc = take(pdr, &own, true, id, at);
	/* the UE's address at the other end, or whatever else a mark does not fit */
	return rc == -EINVAL ? take(pdr, &own, false, id, at) : rc;
}

void filters_give(uint32_t id)
{
	uint32_t *at;

	if (id == 0 || --lists[id].uses > 0)
		return;
	for (at = &heads[lists[id].hash & heads_mask]; *at != id;)
		at = &lists[*at].next;
	*at = lists[id].next;
	lists_count--;
	list_free(id);
}

struct filter_list filters_get(uint32_t id)
{
	if (id == 0)
		return (struct filter_list){0};
	const struct list *l = &lists[id];

	return (struct filter_list){l->n, l->n_ethernet, l->filter, l->ethernet};
}

/* ---- back to text ---- */

void filters_texts_reset(void)
{
	arena_used = items_used = 0;
}

static size_t unmark(const char *text, const struct own_text *own, char *out, size_t room)
{
	const char *mark = strpbrk(text, "\x01\x02\x03");

	if (mark == NULL)
		return snprintf(out, room, "%s", text);
	return snprintf(out, room, "%.*s%s%s%s", (int)(mark - text), text,
		*mark == MARK_UE6 ? own->ue6 : own->ue4, *mark == MARK_UE4_32 ? "/32" : "",
		mark + 1);
}

bool filters_texts(uint32_t id, const struct api_ue *ue, struct api_pdr *pdr)
{
	struct own_text own;

	pdr->filters = (struct api_texts){0};
	pdr->ethernet = (struct api_ethernet_filters){0};
	if (id == 0)
		return true;
	const struct list *l = &lists[id];
	const char *text = l->text;

	if (arena == NULL) { /* so large that it never moves: texts are pointed at */
		arena_room = (size_t)ITEMS_MAX * (LIMIT_FILTER + 1);
		arena = malloc(arena_room);
		items = malloc(ITEMS_MAX * sizeof(*items));
	}
	if (arena == NULL || items == NULL)
		return false;
	own_text(ue, &own);
	pdr->ethernet = (struct api_ethernet_filters){l->n_ethernet, l->ethernet};
	pdr->filters = (struct api_texts){l->n, items + items_used};
	for (uint32_t i = 0; i < l->n; i++, text += strlen(text) + 1) {
		size_t len = unmark(text, &own, arena + arena_used, arena_room - arena_used);

		items[items_used++] =
			(struct api_text){.text = arena + arena_used, .len = (uint32_t)len};
		arena_used += len + 1;
	}
	return true;
}
