/* cc: -O0 -g */
/* Typedefs of all kinds, bit-fields, and characters wider than a byte. */
#include <wchar.h>
#include <uchar.h>
typedef struct node { int v; struct node *next; } node_t;
typedef struct { int a; } anon_t;
typedef int *ip; typedef int (*fp)(int); typedef int arr_t[3]; typedef ip *ipp; typedef const node_t cnode_t;
typedef enum { A, B } en_t;
node_t *p; node_t **pp; node_t n; anon_t *an; anon_t arra[3]; ip *ipv; ip ipa[3]; ip (*ipf)(node_t *); fp *fpp; fp fpa[2]; arr_t *ap; arr_t aa[2]; ipp ippv; cnode_t *cn; const anon_t *can; en_t *ep; en_t ea[2]; volatile ip vip; ip const *cipp;
node_t *f(node_t *x, anon_t *y) { return x; }
anon_t g(node_t *x) { return (anon_t){1}; }
node_t *(*pf)(node_t *, anon_t *) = f;
arr_t *fa(void) { return ap; }
struct bits { unsigned a:3; int b:5; _Bool c:1; en_t e:2; long l:40; unsigned char uc:4; } bi = {5,-3,1,B,-5,9};
wchar_t w0=0, w1=L'a', w2=0xe9, w3=1, w4=0x1f600, w5=0x7f, w6=0xffffffff, w7=L'\n';
char16_t h0=0, h1=0xe9, h2=0xd800, h3=0x20ac; char32_t c0=0, c1=0x20ac, c2=0x110000, c3=0x1ff;
wchar_t ws[]=L"a\x01\x31\xe9\x20ac\x1f600z"; wchar_t wz[8]=L"ab"; char16_t hs[]=u"q\xe9\x20ac\x01x";
int main(){ return !f(p,an)+g(p).a+!fa(); }
