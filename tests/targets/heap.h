/* heap.h -- what the heap's targets share: blocks that are remembered, and the truth about them on stdout.
 *
 * Lines (written with write(2) or a stdout whose buffer is not malloc's: telling must not allocate):
 *   glibc VERSION            what gnu_get_libc_version says
 *   pid PID                  the process that is to be read, if it is not the one that was started
 *   thread TID POINTER       a thread and its pointer (fs_base)
 *   live POINTER SIZE USABLE a block that is in use, with malloc_usable_size
 *   freed POINTER            a block that was freed and is in a cache
 *   brk START NOW            the break at the start of main and now
 *   mallinfo ARENA ORDBLKS SMBLKS HBLKS HBLKHD USMBLKS FSMBLKS UORDBLKS FORDBLKS KEEPCOST
 *   <...>                    malloc_info's XML
 *   bad POINTER              what was damaged
 *   ready
 */
#define _GNU_SOURCE
#include <gnu/libc-version.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX 2000000
static void *live[MAX];
static size_t sizes[MAX];
static int n_live;
static uintptr_t brk_start;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The number behind the point of glibc's version: 36. */
static inline int minor(void)
{
    return atoi(gnu_get_libc_version() + 2);
}

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

/* Remembers a block and writes its whole length; where it is noted. */
static int note(void *p, size_t size)
{
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

static int keep_at(size_t size)
{
    return note(malloc(size), size);
}

static inline void *keep(size_t size)
{
    return live[keep_at(size)];
}

static void drop(int i)
{
    free(live[i]);
    live[i] = NULL;
}

static inline void drop_all(void)
{
    for (int i = 0; i < n_live; i++)
        drop(i);
}

/* A page where the next brk would go. */
static inline void plant(void)
{
    uintptr_t page = ((uintptr_t) sbrk(0) + 4095) / 4096 * 4096;
    if (mmap((void *) page, 4096, PROT_READ, MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            != (void *) page)
        _exit(3);
}

static inline void unplant(void)
{
    munmap((void *) (((uintptr_t) sbrk(0) + 4095) / 4096 * 4096), 4096);
}

/* Blocks of many sizes; every third is freed again. */
static inline void mix(int n)
{
    int *made = mmap(NULL, n * sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < n; i++)
        made[i] = keep_at(24 + (i * 7919) % 3000);
    for (int i = 0; i < n; i += 3)
        drop(made[i]);
    munmap(made, n * sizeof *made);
}

static void say_thread(void)
{
    void *pointer;      /* gcc 10 has no __builtin_thread_pointer here */
    __asm__("mov %%fs:0, %0" : "=r"(pointer));
    say("thread %ld %p\n", syscall(SYS_gettid), pointer);
}

/* mallinfo2 came with 2.33; a program that was linked against an older libc finds it all the same. */
struct totals { size_t of[10]; };
#ifdef STATIC
extern struct totals ask_mallinfo2(void) __asm__("mallinfo2") __attribute__((weak));
#else
#include <dlfcn.h>
#endif

static inline void say_totals(void)
{
#ifndef STATIC
    struct totals (*ask_mallinfo2)(void) = minor() >= 33 ? dlsym(RTLD_DEFAULT, "mallinfo2") : NULL;
#endif
    if (ask_mallinfo2) {
        struct totals m = ask_mallinfo2();
        say("mallinfo");
        for (int i = 0; i < 10; i++)
            say(" %zu", m.of[i]);
        say("\n");
    }
    static char buffer[1 << 20];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    malloc_info(0, stdout);
    fflush(stdout);
}

static void say_blocks(void)
{
    for (int i = 0; i < n_live; i++)
        if (live[i])
            say("live %p %zu %zu\n", live[i], sizes[i], malloc_usable_size(live[i]));
}

/* What neither asks malloc nor needs its locks. */
static void say_place(void)
{
    say("glibc %s\n", gnu_get_libc_version());
    say_thread();
    say("brk %p %p\n", (void *) brk_start, sbrk(0));
}

static void begin(void)
{
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    brk_start = (uintptr_t) sbrk(0);
}

static _Noreturn void wait_here(void)
{
    say("ready\n");
    for (;;)
        pause();
}
