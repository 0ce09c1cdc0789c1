/* cc: -g -O0 -fno-pie -no-pie */
/* Maps and unmaps seven pages, so many times:
 *   manycalls ROUNDS         ends then
 *   manycalls ROUNDS kill    kills itself then
 *   manycalls ROUNDS rest    makes no such call until it may run wherever it might before; does it all once more, and
 *                            says on how many processors it may run; and again when it has chosen one itself */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void rounds(long n)
{
    while (n-- > 0)
        munmap(mmap(0, 28672, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 28672);
}

/* The kernel's line, read without a memory call and without asking for it by name. */
static const char *allowed(char *text, size_t size)
{
    int file = open("/proc/self/status", O_RDONLY);
    ssize_t got = read(file, text, size - 1);

    close(file);
    text[got < 0 ? 0 : got] = 0;
    text = strstr(text, "Cpus_allowed:");
    *strchrnul(text, '\n') = 0;
    return text;
}

static int processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : -1;
}

int main(int argc, char **argv)
{
    static char before[8192], now[8192];
    long n = argc > 1 ? atol(argv[1]) : 1000;
    const char *then = argc > 2 ? argv[2] : "";

    if (strcmp(then, "rest") == 0) {
        const char *first = allowed(before, sizeof before);
        int count = processors(), again;
        cpu_set_t one;

        rounds(n);
        while (strcmp(allowed(now, sizeof now), first) != 0)
            ;
        rounds(n);
        again = processors();
        rounds(n);
        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        sched_setaffinity(0, sizeof one, &one);
        rounds(n);
        printf("%d processors before, %d now, %d as it wished\n", count, again, processors());
        return 0;
    }
    rounds(n);
    if (strcmp(then, "kill") == 0)
        kill(getpid(), SIGKILL);
    return 0;
}
