/* cc: -g -O0 -fno-pie -no-pie */
/* Opens files and allocates, in a known order: chain BUNDLE OTHER.  Each `round` opens OTHER, takes a big
 * block, opens BUNDLE, takes a big block twice.  So after each opening of BUNDLE two mmaps follow, and one
 * mmap after OTHER. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int bundles, blocks;

static void open_file(const char *path)
{
    int fd = open(path, O_RDONLY);

    if (fd < 0)
        perror(path);
    else
        close(fd);
}

static void take(size_t size)
{
    char *block = malloc(size);

    block[0] = 1;
    blocks++;
}

static void round_of(const char *bundle, const char *other, int round)
{
    open_file(other);
    take(200000);
    open_file(bundle);
    bundles++;
    take(300000 + 4096 * round);
    take(400000 + 4096 * round);
}

int main(int argc, char **argv)
{
    for (int round = 0; argc > 2 && round < 3; round++)
        round_of(argv[1], argv[2], round);
    printf("bundle opened %d times\n", bundles);
    printf("blocks taken %d\n", blocks);
    return 0;
}
