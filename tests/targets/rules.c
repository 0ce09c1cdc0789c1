/* cc: -g -O0 -pthread */
/*
 * What a debugger can get wrong, one way at a time; each says how it went for the target.
 *   rules clones N|leader|calls N|maps N|seeks|syscalls|naps|read|stops|fork-asm|step|fault|strcmp N|clock|sort|ends|first
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int hits;
static volatile sig_atomic_t arrived;

__attribute__((noinline)) void hit(void) { __atomic_add_fetch(&hits, 1, __ATOMIC_SEQ_CST); }
static void on_signal(int signo) { (void)signo; arrived++; }
static void on_fault(int signo) { (void)signo; (void)!write(1, "handled\n", 8); _exit(9); }

/* First instructions of every kind; each function is called as often as it says. */
#define FIRST(name, code) \
    __asm__(".text\n.globl first_" #name "\n.type first_" #name ", @function\nfirst_" #name ":\n" code \
            "\n.size first_" #name ", . - first_" #name "\n"); \
    long first_##name(long)
FIRST(ret, "ret");
FIRST(push, "push %rbx\n pop %rbx\n ret");
FIRST(mov, "mov %rdi, %rax\n ret");
FIRST(sub, "sub $8, %rsp\n add $8, %rsp\n ret");
FIRST(lea, "lea 1(%rdi), %rax\n ret");
FIRST(call, "call 1f\n ret\n1: ret");
FIRST(jmp, "jmp 1f\n ud2\n1: ret");
FIRST(jcc, "jrcxz 1f\n ret\n1: ret");
FIRST(rip, "mov hits(%rip), %eax\n ret");
FIRST(movsb, "rep movsb\n ret");
FIRST(endbr, "endbr64\n ret");
FIRST(syscall, "syscall\n ret");
FIRST(xor, "xor %eax, %eax\n ret");
FIRST(test, "test %rdi, %rdi\n jz 1f\n1: ret");
FIRST(cmp, "cmp $5, %rdi\n ja 1f\n1: ret");
FIRST(indirect, "jmp *1f(%rip)\n2: ret\n.section .data\n1: .quad 2b\n.text");
FIRST(nop, "nopw 0(%rax,%rax,1)\n ret");
__asm__(".text\n.globl raw_fork\n.type raw_fork, @function\nraw_fork: mov $57, %eax\n.globl raw_fork_call\n"
        "raw_fork_call: syscall\n ret\n.size raw_fork, . - raw_fork\n");
long raw_fork(void);
__asm__(".text\n.globl stepped\n.type stepped, @function\nstepped:\n mov $39, %eax\n syscall\n mov $3, %ecx\n"
        " lea -64(%rsp), %rdi\n lea -96(%rsp), %rsi\n rep movsb\n pushf\n popf\n xor %eax, %eax\n ret\n"
        ".size stepped, . - stepped\n");
long stepped(void);
__asm__(".text\n.globl faults\n.type faults, @function\nfaults: movl $1, 0\n ret\n.size faults, . - faults\n");
void faults(void);

static void *hit_once(void *arg) { hit(); return arg; }

static void *make(void *count)
{
    pthread_t thread;
    for (long i = 0; i < (long)count; i++) {
        pthread_create(&thread, 0, hit_once, 0);
        pthread_join(thread, 0);
    }
    return 0;
}

static void in_threads(int n, void *(*work)(void *), void *arg)
{
    pthread_t threads[16];
    for (int i = 0; i < n; i++)
        pthread_create(&threads[i], 0, work, arg);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], 0);
}

static void *call(void *count)
{
    for (long i = 0; i < (long)count; i++)
        hit();
    return 0;
}

static volatile long maps;

static void *map_for_ever(void *arg)
{
    for (;; maps++)
        munmap(mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
    return arg;
}

static void *work_on(void *arg)
{
    usleep(30000);
    call((void *)50);
    printf("hit %d times\n", hits);
    exit(6);
    return arg;
}

static void *seek(void *arg)
{
    int fd = open("/proc/self/exe", O_RDONLY), wrong = 0;
    for (long i = 0; i < 200; i++)
        wrong += lseek(fd, 3 * i, SEEK_SET) != 3 * i;
    close(fd);
    if (wrong)
        printf("%d seeks answered wrong\n", wrong);
    return arg;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* A child stops and continues its parent, again and again. */
static pid_t nag(int times, int pause_us)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        for (int i = 0; i < times; i++) {
            kill(parent, SIGSTOP);
            usleep(pause_us);
            kill(parent, SIGCONT);
            usleep(pause_us);
        }
        _exit(7);
    }
    return child;
}

