/* cc: -g -O0 -fno-pie -no-pie */
/* Grows by a known amount each time that work() is called, and says at which call it gets no more.
 *   growing COUNT SIZE [DATA_LIMIT [PAUSE_MS]]
 * DATA_LIMIT: so many bytes may be got beyond what there is at the start (RLIMIT_DATA); 0 for no limit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int failed_at;

static unsigned long data_now(void)
{
    char line[256];
    unsigned long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");

    while (fgets(line, sizeof line, file))
        if (strncmp(line, "VmData:", 7) == 0)
            kilobytes = strtoul(line + 7, NULL, 10);
    fclose(file);
    return kilobytes * 1024;
}

__attribute__((noinline)) void work(int call, size_t size)
{
    char *block = malloc(size);

    if (block == NULL)
        failed_at = call;
    else
        memset(block, 0x5a, size);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 10;
    size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 1 << 20;
    unsigned long more = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    unsigned pause_ms = argc > 4 ? (unsigned) atoi(argv[4]) : 0;
    struct rlimit limit = {data_now(), RLIM_INFINITY};

    setvbuf(stdout, NULL, _IONBF, 0);
    limit.rlim_cur = data_now() + more;
    if (more != 0 && setrlimit(RLIMIT_DATA, &limit) != 0)
        perror("setrlimit");
    for (int call = 1; call <= count && failed_at == 0; call++) {
        work(call, size);
        usleep(pause_ms * 1000);
    }
    printf("failed at call %d\n", failed_at);
    return 0;
}
