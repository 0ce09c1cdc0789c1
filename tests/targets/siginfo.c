/* cc: -g -O0 -fno-pie -no-pie */
/* Gets a signal from itself, one with a value, one of its child's end, and one that ends it: a write to 0x1234. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void ignore(int signo) { (void)signo; }

int main(void)
{
    union sigval value = { .sival_int = 42 };

    signal(SIGUSR1, ignore);
    signal(SIGRTMIN, ignore);
    signal(SIGCHLD, ignore);
    raise(SIGUSR1);
    sigqueue(getpid(), SIGRTMIN, value);
    if (fork() == 0) {
        usleep(200000); /* its parent waits by then */
        _exit(7);
    }
    while (wait(0) < 0)
        ;
    *(volatile int *)0x1234 = 1;
    return 0;
}
