/* cc: -O0 -g -pthread */
/*
 * Data to be watched: a global, a structure, a local that goes out of scope, the target of a pointer, and a counter that
 * sixteen threads move.  With an argument it prints how often the counter was written, then a child writes it too.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 16
#define TURNS 100

struct pair { int a; long b; char name[8]; } g;
int x, y, *p = &x;
long big[8];
volatile long counter, turns;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int add(int n)
{
    int local = n;
    local += 1;
    local *= 2;
    x += local;
    return local;
}

static int again(int n)
{
    int deep = n;
    if (n > 0)
        deep += again(n - 1);
    return deep;
}

static void *work(void *arg)
{
    for (int i = 0; i < TURNS; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        turns++;
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

static void many(void)
{
    pthread_t threads[THREADS];
    int status;

    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], 0, work, 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], 0);
    pid_t child = fork();
    if (child == 0) {
        counter = 1;
        _exit(counter == 1 ? 7 : 8);
    }
    waitpid(child, &status, 0);
    printf("counter written %ld times\nturns written %ld times\nchild ended with %d\n", counter, turns,
           WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

int main(int argc, char **argv)
{
    (void)argv;
    for (int i = 0; i < 3; i++) {
        x = i;
        g.a += x;
        g.b = g.a;
    }
    y = x + g.a;
    add(3);
    again(2);
    p = &y;
    *p = 77;
    g.name[2] = 'n';
    big[3] = y;
    if (argc > 1)
        many();
    return 0;
}
