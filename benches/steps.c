/* Code to be stepped through, and threads to be looked at: steps loop | steps threads N */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int total;
static pthread_barrier_t all_there;

__attribute__((noinline)) static int twice(int n)
{
    int result = n * 2;
    return result;
}

__attribute__((noinline)) static void loop(void)
{
    for (int i = 0; i < 100000; i++) {
        int a = twice(i);
        int b = a + 1;
        total += b;
    }
}

__attribute__((noinline)) void ready(void) { total++; }

static void *wait_here(void *arg)
{
    pthread_barrier_wait(&all_there);
    pause();
    return arg;
}

int main(int argc, char **argv)
{
    int n = argc > 2 ? atoi(argv[2]) : 0;

    if (argc > 1 && !strcmp(argv[1], "threads")) {
        pthread_barrier_init(&all_there, 0, n + 1);
        for (int i = 0; i < n; i++) {
            pthread_t thread;
            pthread_create(&thread, 0, wait_here, 0);
        }
        pthread_barrier_wait(&all_there);
        usleep(50000);
        ready();
        return 0;
    }
    loop();
    return 0;
}
