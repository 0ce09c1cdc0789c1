/* cc: -g -O0 -pthread -fno-pie -no-pie */
/* Runs until it is ended: prints a number every 10 ms, while THREADS others count.  ticker [THREADS] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int ticks;

__attribute__((noinline)) void tick(int n)
{
    ticks = n;
}

static void *count(void *arg)
{
    for (int n = 0;; n++) {
        usleep(1000);
        tick(n);
    }
    return arg;
}

int main(int argc, char **argv)
{
    int others = argc > 1 ? atoi(argv[1]) : 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < others; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, count, NULL);
    }
    for (int n = 0;; n++) {
        tick(n);
        printf("%d\n", n);
        usleep(10000);
    }
}
