/* cc: -g -O0 -pthread -fno-pie -no-pie */
/* Runs until it is ended: prints a number every 10 ms, while THREADS others count, every PAUSE microseconds (1000).
   ticker [THREADS [PAUSE]] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int ticks;
static int pause_us = 1000;

__attribute__((noinline)) void tick(int n)
{
    ticks = n;
}

static void *count(void *arg)
{
    for (int n = 0;; n++) {
        if (pause_us > 0)
            usleep(pause_us);
        tick(n);
    }
    return arg;
}

int main(int argc, char **argv)
{
    int others = argc > 1 ? atoi(argv[1]) : 0;

    if (argc > 2)
        pause_us = atoi(argv[2]);

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
