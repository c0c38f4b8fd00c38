/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions as texts, and what is wrong with some: for test_rpc_sessions.c, before fakes, and
 * test_sessions.c, before the real rooms. */
#ifndef TESTS_SESSION_TEXTS_H
#define TESTS_SESSION_TEXTS_H

#include "rpc_client.h"

#define PDR_UL                                                                                     \
	"{'id':1,'precedence':255,'source':'access','gtpu':'n3','outer_header_removal':0,'far':1," \
	"'qers':[1],'urrs':[1]}"
#define PDR_DL "{'id':2,'precedence':255,'source':'core','far':2,'qers':[1],'urrs':[1]}"
#define FARS                                                                                       \
	"'fars':[{'id':1,'action':'forward','destination':'core'},{'id':2,'action':'forward',"     \
	"'destination':'access','outer_header':{'teid':7,'peer':'198.18.0.2'}}]"
#define QERS "'qers':[{'id':1,'mbr_ul_bps':1000000,'mbr_dl_bps':2000000,'qfi':9}]"
#define URRS "'urrs':[{'id':1,'measure':['volume'],'threshold_bytes':1000000}]"
#define SESSION(name, ip)                                                                          \
	"{'name':'" name "','slice':'net','ue':{'ipv4':'" ip "'},'pdrs':[" PDR_UL "," PDR_DL       \
	"]," FARS "," QERS "," URRS "}"
/* with an F-TEID that was put */
#define SESSION_PUT_TEID                                                                           \
	"{'name':'s7','slice':'net','ue':{'ipv4':'10.60.0.7'},'pdrs':[{'id':1,'precedence':1,"     \
	"'source':'access','gtpu':'n3','teid':99,'outer_header_removal':0,'far':1}],'fars':[{'id'" \
	":1,'action':'forward'}]}"
#define PUT(objects) CALL("put", "{'type':'session','objects':[" objects "]}")

/* what is refused, of a session that is right but for that; %s of the text is its part */
static const struct {
	const char *object, *code, *path;
} refused[] = {
	{SESSION("s9", "10.60.0.1"), "-32004", "objects[1].ue.ipv4"},
	{"{'name':'s9','slice':'none','pdrs':[" PDR_UL "]," FARS "," QERS "," URRS "}", "-32602",
		"objects[1].slice"},
	{"{'name':'s9','slice':'net','ue':{'ipv4':'10.60.0.9'},'pdrs':[{'id':1,'precedence':1,"
	 "'source':'access','gtpu':'n4','far':1}]," FARS "}",
		"-32602", "objects[1].pdrs[0].gtpu"},
	{"{'name':'s9','slice':'net','ue':{'ipv4':'10.60.0.9'},'pdrs':[{'id':1,'precedence':1,"
	 "'source':'access','gtpu':'n3','teid':99,'far':1}]," FARS "}",
		"-32004", "objects[1].pdrs[0].teid"},
	{"{'name':'s9','slice':'net','ue':{'ipv4':'10.60.0.9'},'pdrs':[{'id':1,'precedence':1,"
	 "'source':'access','gtpu':'n3','far':3}]," FARS "}",
		"-32602", "objects[1].pdrs[0].far"},
	{"{'name':'s9','slice':'net','ue':{'ipv4':'10.60.0.9'},'pdrs':[{'id':1,'precedence':1,"
	 "'source':'access','gtpu':'n3','far':1,'qers':[8]}]," FARS "}",
		"-32602", "objects[1].pdrs[0].qers[0]"},
	{"{'name':'s9','slice':'net','ue':{'ipv4':'10.60.0.9'},'pdrs':[{'id':1,'precedence':1,"
	 "'source':'access','gtpu':'n3','far':1,'urrs':[8]}]," FARS "}",
		"-32602", "objects[1].pdrs[0].urrs[0]"},
	{"{'name':'s9','slice':'net','ue':{'ipv4':'10.60.0.9'},'pdrs':[{'id':1,'precedence':1,"
	 "'source':'access','gtpu':'n3','far':1},{'id':2,'precedence':1,'source':'access','gtpu':"
	 "'n3','far':1}]," FARS "}",
		NULL, "objects[1].pdrs[1].precedence"},
	{"{'name':'s9','slice':'net','ue':{'ipv4':'10.60.0.9'},'pdrs':[{'id':1,'precedence':1,"
	 "'source':'access','gtpu':'n3','far':1,'filters':['permit out ip from any to assigned',"
	 "'permit out udp from here']}]," FARS "}",
		"-32602", "objects[1].pdrs[0].filters[1]"},
	{"{'name':'s9','slice':'net','ue':{'ipv4':'10.60.0.9'},'pdrs':[{'id':1,'precedence':1,"
	 "'source':'access','gtpu':'n3','outer_header_removal':1,'far':1}]," FARS "}",
		"-32602", "objects[1].pdrs[0].outer_header_removal"},
	{"{'name':'s9','slice':'net','ue':{'ipv4':'10.60.0.9'},'pdrs':[" PDR_DL
	 "],'fars':[{'id':2,'action':'forward','destination':'access','outer_header':{'teid':7,"
	 "'peer':'224.0.0.1'}}]," QERS "," URRS "}",
		"-32602", "objects[1].fars[0].outer_header.peer"},
	{"{'name':'s9','slice':'net','ue':{'ipv4':'10.60.0.9'},'pdrs':[" PDR_DL
	 "],'fars':[{'id':2,'action':'forward','destination':'access','outer_header':{'teid':7,"
	 "'peer':'198.18.0.2','gtpu':'n3v6'}}]," QERS "," URRS "}",
		"-32602", "objects[1].fars[0].outer_header.gtpu"},
	{"{'name':'s9','slice':'net','ue':{'ipv4':'10.60.0.9'},'pdrs':[" PDR_DL
	 "],'fars':[{'id':2,'action':'forward','slice':'l2'}]," QERS "," URRS "}",
		"-32602", "objects[1].fars[0].slice"},
	{"{'name':'s9','slice':'l2','ue':{'ipv4':'10.60.0.9'},'pdrs':[" PDR_DL "]," FARS "," QERS
	 "," URRS "}",
		"-32602", "objects[1].slice"},
	{SESSION("s8", "10.60.0.10"), "-32004", "objects[1]"}, /* the one before it again */
	{"{'name':'s9','slice':'net','pdrs':7}", "-32602", "objects[1].pdrs"},
	{"{'name':'s9','slice':'net','ue':7,'pdrs':[" PDR_UL "]," FARS "}", "-32602",
		"objects[1].ue"},
};

static void furnish_upf(void)
{
	OK(ask(CALL("transaction",
		"{'ops':[{'op':'put','type':'slice','objects':[{'name':'net','vni':300,'kind':'l3'}"
		","
		"{'name':'edge','vni':301,'kind':'l3'},{'name':'l2','vni':302}]},"
		"{'op':'put','type':'gtpu','objects':[{'name':'n3','address':'198.18.0.1',"
		"'interface':'access'},{'name':'n9','address':'198.18.9.1','interface':'core'},"
		"{'name':'n3v6','address':'2001:db8::1','interface':'access'}]}]}")));
}

#endif
