/* cc: -g -O2 -fno-pie -no-pie */
/* Optimised code: inlined frames, values gone, values known only at the entry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct node *next;
    int value;
};

static volatile int sink;

__attribute__((noinline)) void stop_here(int depth, const char *why)
{
    sink += depth + why[0];
}

static inline __attribute__((always_inline)) int inner(int a, int b)
{
    int mixed = a * 3 + b;

    stop_here(mixed, "inner");
    return mixed ^ sink;
}

static inline __attribute__((always_inline)) int middle(struct node *n, int k)
{
    return inner(n->value, k) + inner(k, n->value);
}

__attribute__((noinline)) int outer(struct node *list, int factor, const char *unused)
{
    int total = 0;

    (void) unused;
    for (; list != NULL; list = list->next)
        total += middle(list, factor);
    return total;
}

__attribute__((noinline)) int passes_on(int first, long second, char *third)
{
    int r = outer(NULL, first, third);

    stop_here(first, "passes_on");
    return r + (int) second;
}

static int compare(const void *a, const void *b)
{
    stop_here(*(const int *) a - *(const int *) b, "compare");
    return *(const int *) a - *(const int *) b;
}

int main(int argc, char **argv)
{
    struct node two = { NULL, 20 }, one = { &two, argc };
    int numbers[] = { 3, 1, 2 };

    (void) argv;
    printf("%d\n", outer(&one, 7, "nobody reads this"));
    printf("%d\n", passes_on(argc, 5, "third"));
    qsort(numbers, 3, sizeof numbers[0], compare);
    printf("%d\n", numbers[0]);
    return 0;
}
