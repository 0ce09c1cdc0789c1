// Values of many shapes, seen from nested frames: what a debugger prints for them is compared with gdb.
// Build at -O0 and -O2, with -g. Stops in `stop_here`.
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum colour { RED, GREEN = 5, BLUE };
enum flags { READ = 1, WRITE = 2, EXEC = 4 };
typedef struct point { int x, y; } point_t;
typedef int (*operation)(int, int);
union number { uint32_t whole; float part; };
struct shape {
    const char *name;
    enum colour colour;
    enum flags flags;
    point_t corners[3];
    union number number;
    struct { unsigned low : 3; int high : 5; bool set : 1; } bits;
    operation apply;
    struct shape *next;
    char label[16];
    unsigned char raw[4];
    double weight;
    long double exact;
    union { int number_or; char letters[4]; };
};

static int counter = 42;
int table[12] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7};
char text[300];
struct shape first = {
    .name = "a \"quoted\"\tname\033", .colour = GREEN, .flags = READ | EXEC, .corners = {{1, 2}, {1, 2}, {-3, 4}},
    .number.part = 1.5f, .bits = {5, -3, true}, .label = "label", .raw = {1, 0x80, 255, 0}, .weight = 2.25,
    .exact = 1.0L / 3, .number_or = 0x41424344,
};

__attribute__((noinline)) int stop_here(int depth)
{
    __asm__ volatile("" : : "r"(depth) : "memory");
    return depth + 1;
}

__attribute__((noinline)) int add(int a, int b) { return stop_here(a + b); }

__attribute__((noinline)) int scalars(char c, signed char s, unsigned char u, short h, unsigned long l, float f,
                                      double d, bool yes, enum colour colour, enum flags flags, const char *string,
                                      void *data, operation call)
{
    static int calls;
    calls++;
    int sum = c + s + u + h + (int)l + (int)f + (int)d + yes + colour + flags + (string != 0) + (data != 0);
    return call(sum, calls);
}

__attribute__((noinline)) int aggregates(struct shape by_value, struct shape *by_pointer, point_t small, int matrix[2][3],
                                         union number either, int length)
{
    int variable[length];
    char buffer[8] = "abc";
    for (int at = 0; at < length; at++)
        variable[at] = at * at;
    point_t pair[2] = {{small.x, small.y}, {5, 6}};
    {
        int inner = variable[length - 1];
        struct shape *next = by_pointer->next;
        int answer = scalars('a', -1, 200, -300, 1ul << 40, 1.5f, -0.1, true, BLUE, READ | WRITE, by_value.name, &first, add);
        return answer + inner + matrix[1][2] + (int)either.whole + pair[1].x + buffer[0] + (next != 0);
    }
}

static inline __attribute__((always_inline)) int twice(int value)
{
    int doubled = value * 2;
    return stop_here(doubled) + doubled;
}

__attribute__((noinline)) int inlining(int seed)
{
    int mine = seed + 1;
    return twice(mine) + mine;
}

__attribute__((noinline)) int recurse(int n, const char *why)
{
    if (n == 0)
        return inlining(counter);
    return recurse(n - 1, why) + n;
}

static void on_signal(int number)
{
    stop_here(number);
}

__attribute__((noinline, noreturn)) static void leave(int code)
{
    stop_here(code);
    exit(code);
}

int main(int argc, char **argv)
{
    int matrix[2][3] = {{1, 2, 3}, {4, 5, 6}};
    first.next = &first;
    first.apply = add;
    memset(text, 'x', sizeof text - 1);
    union number either = {.whole = 3};
    int total = aggregates(first, &first, first.corners[2], matrix, either, 5);
    total += recurse(3, text);
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    printf("%d %d %s\n", total, argc, argv[0]);
    leave(0);
}
