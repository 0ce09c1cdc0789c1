/* heap_harm.c -- damages its own heap in one way, as attacks and overruns do, and waits.
 *
 * usage: heap_harm SCENARIO [go]
 *
 * It prints its blocks before the damage (see heap.h), and `bad POINTER`, the chunk or structure that is damaged.
 * With `go` it does not wait but makes the call that meets the damage: then glibc itself says what is wrong.
 */
#include "heap.h"

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wuse-after-free"   /* that is what it does */

typedef uintptr_t word;

static const char *scenario;
static int go;

/* A block's chunk: [0] prev_size, [1] size, [2] fd, [3] bk, [4] fd_nextsize, [5] bk_nextsize. */
static word *chunk(void *p)
{
    return (word *) p - 2;
}

/* A pointer as fastbins and tcaches store it at `field`. */
static word hidden(word *field, word value)
{
    return minor() >= 32 ? ((word) field >> 12) ^ value : value;
}

/* Fills the cache for blocks of `size`: what is freed next goes elsewhere. */
static void fill_cache(size_t size)
{
    void *p[18];
    int n = minor() >= 43 ? 18 : 9;     /* two more than it holds */
    for (int i = 0; i < n; i++)
        p[i] = malloc(size);
    for (int i = 0; i < n; i++)
        free(p[i]);
}

/* The truth, as long as malloc can be asked. */
static void before_damage(word *bad)
{
    if (go)
        return;
    say_blocks();
    say_place();
    say("bad %p\n", (void *) bad);
}

static void after_damage(void)
{
    if (!go)
        wait_here();
}

static void *volatile sink;

