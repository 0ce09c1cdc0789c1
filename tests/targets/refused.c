/* cc: -g -O0 -fno-pie -no-pie */
/* Provokes one reason after another for which Linux refuses a brk, and shows that the reason was it: when it is gone, the
 * same brk is granted.
 *   refused page|behind|stack|data|segment|as|memlock|maps|below|beyond|overcommit|null|null-as|null-threads
 * It prints `MODE: refused WANTED at BREAK, then granted` (or what came instead). */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define PAGE 4096ul
#define STEP (64 * PAGE)

/* Initialised data: it counts against the break's RLIMIT_DATA. */
static char segment[1 << 20] __attribute__((aligned(4096))) = {1};
static char *at;
static uintptr_t wanted, was;

__attribute__((noinline)) void checkpoint(const char *mode)
{
    (void) mode;
}

static uintptr_t brk_to(uintptr_t to)
{
    return (uintptr_t) syscall(SYS_brk, to);
}

static void limit(int which, rlim_t soft)
{
    struct rlimit now;

    getrlimit(which, &now);
    now.rlim_cur = soft;
    if (setrlimit(which, &now) != 0)
        perror("setrlimit");
}

static unsigned long status(const char *field)
{
    char line[256];
    unsigned long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");

    while (fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0)
            kilobytes = strtoul(line + strlen(field) + 1, NULL, 10);
    fclose(file);
    return kilobytes * 1024;
}

static void *map(uintptr_t where, size_t size, int prot, int flags)
{
    return mmap((void *) where, size, prot, flags | MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED : 0), -1, 0);
}

/* The mapping count goes to one more than the limit: mprotect splits up to it, and one mmap goes beyond. */
static void fill_maps(void)
{
    long most = 65530;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");

    if (fscanf(file, "%ld", &most) != 1)
        puts("no max_map_count");
    fclose(file);
    at = map(0, (size_t) (2 * most) * PAGE, PROT_NONE, MAP_NORESERVE);
    for (long page = 1; page < 2 * most; page += 2)
        if (mprotect(at + page * (long) PAGE, PAGE, PROT_READ) != 0)
            break;
    /* Neighbours of equal rights are merged: these alternate. */
    for (int prot = PROT_READ; map(0, PAGE, prot, 0) != MAP_FAILED; prot ^= PROT_READ | PROT_EXEC)
        ;
}

static void provoke(const char *mode)
{
    uintptr_t end = (was + PAGE - 1) / PAGE * PAGE;

    wanted = end + STEP;
    if (strcmp(mode, "page") == 0)
        at = map(end + PAGE, PAGE, PROT_READ, 0);
    else if (strcmp(mode, "behind") == 0)
        at = map(wanted, PAGE, PROT_READ, 0);
    else if (strcmp(mode, "stack") == 0)
        at = map(wanted + 100 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_GROWSDOWN);
    else if (strcmp(mode, "data") == 0)
        limit(RLIMIT_DATA, status("VmData") + STEP - PAGE);
    else if (strcmp(mode, "segment") == 0) {
        /* More than all data that is mapped now, but not with the break's own sum: part of it is mapped read-only. */
        mprotect(segment + PAGE, sizeof segment - 2 * PAGE, PROT_READ);
        limit(RLIMIT_DATA, status("VmData") + STEP + PAGE);
    } else if (strcmp(mode, "as") == 0)
        limit(RLIMIT_AS, status("VmSize") + STEP - PAGE);
    else if (strcmp(mode, "memlock") == 0) {
        limit(RLIMIT_MEMLOCK, 8 * PAGE);
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            perror("setresuid");
        if (mlockall(MCL_FUTURE) != 0)
            perror("mlockall");
        at = map(0, PAGE, PROT_READ | PROT_WRITE, 0);
    } else if (strcmp(mode, "maps") == 0)
        fill_maps();
    else if (strcmp(mode, "below") == 0)
        wanted = 0x1000;
    else if (strcmp(mode, "beyond") == 0)
        wanted = ~0ul / 2;
    else if (strcmp(mode, "overcommit") == 0) {
        struct sysinfo info;

        sysinfo(&info);
        wanted = end + (info.totalram + info.totalswap) * info.mem_unit + STEP;
    }
}

static void take_back(const char *mode)
{
    if (strcmp(mode, "page") == 0 || strcmp(mode, "behind") == 0 || strcmp(mode, "stack") == 0)
        munmap(at, 2 * PAGE);
    else if (strcmp(mode, "data") == 0 || strcmp(mode, "segment") == 0)
        limit(RLIMIT_DATA, RLIM_INFINITY);
    else if (strcmp(mode, "as") == 0)
        limit(RLIMIT_AS, RLIM_INFINITY);
    else if (strcmp(mode, "memlock") == 0)
        munlockall();
    else if (strcmp(mode, "maps") == 0)
        munmap(at, 100 * PAGE);
    else
        wanted = was + STEP;
}

static void *idle(void *unused)
{
    pause();
    return unused;
}

/* malloc until it has nothing more: brk and mmap are both refused. */
static void until_null(const char *mode)
{
    int count = 0;
    pthread_t thread;

    if (strcmp(mode, "null-threads") == 0)
        pthread_create(&thread, NULL, idle, NULL);
    free(malloc(1));
    if (strcmp(mode, "null-as") == 0)
        limit(RLIMIT_AS, status("VmSize") + STEP);
    else
        limit(RLIMIT_DATA, status("VmData") + STEP);
    while (malloc(1000))
        count++;
    printf("%s: NULL after %d, errno %d\n", mode, count, errno);
    checkpoint(mode);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "page";
    uintptr_t got, asked, again;

    setvbuf(stdout, NULL, _IONBF, 0);
    if (strncmp(mode, "null", 4) == 0) {
        until_null(mode);
        return 0;
    }
    was = (uintptr_t) sbrk(0);
    status("VmData");
    was = (uintptr_t) sbrk(0);
    provoke(mode);
    was = brk_to(0);
    got = brk_to(wanted);
    checkpoint(mode);
    asked = wanted;
    take_back(mode);
    again = brk_to(wanted);
    printf("%s: %s %#lx at %#lx, then %s\n", mode, got == asked ? "granted" : "refused", asked, got,
           again == wanted ? "granted" : "refused");
    return segment[0] - 1;
}
