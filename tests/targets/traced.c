/* cc: -O1 -g -pthread -Wno-unused-result -Wno-nonnull -Wno-restrict -Wno-stringop-overread */
/* Calls of all kinds, for what is written of them: one group by name, each call once that works and, where that is easy, once
   that does not. What differs from run to run (process ids, addresses) is only told by the calls themselves. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static char buffer[8192];

static void files(void)
{
    struct stat st;
    struct statx stx;
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0640);
    write(fd, "a\tb\n\"quoted\" \\ \001\0012 and more than thirty-two bytes", 50);
    lseek(fd, 1, SEEK_SET);
    read(fd, buffer, 10);
    read(-1, buffer, 10);
    write(fd, (void *)16, 5);
    pwrite(fd, "xyz", 3, 100);
    pread(fd, buffer, 200, 50);
    struct iovec vector[] = {{"one", 3}, {"two", 3}, {buffer, 40}};
    writev(fd, vector, 3);
    lseek(fd, 0, SEEK_END);
    lseek(fd, -3, 99);
    struct iovec into[] = {{buffer, 2}, {buffer + 10, 40}};
    preadv(fd, into, 2, 3);
    readv(fd, into, 2);
    readv(-1, into, 2);
    fstat(fd, &st);
    stat("file", &st);
    lstat("/nonexistent", &st);
    stat("/dev/null", &st);
    syscall(SYS_stat, "file", &st);
    syscall(SYS_lstat, "/tmp", &st);
    statx(AT_FDCWD, "file", AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS | STATX_BTIME, &stx);
    access("file", R_OK | W_OK);
    access("file", F_OK);
    faccessat(AT_FDCWD, "file", X_OK, AT_EACCESS);
    fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK);
    fcntl(fd, F_GETFD);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_GETFD);
    int other = fcntl(fd, F_DUPFD_CLOEXEC, 20);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 10};
    fcntl(fd, F_SETLK, &lock);
    fcntl(other, F_GETLK, &lock);
    fcntl(fd, 9999, 5);
    dup(fd);
    dup2(fd, 30);
    dup3(fd, 31, O_CLOEXEC);
    flock(fd, LOCK_EX | LOCK_NB);
    fsync(fd);
    fdatasync(fd);
    ftruncate(fd, 5000);
    truncate("file", 100);
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096);
    posix_fadvise(fd, 0, 4096, POSIX_FADV_WILLNEED);
    fchmod(fd, 0600);
    chmod("file", 04755);
    fchown(fd, -1, -1);
    chown("file", 0, -1);
    close(fd);
    close(fd);
    mkdir("directory", 0700);
    mkdir("directory", 0);
    mkdirat(AT_FDCWD, "directory/inner", 0755);
    symlink("file", "link");
    readlink("link", buffer, sizeof buffer);
    readlink("file", buffer, sizeof buffer);
    readlinkat(AT_FDCWD, "link", buffer, 2);
    link("file", "directory/hard");
    linkat(AT_FDCWD, "link", AT_FDCWD, "directory/followed", AT_SYMLINK_FOLLOW);
    rename("file", "renamed");
    renameat2(AT_FDCWD, "renamed", AT_FDCWD, "file", RENAME_NOREPLACE);
    int directory = open("directory", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    syscall(SYS_getdents64, directory, buffer, sizeof buffer);
    syscall(SYS_getdents64, directory, buffer, sizeof buffer);
    openat(directory, "hard", O_WRONLY | O_APPEND | O_SYNC);
    openat(directory, "none", O_PATH | O_CLOEXEC);
    open("/tmp", O_TMPFILE | O_RDWR, 0644);
    open("directory", 0x40000000 | O_ACCMODE);
    unlinkat(directory, "inner", AT_REMOVEDIR);
    unlinkat(directory, "hard", 0);
    unlink("directory/followed");
    fchdir(directory);
    getcwd(buffer, 3);
    chdir("..");
    umask(022);
    umask(0);
    struct timespec times[2] = {{.tv_sec = 1, .tv_nsec = 5}, {.tv_nsec = UTIME_NOW}};
    utimensat(AT_FDCWD, "file", times, 0);
    utimensat(AT_FDCWD, "file", NULL, AT_SYMLINK_NOFOLLOW);
    struct timeval stamps[2] = {{1000000000, 7}, {1000000001, 0}};
    utimes("file", stamps);
    mknod("pipe", S_IFIFO | 0600, 0);
    mknod("device", S_IFCHR | 0600, makedev(5, 1));
    setxattr("file", "user.name", "value", 5, XATTR_CREATE);
    getxattr("file", "user.name", buffer, 100);
    getxattr("file", "user.none", buffer, 100);
    listxattr("file", buffer, sizeof buffer);
    removexattr("file", "user.name");
    struct statfs fs;
    statfs("/proc", &fs);
    statfs("/nonexistent", &fs);
    int pair[2];
    pipe(pair);
    pipe2(pair, O_CLOEXEC | O_NONBLOCK);
    read(pair[0], buffer, 1);
    ioctl(pair[0], FIONREAD, &other);
    ioctl(pair[0], TCGETS, buffer);
    ioctl(pair[0], FIOCLEX);
    ioctl(pair[0], 0x80045878, buffer);
    memfd_create("name", MFD_CLOEXEC);
    syscall(SYS_close_range, 100, 200, 0);
    syscall(SYS_sendfile, pair[1], open("file", O_RDONLY), NULL, 10);
    open(NULL, O_RDONLY);
    open((char *)-1, O_RDONLY);
    open("a/very/long/path/which/is/longer/than/thirty-two/bytes/and/is/told/whole", O_RDONLY);
    unlink("file");
    unlink("link");
    unlink("pipe");
    unlink("device");
    rmdir("directory");
}

static void processes(void)
{
    int status;
    struct rusage usage;
    struct rlimit limit;
    struct utsname system;
    struct timespec now;
    gid_t groups[100];
    uid_t a, b, c;
    pid_t child = fork();
    if (child == 0)
        _exit(3);
    waitpid(child, &status, 0);
    wait4(-1, &status, WNOHANG, NULL);
    child = fork();
    if (child == 0)
        raise(SIGKILL);
    wait4(child, &status, 0, &usage);
    child = vfork();
    if (child == 0) {
        char *words[] = {"/bin/true", "a word", "of \"two\"", NULL}, *variables[] = {"A=1", NULL};
        execve("/nonexistent", words, variables);
        execve("/bin/true", words, variables);
        _exit(1);
    }
    siginfo_t info;
    waitid(P_PID, child, &info, WEXITED);
    getuid();
    geteuid();
    getgid();
    getegid();
    getresuid(&a, &b, &c);
    getgroups(0, NULL);
    getgroups(100, groups);
    setpgid(0, 0);
    getpgid(0);
    getsid(0);
    syscall(SYS_uname, &system);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 200;
    setrlimit(RLIMIT_NOFILE, &limit);
    syscall(SYS_getrlimit, RLIMIT_CORE, &limit);
    syscall(SYS_prlimit64, 0, 77, NULL, NULL);
    getrusage(RUSAGE_CHILDREN, &usage);
    getpriority(PRIO_PROCESS, 0);
    setpriority(PRIO_PROCESS, 0, 1);
    sched_yield();
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    sched_setaffinity(0, sizeof set, &set);
    sched_getaffinity(0, sizeof set, &set);
    struct sched_param param = {0};
    sched_setscheduler(0, SCHED_BATCH, &param);
    sched_getscheduler(0);
    prctl(PR_SET_NAME, "a name that is too long for it");
    prctl(PR_GET_NAME, buffer);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_GET_DUMPABLE);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_CAPBSET_READ, 21);
    prctl(12345, 1, 2, 3, 4);
    syscall(SYS_personality, 0xffffffff);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (void *)8);
    syscall(SYS_clock_getres, CLOCK_REALTIME, &now);
    nanosleep(&(struct timespec){.tv_nsec = 1}, NULL);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = 1}, &now);
    setitimer(ITIMER_VIRTUAL, &(struct itimerval){.it_value = {100, 0}}, NULL);
    alarm(100);
    alarm(0);
    getrandom(buffer, 0, GRND_NONBLOCK);
    syscall(SYS_arch_prctl, 0x9999, 1);
    syscall(SYS_membarrier, 0, 0, 0);
    void *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page, 4096, PROT_NONE);
    mprotect(page, 4096, PROT_READ | 0x40);
    madvise(page, 4096, MADV_DONTNEED);
    madvise(page, 4096, 99);
    mlock(page, 1);
    msync(page, 4096, MS_SYNC);
    mincore(page, 8192, (unsigned char *)buffer);
    page = mremap(page, 4096, 16384, MREMAP_MAYMOVE);
    munmap(page, 8192);
    syscall(1234, 1, 2, 3, 4, 5, 6);
    syscall(SYS_kcmp, 1, 2, 3, 4, 5);
    syscall(SYS_mq_unlink, "name");
}

static void handler(int signal)
{
    (void)signal;
}

static void signals(void)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaddset(&action.sa_mask, SIGRTMIN + 1);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGKILL, &action, NULL);
    sigaction(SIGUSR1, NULL, &action);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGINT, SIG_DFL);
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR2);
    sigpending(&set);
    sigemptyset(&set);
    sigprocmask(SIG_SETMASK, &set, &set);
    kill(getpid(), SIGUSR1);
    kill(getpid(), 0);
    kill(-12345, SIGTERM);
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77});
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 1000}}, NULL);
    siginfo_t info;
    sigtimedwait(&set, &info, &(struct timespec){5, 0});
    sigtimedwait(&set, NULL, &(struct timespec){0, 1});
    stack_t stack = {.ss_sp = buffer, .ss_size = sizeof buffer}, before;
    sigaltstack(&stack, &before);
    sigaltstack(NULL, &before);
    signalfd(-1, &set, SFD_CLOEXEC);
    /* The last one: a fault. */
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    *(volatile int *)0x10 = 1;
}

