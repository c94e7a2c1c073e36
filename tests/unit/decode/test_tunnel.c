#include "onion.h"

#include <criterion/criterion.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

enum { ETHERNET = 1, RAW = 101 };
enum { IPIP = 4, UDP_PROTO = 17, IPV6 = 41, GRE = 47, AH = 51 };

/* clang-format off */
static const struct onion tunnels[] = {
    {"4in4", ETHERNET, .layers = {ETH(0x0800), IP4(IPIP), TCP4}},
    {"6in4", RAW, .layers = {IP4(IPV6), TCP6}},
    {"4in6", RAW, .layers = {IP6(IPIP), TCP4}},
    {"6in6", RAW, .layers = {IP6(IPV6), TCP6}},
    {"6in6in4, padded", RAW, .layers = {IP4(IPV6), IP6(IPV6), TCP6}, .trailer = "00000000"},
    {"8 IP headers", RAW, .layers = {IP4(IPIP), IP4(IPIP), IP4(IPIP), IP4(IPIP), IP4(IPIP), IP4(IPIP), IP4(IPIP), TCP4}},
    {"AH, IPv4", RAW, .layers = {IP4(AH), HEX("04 04 0000 00000001 00000002 000000000000000000000000"), TCP4}},
    {"AH, IPv6", RAW, .layers = {IP6(AH), HEX("29 04 0000 00000001 00000002 000000000000000000000000"), TCP6}},
    {"GRE", ETHERNET, .layers = {ETH(0x0800), IP4(GRE), HEX("0000 0800"), TCP4}},
    {"GRE, IPv6", RAW, .layers = {IP6(GRE), HEX("0000 86dd"), TCP6}},
    {"GRE, key", RAW, .layers = {IP4(GRE), HEX("2000 0800 00000007"), TCP4}},
    {"GRE, checksum, key, sequence", RAW, .layers = {IP4(GRE), HEX("b000 0800 12340000 00000007 00000008"), TCP4}},
    {"GRE, bridged", RAW, .layers = {IP4(GRE), HEX("0000 6558"), ETH(0x0800), TCP4}},
    {"GRE, bridged, VLAN", RAW, .layers = {IP4(GRE), HEX("0000 6558"), ETH(0x8100), HEX("0064 0800"), TCP4}},
    {"GRE, MPLS", RAW, .layers = {IP4(GRE), HEX("0000 8847 00010140"), TCP4}},
    {"GRE in GRE", RAW, .layers = {IP4(GRE), HEX("0000 0800"), IP4(GRE), HEX("0000 0800"), TCP4}},
    {"GRE, WCCP", RAW, .layers = {IP4(GRE), HEX("0000 883e"), TCP4}},
    {"GRE, WCCP 2", RAW, .layers = {IP4(GRE), HEX("0000 883e 00000001"), TCP4}},
    {"PPTP", RAW, .layers = {IP4(GRE), HEX("3001 880b 0031 0007 00000001 ff03 0021"), TCP4}},
    {"PPTP, acknowledgement", RAW, .layers = {IP4(GRE), HEX("3081 880b 002f 0007 00000001 00000002 0021"), TCP4}},
    {"ERSPAN I", RAW, .layers = {IP4(GRE), HEX("0000 88be"), ETH(0x0800), TCP4}},
    {"ERSPAN II", RAW, .layers = {IP4(GRE), HEX("1000 88be 00000001 10641001 00000002"), ETH(0x0800), TCP4}},
    {"ERSPAN III", RAW, .layers = {IP4(GRE), HEX("1000 22eb 00000001 20640001 00000002 0000 0000"), ETH(0x0800), TCP4}},
    {"ERSPAN III, subheader", RAW, .layers = {IP4(GRE), HEX("1000 22eb 00000001 20640001 00000002 0000 0001 0102030405060708"), ETH(0x0800), TCP4}},
    {"ERSPAN III, bare IP", RAW, .layers = {IP4(GRE), HEX("1000 22eb 00000001 20640001 00000002 0000 0800"), TCP4}},
    {"VXLAN", ETHERNET, .layers = {ETH(0x0800), IP4(UDP_PROTO), UDP(50000, 4789), HEX("08000000 00002a00"), ETH(0x0800), TCP4}, .tunnel_id = 43},
    {"VXLAN, network 0", RAW, .layers = {IP4(UDP_PROTO), UDP(50000, 4789), HEX("08000000 00000000"), ETH(0x0800), TCP4}, .tunnel_id = 1},
    {"VXLAN, highest network", RAW, .layers = {IP4(UDP_PROTO), UDP(50000, 4789), HEX("08000000 ffffff00"), ETH(0x0800), TCP4}, .tunnel_id = 0x1000000},
    {"VXLAN, Linux", RAW, .layers = {IP6(UDP_PROTO), UDP(50000, 8472), HEX("08000000 00002a00"), ETH(0x8100), HEX("0064 86dd"), TCP6}, .tunnel_id = 43},
    {"VXLAN in VXLAN", RAW, .layers = {IP4(UDP_PROTO), UDP(50000, 4789), HEX("08000000 00002a00"), ETH(0x0800), IP4(UDP_PROTO), UDP(50000, 4789),
                             HEX("08000000 00002b00"), ETH(0x0800), TCP4}, .tunnel_id = 44},
    {"Geneve", RAW, .layers = {IP4(UDP_PROTO), UDP(50000, 6081), HEX("0000 6558 00002a00"), ETH(0x0800), TCP4}, .tunnel_id = 43},
    {"Geneve, options, bare IP", RAW, .layers = {IP4(UDP_PROTO), UDP(50000, 6081), HEX("0200 0800 00002a00 0102800100000000"), TCP4}, .tunnel_id = 43},
    {"GTP-U", RAW, .layers = {IP4(UDP_PROTO), UDP(2152, 2152), HEX("30ff 002d 00000007"), TCP4}},
    {"GTP-U, answer", RAW, .layers = {IP4(UDP_PROTO), UDP(2152, 5906), HEX("30ff 002d 00000007"), TCP4}},
    {"GTP-U, sequence", RAW, .layers = {IP4(UDP_PROTO), UDP(2152, 2152), HEX("32ff 0031 00000007 0001 00 00"), TCP4}},
    {"GTP-U, extension", RAW, .layers = {IP4(UDP_PROTO), UDP(2152, 2152), HEX("34ff 0035 00000007 0000 00 85 01 0009 00"), TCP4}},
    {"Teredo", ETHERNET, .layers = {ETH(0x0800), IP4(UDP_PROTO), UDP(40000, 3544), TCP6}},
    {"Teredo, origin", ETHERNET, .layers = {ETH(0x0800), IP4(UDP_PROTO), UDP(40000, 3544), HEX("0000 63bf 3ffffdfe"), TCP6}},
    {"Teredo, authentication and origin", ETHERNET, .layers = {ETH(0x0800), IP4(UDP_PROTO), UDP(40000, 3544),
        HEX("0001 02 01 abcd ef 0102030405060708 00 0000 63bf 3ffffdfe"), TCP6}},
    {"MPLS over UDP", RAW, .layers = {IP4(UDP_PROTO), UDP(50000, 6635), HEX("00010140"), TCP4}},
};

