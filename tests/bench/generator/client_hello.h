/* The first records of a TLS 1.3 connection (RFC 8446 4.1): as a browser and a server send them,
 * with random keys. */
#ifndef GENERATOR_CLIENT_HELLO_H
#define GENERATOR_CLIENT_HELLO_H

#include "wire.h"

/* Writes the record, under 1,024 bytes, to |p|; |number| decides the server name. Returns its
 * length.
 */
uint32_t client_hello(uint8_t *p, struct wire *w, uint32_t number);
uint32_t server_hello(uint8_t *p, struct wire *w);

#endif
