/* Our own failures. What the network does wrong is data, never one of these. */
#ifndef WSCLOSE_ERROR_H
#define WSCLOSE_ERROR_H

#include <stdint.h>

/* 0 is success. Values below WSC_ERR_FATAL end the object that returned them. */
enum wsc_err {
    WSC_OK = 0,
    WSC_END = 1,     /* no more input; not a failure */
    WSC_TIMEOUT = 2, /* nothing came in time; not a failure */
    WSC_DAMAGED =
        3, /* the input is damaged here; what came before it is good and was handed over */
    WSC_ERR_INVALID = -1, /* an argument is out of its range */
    WSC_ERR_LIMIT = -2,   /* a stated ceiling was reached */
    WSC_ERR_NOT_FOUND = -3,
    WSC_ERR_DENIED = -4, /* a right is missing */
    WSC_ERR_FATAL = -100,
    WSC_ERR_NOMEM = -101,
    WSC_ERR_IO = -102,         /* the operating system refused; message holds its words */
    WSC_ERR_FORMAT = -103,     /* not a format we read */
    WSC_ERR_FOREIGN_DB = -104, /* the database belongs to another program */
    WSC_ERR_NEWER_DB = -105,   /* the database was written by a newer wsclose */
    WSC_ERR_DB = -106,         /* SQLite failed; message holds its words */
    WSC_ERR_BUSY = -107        /* another process holds the database */
};

/* For the edges where a person reads. The caller owns it; a call that returns an error fills it
 * when it is not NULL. |offset| is the byte or packet the message is about, 0 if none. */
struct wsc_error {
    enum wsc_err code;
    uint64_t offset;
    char message[512];
};

/* Name of |err| as written in this file, e.g. "WSC_ERR_NOMEM"; never NULL. */
const char *wsc_err_name(enum wsc_err err);

/* Fills |e| (may be NULL) printf-style, cutting what does not fit. Returns |code|. */
enum wsc_err wsc_error_set(struct wsc_error *e, enum wsc_err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__ /* it looks at one file at a time, and would take any code for the       \
                             result */
#define wsc_error_set(e, code, ...) ((void)(wsc_error_set)(e, code, __VA_ARGS__), (code))
#endif

/* How many allocations failed in this process so far, also those that no call told of: what was
 * found since may be wrong or incomplete. */
uint64_t wsc_refusals(void);

#define WSC_MUST_USE __attribute__((warn_unused_result))

#endif
