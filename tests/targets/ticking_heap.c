/* cc: -g -O0 */
/* Asks for a block with a mapping of its own every few milliseconds and says so, a line each; 2000 of them. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    for (int i = 0; i < 2000; i++) {
        void *block = malloc(400000);
        if (block == NULL)
            return 1;
        printf("%d\n", i);
        fflush(stdout);
        usleep(5000);
    }
    return 0;
}
