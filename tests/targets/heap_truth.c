/* heap_truth.c -- a process whose heap is known: it prints its own truth and waits.
 *
 * usage: heap_truth SCENARIO [N [SIZE]]
 *
 * Lines on stdout (written with write(2): stdio would allocate):
 *   thread POINTER           a thread's pointer (fs_base)
 *   live POINTER SIZE        a block that is in use
 *   freed POINTER            a block that was freed last (tcache scenario: it is cached)
 *   brk START NOW            the break at the start of main and now
 *   mallinfo ARENA ORDBLKS SMBLKS HBLKS HBLKHD USMBLKS FSMBLKS UORDBLKS FORDBLKS KEEPCOST
 *   bad POINTER              what was damaged
 *   ready
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAX 2000000
#ifdef BIG_TLS
__thread char big[400000] = "thread-locals of the program push libc's far down";
#endif
static void *live[MAX];
static size_t sizes[MAX];
static int n_live;
static uintptr_t brk_start;
static pthread_barrier_t barrier;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void say(const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (int done = 0; done < n;) {
        ssize_t got = write(1, line + done, n - done);
        if (got <= 0)
            _exit(1);
        done += got;
    }
}

/* Allocates a block, writes its whole length and notes it; where it is noted. */
static int keep_at(size_t size)
{
    void *p = malloc(size);
    if (p == NULL)
        _exit(2);
    memset(p, 'A', size);
    pthread_mutex_lock(&lock);
    int i = n_live++;
    live[i] = p;
    sizes[i] = size;
    pthread_mutex_unlock(&lock);
    return i;
}

static void *keep(size_t size)
{
    return live[keep_at(size)];
}

static void drop(int i)
{
    free(live[i]);
    live[i] = NULL;
}

static void plant(void)
{
    uintptr_t page = ((uintptr_t) sbrk(0) + 4095) / 4096 * 4096;
    if (mmap((void *) page, 4096, PROT_READ, MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            != (void *) page)
        _exit(3);
}

static void unplant(void)
{
    munmap((void *) (((uintptr_t) sbrk(0) + 4095) / 4096 * 4096), 4096);
}

/* Blocks of many sizes; every third is freed again. */
static void mix(int n)
{
    int *made = mmap(NULL, n * sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < n; i++)
        made[i] = keep_at(24 + (i * 7919) % 3000);
    for (int i = 0; i < n; i += 3)
        drop(made[i]);
    munmap(made, n * sizeof *made);
}

static void *thread(void *arg)
{
    mix((int) (intptr_t) arg);
    pthread_mutex_lock(&lock);
    say("thread %p\n", __builtin_thread_pointer());
    pthread_mutex_unlock(&lock);
    pthread_barrier_wait(&barrier);
    pause();
    return NULL;
}

static void truth(int with_blocks, int with_totals)
{
    for (int i = 0; with_blocks && i < n_live; i++)
        if (live[i])
            say("live %p %zu\n", live[i], sizes[i]);
    say("thread %p\n", __builtin_thread_pointer());
    say("brk %p %p\n", (void *) brk_start, sbrk(0));
    if (!with_totals)               /* asking would initialise malloc */
        return;
    struct mallinfo2 m = mallinfo2();
    say("mallinfo %zu %zu %zu %zu %zu %zu %zu %zu %zu %zu\n", m.arena, m.ordblks, m.smblks, m.hblks, m.hblkhd,
        m.usmblks, m.fsmblks, m.uordblks, m.fordblks, m.keepcost);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "plain";
    int n = argc > 2 ? atoi(argv[2]) : 2000;
    uintptr_t *bad = NULL;

#ifdef BIG_TLS
    big[argc] = 1;
#endif
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    brk_start = (uintptr_t) sbrk(0);
    if (!strcmp(what, "plain")) {
        mix(n);
    } else if (!strcmp(what, "untouched")) {
    } else if (!strcmp(what, "many")) {
        for (int i = 0; i < n; i++)
            keep((argc > 3 ? atoi(argv[3]) : 16) + i % 5 * 16);
        for (int i = 0; i < n; i += 2)
            drop(i);
    } else if (!strcmp(what, "hole")) {
        keep(100);
        plant();
        mix(n);
    } else if (!strcmp(what, "early-hole")) {
        plant();
        mix(n);
    } else if (!strcmp(what, "hole-then-none")) {
        keep(100);
        plant();
        mix(n);
        unplant();
        mix(n);
    } else if (!strcmp(what, "foreign")) {
        mix(100);
        memset(sbrk(12345), 'F', 12345);
        mix(n);
        memset(sbrk(100000), 'G', 100000);
        mix(n);
        sbrk(4096);
    } else if (!strcmp(what, "foreign-hole")) {
        mix(100);
        sbrk(8192);
        mix(n);
        plant();
        mix(n);
        unplant();
        sbrk(16384);
        mix(n);
    } else if (!strcmp(what, "threads")) {
        pthread_t id;
        int threads = 3;
        pthread_barrier_init(&barrier, NULL, threads + 1);
        mix(100);
        for (int i = 0; i < threads; i++)
            pthread_create(&id, NULL, thread, (void *) (intptr_t) n);
        pthread_barrier_wait(&barrier);
    } else if (!strcmp(what, "mmapped")) {
        keep(100);
        void *gone = keep(500000);
        keep(300000);
        keep(1 << 20);
        live[n_live] = memalign(2 << 20, 3 << 20);
        sizes[n_live++] = 3 << 20;
        live[0] = realloc(live[0], 2 << 20);
        sizes[0] = 2 << 20;
        live[0] = realloc(live[0], 5 << 20);
        sizes[0] = 5 << 20;
        free(gone);
        live[1] = NULL;
        mix(100);
    } else if (!strcmp(what, "tcache")) {
        for (int i = 0; i < 20; i++)
            keep(40);
        for (int i = 0; i < 7; i++) {
            say("freed %p\n", live[i]);
            drop(i);
        }
        for (int i = 7; i < 12; i++)
            drop(i);
    } else if (!strcmp(what, "free-all") || !strcmp(what, "hole-free-all")) {
        if (!strcmp(what, "hole-free-all")) {
            keep(100);
            plant();
        }
        mix(n);
        for (int i = 0; i < n_live; i++)
            drop(i);
    } else if (!strcmp(what, "bad-size")) {
        mix(n);
        bad = (uintptr_t *) keep(200) - 1;
        mix(50);
    } else if (!strcmp(what, "bad-bin")) {
        for (int i = 0; i < 40; i++)
            keep(2000);
        for (int i = 0; i < 40; i += 4)
            drop(i);
    } else {
        return 4;
    }
    truth(strcmp(what, "many") != 0, strcmp(what, "untouched") != 0);
    if (!strcmp(what, "bad-size")) {
        say("bad %p\n", (void *) bad);
        *bad = 0x4141414141414141;
    } else if (!strcmp(what, "bad-bin")) {
        /* bk of a chunk in the unsorted bin: the block before live[1]. */
        uintptr_t *freed = (uintptr_t *) ((char *) live[1] - 2016);
        say("bad %p\n", (void *) (freed - 2));
        freed[1] = 0x4242424242424242;
    }
    say("ready\n");
    for (;;)
        pause();
}
