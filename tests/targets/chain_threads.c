/* cc: -g -O0 -fno-pie -no-pie -pthread */
/* Crosses `first` and `second` in threads that follow one another: in each round one thread crosses `first` (and in odd
 * rounds `second`, too), then another thread and main cross `second`, which is told who crosses it and a number. */
#include <pthread.h>
#include <stdio.h>

static volatile long crossed;

__attribute__((noinline)) static void first(long round)
{
    crossed += round;
}

__attribute__((noinline)) static void second(long who, unsigned long number)
{
    crossed += who + number;
}

static void *opener(void *arg)
{
    long round = (long) arg;

    first(round);
    if (round % 2)
        second(1, 100 + round);
    return NULL;
}

static void *other(void *arg)
{
    second(2, 200 + (long) arg);
    return NULL;
}

static void run(void *(*body)(void *), long round)
{
    pthread_t id;

    pthread_create(&id, NULL, body, (void *) round);
    pthread_join(id, NULL);
}

int main(void)
{
    for (long round = 0; round < 4; round++) {
        run(opener, round);
        run(other, round);
        second(3, 300 + round);
    }
    printf("crossed %ld\n", crossed);
    return 0;
}
