/* heap_truth.c -- a process whose heap is known: it prints its own truth (see heap.h) and waits.
 *
 * usage: heap_truth SCENARIO [N [SIZE]]
 */
#include "heap.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>

#ifdef BIG_TLS
__thread char big[400000] = "thread-locals of the program push libc's far down";
#endif
static pthread_barrier_t barrier;
static const char *scenario;

static void *thread(void *arg)
{
    mix((int) (intptr_t) arg);
    pthread_mutex_lock(&lock);
    say_thread();
    pthread_mutex_unlock(&lock);
    pthread_barrier_wait(&barrier);
    pause();
    return NULL;
}

static void threads(int count, int n)
{
    pthread_t id;
    pthread_barrier_init(&barrier, NULL, count + 1);
    for (int i = 0; i < count; i++)
        pthread_create(&id, NULL, thread, (void *) (intptr_t) n);
    pthread_barrier_wait(&barrier);
}

static void mmapped(void)
{
    keep(100);
    int gone = keep_at(500000);
    keep(300000);
    keep(1 << 20);
    note(memalign(2 << 20, 3 << 20), 3 << 20);
    live[0] = realloc(live[0], 2 << 20);
    live[0] = realloc(live[0], sizes[0] = 5 << 20);
    drop(gone);
    mix(100);
}

/* Blocks with mappings of their own, freed in rising sizes, move the threshold up: then large blocks are the arena's. */
static void ratchet(void)
{
    keep(100);
    plant();
    for (size_t size = 1 << 20; size <= 16 << 20; size += 1 << 20)
        drop(keep_at(size));
    for (int round = 0; round < 4; round++) {
        int first = n_live;
        for (size_t size = 1 << 20; size <= 12 << 20; size += 1 << 20)
            keep(size);
        for (int i = first; i < n_live; i++)
            drop(i);
    }
}

/* Leaves room for about two megabytes. */
static void limited(int resource)
{
    struct rlimit old, small;
    getrlimit(resource, &old);
    small = old;
    for (small.rlim_cur = 1 << 20;; small.rlim_cur += 1 << 20) {
        setrlimit(resource, &small);
        void *probe = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (probe != MAP_FAILED) {
            munmap(probe, 2 << 20);
            break;
        }
    }
    for (;;) {
        void *p = malloc(10000);
        if (p == NULL)
            break;
        note(p, 10000);
    }
    setrlimit(resource, &old);
}

/* A second libc in a namespace of its own. */
static void second_libc(void)
{
#ifndef STATIC
    void *libc = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
    if (libc == NULL)
        _exit(5);
    void *(*other_malloc)(size_t) = dlsym(libc, "malloc");
    void (*other_free)(void *) = dlsym(libc, "free");
    mix(500);
    for (int i = 0; i < 1000; i++) {
        size_t size = 24 + i * 37 % 4000;
        int n = note(other_malloc(size), size);
        if (i % 3 == 0) {
            other_free(live[n]);
            live[n] = NULL;
        }
    }
#endif
}

/* The kernel interrupts malloc where it asks for memory. */
static void inside(int signal, siginfo_t *info, void *context)
{
    say("syscall %d\n", info->si_syscall);
    say_blocks();
    say_place();
    wait_here();
}

static void trap(int number)
{
    struct sigaction action = { .sa_sigaction = inside, .sa_flags = SA_SIGINFO };
    sigaction(SIGSYS, &action, NULL);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { 4, code };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        _exit(6);
}

static void *busy_thread(void *arg)
{
    mix(500);
    trap(SYS_mprotect);
    for (;;)
        keep(5000);
    return arg;
}

/* Stopped in the middle: the system call that is trapped never returns. */
static void busy(const char *where)
{
    pthread_t id;
    if (!strcmp(where, "busy-alone")) {
        mix(500);
        trap(SYS_brk);
    } else if (!strcmp(where, "busy-main")) {
        threads(1, 100);
        mix(500);
        trap(SYS_brk);
    } else {
        pthread_create(&id, NULL, busy_thread, NULL);
        pthread_join(id, NULL);
    }
    for (;;)
        keep(5000);
}

