/* cc: -g -O0 -pthread */
/* Threads that allocate large blocks at the same time, so that the order of their calls is another in each run.
 *   threaded THREADS BLOCKS [EXTRA]   EXTRA is how many blocks more the first thread gets */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int blocks, extra;
static pthread_barrier_t all_there;

static void *keep(size_t size)
{
    char *block = malloc(size);

    memset(block, 1, size);
    return block;
}

static void *work(void *number)
{
    long self = (long) number;
    int many = blocks + (self == 0 ? extra : 0);

    /* Each has its arena before the first large block: nothing is unmapped beside them. */
    keep(1);
    pthread_barrier_wait(&all_there);
    for (int i = 0; i < many; i++)
        keep((size_t) (self + 1) << 20);
    return NULL;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 4;
    pthread_t threads[64];

    blocks = argc > 2 ? atoi(argv[2]) : 20;
    extra = argc > 3 ? atoi(argv[3]) : 0;
    pthread_barrier_init(&all_there, NULL, (unsigned) count);
    for (long i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, work, (void *) i);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("kept %d\n", count * blocks + extra);
    return 0;
}
