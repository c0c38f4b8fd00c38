/* SPDX-License-Identifier: BSD-3-Clause */
/* What sluice-control and sluice-kernel say to each other, one JSON object a line (lines.h). They
 * are of one version, which `hello` makes sure of; nobody else speaks it.
 *
 * sluice-control listens at its own socket's path and WIRE_SUFFIX, and takes one connection, of
 * root or of its own user. Both begin with {"hello": VERSION}; sluice-control adds "site" and
 * "rescan_s". With "off": true the kernel is not to be followed, and the connection ends.
 *
 *   control → kernel
 *     {"intent": KIND, "name": NAME, "spec": {…}}   what the mirror needs: this site, its WANs, its
 *                                                   slices with `kernel`; spec null: it is gone
 *     {"look": true}                                the intents before it belong together; the
 * first one: there are no others. false: and there was never any, so that the dataplane is let be
 *     {"ports": [{"name", "interface"}, …]}         AF_XDP ports that are wanted, or are there
 *   kernel → control
 *     {"ready": true}                               the first picture is whole
 *     {"retry": KIND, "name": NAME}                 as reconciler_retry() takes it
 *     {"event": NAME, "level": NUMBER, "fields": {…}}
 *     {"counters": {…}}                             struct mirror_counters, when they have changed
 *     {"gaps": {SLICE: TEXT, …}}                    mirror_gaps(), likewise
 *     {"refused": [[TYPE, KEY, REASON], …]}         some that are not in force, likewise
 *     {"alive": true}                               each second
 *     {"xdp": [{"port", "interface", "state", "reason", "counts": [packets, bytes, …]}, …]}
 */
#ifndef MIRROR_LINK_WIRE_H
#define MIRROR_LINK_WIRE_H

#include "mirror.h"

#define WIRE_SUFFIX ".kernel"

/* New; NULL: no memory. */
json_t *wire_counters(const struct mirror_counters *counters);
/* What is not there is 0. */
void wire_counters_read(const json_t *from, struct mirror_counters *out);

#endif
