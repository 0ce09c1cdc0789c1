/* heap_bump.c -- an allocator of its own, to be preloaded: it hands out memory from a mapping and takes nothing back.
 *
 * It stands in for jemalloc and its like: glibc's malloc is there and never called.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

static char *next, *end;

static size_t *size_of(void *p)
{
    return (size_t *) p - 2;
}

void *malloc(size_t size)
{
    size_t need = (size + 31) / 16 * 16;
    if (next == NULL || need > (size_t) (end - next)) {
        size_t length = (need + (1 << 20)) / 4096 * 4096;
        next = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        end = next + length;
    }
    void *p = next + 16;
    next += need;
    *size_of(p) = size;
    return p;
}

void free(void *p)
{
    (void) p;
}

void *calloc(size_t n, size_t size)
{
    return malloc(n * size);    /* fresh pages are zero */
}

void *realloc(void *p, size_t size)
{
    void *new = malloc(size);
    if (p)
        memcpy(new, p, *size_of(p) < size ? *size_of(p) : size);
    return new;
}

void *memalign(size_t alignment, size_t size)
{
    uintptr_t at = ((uintptr_t) malloc(size + alignment + 16) + alignment + 15) / alignment * alignment;
    *size_of((void *) at) = size;
    return (void *) at;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
    *p = memalign(alignment, size);
    return 0;
}

size_t malloc_usable_size(void *p)
{
    return p ? *size_of(p) : 0;
}