static int child_of(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int compare(const void *a, const void *b)
{
    hit();
    return *(const int *)a - *(const int *)b;
}

__attribute__((noinline, noreturn)) static void ends(void) { abort(); }

static int processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : -1;
}

static void *processors_here(void *count) { *(int *)count = processors(); return 0; }

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "calls";
    long n = argc > 2 ? atol(argv[2]) : 10;

    setvbuf(stdout, 0, _IOLBF, 0);
    signal(SIGUSR1, on_signal);
    if (!strcmp(way, "clones")) {
        in_threads(8, make, (void *)n);
        printf("hit %d times\n", hits);
    } else if (!strcmp(way, "leader")) {
        pthread_t thread;
        pthread_create(&thread, 0, work_on, 0);
        pthread_exit(0);
    } else if (!strcmp(way, "calls")) {
        in_threads(argc > 3 ? atoi(argv[3]) : 4, call, (void *)n);
        printf("hit %d times\n", hits);
    } else if (!strcmp(way, "maps")) {
        pthread_t thread;
        for (int i = 0; i < 3; i++)
            pthread_create(&thread, 0, map_for_ever, 0);
        for (; n; n--, usleep(2000))
            hit();
    } else if (!strcmp(way, "seeks")) {
        in_threads(3, seek, 0);
        puts("sought");
    } else if (!strcmp(way, "syscalls")) {
        raise(SIGUSR1);
        for (int i = 0; i < 5; i++)
            getppid();
        printf("signals arrived %d\n", (int)arrived);
    } else if (!strcmp(way, "naps")) {
        pid_t child = nag(10, 10000);
        double before = now();
        struct timespec t = { 0, 400000000 };
        int failed = nanosleep(&t, 0);
        printf("slept %s, %s\n", failed ? "interrupted" : "through", now() - before >= 0.4 ? "long enough" : "too short");
        printf("child ended with %d\n", child_of(child));
    } else if (!strcmp(way, "read")) {
        char byte;
        puts("reading");
        ssize_t got = read(0, &byte, 1);
        printf("read %zd, errno %d\n", got, got < 0 ? errno : 0);
    } else if (!strcmp(way, "stops")) {
        pid_t child = nag(n, 300);
        while (waitpid(child, 0, WNOHANG) == 0)
            hit();
        puts("stopped and continued");
    } else if (!strcmp(way, "fork-asm")) {
        long child = raw_fork();
        if (child == 0) {
            hit();
            _exit(7);
        }
        printf("child ended with %d\n", child_of(child));
    } else if (!strcmp(way, "step")) {
        stepped();
        puts("stepped");
    } else if (!strcmp(way, "fault")) {
        signal(SIGSEGV, on_fault);
        faults();
    } else if (!strcmp(way, "strcmp")) {
        int (*volatile compare_words)(const char *, const char *) = strcmp;
        int equal = 0;
        for (long i = 0; i < n; i++)
            equal += !compare_words(way, "strcmp");
        printf("equal %d times\n", equal);
    } else if (!strcmp(way, "clock")) {
        printf("%d\n", now() > 0);
    } else if (!strcmp(way, "sort")) {
        int some[] = { 3, 1, 2 };
        qsort(some, 3, sizeof some[0], compare);
        printf("%d%d%d\n", some[0], some[1], some[2]);
    } else if (!strcmp(way, "ends")) {
        ends();
    } else if (!strcmp(way, "processors")) {
        /* Asked by itself, by a child, and by a thread that begin while a breakpoint is met all the time. */
        int mine, thread = 0;
        call((void *)n);
        pid_t child = fork();
        if (child == 0)
            _exit(processors());
        int theirs = child_of(child);
        call((void *)n);
        mine = processors();
        call((void *)n);
        in_threads(1, processors_here, &thread);
        printf("processors %d %d %d\n", mine, theirs, thread);
    } else if (!strcmp(way, "page")) {
        char *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(page + 4096, 4096);
        strcpy(page + 4092, "abc");
        hit();
        printf("%s\n", page + 4092);
    } else if (!strcmp(way, "first")) {
        char from[4] = "xyz", to[4] = "";
        int status = 0;
        for (long i = 0; i < n; i++) {
            first_ret(1), first_push(1), first_mov(1), first_sub(1), first_lea(1), first_call(1), first_jmp(1);
            first_jcc(1), first_rip(1), first_endbr(1), first_xor(1), first_test(1), first_cmp(1), first_indirect(1);
            first_nop(1);
            __asm__ volatile("call first_movsb" : : "D"(to), "S"(from), "c"(4L) : "memory", "cc");
            long pid = 39;
            __asm__ volatile("call first_syscall" : "+a"(pid) : : "rcx", "r11", "memory");
            status += pid == getpid();
        }
        printf("moved %s, pid right %d times\n", to, status);
    }
    return 0;
}
