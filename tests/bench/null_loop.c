/* The yardstick: libpcap reads every packet of a file and nothing is done with it. */
#include <pcap/pcap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    char why[PCAP_ERRBUF_SIZE];
    pcap_t *p = argc == 2 ? pcap_open_offline(argv[1], why) : NULL;
    if (p == NULL) {
        fprintf(stderr, "usage: null_loop FILE\n");
        return 1;
    }
    struct pcap_pkthdr *h;
    const unsigned char *data;
    unsigned long long packets = 0, bytes = 0;
    while (pcap_next_ex(p, &h, &data) == 1) {
        packets++;
        bytes += h->caplen;
    }
    pcap_close(p);
    printf("%llu packets, %llu bytes\n", packets, bytes);
    return 0;
}
