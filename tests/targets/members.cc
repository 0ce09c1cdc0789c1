// cc: -g -O0 -std=c++17
// Records with holes, bit-fields, bases and virtual tables, for `ptype/o` and `info vtbl`.
struct A { virtual ~A() {} virtual int a() { return 1; } int x = 1; };
struct B { virtual int b() { return 2; } virtual void c() {} char y = 2; };
struct VB { virtual void vb() {} int z = 3; };
struct M : A, B { int b() override { return 3; } virtual void m() {} short s = 1; static int st; };
int M::st = 3;
struct W : virtual VB, A { void vb() override {} int w = 1; bool f1 : 1; bool f2 : 3; int bf : 9; };
struct N { char c; double d; struct In { char q; int r; } in; union { int i; char cc[7]; } un; char t; int bf1 : 3; int bf2 : 7; long l; char last; };
union U { char a; int b; struct { short s1; char s2; } st; };
struct E {}; struct Holder { E e; int i; }; class Cl { public: char a; private: int b; protected: long long c; void f(); typedef int T; };
struct Ptrs { char *p; int (*fp)(int); char arr[3]; const char *const *q; int mp; enum { AA, BB } en; char fl[0]; };
template <class T> struct Tm { char c; T t; };
typedef struct { char c; int i; } anon_t;
int main() { M m; W w; N n{}; U u{}; Holder h{}; Cl cl{}; Ptrs p{}; Tm<double> tm{}; A *pa = &m; B &rb = m; anon_t an{}; N *pn = &n; int arr[3] = {1}; 
  return m.x + w.w + n.c + u.a + h.i + p.mp + (int)tm.t + pa->x + rb.y + an.i + pn->c + arr[0]; }
