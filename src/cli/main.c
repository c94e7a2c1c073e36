#include <wsclose/wsclose.h>

#include <stdio.h>

int main(void)
{
    printf("wsclose %s\n", wsc_version());
    return 0;
}
