// cc: -g -O0 -w -std=c++17
// Namespaces, what `using` brings from them, and classes whose parts are named by their scopes.
#include <cstdio>
#include <string>
namespace geo { struct Point { int x, y; static int made; enum Kind { Near, Far }; typedef int num; using other = Point; struct In { int z; }; int m() { return x; } virtual int v() { return y; } static int sf() { return 1; } template <typename T> T tm(T t) { return t; } }; int Point::made = 2; int depth = 3; int fun(int a) { return a; } namespace inner { int deep = 4; struct Q { int q; }; int fun2() { return deep; } inline namespace v1 { int version = 1; } } enum class Shape { A, B }; enum Old { OldA, OldB }; template <typename T> struct Ring { T t; static constexpr int size = 3; using value_type = T; }; struct Der : Point { int v() override { return 9; } }; }
namespace lib { int lv = 5; struct L { int l; }; namespace sub { int subv = 6; } }
namespace gi = geo::inner;
namespace { int hidden = 7; struct Hid { int h; }; int hf() { return hidden; } }
using geo::Point; using geo::fun; using geo::depth; using namespace lib;
typedef geo::Ring<int> IR;
namespace user { using geo::inner::Q; using namespace geo::inner; int f() { Q q{1}; return q.q + deep; } int own = 8; struct Own { int o; int g() { return own + o; } }; }
int g() { using namespace geo; using lib::sub::subv; Point p; p.x = 1; return p.x + depth + subv + fun(1); }
int main() { IR ir; ir.t = 1; geo::Der d; d.x = 1; geo::Point *p = &d; user::Own o{1}; geo::Shape sh = geo::Shape::B; Hid h{1}; return g() + user::f() + o.g() + ir.size + hf() + p->v() + gi::fun2() + p->tm(1) + (int)sh + h.h + Point::sf() + p->m(); }
