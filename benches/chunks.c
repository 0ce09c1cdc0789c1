/* chunks.c -- a heap of COUNT blocks of SIZE bytes, every second one freed; says when it is ready, and waits.
 *
 *   chunks COUNT SIZE
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 1000000;
    size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 144;
    void **blocks = calloc(count, sizeof *blocks);

    for (long i = 0; i < count; i++)
        blocks[i] = malloc(size);
    for (long i = 0; i < count; i += 2)
        free(blocks[i]);
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}
