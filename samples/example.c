/* A whole program over libwsclose: says how every WebSocket in a capture ended.
 *
 *     cc example.c -lwsclose ... && ./a.out day1.pcap */
#include <wsclose/wsclose.h>

#include <stdio.h>

static void on_record(void *ctx, const struct wsc_closure *rec)
{
    char client[WSC_ENDPOINT_TEXT_MAX], server[WSC_ENDPOINT_TEXT_MAX];
    const char *by = wsc_side_name(rec->closed_by);
    unsigned *count = ctx;
    ++*count;
    wsc_endpoint_text(&rec->client, client);
    wsc_endpoint_text(&rec->server, server);
    printf("%s > %s ", client, server);
    wsc_report_put_safe(stdout, rec->path); /* text from the network: never print it as it is */
    printf(": %s, %s", wsc_outcome_name(rec->outcome), wsc_ending_name(rec->ending));
    if (rec->close_code != WSC_UNKNOWN)
        printf(", %d%s", rec->close_code,
               rec->code_source == WSC_CODE_SOURCE_INFERRED ? " (inferred)" : "");
    printf(", by %s\n", by != NULL ? by : "nobody we can name");
}

int main(int argc, char **argv)
{
    const char *const *paths = (const char *const *)argv + 1;
    struct wsc_capture_options capture_options = {0};
    struct wsc_analyzer_options options;
    struct wsc_capture *capture;
    struct wsc_analyzer *analyzer;
    struct wsc_packet packet;
    struct wsc_error error;
    enum wsc_err e;
    unsigned count = 0;

    if (argc < 2 ||
        wsc_capture_open(paths, (size_t)argc - 1, &capture_options, &capture, &error) != WSC_OK) {
        fprintf(stderr, "%s\n", argc < 2 ? "usage: example FILE..." : error.message);
        return 1;
    }
    wsc_analyzer_options_default(&options);
    if (wsc_analyzer_new(&options, on_record, &count, &analyzer) != WSC_OK)
        return 1;
    while ((e = wsc_capture_next(capture, &packet, &error)) != WSC_END) {
        if (e != WSC_OK)
            fprintf(stderr, "%s\n", error.message); /* damaged: what could be read was */
        else if (wsc_analyzer_feed(analyzer, &packet) != WSC_OK)
            fprintf(stderr, "out of memory: a packet was lost\n");
    }
    wsc_analyzer_flush(analyzer);
    printf("%u WebSockets\n", count);
    wsc_analyzer_free(analyzer);
    wsc_capture_close(capture);
    return 0;
}
