/* hits.c -- calls a function with a string, N times, so that a breakpoint on it can be measured.
 *
 *   hits f|open N [stop]     `stop`: first an int3, with the address of `f` in rdi and of `open` in rsi
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int sink;

__attribute__((noinline)) void f(const char *s)
{
    sink += s[0];
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "f";
    long n = argc > 2 ? atol(argv[2]) : 1000;

    if (argc > 3)
        __asm__ volatile("int3" : : "D"(f), "S"(dlsym(RTLD_NEXT, "open")));
    if (strcmp(what, "f") == 0)
        for (long i = 0; i < n; i++)
            f("/etc/ssl/certs/other.crt");
    else
        for (long i = 0; i < n; i++)
            open("/nosuch/certs/other.crt", O_RDONLY);
    return 0;
}
