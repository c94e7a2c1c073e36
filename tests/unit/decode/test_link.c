#include "onion.h"

#include <criterion/criterion.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

enum {
    NULL_LOOPBACK = 0,
    ETHERNET = 1,
    PPP = 9,
    PPP_HDLC = 50,
    PPP_ETHER = 51,
    RAW = 101,
    C_HDLC = 104,
    WIFI = 105,
    LOOP = 108,
    SLL = 113,
    NFLOG = 239,
    SLL2 = 276
};

/* clang-format off */
static const struct onion links[] = {
    {"Ethernet", ETHERNET, .layers = {ETH(0x0800), TCP4}},
    {"Ethernet, IPv6", ETHERNET, .layers = {ETH(0x86dd), TCP6}},
    {"Ethernet, padded", ETHERNET, .layers = {ETH(0x0800), TCP4}, .trailer = "000000000000"},
    {"Ethernet, padded, IPv6", ETHERNET, .layers = {ETH(0x86dd), TCP6}, .trailer = "aabbccdd"},
    {"802.3 with SNAP", ETHERNET, .layers = {ETH(0x0035), HEX("aaaa03 000000 0800"), TCP4}},
    {"802.3 with SNAP, 802.1H", ETHERNET, .layers = {ETH(0x0035), HEX("aaaa03 0000f8 0800"), TCP4}},
    {"VLAN", ETHERNET, .layers = {ETH(0x8100), HEX("0064 0800"), TCP4}},
    {"VLAN, SNAP", ETHERNET, .layers = {ETH(0x8100), HEX("0064 0035 aaaa03 000000 0800"), TCP4}},
    {"QinQ", ETHERNET, .layers = {ETH(0x88a8), HEX("0064 8100 00c8 86dd"), TCP6}},
    {"QinQ, old type", ETHERNET, .layers = {ETH(0x9100), HEX("0064 9100 00c8 0800"), TCP4}},
    {"8 tags", ETHERNET, .layers = {ETH(0x8100), HEX("0001 8100 0002 8100 0003 8100 0004 8100 0005 8100"
                                           "0006 8100 0007 8100 0008 0800"), TCP4}},
    {"VN-Tag, VLAN", ETHERNET, .layers = {ETH(0x8926), HEX("80000000 8100 0064 0800"), TCP4}},
    {"E-Tag", ETHERNET, .layers = {ETH(0x893f), HEX("0000 1001 0000 0800"), TCP4}},
    {"FabricPath", ETHERNET, .layers = {ETH(0x8903), HEX("0042"), ETH(0x0800), TCP4}},
    {"MPLS", ETHERNET, .layers = {ETH(0x8847), HEX("00010140"), TCP4}},
    {"MPLS, 3 labels, IPv6", ETHERNET, .layers = {ETH(0x8848), HEX("00010040 00011040 00012140"), TCP6}},
    {"pseudowire", ETHERNET, .layers =
        {ETH(0x8847), HEX("00010140 aabbccddeeff 112233445566 0800"), TCP4}},
    {"pseudowire, control word", ETHERNET, .layers = {ETH(0x8847), HEX("00010140 00000000"), ETH(0x0800), TCP4}},
    {"PPPoE", ETHERNET, .layers = {ETH(0x8864), HEX("1100 0001 002f 0021"), TCP4}},
    {"PPPoE, IPv6, VLAN", ETHERNET, .layers = {ETH(0x8100), HEX("0064 8864 1100 0001 0043 0057"), TCP6}},
    {"PPPoE, MPLS", ETHERNET, .layers = {ETH(0x8864), HEX("1100 0001 0033 0281 00010140"), TCP4}},
    {"PPP", PPP, .layers = {HEX("0021"), TCP4}},
    {"PPP, address and control", PPP, .layers = {HEX("ff03 0021"), TCP4}},
    {"PPP, one byte", PPP, .layers = {HEX("21"), TCP4}},
    {"PPP, HDLC, IPv6", PPP_HDLC, .layers = {HEX("ff03 0057"), TCP6}},
    {"PPP, Ethernet", PPP_ETHER, .layers = {HEX("1100 0001 002f 0021"), TCP4}},
    {"raw", RAW, .layers = {TCP4}},
    {"raw, IPv6", RAW, .layers = {TCP6}},
    {"raw, BSD", 12, .layers = {TCP4}},
    {"raw, OpenBSD", 14, .layers = {TCP6}},
    {"IPv4", 228, .layers = {TCP4}},
    {"IPv6", 229, .layers = {TCP6}},
    {"null, little-endian", NULL_LOOPBACK, .layers = {HEX("02000000"), TCP4}},
    {"null, big-endian", NULL_LOOPBACK, .layers = {HEX("00000002"), TCP4}},
    {"null, macOS", NULL_LOOPBACK, .layers = {HEX("1e000000"), TCP6}},
    {"null, macOS on PowerPC", NULL_LOOPBACK, .layers = {HEX("0000001e"), TCP6}},
    {"null, FreeBSD", NULL_LOOPBACK, .layers = {HEX("1c000000"), TCP6}},
    {"null, NetBSD", NULL_LOOPBACK, .layers = {HEX("18000000"), TCP6}},
    {"loop", LOOP, .layers = {HEX("00000002"), TCP4}},
    {"loop, IPv6", LOOP, .layers = {HEX("00000018"), TCP6}},
    {"cooked", SLL, .layers = {HEX("0000 0001 0006 aabbccddeeff 0000 0800"), TCP4}},
    {"cooked, VLAN", SLL, .layers = {HEX("0000 0001 0006 aabbccddeeff 0000 8100 0064 86dd"), TCP6}},
    {"cooked, version 2", SLL2, .layers = {HEX("0800 0000 00000002 0001 00 06 aabbccddeeff 0000"), TCP4}},
    {"C-HDLC", C_HDLC, .layers = {HEX("0f00 0800"), TCP4}},
    {"C-HDLC, IPv6", C_HDLC, .layers = {HEX("8f00 86dd"), TCP6}},
    /* packet header (8 bytes), prefix (6 and 2 of padding), payload */
    {"NFLOG", NFLOG, .layers = {HEX("02 00 0000 0800 0100 08000000 0600 0a00 4100 0000 3100 0900"), TCP4}},
};