int main(int argc, char **argv)
{
    scenario = argc > 1 ? argv[1] : "";
    go = argc > 2;
    begin();
#define IS(name) (!strcmp(scenario, name))
    mix(300);
    fill_cache(24);
    fill_cache(40);
    fill_cache(0x4f8);
    /* Blocks in a row from the top of the heap: a, b, c, d. */
    for (int i = 0; i < 400; i++)
        keep(0x4f8 + i % 2 * 0x100);    /* use up what is free */
    void *a = keep(0x4f8), *b = keep(0x4f8), *c = keep(0x4f8), *d = keep(0x4f8);
    int at = n_live - 4;
    word *top = (word *) ((char *) chunk(d) + 0x500);

    if (IS("top-size")) {
        before_damage(top);
        top[1] = (word) -1;
        after_damage();
        sink = malloc(100000);
    } else if (IS("top-misaligned")) {
        before_damage(top);
        top[1] = 0x201;
        after_damage();
        sink = malloc(100000);
    } else if (IS("orange")) {
        /* A small top that ends where a page ends: malloc takes it for its last page and frees it. */
        word size = (top[1] & ~(word) 7) & 0xfff;
        top[1] = (size < 0x100 ? size + 0x1000 : size) | 1;
        note(malloc(60000), 60000);
        before_damage(top);
        after_damage();
    } else if (IS("next-size")) {
        before_damage(chunk(b));
        chunk(b)[1] = 1;
        after_damage();
        free(a);
    } else if (IS("next-size-overrun")) {
        before_damage(chunk(b));
        memset((char *) a + 0x4f8, 'A', 8);     /* eight bytes too many */
        after_damage();
        free(a);
    } else if (IS("own-size")) {
        before_damage(chunk(b));
        chunk(b)[1] = 0x13;
        after_damage();
        chunk(b)[1] = 0x11;
        free(b);
    } else if (IS("next-size-fast")) {
        word *p = keep(24);
        for (int i = 0; i < 64; i++)
            keep(24);                           /* nothing of that size is free */
        fill_cache(24);
        before_damage(chunk(p) + 4);
        chunk(p)[5] = 0x9;                      /* the size of whatever comes next */
        after_damage();
        free(p);
    } else if (IS("tcache-dup")) {
        void *p = malloc(56);
        before_damage(chunk(p));
        free(p);
        ((word *) p)[1] = 0;                    /* the key that tells that it is cached */
        free(p);
        after_damage();
    } else if (IS("tcache-double")) {
        void *p = malloc(56);
        before_damage(chunk(p));
        free(p);
        *(word *) p = hidden(p, (word) p);
        after_damage();
        free(p);
    } else if (IS("tcache-poison")) {
        static word target[8];
        word *p = malloc(56), *q = malloc(56);
        before_damage((word *) ((word) target | 8));
        free(p);
        free(q);
        *q = hidden(q, (word) target | 8);      /* not aligned */
        after_damage();
        sink = malloc(56);
        sink = malloc(56);
    } else if (IS("tcache-outside")) {
        word *p = malloc(56), *q = malloc(56);
        before_damage((word *) 0x4141414141414140);
        free(p);
        free(q);
        *q = hidden(q, 0x4141414141414140);
        after_damage();
    } else if (IS("tcache-struct") || IS("tcache-entry")) {
        /* The structure itself: a chunk whose size tells what it is, and which a thread-local points at. */
        word pointer;
        __asm__("mov %%fs:0, %0" : "=r"(pointer));
        word *table = NULL;
        for (word field = pointer - 0x200; field < pointer && !table; field += 8) {
            word to = *(word *) field;
            if (to > brk_start && to < (word) sbrk(0) && to % 16 == 0) {
                word size = ((word *) to)[-1] & ~(word) 7;
                if (size == 0x290 || size == 0x300 || size == 0x310)
                    table = (word *) to;
            }
        }
        if (table == NULL)
            _exit(7);
        before_damage(chunk(table));
        if (IS("tcache-entry")) {
            int slots = minor() >= 42;
            word *entries = table + (slots ? 0x98 : 0x80) / 8;
            entries[40] = 0x4141414141414140;
            if (!slots)
                ((uint16_t *) table)[40] = 1;
        } else {
            memset(table, 'T', 0x200);
        }
        after_damage();
    } else if (IS("fastbin-dup")) {
        word *p = malloc(40), *q = malloc(40);
        fill_cache(40);
        before_damage(chunk(p));
        free(p);
        free(q);
        free(p);
        after_damage();
        free(p);                                /* it is on top now */
    } else if (IS("fastbin-unaligned")) {
        word *p = malloc(40), *q = malloc(40);
        fill_cache(40);
        free(p);
        free(q);
        before_damage(chunk(p) + 1);
        *q = hidden(q, (word) (chunk(p) + 1));
        after_damage();
        sink = malloc(100000);                  /* consolidates */
    } else if (IS("fastbin-size")) {
        word *p = malloc(40);
        fill_cache(40);
        free(p);
        before_damage(chunk(p));
        chunk(p)[1] = 0x51;
        after_damage();
        sink = malloc(100000);
    } else if (IS("unlink")) {
        drop(at + 1);                           /* b is free, in the unsorted bin */
        before_damage(chunk(b));
        chunk(b)[2] = (word) chunk(d);
        after_damage();
        free(a);                                /* merges with b */
    } else if (IS("prev-size")) {
        drop(at + 1);
        before_damage(chunk(b));
        chunk(c)[0] = 0x480;
        after_damage();
        free(a);
    } else if (IS("prev-size-consolidate")) {
        drop(at + 1);
        before_damage(chunk(b));
        chunk(c)[0] = 0x400;
        memset((char *) chunk(c) - 0x400, 0, 16);
        after_damage();
        free(c);
    } else if (IS("poison-null")) {
        /* A zero byte too many: the chunk of 0x500 bytes loses its flag, and its neighbour seems free. */
        before_damage(chunk(a));
        chunk(b)[0] = 0x480;
        ((char *) a)[0x4f8] = 0;
        after_damage();
        free(b);
    } else if (IS("unsafe-unlink")) {
        /* A free chunk that never was, inside a block, with good links. */
        word *fake = a;
        static word *pointer[4];
        before_damage(chunk(a));
        fake[1] = 0x4f1;
        fake[2] = (word) (pointer - 3);
        fake[3] = (word) (pointer - 2);
        pointer[0] = fake;
        chunk(b)[0] = 0x4f0;
        chunk(b)[1] &= ~(word) 1;
        after_damage();
        free(a);
    } else if (IS("overlap")) {
        /* b grows over c; c is cached: an entry in the middle of a chunk. */
        word *p, *q = keep(0x3e8);
        do {
            p = q;
            q = keep(0x3e8);
        } while ((char *) q - (char *) p != 0x3f0);
        live[n_live - 1] = live[n_live - 2] = NULL;
        keep(0x3e8);
        before_damage(chunk(q));
        free(q);
        chunk(p)[1] += 0x3f0;
        after_damage();
    } else if (IS("mmap-overlap")) {
        word *p = keep(300000), *q = keep(300000);
        word *low = p < q ? p : q;
        live[n_live - 1] = live[n_live - 2] = NULL;
        before_damage(chunk(low));
        chunk(low)[1] += 0x4a000;               /* over the other one */
        after_damage();
    } else if (IS("mmap-size")) {
        word *p = keep(300000);
        live[n_live - 1] = NULL;
        before_damage(chunk(p));
        chunk(p)[1] += 0x100;
        after_damage();
        free(p);
    } else if (IS("unsorted-size")) {
        drop(at + 1);
        before_damage(chunk(b));
        chunk(b)[1] = 1;
        after_damage();
        sink = malloc(0x600);
    } else if (IS("unsorted-next")) {
        drop(at + 1);
        before_damage(chunk(c));
        chunk(c)[1] = 0;
        after_damage();
        sink = malloc(0x600);
    } else if (IS("unsorted-prev")) {
        drop(at + 1);
        before_damage(chunk(b));
        chunk(c)[0] = 0x4f0;
        after_damage();
        sink = malloc(0x600);
    } else if (IS("unsorted-inuse")) {
        drop(at + 1);
        before_damage(chunk(b));
        chunk(c)[1] |= 1;
        after_damage();
        sink = malloc(0x600);
    } else if (IS("unsorted-bk")) {
        drop(at + 1);
        before_damage(chunk(b));
        chunk(b)[3] = (word) chunk(d);
        after_damage();
        sink = malloc(0x600);
    } else if (IS("small-bin")) {
        for (int i = 0; i < 200; i++)
            keep(0x218);                        /* the last of them in a row */
        void *p = live[n_live - 2];
        fill_cache(0x218);
        drop(n_live - 2);
        sink = malloc(0x600);                   /* sorts it */
        before_damage(chunk(p));
        chunk(p)[3] = (word) chunk(d);
        after_damage();
        sink = malloc(0x218);
        for (int i = 0; i < 16; i++)
            sink = malloc(0x218);
    } else if (IS("large-bin")) {
        drop(at + 1);
        sink = malloc(0x600);                   /* sorts it */
        before_damage(chunk(b));
        chunk(b)[5] = (word) chunk(d);          /* bk_nextsize */
        after_damage();
        free(a);
    } else if (IS("mind")) {
        /* A block that claims to be a thread's: its heap_info would be somewhere below. */
        before_damage(chunk(b));
        chunk(b)[1] |= 4;
        after_damage();
    } else if (IS("claims-mapping")) {
        before_damage(chunk(b));
        chunk(b)[1] |= 2;
        after_damage();
        free(b);
    } else {
        _exit(4);
    }
    after_damage();
    (void) c;
    return 0;
}
