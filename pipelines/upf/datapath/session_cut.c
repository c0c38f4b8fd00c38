/* SPDX-License-Identifier: BSD-3-Clause */
/* An IPv4 packet that is too big for the path to the peer its FAR names, and may be cut: by a
 * route its pieces would go where the slice sends them, so they are acted upon here as the
 * packet would have been. Runs on workers. */
#include "host.h"
#include "session_batch.h"

void session_batch_cut(
	struct worker *w, struct burst *b, const struct session_batch *x, uint32_t k, uint32_t mtu)
{
	struct rte_mbuf *piece[INNER_FRAGMENTS], *m = x->pkt[k];
	enum drop_reason why = DROP_UNDERLAY_MTU;
	struct session_batch y;
	struct ip_view v;
	uint32_t n = 0;

	if (host_parse(m, &v))
		why = fragment_inner(m, &v, mtu, 0, piece, &n);
	if (why != DROP_REASONS) {
		session_drop(w, b, m, x->session[k], x->s[k], why);
		return;
	}
	w->box.replicated += n - 1;
	session_batch_begin(&y);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = y.n++;

		y.pkt[j] = piece[i];
		y.s[j] = x->s[k];
		y.session[j] = x->session[k];
		y.bytes[j] = piece[i]->pkt_len - BATCH_ETH;
		y.door[j] = x->door[k];
		y.group[j] = x->group[k];
		y.qfi[j] = x->qfi[k];
		/* the whole packet's: ports stand in the first piece only */
		session_batch_act(&y, j, x->act[k], x->rule[k]);
		if (y.n == BURST_MAX)
			session_batch_up(w, b, &y);
	}
	session_batch_up(w, b, &y);
}
