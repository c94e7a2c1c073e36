#include "tls/client_random.h"

#include "support/hex.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

struct row {
    const char *name, *head;
    bool hello;
};

/* What stands before the random. */
static const struct row rows[] = {
    {"TLS 1.0 record, TLS 1.2 hello", "16 0301 0200 01 0001fc 0303", true},
    {"TLS 1.0", "16 0301 0041 01 00003d 0301", true},
    {"a ServerHello", "16 0303 007a 02 000076 0303", false},
    {"application data", "17 0303 007a 01 000076 0303", false},
    {"another version of the record", "16 0201 007a 01 000076 0303", false},
    {"another version of the hello", "16 0301 007a 01 000076 0203", false},
};

Test(client_random, rows)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t n = 0; n <= 43; n++) {
            uint8_t *data = calloc(1, n + (n == 0)), head[43] = {0};
            size_t len = wsc_test_hex(rows[i].head, head, sizeof(head));
            cr_assert_eq(len, 11);
            memcpy(data, head, n);
            const uint8_t *random = wsc_tls_client_random((struct wsc_span){data, n});
            cr_expect_eq(random, rows[i].hello && n == 43 ? data + 11 : NULL, "%s: %zu bytes",
                         rows[i].name, n);
            free(data);
        }
}