static const struct onion_odd odd[] = {
    {"ICMP", RAW, .layers = {IP4(1), HEX("0800000000000000")}, .result = WSC_DECODE_OTHER_IP, 1},
    {"an ICMP error quotes the segment", RAW, .layers = {IP4(1), HEX("0301000000000000"), TCP4}, .result = WSC_DECODE_OTHER_IP, 1},
    {"ESP", RAW, .layers = {IP4(50), HEX("00000001 00000002")}, .result = WSC_DECODE_OTHER_IP, 50},
    {"DNS", RAW, .layers = {IP4(17), UDP(53, 40000), HEX("1234")}, .result = WSC_DECODE_OTHER_IP, 17, 40000},
    {"DNS, IPv6", RAW, .layers = {IP6(17), UDP(40000, 53), HEX("1234")}, .result = WSC_DECODE_OTHER_IP, 17, 53},
    {"9 IP headers", RAW, .layers = {IP4(4), IP4(4), IP4(4), IP4(4), IP4(4), IP4(4), IP4(4), IP4(4), TCP4}, .result = WSC_DECODE_BAD},
    {"no version in the tunnel", RAW, .layers = {IP4(4), HEX("0102")}, .result = WSC_DECODE_BAD},
    {"AH, too short", RAW, .layers = {IP4(51), HEX("04 00 0000 00000001 00000002"), TCP4}, .result = WSC_DECODE_BAD},
    {"AH, too long", RAW, .layers = {IP4(51), HEX("04 ff 0000 00000001 00000002"), TCP4}, .result = WSC_DECODE_BAD},
    {"GRE keep-alive", RAW, .layers = {IP4(47), HEX("0000 0000")}, .result = WSC_DECODE_BAD},
    {"GRE, ARP", RAW, .layers = {IP4(47), HEX("0000 6558"), ETH(0x0806)}, .result = WSC_DECODE_OTHER_IP, 47},
    {"GRE, source route", RAW, .layers = {IP4(47), HEX("4000 0800 00000000"), TCP4}, .result = WSC_DECODE_OTHER_IP, 47},
    {"GRE, version 2", RAW, .layers = {IP4(47), HEX("0002 0800"), TCP4}, .result = WSC_DECODE_OTHER_IP, 47},
    {"GRE, cut", RAW, .layers = {IP4(47), HEX("2000 0800 0000")}, .result = WSC_DECODE_BAD},
    {"PPTP, LCP", RAW, .layers = {IP4(47), HEX("3001 880b 0004 0007 00000001 c021 0101")}, .result = WSC_DECODE_OTHER_IP, 47},
    {"VXLAN without its flag", RAW, .layers = {IP4(17), UDP(50000, 4789), HEX("00000000 00002a00"), ETH(0x0800), TCP4}, .result = WSC_DECODE_OTHER_IP, 17, 4789},
    {"VXLAN, ARP", RAW, .layers = {IP4(17), UDP(50000, 4789), HEX("08000000 00002a00"), ETH(0x0806)}, .result = WSC_DECODE_OTHER_IP, 17, 4789},
    {"VXLAN, UDP", RAW, .layers = {IP4(17), UDP(50000, 4789), HEX("08000000 00002a00"), ETH(0x0800), IP6(17), UDP(1, 2)}, .result = WSC_DECODE_OTHER_IP, 17, 4789},
    {"Geneve, version 1", RAW, .layers = {IP4(17), UDP(50000, 6081), HEX("4000 6558 00002a00"), ETH(0x0800), TCP4}, .result = WSC_DECODE_OTHER_IP, 17, 6081},
    {"Geneve, options too long", RAW, .layers = {IP4(17), UDP(50000, 6081), HEX("3f00 0800 00002a00"), TCP4}, .result = WSC_DECODE_OTHER_IP, 17, 6081},
    {"GTP-U, echo", RAW, .layers = {IP4(17), UDP(2152, 2152), HEX("3201 0004 00000000 00000000"), TCP4}, .result = WSC_DECODE_OTHER_IP, 17, 2152},
    {"GTP-U, extension of no length", RAW, .layers = {IP4(17), UDP(2152, 2152), HEX("34ff 0035 00000007 0000 00 85 00 0009 00"), TCP4}, .result = WSC_DECODE_OTHER_IP, 17, 2152},
    {"Teredo's port, but not all IPv6", RAW, .layers = {IP4(17), UDP(3544, 9), HEX("60000000 0014 06 40"
        "20010db8000000000000000000000001 20010db8000000000000000000000002"
        "9c40 1f90 00000001 00000002 5010 fedc 0000 0000" "00")}, .result = WSC_DECODE_OTHER_IP, 17, 9},
};
/* clang-format on */

Test(tunnel, finds_the_segment_whole_and_cut)
{
    onion_check(tunnels, N(tunnels));
}

Test(tunnel, tells_what_carries_no_tcp)
{
    onion_check_odd(odd, N(odd));
}
