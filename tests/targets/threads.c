/* cc: -g -O0 -pthread */
/* THREADS threads call `work` CALLS times each, all at the same time; says how often it was called. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_int calls;
static int each;

__attribute__((noinline)) void work(int thread, int i)
{
    (void) thread;
    (void) i;
    atomic_fetch_add(&calls, 1);
}

static void *run(void *arg)
{
    for (int i = 0; i < each; i++)
        work((int) (long) arg, i);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    int count = argc > 1 ? atoi(argv[1]) : 4;

    each = argc > 2 ? atoi(argv[2]) : 100;
    for (long i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, run, (void *) i);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("work called %d times\n", calls);
    return 0;
}
