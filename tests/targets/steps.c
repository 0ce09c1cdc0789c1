/* cc: -g -O0 -fno-pie -no-pie */
/* Lines to step over and into. */
#include <stdio.h>

static int add(int a, int b)
{
    int result = a + b;
    return result;
}

static int twice(int n)
{
    return add(n, n);
}

static int countdown(int n)
{
    while (n > 0)
        n--;
    return n;
}

static int down(int n)
{
    if (n == 0)
        return 0;
    return 1 + down(n - 1);
}

int main(void)
{
    int a = twice(3);
    int b = add(a, twice(a));
    char text[16];

    snprintf(text, sizeof text, "%d", b);
    a = countdown(3);
    b = down(3);
    if (a == 0 && b == 3)
        puts(text);
    return 0;
}
