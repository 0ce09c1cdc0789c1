/* bare_loop.c -- the limit for a debugger that checks a string condition under ptrace.
 *
 * One software breakpoint on the first instruction, `push %rbp`, which is emulated, so that nothing is stepped and
 * the breakpoint stays in.  Per hit: wait, read the registers, read and compare the string, push, write the
 * registers, go on.  Nothing else: no symbols, no threads, no forks, no journal.
 *
 *   bare_loop HITS f|open N      prints how many hits it saw
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

int main(int argc, char **argv)
{
    static const char wanted[] = "/etc/ssl/certs/ca-certificates.crt";
    struct user_regs_struct regs;
    char path[64], text[sizeof wanted];
    unsigned char byte;
    long hits = 0, matches = 0;
    int status;
    pid_t pid;

    if (argc < 4)
        return 2;
    pid = fork();
    if (pid == 0) {
        personality(ADDR_NO_RANDOMIZE);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execl(argv[1], argv[1], argv[2], argv[3], "stop", NULL);
        _exit(127);
    }
    waitpid(pid, &status, 0);                                   /* exec */
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, 0);                                   /* its int3 */
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
        fail("the target did not stop");
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    unsigned long at = strcmp(argv[2], "f") == 0 ? regs.rdi : regs.rsi;

    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int memory = open(path, O_RDWR | O_CLOEXEC);
    if (memory < 0 || pread(memory, &byte, 1, (off_t) at) != 1)
        fail(path);
    if (byte != 0x55) {
        fprintf(stderr, "bare_loop: the function begins with %#x, not with push %%rbp\n", byte);
        return 3;
    }
    pwrite(memory, "\xcc", 1, (off_t) at);
    for (;;) {
        ptrace(PTRACE_CONT, pid, 0, 0);
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
            break;
        ptrace(PTRACE_GETREGS, pid, 0, &regs);
        hits++;
        if (pread(memory, text, sizeof text, (off_t) regs.rdi) > 0 && strncmp(text, wanted, sizeof text) == 0)
            matches++;
        regs.rsp -= 8;
        pwrite(memory, &regs.rbp, 8, (off_t) regs.rsp);
        ptrace(PTRACE_SETREGS, pid, 0, &regs);                  /* rip is behind the one byte already */
    }
    printf("%ld hits, %ld matches\n", hits, matches);
    return 0;
}
