/* cc: -g -O0 -pthread */
/* Starts and joins many short threads, each of which calls `work` once; the leader may leave first. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int calls;

__attribute__((noinline)) void work(long i)
{
    (void) i;
    atomic_fetch_add(&calls, 1);
}

static void *run(void *arg)
{
    work((long) arg);
    return NULL;
}

static void *last(void *arg)
{
    usleep(50000);
    work(-1);
    printf("work called %d times\n", calls);
    fflush(stdout);
    exit((int) (long) arg);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 500;

    for (long i = 0; i < count; i += 4) {
        pthread_t t[4];
        for (int k = 0; k < 4; k++)
            pthread_create(&t[k], NULL, run, (void *) (i + k));
        for (int k = 0; k < 4; k++)
            pthread_join(t[k], NULL);
    }
    if (argc > 2) {
        pthread_t t;
        pthread_create(&t, NULL, last, (void *) 3L);
        pthread_exit(NULL);
    }
    printf("work called %d times\n", calls);
    return 0;
}