static void caches(void)
{
    for (int i = 0; i < 20; i++)
        keep(40);
    for (int i = 0; i < 7; i++) {
        say("freed %p\n", live[i]);
        drop(i);
    }
    for (int i = 7; i < 12; i++)
        drop(i);
}

/* Three in the cache of each of many sizes. */
static void many_caches(void)
{
    int first = n_live;
    for (int size = 24; size <= 1032; size += 16)
        for (int i = 0; i < 4; i++)
            keep(size);
    for (int i = first; i < n_live; i++)
        if ((i - first) % 4 != 3) {
            say("freed %p\n", live[i]);
            drop(i);
        }
}

static void play(int n, int size)
{
#define IS(name) (!strcmp(scenario, name))
    if (IS("plain")) {
        mix(n);
    } else if (IS("untouched")) {
    } else if (IS("preloaded")) {   /* by an allocator that is not glibc's */
        mix(n);
    } else if (IS("large-first")) {
        keep(200000);
        keep(5000);
    } else if (IS("many")) {
        for (int i = 0; i < n; i++)
            keep(size + i % 5 * 16);
        for (int i = 0; i < n; i += 2)
            drop(i);
    } else if (IS("hole")) {
        keep(100);
        plant();
        mix(n);
    } else if (IS("early-hole")) {
        plant();
        mix(n);
    } else if (IS("hole-then-none")) {
        keep(100);
        plant();
        mix(n);
        unplant();
        mix(n);
    } else if (IS("foreign")) {
        mix(100);
        memset(sbrk(12345), 'F', 12345);
        mix(n);
        memset(sbrk(100000), 'G', 100000);
        mix(n);
        sbrk(4096);
    } else if (IS("foreign-hole")) {
        mix(100);
        sbrk(8192);
        mix(n);
        plant();
        mix(n);
        unplant();
        sbrk(16384);
        mix(n);
    } else if (IS("threads")) {
        mix(100);
        threads(3, n);
    } else if (IS("mmapped")) {
        mmapped();
    } else if (IS("ratchet") || IS("ratchet-trim")) {
        ratchet();
        if (IS("ratchet-trim"))
            malloc_trim(0);
    } else if (IS("trim")) {
        keep(100);
        plant();
        mix(n);
        for (int i = 0; i < n_live; i += 2)
            drop(i);
        malloc_trim(0);
    } else if (IS("limit-data")) {
        limited(RLIMIT_DATA);
    } else if (IS("limit-as")) {
        limited(RLIMIT_AS);
    } else if (IS("second-libc")) {
        second_libc();
    } else if (IS("tcache")) {
        caches();
    } else if (IS("many-caches")) {
        many_caches();
    } else if (IS("free-all") || IS("hole-free-all")) {
        if (IS("hole-free-all")) {
            keep(100);
            plant();
        }
        mix(n);
        drop_all();
    } else if (IS("fork") || IS("fork-threads")) {
        mix(n);
        if (IS("fork-threads"))
            threads(2, 500);
        if (fork() != 0)
            for (;;)
                pause();
        say("pid %d\n", getpid());
        mix(n);
    } else if (!strncmp(scenario, "busy-", 5)) {
        busy(scenario);
    } else {
        _exit(4);
    }
}

int main(int argc, char **argv)
{
    scenario = argc > 1 ? argv[1] : "plain";
#ifdef BIG_TLS
    big[argc] = 1;
#endif
    begin();
    play(argc > 2 ? atoi(argv[2]) : 2000, argc > 3 ? atoi(argv[3]) : 16);
    if (!IS("many"))
        say_blocks();
    say_place();
    if (!IS("untouched") && !IS("preloaded"))   /* asking would initialise malloc */
        say_totals();
    wait_here();
}