/* How often a thread went to sleep so far, where it sleeps in a call now; else, also where it is stopped, -1. */
static long asleep(pid_t process)
{
    char path[64], text[4096] = "";
    snprintf(path, sizeof path, "/proc/%d/status", process);
    int fd = open(path, O_RDONLY);
    read(fd, text, sizeof text - 1);
    close(fd);
    char *state = strstr(text, "State:\t"), *switches = strstr(text, "\nvoluntary_ctxt_switches:");
    return state && switches && state[7] == 'S' ? atol(switches + strlen("\nvoluntary_ctxt_switches:")) : -1;
}

/* A child that sends its parent these signals, each when it sleeps: the second one when it sleeps again. */
static void disturb(int first, int second)
{
    long before = -1;
    pid_t parent = getpid();
    if (fork() != 0)
        return;
    while ((before = asleep(parent)) < 0)
        sched_yield();
    kill(parent, first);
    if (second) {
        while (asleep(parent) <= before)
            sched_yield();
        kill(parent, second);
    }
    _exit(0);
}

/* Calls that a signal ends: some are restarted, some fail. The children's own ends are not told, so that they end none. */
static void interrupted(void)
{
    sigset_t children, none;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    sigemptyset(&none);
    sigaddset(&none, SIGCHLD);
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGALRM, &action, NULL);
    struct timespec left;
    int pair[2];
    pipe(pair);
    disturb(SIGALRM, 0);
    read(pair[0], buffer, 1);
    disturb(SIGALRM, 0);
    clock_nanosleep(CLOCK_REALTIME, 0, &(struct timespec){5000, 0}, &left);
    disturb(SIGALRM, 0);
    pause();
    disturb(SIGALRM, 0);
    poll(&(struct pollfd){.fd = pair[0], .events = POLLIN}, 1, 5000000);
    disturb(SIGALRM, 0);
    sigsuspend(&none);
    /* A signal that is ignored: the call goes on, by restart_syscall or anew, and a handler ends it. */
    disturb(SIGWINCH, SIGALRM);
    nanosleep(&(struct timespec){5000, 0}, NULL);
    disturb(SIGURG, SIGALRM);
    read(pair[0], buffer, 1);
    /* With SA_RESTART it goes on after the handler. */
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, NULL);
    disturb(SIGUSR1, SIGALRM);
    read(pair[0], buffer, 1);
    while (wait(NULL) > 0)
        ;
}

