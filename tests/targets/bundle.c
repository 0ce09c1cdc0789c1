/* cc: -g -O0 -fno-pie -no-pie -fno-omit-frame-pointer */
/* The case in small: a bundle of certificates is opened once per location, read in pieces, and its lines are kept
 * or freed.
 *
 *   bundle FILE LOADS [plant] [keep] [serve]
 *
 * plant   puts one read-only page where the next brk would go, if the break is low (a program that is no PIE)
 * keep    keeps what was read, as nginx keeps each location's store
 * serve   says `ready` and waits: SIGHUP loads anew, with a new worker for the old one, and says `reloaded`; SIGTERM ends it
 *
 * It prints `break 0x…` at first, and at its end `loads N` and `kept N` blocks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct line {
    struct line *next;
    char text[];
};

static int keeps, loads, kept;
static struct line *store;
static pid_t worker;
static volatile sig_atomic_t hangup, leave;

static void plant_blocker(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t at = ((uintptr_t)sbrk(0) + page - 1) / page * page;

    if (at < 0x40000000)
        mmap((void *)at, 1, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void keep_line(const char *text, size_t size)
{
    struct line *line = malloc(sizeof *line + size + 1);

    memcpy(line->text, text, size);
    line->text[size] = 0;
    line->next = store;
    store = line;
    kept++;
}

static void read_bundle(int fd)
{
    char piece[4096];
    ssize_t got;

    while ((got = read(fd, piece, sizeof piece)) > 0)
        for (char *from = piece, *end = piece + got; from < end;) {
            char *stop = memchr(from, '\n', end - from);
            size_t size = stop ? stop - from + 1 : end - from;

            keep_line(from, size);
            from += size;
        }
}

static void load_bundle(const char *path)
{
    int fd = open(path, O_RDONLY);
    struct line *before = store;

    if (fd < 0) {
        perror(path);
        exit(1);
    }
    read_bundle(fd);
    close(fd);
    loads++;
    while (!keeps && store != before) {
        struct line *next = store->next;

        free(store);
        store = next;
        kept--;
    }
}

static void read_configuration(const char *path, int locations)
{
    int fd = open("/dev/null", O_RDONLY);

    close(fd);
    for (int i = 0; i < locations; i++)
        load_bundle(path);
}

static void on_hangup(int unused)
{
    (void)unused;
    hangup = 1;
}

static void on_end(int unused)
{
    (void)unused;
    leave = 1;
}

static void work(void)
{
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        pause();
}

static void new_worker(void)
{
    pid_t old = worker;

    if ((worker = fork()) == 0)
        work();
    if (old) {
        kill(old, SIGKILL);
        waitpid(old, NULL, 0);
    }
}

static void serve(const char *path, int locations)
{
    sigset_t blocked, none;

    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGHUP);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGHUP, on_hangup);
    signal(SIGTERM, on_end);
    new_worker();
    puts("ready");
    while (!leave) {
        sigsuspend(&none);
        if (hangup) {
            hangup = 0;
            read_configuration(path, locations);
            new_worker();
            puts("reloaded");
        }
    }
    kill(worker, SIGKILL);
    waitpid(worker, NULL, 0);
}

static int has(char **argv, const char *word)
{
    while (*argv)
        if (strcmp(*argv++, word) == 0)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    static char buffer[256];

    if (argc < 3)
        return 2;
    /* No buffer of the library's: the heap holds what the bundle made, whatever stdout is. */
    setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
    /* The heap has begun before the page is planted, as libraries' constructors begin it. */
    free(malloc(1));
    printf("break %p\n", sbrk(0));
    keeps = has(argv, "keep");
    if (has(argv, "plant"))
        plant_blocker();
    read_configuration(argv[1], atoi(argv[2]));
    if (has(argv, "serve"))
        serve(argv[1], atoi(argv[2]));
    printf("loads %d\nkept %d\n", loads, kept);
    return 0;
}
