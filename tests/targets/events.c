/* cc: -O0 -g */
/*
 * One event of each kind that a debugger can catch: fork, vfork, exec, a signal, libraries loaded and unloaded, calls.
 * It prints how its children ended, and as its second self returns 3.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <signal.h>
#include <sys/wait.h>
#include <dlfcn.h>
#include <fcntl.h>

static void usr(int s) { (void)s; }

int main(int argc, char **argv)
{
  int status;
  if (argc > 1) return 3;
  signal(SIGUSR1, usr);
  pid_t p = fork();
  if (p == 0) _exit(7);
  waitpid(p, &status, 0);
  printf("child %d\n", WEXITSTATUS(status));
  p = vfork();
  if (p == 0) { execl(argv[0], argv[0], "x", (char *)0); _exit(9); }
  waitpid(p, &status, 0);
  printf("vchild %d\n", WEXITSTATUS(status));
  raise(SIGUSR1);
  void *h = dlopen("libm.so.6", RTLD_NOW);
  if (h) dlclose(h);
  int fd = open("/dev/null", O_RDONLY);
  close(fd);
  fflush(stdout);
  execl(argv[0], argv[0], "x", (char *)0);
}
