/* cc: -g -O0 -fno-pie -no-pie */
/* Puts a page at the break and keeps something there.
 *   usespage read|die */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    void *first = malloc(100);
    uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
    uintptr_t end = ((uintptr_t) sbrk(0) + page - 1) / page * page;
    int *kept = mmap((void *) end, page, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (argc > 1 && strcmp(argv[1], "die") == 0)
        *kept = 7;
    for (int i = 0; i < 300; i++)
        memset(malloc(1000), 1, 1000);
    free(first);
    printf("page %p\n", (void *) kept);
    fflush(stdout);
    _exit(0);
}
