/* cc: -O0 -g */
/* Functions to be called by hand: it prints, at its end, what they were told to change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct s { int a; long b; };
enum color { RED, GREEN };
int calls;
int add(int a, int b) { calls++; return a + b; }
double half(double x) { return x / 2; }
float quarter(float x, int n) { return x / 4 + n; }
char *name(int i) { return i ? "one" : "zero"; }
void nothing(void) { calls += 10; }
long many(long a, long b, long c, long d, long e, long f, long g, long h) { return a+b*2+c*3+d*4+e*5+f*6+g*7+h*8; }
unsigned long length(const char *s) { return strlen(s); }
struct s make(int a) { struct s x = { a, a * 2L }; return x; }
enum color col(int i) { return i ? GREEN : RED; }
int crash(int *p) { return *p; }
int stopper(int n) { int k = n * 2; return k + 1; }
int main(void)
{
  int local = 3;
  calls = 1;
  local = add(local, 4);
  printf("%d %d\n", local, calls);
  return local;
}