static const struct onion_odd odd[] = {
    {"ARP", ETHERNET, .layers = {ETH(0x0806), HEX("0001080006040001")}, .result = WSC_DECODE_NOT_IP},
    {"LLDP", ETHERNET, .layers = {ETH(0x88cc), HEX("0207")}, .result = WSC_DECODE_NOT_IP},
    {"PPPoE discovery", ETHERNET, .layers = {ETH(0x8863), HEX("110900000000")}, .result = WSC_DECODE_NOT_IP},
    {"spanning tree", ETHERNET, .layers = {ETH(0x0026), HEX("424203 0000000000")}, .result = WSC_DECODE_NOT_IP},
    {"CDP: a type of Cisco's own", ETHERNET, .layers = {ETH(0x0035), HEX("aaaa03 00000c 0800"), TCP4}, .result = WSC_DECODE_NOT_IP},
    {"SNAP in SNAP", ETHERNET, .layers = {ETH(0x003d), HEX("aaaa03 000000 0035 aaaa03 000000 0800"), TCP4}, .result = WSC_DECODE_NOT_IP},
    {"SNAP, cut", ETHERNET, .layers = {ETH(0x0035), HEX("aaaa03 000000 08")}, .result = WSC_DECODE_BAD},
    {"LLC, cut", ETHERNET, .layers = {ETH(0x0035), HEX("aaaa")}, .result = WSC_DECODE_BAD},
    {"9 tags", ETHERNET, .layers = {ETH(0x8100), HEX("0001 8100 0002 8100 0003 8100 0004 8100 0005 8100"
                                           "0006 8100 0007 8100 0008 8100 0009 0800"), TCP4}, .result = WSC_DECODE_BAD},
    {"9 labels", ETHERNET, .layers = {ETH(0x8847), HEX("00010040 00010040 00010040 00010040 00010040 00010040"
                                             "00010040 00010040 00010140"), TCP4}, .result = WSC_DECODE_BAD},
    {"nothing after the labels", ETHERNET, .layers = {ETH(0x8847), HEX("00010140")}, .result = WSC_DECODE_BAD},
    {"no IP version", ETHERNET, .layers = {ETH(0x0800), HEX("55000028"), TCP4}, .result = WSC_DECODE_BAD},
    {"LCP", PPP, .layers = {HEX("ff03 c021 0101")}, .result = WSC_DECODE_NOT_IP},
    {"AppleTalk", NULL_LOOPBACK, .layers = {HEX("10000000"), TCP4}, .result = WSC_DECODE_NOT_IP},
    {"NFLOG without payload", NFLOG, .layers = {HEX("02 00 0000 0800 0100 08000000")}, .result = WSC_DECODE_NOT_IP},
    {"NFLOG, attribute shorter than its header", NFLOG, .layers = {HEX("02 00 0000 0300 0900"), TCP4}, .result = WSC_DECODE_BAD},
    {"Wi-Fi", WIFI, .layers = {TCP4}, .result = WSC_DECODE_LINK},
    {"unknown", 65000, .layers = {TCP4}, .result = WSC_DECODE_LINK},
};
/* clang-format on */

Test(link, finds_the_segment_whole_and_cut)
{
    onion_check(links, N(links));
}

Test(link, tells_what_is_no_ip)
{
    onion_check_odd(odd, N(odd));
}