static void waiting(void)
{
    int pair[2];
    pipe(pair);
    write(pair[1], "x", 1);
    struct pollfd fds[] = {{pair[0], POLLIN, 0}, {pair[1], POLLOUT | POLLERR, 0}, {-1, 0, 0}};
    poll(fds, 3, 100);
    poll(fds, 0, 0);
    poll(fds + 1, 1, -1);
    struct timespec time = {1, 0};
    ppoll(fds, 2, &time, NULL);
    sigset_t set;
    sigemptyset(&set);
    ppoll(fds, 1, NULL, &set);
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(pair[0], &in);
    FD_SET(pair[1], &out);
    struct timeval moment = {1, 0};
    syscall(SYS_select, pair[1] + 1, &in, &out, NULL, &moment);
    FD_ZERO(&in);
    moment = (struct timeval){0, 1};
    syscall(SYS_select, 1, &in, NULL, NULL, &moment);
    FD_SET(pair[0], &in);
    pselect(pair[0] + 1, &in, NULL, NULL, &time, &set);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = 7};
    epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event);
    epoll_ctl(epoll, EPOLL_CTL_DEL, pair[1], &event);
    epoll_wait(epoll, &event, 1, 100);
    epoll_pwait(epoll, &event, 1, 0, &set);
    int number = eventfd(5, EFD_NONBLOCK);
    read(number, buffer, 8);
    read(number, buffer, 8);
    int timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &(struct itimerspec){.it_value = {1, 2}}, NULL);
}

