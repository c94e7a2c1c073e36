#include <wsclose/libraries.h>

#include <openssl/crypto.h>

#include <stdio.h>

size_t wsc_tls_libraries(struct wsc_library *out, size_t max)
{
    if (max < 1)
        return 0;
    out->name = "OpenSSL";
    (void)snprintf(out->version, sizeof(out->version), "%s",
                   OpenSSL_version(OPENSSL_VERSION_STRING));
    return 1;
}
