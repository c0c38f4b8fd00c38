/* SPDX-License-Identifier: BSD-3-Clause */
/* The stages of the switch, in the order a packet meets them; each works in phases over the whole
 * burst:
 *
 * - parse_run (l2): pkt[] of a port → frames and packets in slices (by attachment), underlay[]
 * - overlay_in_run (tunnel): underlay[] → frames and packets in slices, gtpu[], punt[]
 * - gtpu_in_run (upf/datapath): gtpu[] → sessions → into slices, to_gtpu[]
 * - bridge_run (l2): frames → lanes, down[], flood[]
 * - route_run (l3): route[] → lanes, down[]
 * - session_down_run (upf/datapath): down[] → to_gtpu[]
 * - flood_run (l2): flood[] → lanes, down[]
 * - gtpu_out_run (upf/gtpu): to_gtpu[] → encapsulated, on their way out
 * - overlay_out_run (tunnel): to_tunnel → encapsulated, on their way out
 * - access_out_run (l2): to_access → tagged, on their way out
 * - punt_run (punt): punt[] → the kernel */
#ifndef PIPELINES_STAGES_H
#define PIPELINES_STAGES_H

#include "datapath.h"
#include "gtpu_out.h"
#include "l2.h"
#include "l3.h"
#include "punt.h"
#include "tunnel.h"

#endif
