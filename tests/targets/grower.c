/* cc: -g -O0 -fno-pie -no-pie */
/* Gets a block with a mapping of its own every ten milliseconds, for a minute at most; says each with its number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 6000; i++) {
        memset(malloc(200000), 1, 16);
        printf("block %d\n", i);
        usleep(10000);
    }
    return 0;
}
