/* cc: -g -O0 -fno-pie -no-pie */
/* Allocates with and without a page in the way of the break, and states the truth of its heap.
 *   blocker plant|free-way|huge COUNT SIZE [FREE_EVERY] */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *page_at;

__attribute__((noinline)) void checkpoint(const char *name)
{
    struct mallinfo2 m = mallinfo2();

    printf("%s: break %p page %p arena %zu used %zu free %zu mapped %zu blocks %zu top %zu\n", name, sbrk(0),
           page_at, m.arena, m.uordblks, m.fordblks, m.hblkhd, m.hblks, m.keepcost);
}

void plant_the_page(void)
{
    uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
    uintptr_t end = ((uintptr_t) sbrk(0) + page - 1) / page * page;

    page_at = mmap((void *) end, page, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *allocate(size_t size)
{
    char *block = malloc(size);

    memset(block, 0x5a, size);
    return block;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "plant";
    int count = argc > 2 ? atoi(argv[2]) : 3000;
    size_t size = argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
    int every = argc > 4 ? atoi(argv[4]) : 0;
    void **blocks = malloc((size_t) count * sizeof *blocks);

    setvbuf(stdout, NULL, _IONBF, 0);
    checkpoint("start");
    if (strcmp(mode, "plant") == 0)
        plant_the_page();
    for (int i = 0; i < count; i++)
        blocks[i] = allocate(size);
    checkpoint("grown");
    printf("live %d size %zu first %p last %p\n", count, size, blocks[0], blocks[count - 1]);
    for (int i = 0; every > 0 && i < count; i += every)
        free(blocks[i]);
    checkpoint("freed");
    checkpoint("end");
    return 0;
}
