/* cc: -g -O0 -fno-pie -no-pie */
/* Calls, recursion, structures and strings; says how often each function was called. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum colour { RED, GREEN = 5, BLUE };

struct point {
    int x, y;
    const char *label;
    enum colour colour;
    double weight;
    unsigned char bytes[4];
    struct point *next;
};

static int leaf_calls, factorial_calls;
int counter = 40;
const char *names[] = { "alpha", "beta", "gamma" };
struct point origin = { 0, 0, "origin", BLUE, 0.5, { 1, 2, 3, 255 }, &origin };
char escaped[] = "tab\there \"quoted\" \\ \001\377 end";
static long long big = -9000000000LL;
unsigned short small = 65535;
float third = 1.0f / 3.0f;
char letter = 'q';
int matrix[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };

int leaf(int x, const char *name)
{
    int doubled = x * 2;

    leaf_calls++;
    counter += doubled;
    return doubled + (int) strlen(name);
}

int factorial(int n)
{
    int below = 1;

    factorial_calls++;
    if (n > 1)
        below = factorial(n - 1);
    return n * below;
}

static int sum(struct point *p, struct point copy)
{
    int total = 0;

    while (p != NULL) {
        total += p->x + p->y + copy.x;
        p = p->next;
    }
    return total;
}

int main(int argc, char **argv)
{
    struct point second = { 3, 4, "second", RED, 2.25, { 9, 8, 7, 6 }, NULL };
    struct point first = { 1, 2, "first", GREEN, -1.5, { 0, 0, 'a', 'b' }, &second };
    int total = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 10; i++)
        total += leaf(i, names[i % 3]);
    total += factorial(5);
    total += sum(&first, second);
    printf("leaf called %d times\n", leaf_calls);
    printf("factorial called %d times\n", factorial_calls);
    printf("total %d, counter %d, big %lld\n", total, counter, big);
    return argc > 1 ? atoi(argv[1]) : 0;
}
