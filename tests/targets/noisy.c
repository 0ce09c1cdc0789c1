/* cc: -g -O0 */
/* Writes what a terminal must not see as it is: noisy. */
#include <stdio.h>

char title[] = "\033]0;owned\007\033[2J\r\n\302\233evil";

__attribute__((noinline)) void show(const char *text)
{
    (void) text;
}

int main(void)
{
    show(title);
    puts("done");
    return 0;
}
