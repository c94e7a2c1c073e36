#include <wsclose/wsclose.h>

const char *wsc_version(void)
{
    return WSCLOSE_VERSION;
}
