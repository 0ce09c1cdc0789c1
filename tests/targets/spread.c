/* cc: -O0 -g */
/* 64 MiB of memory that is mapped COUNT times: a core file of it is long, and all zeros. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void ready(void)
{
}

int main(int argc, char **argv)
{
    size_t size = 64 << 20;
    int file = memfd_create("wide", 0), filter = open("/proc/self/coredump_filter", O_WRONLY);

    if (ftruncate(file, (off_t) size) || write(filter, "0x7f", 4) < 0)
        return 1;
    for (int i = 0; i < atoi(argv[argc - 1]); i++) {
        char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (i == 0)
            memset(at, 0, size);
    }
    ready();
    return 0;
}
