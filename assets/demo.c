/* demo.c -- a server that loads one bundle of certificates for each of its locations, in small.
 *
 * It plays what happened to an nginx in 2017.  One part of the program puts a read-only page right
 * above the program break; another part, which knows nothing of it, allocates.  From then on the kernel
 * refuses every brk, and malloc takes mappings instead.  The program says what it does; a debugger has
 * to find out what that did to its memory.
 *
 *   demo [plant|free-way] [LOCATIONS] [PAUSE_MS]
 *
 * `plant` (the default) plants the page, `free-way` does not: the same work without anything in the way.
 * PAUSE_MS is slept after each location, so that somebody can watch.
 * The bundle is written to the directory that the program lies in.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUNDLE       "bundle.pem"
#define CERTIFICATES 60
#define LINES        16
#define LINE_LENGTH  64
#define MOST         200

struct certificate {
    struct certificate *next;
    char *subject;
    unsigned char *key;
    size_t key_length;
};

struct location {
    char name[16];
    struct certificate *trusted;
};

static struct location locations[MOST];

/* ---- the part that nobody thinks of ------------------------------------------------------------ */

/* Keeps the low addresses for somebody else, by putting a page where the break would go next.  It
 * works only where the break is low: in a program that is not position independent. */
static void reserve_low_memory(void)
{
    uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
    uintptr_t end = ((uintptr_t) sbrk(0) + page - 1) / page * page;

    if (end >= 0x40000000) {
        printf("the break is at %#lx: too high, nothing is planted\n", (unsigned long) end);
        return;
    }
    void *at = mmap((void *) end, page, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("reserved one page at %p\n", at);
}

/* ---- certificates ------------------------------------------------------------------------------- */

/* Writes the bundle under another name and renames it, so that only readers open BUNDLE. */
static int write_bundle(void)
{
    char line[LINE_LENGTH + 1];
    FILE *out = fopen(BUNDLE ".new", "w");

    if (out == NULL)
        return -1;
    for (int c = 0; c < CERTIFICATES; c++) {
        fprintf(out, "# Certificate Authority %d\n-----BEGIN CERTIFICATE-----\n", c);
        for (int l = 0; l < LINES; l++) {
            for (int i = 0; i < LINE_LENGTH; i++)
                line[i] = (char) ('A' + (c * 7 + l * 3 + i) % 26);
            line[LINE_LENGTH] = '\0';
            fprintf(out, "%s\n", line);
        }
        fprintf(out, "-----END CERTIFICATE-----\n");
    }
    fclose(out);
    return rename(BUNDLE ".new", BUNDLE);
}

/* Copies what has to stay. */
static void *keep(const void *bytes, size_t length)
{
    void *copy = malloc(length);

    if (copy == NULL)
        abort();
    memcpy(copy, bytes, length);
    return copy;
}

/* Turns the text of one certificate into a structure that stays.  The working copy does not. */
static struct certificate *parse_certificate(const char *subject, const char *text, size_t length)
{
    char *scratch = malloc(length);
    struct certificate *made = malloc(sizeof *made);
    size_t used = 0;

    if (scratch == NULL || made == NULL)
        abort();
    for (size_t i = 0; i < length; i++)
        if (text[i] != '\n')
            scratch[used++] = (char) (text[i] ^ 0x20);
    made->next = NULL;
    made->subject = keep(subject, strlen(subject) + 1);
    made->key = keep(scratch, used);
    made->key_length = used;
    free(scratch);
    return made;
}

/* Reads a bundle: a chain of certificates, or NULL. */
static struct certificate *load_bundle(const char *path)
{
    struct certificate *first = NULL, **end = &first;
    char line[256], subject[64] = "", text[(LINE_LENGTH + 1) * LINES + 1];
    size_t length = 0;
    int inside = 0;
    int fd = open(path, O_RDONLY);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");

    if (in == NULL)
        return NULL;
    while (fgets(line, sizeof line, in) != NULL) {
        size_t n = strlen(line);

        if (line[0] == '#') {
            line[n - 1] = '\0';
            snprintf(subject, sizeof subject, "%s", line + 2);
        } else if (strncmp(line, "-----BEGIN", 10) == 0) {
            inside = 1;
            length = 0;
        } else if (strncmp(line, "-----END", 8) == 0) {
            inside = 0;
            *end = parse_certificate(subject, text, length);
            end = &(*end)->next;
        } else if (inside && length + n < sizeof text) {
            memcpy(text + length, line, n);
            length += n;
        }
    }
    fclose(in);
    return first;
}

static void free_bundle(struct certificate *chain)
{
    while (chain != NULL) {
        struct certificate *next = chain->next;

        free(chain->subject);
        free(chain->key);
        free(chain);
        chain = next;
    }
}

/* ---- the server ---------------------------------------------------------------------------------- */

/* One `location { }` of the configuration: it loads the bundle, the same one each time, and keeps it. */
static void configure_location(struct location *here, int number)
{
    snprintf(here->name, sizeof here->name, "/l%d", number);
    here->trusted = load_bundle(BUNDLE);
    if (here->trusted == NULL) {
        perror(BUNDLE);
        exit(1);
    }
}

/* A place to stop at: all is loaded. */
static __attribute__((noinline)) void ready(int count)
{
    struct mallinfo2 m = mallinfo2();

    printf("%d locations: %zu bytes in use, %zu free, %zu taken from the system\n",
           count, m.uordblks, m.fordblks, m.arena + m.hblkhd);
}

/* A place to stop at: half of it was freed again. */
static __attribute__((noinline)) void reloaded(int count)
{
    struct mallinfo2 m = mallinfo2();

    printf("%d of them freed: %zu bytes in use, %zu free, %zu taken from the system\n",
           count, m.uordblks, m.fordblks, m.arena + m.hblkhd);
}

int main(int argc, char **argv)
{
    int plant = argc < 2 || strcmp(argv[1], "free-way") != 0;
    int count = argc > 2 ? atoi(argv[2]) : 40;
    int pause_ms = argc > 3 ? atoi(argv[3]) : 0;
    char *slash = strrchr(argv[0], '/');

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (slash != NULL) {
        *slash = '\0';
        if (chdir(argv[0]) != 0)
            perror(argv[0]);
    }
    if (count < 1 || count > MOST)
        count = 40;
    if (write_bundle() != 0) {
        perror(BUNDLE);
        return 1;
    }
    printf("the break is at %p\n", sbrk(0));
    if (plant)
        reserve_low_memory();

    for (int i = 0; i < count; i++) {
        configure_location(&locations[i], i);
        usleep((useconds_t) pause_ms * 1000);
    }
    ready(count);

    for (int i = 0; i < count / 2; i++) {
        free_bundle(locations[i].trusted);
        locations[i].trusted = NULL;
    }
    reloaded(count / 2);
    unlink(BUNDLE);
    return 0;
}
