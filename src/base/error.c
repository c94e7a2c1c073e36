#include <wsclose/error.h>

#include <stdarg.h>
#include <stdio.h>

const char *wsc_err_name(enum wsc_err err)
{
    switch (err) {
#define NAME(x)                                                                                    \
    case x:                                                                                        \
        return #x
        NAME(WSC_OK);
        NAME(WSC_END);
        NAME(WSC_TIMEOUT);
        NAME(WSC_DAMAGED);
        NAME(WSC_ERR_INVALID);
        NAME(WSC_ERR_LIMIT);
        NAME(WSC_ERR_NOT_FOUND);
        NAME(WSC_ERR_DENIED);
        NAME(WSC_ERR_FATAL);
        NAME(WSC_ERR_NOMEM);
        NAME(WSC_ERR_IO);
        NAME(WSC_ERR_FORMAT);
        NAME(WSC_ERR_FOREIGN_DB);
        NAME(WSC_ERR_NEWER_DB);
        NAME(WSC_ERR_DB);
        NAME(WSC_ERR_BUSY);
#undef NAME
    }
    return "unknown error";
}

enum wsc_err(wsc_error_set)(struct wsc_error *e, enum wsc_err code, const char *format, ...)
{
    if (e == NULL)
        return code;
    e->code = code;
    e->offset = 0;
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(e->message, sizeof(e->message), format, ap);
    va_end(ap);
    return code;
}