static void network(void)
{
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    int one = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bind(server, (struct sockaddr *)&address, sizeof address);
    listen(server, 5);
    socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socket(AF_NETLINK, SOCK_RAW, 0);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
    connect(client, (struct sockaddr *)&path, sizeof path);
    struct sockaddr_un hidden = {.sun_family = AF_UNIX, .sun_path = "\0abstract"};
    bind(client, (struct sockaddr *)&hidden, 11);
    socklen_t length = 100;
    getsockname(client, (struct sockaddr *)buffer, &length);
    struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    connect(client, (struct sockaddr *)&address6, sizeof address6);
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    send(pair[0], "hello", 5, MSG_NOSIGNAL);
    recv(pair[1], buffer, 100, 0);
    recv(pair[1], buffer, 100, MSG_DONTWAIT);
    struct iovec vector = {"abc", 3}, into = {buffer, 100};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.header), &one, sizeof one);
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    sendmsg(pair[0], &message, 0);
    message.msg_iov = &into;
    recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC);
    recvmsg(pair[1], &message, MSG_DONTWAIT);
    length = sizeof one;
    getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &one, &length);
    getsockopt(pair[0], SOL_SOCKET, SO_ERROR, &one, &length);
    length = 12;
    getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, buffer, &length);
    getsockopt(pair[0], SOL_SOCKET, 9999, buffer, &length);
    getpeername(pair[0], (struct sockaddr *)&path, &length);
    accept4(client, NULL, NULL, SOCK_CLOEXEC);
    shutdown(pair[0], SHUT_RDWR);
    sendto(client, "x", 1, 0, (struct sockaddr *)&address6, sizeof address6);
}

