/* cc: -g -O0 -pthread */
/* Makes a child in each way there is; `hit` is called in the child (where that is possible) and after it.
 *   family fork|vfork|spawn|system|exec|exec-thread|again N */
#define _GNU_SOURCE
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int hits;

__attribute__((noinline)) void hit(const char *where)
{
    (void) where;
    hits++;
}

static void report(const char *what, pid_t child)
{
    int status;

    if (waitpid(child, &status, 0) != child)
        perror("waitpid");
    else if (WIFEXITED(status))
        printf("%s child exited %d\n", what, WEXITSTATUS(status));
    else
        printf("%s child signalled %d\n", what, WTERMSIG(status));
}

static void *exec_here(void *program)
{
    execl((char *) program, (char *) program, "done", NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "fork";
    int times = argc > 2 ? atoi(argv[2]) : 1;
    char *const sh[] = { "sh", "-c", "exit 7", NULL };
    extern char **environ;
    pid_t child;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(way, "done") == 0) {
        hit("the new program");
        printf("new program hit %d times\n", hits);
        return 5;
    }
    for (int i = 0; i < times; i++) {
        if (strcmp(way, "fork") == 0) {
            child = fork();
            if (child == 0) {
                hit("child");
                _exit(7);
            }
            report(way, child);
        } else if (strcmp(way, "vfork") == 0) {
            child = vfork();
            if (child == 0) {
                execv("/bin/sh", sh);
                _exit(1);
            }
            report(way, child);
        } else if (strcmp(way, "vfork-call") == 0) {
            child = vfork();
            if (child == 0) {
                hit("vfork child");
                _exit(7);
            }
            report(way, child);
        } else if (strcmp(way, "spawn") == 0) {
            if (posix_spawn(&child, "/bin/sh", NULL, NULL, sh, environ) != 0)
                perror("posix_spawn");
            report(way, child);
        } else if (strcmp(way, "system") == 0) {
            printf("system answered %d\n", WEXITSTATUS(system("exit 7")));
        } else if (strcmp(way, "exec") == 0) {
            hit("before exec");
            exec_here(argv[0]);
        } else if (strcmp(way, "exec-thread") == 0) {
            pthread_t thread;

            hit("before exec");
            pthread_create(&thread, NULL, exec_here, argv[0]);
            pthread_join(thread, NULL);
        }
        hit("parent");
    }
    printf("parent hit %d times\n", hits);
    return 0;
}
