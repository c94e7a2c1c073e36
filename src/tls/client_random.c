#include "tls/client_random.h"

/* Record: type (22), version (2 bytes), length (2); handshake: type (1), length (3), version (2),
 * random (32). */
#define RANDOM_AT  11u
#define RANDOM_LEN 32u

const uint8_t *wsc_tls_client_random(struct wsc_span data)
{
    const uint8_t *p = data.ptr;
    bool is_hello =
        data.len >= RANDOM_AT + RANDOM_LEN && p[0] == 22 && p[1] == 3 && p[5] == 1 && p[9] == 3;
    return is_hello ? p + RANDOM_AT : NULL;
}