static void ipc(void)
{
    int shared = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    void *at = shmat(shared, NULL, 0);
    shmat(-1, NULL, SHM_RDONLY);
    shmdt(at);
    shmctl(shared, IPC_RMID, NULL);
    shmget(0x1234567, 10, 0);
    int semaphores = semget(IPC_PRIVATE, 2, 0666);
    semctl(semaphores, 0, SETVAL, 3);
    struct sembuf operations[] = {{0, -1, SEM_UNDO}, {1, 1, IPC_NOWAIT}};
    semop(semaphores, operations, 2);
    semtimedop(semaphores, operations + 1, 1, &(struct timespec){1, 0});
    semctl(semaphores, 0, IPC_RMID);
    int messages = msgget(IPC_PRIVATE, IPC_CREAT | IPC_EXCL | 0600);
    struct {
        long type;
        char text[10];
    } message = {3, "hello"};
    msgsnd(messages, &message, 5, IPC_NOWAIT);
    msgrcv(messages, &message, 10, -5, MSG_NOERROR);
    msgrcv(messages, &message, 10, 0, IPC_NOWAIT);
    msgctl(messages, IPC_RMID, NULL);
    struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 20};
    syscall(SYS_mq_open, "brkwater-test", O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    syscall(SYS_mq_open, "brkwater-none", O_RDONLY);
    syscall(SYS_mq_unlink, "brkwater-test");
}

static int turns[3][2];

/* Each waits until it is given the word, does a call, and gives the word on: so the order is the same in each run. */
static void *in_turn(void *which)
{
    long me = (long)which;
    char letter[2];
    for (int round = 0; round < 3; round++) {
        read(turns[me][0], letter, 1);
        lseek(turns[me][0], 1000 * me + round, SEEK_SET);
        write(turns[(me + 1) % 3][1], "go", 1);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t others[3];
    for (int n = 0; n < 3; n++)
        pipe(turns[n]);
    for (long n = 0; n < 3; n++)
        pthread_create(&others[n], NULL, in_turn, (void *)n);
    write(turns[0][1], "go", 1);
    for (int n = 0; n < 3; n++)
        pthread_join(others[n], NULL);
}

/* Three threads that call as fast as they can, each with arguments of its own. */
static void *alone(void *which)
{
    long me = (long)which;
    for (long n = 0; n < 200; n++)
        lseek(-1 - (int)me, me * 1000 + n, SEEK_SET);
    return NULL;
}

static void racing(void)
{
    pthread_t others[3];
    for (long n = 0; n < 3; n++)
        pthread_create(&others[n], NULL, alone, (void *)n);
    for (int n = 0; n < 3; n++)
        pthread_join(others[n], NULL);
}

/* It is ended in the middle of a call, by a thread that ends all. */
static void *ends_all(void *nothing)
{
    (void)nothing;
    while (asleep(getpid()) < 0)
        sched_yield();
    exit(7);
}

static void ended(void)
{
    pthread_t other;
    pthread_create(&other, NULL, ends_all, NULL);
    pause();
}

static void *executes(void *nothing)
{
    (void)nothing;
    while (asleep(getpid()) < 0)
        sched_yield();
    char *words[] = {"/bin/true", NULL};
    execv("/bin/true", words);
    return NULL;
}

static void superseded(void)
{
    pthread_t other;
    pthread_create(&other, NULL, executes, NULL);
    pause();
}

static void blocked(void)
{
    for (;;)
        read(0, buffer, 1);
}

static void killed(void)
{
    disturb(SIGKILL, 0);
    read(open("/dev/zero", O_RDONLY), buffer, 1);
    pause();
}

int main(int count, char **words)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } groups[] = {
        {"files", files},       {"processes", processes},   {"signals", signals}, {"interrupted", interrupted},
        {"waiting", waiting},   {"network", network},       {"ipc", ipc},             {"threads", threads}, {"racing", racing},
        {"ended", ended},       {"superseded", superseded}, {"blocked", blocked}, {"killed", killed},
    };
    for (size_t n = 0; n < sizeof groups / sizeof *groups; n++)
        if (count > 1 && strcmp(groups[n].name, words[1]) == 0)
            groups[n].run();
    return 0;
}
