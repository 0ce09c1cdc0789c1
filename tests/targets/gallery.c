// A little of everything that C has: a program to print, list and walk, for comparisons with gdb.
//
// Usage: gallery
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <stdbool.h>
#include <complex.h>
#include <wchar.h>
#include <uchar.h>
#include <setjmp.h>
#include <signal.h>
#include <errno.h>
#include <math.h>
#include <time.h>
typedef struct node node;
typedef int (*cmp_fn)(const void *, const void *);
struct node { node *next, *prev; union { long i; double d; char *s; void *p; } v; unsigned kind:3, mark:1; signed sb:5; unsigned char tag; };
enum kind { K_INT = -1, K_DBL, K_STR = 5, K_PTR };
enum flags { F_NONE = 0, F_A = 1, F_B = 2, F_C = 4, F_D = 0x100 };
struct __attribute__((packed)) pk { char c; int i; short s; long double ld; };
struct outer { int id; struct { int x, y; } pos; union { int a; float b; }; struct pk pks[2]; char name[16]; char *names[3]; cmp_fn cmp; enum kind k; enum flags f; bool ok; _Complex double z; __int128 big; int flex[]; };
static int counter; int global_arr[3][4] = {{1,2,3,4},{5,6,7,8},{9,10,11,12}};
const char *const words[] = {"alpha","beta",NULL};
static volatile int vol = 7; _Atomic int atom = 9;
static const double pi = 3.141592653589793; float fl = 1.5e-10f; long double ld = 2.5L;
wchar_t wide[] = L"wide\x263a"; char16_t c16[] = u"sixteen"; char32_t c32[] = U"thirty";
char esc[] = "tab\tnl\nq\"b\\ \001\377z"; char rep[300]; unsigned char bytes[] = {0,1,2,3,200,200,200,200,200,200,200,200,200,200,200,200,200,255};
typedef int v4 __attribute__((vector_size(16))); v4 vec = {1,2,3,4};
static jmp_buf env;
static int cmp_int(const void *a, const void *b) { int x=*(const int*)a, y=*(const int*)b; return (x>y)-(x<y); }
static inline __attribute__((always_inline)) int sq(int x) { int r = x * x; counter++; return r; }
static node *push(node *head, long v, enum kind k) { node *n = calloc(1, sizeof *n); n->next = head; if (head) head->prev = n; n->v.i = v; n->kind = k & 7; n->sb = -3; n->tag='t'; return n; }
static long sum(const node *n) { long s = 0; for (const node *p = n; p; p = p->next) { s += p->v.i; if (s > 1000) break; } return s; }
__attribute__((noinline)) static int fact(int n) { if (n <= 1) return 1; int below = fact(n-1); return n * below; }
__attribute__((noinline)) static double area(double r, float s) { double a = pi * r * r; return a + s; }
__attribute__((noinline)) static struct outer *make(int id, const char *name, int nflex) { struct outer *o = calloc(1, sizeof *o + nflex * sizeof(int)); o->id = id; strncpy(o->name, name, 15); o->pos.x = id*2; o->pos.y=-id; o->names[0]="n0"; o->names[1]=o->name; o->cmp = cmp_int; o->k = K_STR; o->f = F_A|F_C; o->ok = id & 1; o->z = 1.0 + 2.0*I; o->big = ((__int128)1<<100) + 5; o->pks[1].ld = 1.25L; o->pks[0].c='p'; for (int i=0;i<nflex;i++) o->flex[i]=i*i; return o; }
__attribute__((noinline)) static int vla(int n, char *tag) { int arr[n]; char grid[n][3]; for (int i = 0; i < n; i++) { arr[i] = sq(i); grid[i][0]='a'+i; grid[i][1]='-'; grid[i][2]=0; } int t = 0; for (int i=0;i<n;i++) t += arr[i]; { int t2 = t*2; static int calls; calls++; t = t2 + calls; } return t + (tag[0]=='x') + grid[0][0]; }
static void on_usr(int sig, siginfo_t *si, void *uc) { counter += sig; (void)si; (void)uc; }
__attribute__((noinline)) static int jumper(int depth) { if (depth == 0) longjmp(env, 42); return jumper(depth-1) + 1; }
struct pt { double x, y; }; struct small { int a; char b; }; union un { int i; float f; char c[4]; };
__attribute__((noinline)) static struct pt mkpt(double x) { struct pt p = {x, -x}; return p; }
__attribute__((noinline)) static struct small mksm(int a) { struct small s = {a,'b'}; return s; }
__attribute__((noinline)) static union un mkun(int a) { union un u; u.i = a; return u; }
__attribute__((noinline)) static float half(float f) { return f/2; }
__attribute__((noinline)) static char *dup(const char *s) { return strdup(s); }
__attribute__((noinline)) static bool even(unsigned char c) { return c % 2 == 0; }
__attribute__((noinline)) static void nothing(short s, unsigned long long u, void (*f)(int)) { vol += s + (int)u; if (f) f(1); }
int main(int argc, char **argv) {
  memset(rep,'r',299); node *head = NULL; for (int i = 0; i < 4; i++) head = push(head, i * 10, (enum kind)i);
  long s = sum(head); struct outer *o = make(3, "outer-one", 4); int t = vla(5, "xyz");
  double a = area(2.0, 0.5f); int f = fact(5); struct pt p = mkpt(1.5); struct small sm = mksm(7); union un u = mkun(0x41424344);
  float h = half(5); char *d = dup("dup me"); bool ev = even(4); nothing(-5, 1ULL<<63, NULL);
  int nums[] = {5,3,9,1}; qsort(nums, 4, sizeof nums[0], cmp_int);
  struct sigaction sa = {.sa_sigaction = on_usr, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &sa, NULL); raise(SIGUSR1);
  int j = setjmp(env); if (j == 0) jumper(3); errno = ENOENT;
  printf("%ld %d %f %d %f %d %f %s %d %d %d %d\n", s, t, a, f, p.x, sm.a + u.i, h, d, ev, nums[0], j, o->flex[3]); return 0; }
