/* cc: -g -O0 -pthread */
/* Signals in many ways; says how many arrived.
 *   signals storm N|queue N|int3|segv|abort|handled-segv|exit N|term */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t arrived, trapped;
static int sent;

__attribute__((noinline)) void handle(int signo)
{
    (void) signo;
    arrived++;
}

static void on_trap(int signo)
{
    (void) signo;
    trapped++;
}

static void on_segv(int signo)
{
    static const char text[] = "handled the fault\n";

    (void) signo;
    (void) !write(1, text, sizeof text - 1);
    _exit(9);
}

__attribute__((noinline)) int poke(int *p)
{
    return *p = 42;
}

static void *sender(void *to)
{
    union sigval value = { 0 };

    for (int i = 0; i < sent; i++)
        while (sigqueue(getpid(), SIGRTMIN, value) != 0)
            usleep(100);
    return to;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "storm";
    int n = argc > 2 ? atoi(argv[2]) : 100;

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGUSR1, handle);
    signal(SIGRTMIN, handle);
    if (strcmp(what, "storm") == 0) {
        for (int i = 0; i < n; i++)
            raise(SIGUSR1);
        printf("signals arrived %d\n", (int) arrived);
    } else if (strcmp(what, "queue") == 0) {
        pthread_t thread;
        sigset_t queued;

        /* Only this thread takes them, so that counting needs no lock. */
        sigemptyset(&queued);
        sigaddset(&queued, SIGRTMIN);
        sent = n;
        pthread_sigmask(SIG_BLOCK, &queued, NULL);
        pthread_create(&thread, NULL, sender, NULL);
        pthread_sigmask(SIG_UNBLOCK, &queued, NULL);
        while (arrived < n)
            usleep(100);
        pthread_join(thread, NULL);
        printf("signals arrived %d\n", (int) arrived);
    } else if (strcmp(what, "int3") == 0) {
        signal(SIGTRAP, on_trap);
        for (int i = 0; i < n; i++)
            __asm__ volatile("int3");
        printf("traps arrived %d\n", (int) trapped);
    } else if (strcmp(what, "segv") == 0) {
        poke(NULL);
    } else if (strcmp(what, "handled-segv") == 0) {
        signal(SIGSEGV, on_segv);
        poke(NULL);
    } else if (strcmp(what, "abort") == 0) {
        abort();
    } else if (strcmp(what, "term") == 0) {
        raise(SIGTERM);
    } else if (strcmp(what, "exit") == 0) {
        return n;
    }
    return 0;
}
