/* bare_steps.c -- the limit for a debugger that steps: PTRACE_SINGLESTEP, wait, read the registers, and nothing else.
 *
 *   bare_steps N PROGRAM ARG...      prints microseconds for each step
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long n = argc > 2 ? atol(argv[1]) : 0;
    struct user_regs_struct regs;
    struct timespec begin, end;
    pid_t child = fork();
    int status;

    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(argv[2], argv + 2);
        _exit(127);
    }
    waitpid(child, &status, 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long i = 0; i < n && WIFSTOPPED(status); i++) {
        ptrace(PTRACE_SINGLESTEP, child, 0, 0);
        waitpid(child, &status, 0);
        ptrace(PTRACE_GETREGS, child, 0, &regs);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    ptrace(PTRACE_KILL, child, 0, 0);
    printf("%.3f\n", ((end.tv_sec - begin.tv_sec) * 1e6 + (end.tv_nsec - begin.tv_nsec) / 1e3) / n);
    return 0;
}
