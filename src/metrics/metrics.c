#include <wsclose/wsclose.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "metrics/counts.h"
#include "metrics/exposition.h"

#include <microhttpd.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* 4096 series of at most some 300 bytes. */
#define PAGE_BYTES_MAX ((size_t)4 << 20)

#define CONNECTIONS        16u
#define CONNECTION_SECONDS 10u
#define CONNECTION_BYTES   ((size_t)16 << 10)

struct wsc_metrics {
    int fd, statm; /* listening; /proc/self/statm, opened while we may, or -1 */
    struct MHD_Daemon *daemon;
    struct wsc_counts counts; /* the owner's */
    pthread_mutex_t lock;
    struct wsc_snapshot published; /* under |lock| */
    struct wsc_snapshot shown;     /* the serving thread's copy */
};

/* ---- answering ---- */

static uint64_t resident_bytes(int statm)
{
    char text[128];
    unsigned long long pages = 0;
    ssize_t n = statm >= 0 ? pread(statm, text, sizeof(text) - 1, 0) : 0;
    if (n <= 0)
        return 0;
    text[n] = '\0';
    /* NOLINTNEXTLINE(cert-err34-c): the kernel's own number */
    return sscanf(text, "%*u %llu", &pages) == 1 ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned status, const char *text)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                                             MHD_RESPMEM_PERSISTENT);
    if (r == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result done = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return done;
}

static enum MHD_Result answer_page(struct wsc_metrics *m, struct MHD_Connection *c)
{
    struct wsc_buf page;
    (void)pthread_mutex_lock(&m->lock);
    m->shown = m->published;
    (void)pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < m->shown.now.interfaces_len; i++)
        m->shown.now.interfaces[i].name = m->shown.names[i];
    m->shown.resident_bytes = resident_bytes(m->statm);
    wsc_buf_init(&page, PAGE_BYTES_MAX);
    if (!wsc_exposition_write(&page, &m->shown)) {
        wsc_buf_clear(&page);
        return answer_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
    }
    struct MHD_Response *r =
        MHD_create_response_from_buffer_with_free_callback(page.len, page.data, wsc_free);
    if (r == NULL) {
        wsc_buf_clear(&page);
        return MHD_NO;
    }
    (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
                                  "text/plain; version=0.0.4; charset=utf-8");
    (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result done = MHD_queue_response(c, MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return done;
}

static enum MHD_Result answer(void *ctx, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *body,
                              size_t *body_len, void **state)
{
    static const char wrong_method[] = "only GET is understood\n";
    static const char wrong_path[] = "the metrics are at /metrics\n";
    (void)version;
    (void)body;
    (void)state;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        *body_len = 0;
        return answer_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, wrong_method);
    }
    return strcmp(url, "/metrics") == 0 ? answer_page(ctx, c)
                                        : answer_text(c, MHD_HTTP_NOT_FOUND, wrong_path);
}

/* ---- opening ---- */

static bool read_address(const char *text, struct wsc_endpoint *e)
{
    unsigned port;
    int used = 0;
    if (wsc_endpoint_parse(text, e))
        return e->port != 0;
    if (strlen(text) > 5 || strspn(text, "0123456789") != strlen(text) ||
        /* NOLINTNEXTLINE(cert-err34-c): five digits cannot overflow */
        sscanf(text, "%5u%n", &port, &used) != 1 || port == 0 || port > 65535)
        return false;
    *e = (struct wsc_endpoint){.family = 4, .addr = {127, 0, 0, 1}, .port = (uint16_t)port};
    return true;
}

static int listen_on(const struct wsc_endpoint *e)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(e->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};
    memcpy(&v4.sin_addr, e->addr, 4);
    memcpy(&v6.sin6_addr, e->addr, 16);
    bool is4 = e->family == 4;
    int on = 1;
    int fd = socket(is4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const void *to = is4 ? (const void *)&v4 : (const void *)&v6;
    if (bind(fd, to, (socklen_t)(is4 ? sizeof(v4) : sizeof(v6))) == 0 && listen(fd, 16) == 0)
        return fd;
    int why = errno;
    (void)close(fd);
    errno = why;
    return -1;
}

enum wsc_err wsc_metrics_open(const char *address, struct wsc_metrics **out, struct wsc_error *err)
{
    struct wsc_endpoint e;
    *out = NULL;
    if (!read_address(address, &e))
        return wsc_error_set(err, WSC_ERR_INVALID,
                             "metrics: expected a port, or an address and a port like "
                             "127.0.0.1:9105 or [::1]:9105, not \"%.80s\"",
                             address);
    struct wsc_metrics *m = wsc_calloc(1, sizeof(*m));
    if (m == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    m->fd = listen_on(&e);
    if (m->fd < 0) {
        (void)wsc_error_set(err, WSC_ERR_IO, "metrics: cannot listen on %s: %s", address,
                            strerror(errno));
        wsc_free(m);
        return WSC_ERR_IO;
    }
    m->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    m->published.version = wsc_version();
    (void)pthread_mutex_init(&m->lock, NULL);
    *out = m;
    return WSC_OK;
}

enum wsc_err wsc_metrics_start(struct wsc_metrics *m, struct wsc_error *err)
{
    /* Signals are the owner's; but SIGSYS belongs to the thread that causes it. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigdelset(&all, SIGSYS);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    m->daemon =
        MHD_start_daemon(MHD_USE_POLL | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, m,
                         MHD_OPTION_LISTEN_SOCKET, m->fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
                         MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_SECONDS,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_END);
    int why = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (m->daemon == NULL)
        return wsc_error_set(err, WSC_ERR_IO, "metrics: cannot be served: %s", strerror(why));
    return WSC_OK;
}

/* ---- counting ---- */

void wsc_metrics_count(struct wsc_metrics *m, const struct wsc_closure *rec)
{
    wsc_counts_add(&m->counts, rec);
}

void wsc_metrics_publish(struct wsc_metrics *m, const struct wsc_metrics_now *now)
{
    (void)pthread_mutex_lock(&m->lock);
    m->published.counts = m->counts;
    m->published.now = *now;
    for (size_t i = 0; i < now->interfaces_len; i++)
        (void)snprintf(m->published.names[i], WSC_METRICS_NAME_MAX, "%s", now->interfaces[i].name);
    (void)pthread_mutex_unlock(&m->lock);
}

void wsc_metrics_close(struct wsc_metrics *m)
{
    if (m == NULL)
        return;
    if (m->daemon != NULL)
        MHD_stop_daemon(m->daemon); /* which closes the socket */
    else
        (void)close(m->fd);
    if (m->statm >= 0)
        (void)close(m->statm);
    (void)pthread_mutex_destroy(&m->lock);
    wsc_free(m);
}
