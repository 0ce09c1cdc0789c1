/* cc: -O0 -g -pthread -rdynamic */
/* What core files are made of: threads with a story each, values of several kinds, a heap, mappings of every kind.
   `dumped wait` comes to `here`, `dumped abort` and `dumped segv` end by a signal with all threads alive. With a second
   argument it asks for that coredump_filter. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct point {
    int x, y;
    double weight;
    char name[8];
    struct point *next;
};

enum mood { CALM, BUSY = 5 };

struct point origin = {3, -4, 2.5, "origin", NULL};
const char *greeting = "hello, core";
int counter = 41;
enum mood mood = BUSY;
static const int table[4] = {1, 2, 3, 4};
static __thread int mine = 7;
static pthread_barrier_t ready;
static pthread_mutex_t never = PTHREAD_MUTEX_INITIALIZER;
volatile int *nowhere;

static void *sleeper(void *argument)
{
    long number = (long)argument;
    mine += (int)number;
    char *block = malloc(1000 * (size_t)number);
    memset(block, 'a' + (int)number, 1000 * (size_t)number);
    pthread_barrier_wait(&ready);
    pthread_mutex_lock(&never);
    free(block);
    return NULL;
}

void here(struct point *p, const char *how)
{
    int local = p->x * 2;
    char word[8] = "local";
    counter++;
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "segv") == 0)
        *nowhere = local;
    printf("%d %s\n", local, word);
}

static char *page(int protection, int flags, int file, int touched)
{
    char *at = mmap(NULL, 16384, protection, flags, file, 0);
    if (touched)
        at[4096] = 'p';
    return at;
}

static void map_everything(void)
{
    int both = PROT_READ | PROT_WRITE, file = open("/proc/self/exe", O_RDONLY);
    madvise(page(both, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1), 16384, MADV_DONTDUMP);
    page(both, MAP_SHARED | MAP_ANONYMOUS, -1, 1);
    page(PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page(both, MAP_PRIVATE, file, 1);
    page(PROT_READ, MAP_PRIVATE, file, 0);
    page(PROT_READ, MAP_SHARED, file, 0);
    close(file);
}

static void ask_for(const char *filter)
{
    int file = open("/proc/self/coredump_filter", O_WRONLY);
    if (write(file, filter, strlen(filter)) < 0)
        perror("coredump_filter");
    close(file);
}

void all_mapped(void)
{
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "wait";
    pthread_t threads[2];
    void *blocks[200];
    for (size_t i = 0; i < 200; i++)
        blocks[i] = malloc(24 + i * 13);
    for (size_t i = 0; i < 200; i += 3)
        free(blocks[i]);
    map_everything();
    if (argc > 2)
        ask_for(argv[2]);
    all_mapped();
    origin.next = calloc(1, sizeof origin);
    origin.next->x = table[2];
    pthread_mutex_lock(&never);
    pthread_barrier_init(&ready, NULL, 3);
    for (long i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, sleeper, (void *)(i + 1));
    pthread_barrier_wait(&ready);
    mine = 99;
    here(&origin, how);
    return 0;
}
