/* cc: -g -O2 */
/* Integers of every name, and a variable that the compiler leaves out. */
#include <stdio.h>

short a;
unsigned short b;
long c;
unsigned long d;
long long e;
unsigned long long f;
unsigned g;
signed char h;
unsigned char i;
char j;
long double k;
__int128 l;
unsigned __int128 m;
_Bool n;
float _Complex o;
typedef unsigned long size;
size p;
volatile const long q = 3;
long *r;
short s[3];
long (*t)(short, unsigned long);
struct {
    short a;
    unsigned long b;
    short *c;
    short (*d)(long long);
} u;
static const char *left_out[] = { "one", "two", NULL };

int main(void)
{
    printf("%zu\n", sizeof left_out);
    return 0;
}
