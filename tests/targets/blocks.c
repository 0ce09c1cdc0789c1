/* cc: -g -O0 -fno-pie -no-pie -pthread */
/* Blocks with names, in use and freed into every kind of list; states where they are and how much of them is usable. */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *label;            /* a block that a global points at */
char *hostile;          /* one that would turn a terminal's colours */
char *cached[3];        /* freed, the last one first in the tcache */
char *parted;           /* freed into the unsorted bin */
char *large;            /* with a mapping of its own */
char *theirs;           /* a thread's */
static char *nested[2]; /* two pointers into label, one of them inside */

__attribute__((noinline)) void checkpoint(void)
{
}

static void say(const char *name, char *block)
{
    printf("%s: at %p usable %zu\n", name, (void *) block, malloc_usable_size(block));
}

static void *work(void *argument)
{
    theirs = malloc(200);
    strcpy(theirs, "of a thread");
    *(char *volatile *) argument = theirs;
    for (;;)
        pause();
}

int main(void)
{
    char *local;
    pthread_t thread;
    char *volatile ready = NULL;

    setvbuf(stdout, NULL, _IONBF, 0);
    label = malloc(100);
    strcpy(label, "a block with a label");
    hostile = malloc(64);
    strcpy(hostile, "\033[31mred\033[0m and more");
    for (int i = 0; i < 3; i++)
        cached[i] = malloc(40);
    parted = malloc(3000);
    local = malloc(24);
    large = malloc(1 << 20);
    strcpy(large, "a large one");
    nested[0] = label;
    nested[1] = label + 10;
    say("label", label);
    say("hostile", hostile);
    say("local", local);
    say("large", large);
    for (int i = 0; i < 3; i++)
        free(cached[i]);
    pthread_create(&thread, NULL, work, (void *) &ready);
    while (ready == NULL)
        usleep(1000);
    free(parted);
    say("theirs", theirs);
    checkpoint();
    return local[0];
}
