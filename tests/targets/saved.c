/* cc: -g -O0 -fno-pie -no-pie -pthread */
/* What breakpoints of every kind can stop at, in a known order: four rounds of `named` and `other` in the first
 * thread, three in a second one, a signal that is ignored, a fork, and a write at the end. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int counter;

int named(const char *name, int n)
{
    counter += n;
    return counter + (int)strlen(name);
}

void other(int n)
{
    counter += n;
}

void last(int n)
{
    counter -= n;
}

static void *work(void *unused)
{
    for (int i = 0; i < 3; i++) {
        named("/Thread\xff", 10 + i);
        other(10 + i);
        last(10 + i);
    }
    return unused;
}

int main(void)
{
    pthread_t thread;

    for (int i = 0; i < 4; i++) {
        named(i % 2 ? "/etc/hosts" : "/etc/passwd", i);
        other(i);
        last(i);
    }
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    raise(SIGURG);
    if (fork() == 0) {
        /* The parent waits by then, and not somewhere on its way there. */
        usleep(300000);
        _exit(3);
    }
    wait(NULL);
    printf("counter %d\n", counter);
    return 0;
}
