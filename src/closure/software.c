#include "closure/software.h"

#include <string.h>

static const struct wsc_software all[] = {
    {"websockets/", "Python websockets", false},
    {"uvicorn", "uvicorn", false},
    {"daphne", "daphne", false},
    {"Daphne", "daphne", false},
    {"hypercorn", "Hypercorn", false},
    {"aiohttp/", "aiohttp", false},
    {"TornadoServer/", "Tornado", false},
    {"AutobahnPython/", "Autobahn|Python", false},
    {"Werkzeug/", "Werkzeug", false},
    {"Cowboy", "Cowboy", false},
    {"Bandit", "Bandit", false},
    {"Jetty(", "Jetty", false},
    {"Apache-Coyote", "Tomcat", false},
    {"Kestrel", "Kestrel (.NET)", false},
    {"okhttp/", "OkHttp", false},
    {"Go-http-client/", "Go (default HTTP client)", false},
    {"WebSocket++/", "WebSocket++", false},
    {"libwebsockets", "libwebsockets", false},
    {"TooTallNate", "Java-WebSocket", false},
    {"undici", "undici (Node.js)", false},
    {"cloudflare", "Cloudflare", true},
    {"awselb/", "AWS load balancer", true},
    {"envoy", "Envoy", true},
    {"nginx", "nginx", true},
    {"Apache/", "Apache httpd", true},
    {"Microsoft-IIS/", "IIS", true},
};
#define ALL (sizeof(all) / sizeof(all[0]))

const struct wsc_software *wsc_softwares(size_t *n)
{
    *n = ALL;
    return all;
}

/* Every two bytes in a row have a place in a set of those that begin a token. */
#define PLACES 1024u

static size_t place(const char *two)
{
    return ((uint8_t)two[0] * 37u + (uint8_t)two[1]) % PLACES;
}

/* The first of the first |n| tokens that stands at |at|; n if none does. */
static size_t token_at(const char *at, size_t len, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *token = all[i].token;
        if (token[0] == at[0] && strlen(token) <= len && memcmp(at, token, strlen(token)) == 0)
            return i;
    }
    return n;
}

/* Once through |header| for all tokens. */
const struct wsc_software *wsc_software_named(struct wsc_span header)
{
    const char *text = (const char *)header.ptr;
    uint8_t begins[PLACES / 8] = {0};
    size_t found = ALL;
    for (size_t i = 0; i < ALL; i++)
        begins[place(all[i].token) / 8] |= (uint8_t)(1u << place(all[i].token) % 8);
    for (size_t i = 0; i + 1 < header.len && found > 0; i++)
        if ((begins[place(text + i) / 8] & 1u << place(text + i) % 8) != 0)
            found = token_at(text + i, header.len - i, found);
    return found < ALL ? &all[found] : NULL;
}
