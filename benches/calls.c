/* Memory calls from 24 frames deep, four of them a round.
 *   calls ROUNDS */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

__attribute__((noinline)) static void *level(int n, size_t size)
{
    void *block;

    if (n > 0) {
        block = level(n - 1, size);
        return block;
    }
    block = malloc(size);
    memset(block, 1, 16);
    return block;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 1000;

    for (int i = 0; i < rounds; i++) {
        void *block = level(20, 4000000), *page;

        free(block);
        page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(page, 8192);
    }
    return 0;
}
