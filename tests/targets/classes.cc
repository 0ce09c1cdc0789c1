// cc: -g -O0 -std=c++17
// Classes of every shape for ptype: access, methods, templates, enumerations, nested types.
#include <string>
template <typename T, typename U = char, int N = 3> class Box { public: typedef T value_type; T v; T *p; const T *cp; T arr[N]; U u; Box<T, U, N> *next; T f(T a, U *b) const { return a; } static T make(); T &ref(); private: int secret; protected: void prot(); };
template <typename T, typename U, int N> T Box<T,U,N>::make() { return T(); }
class Empty {};
struct Ops { int x; Ops(); explicit Ops(int a); Ops(const Ops &o) = delete; Ops &operator=(const Ops &) = default; virtual ~Ops(); operator int() const; Ops operator+(const Ops &o) const; bool operator<(const Ops &) const; virtual void pure() = 0; static int count(); template<class Q> void tm(Q q) {} void cv() volatile; int over(int); int over(double, ...); };
struct D : Ops { void pure() override; enum Kind { K1, K2 }; struct In { int z; } in; union { int a; float b; }; Kind k; unsigned bf : 3; mutable int m; };
Ops::Ops() : x(1) {} Ops::~Ops() {} void D::pure() {} int Ops::count() { return 1; } Ops::operator int() const { return x; }
class Priv { int a; int b; };
class Pub { public: int a; void f(); };
typedef Box<int> IntBox;
enum E1 { A1, B1 }; enum class E2 { X, Y }; enum E3 : unsigned char { Z1 = 4 };
int main() { Box<int> b{}; Box<std::string, int*, 2> bs{}; Empty e; D d; d.tm(3); Priv pr; Pub pu; IntBox ib{}; E1 e1 = A1; E2 e2 = E2::X; E3 e3 = Z1; std::string s; Ops *op = &d; const Ops &cr = d; volatile int vi = 1; const char *const ccp = "x"; int (*fp)(const Ops &, int *) = nullptr; D::In in{3}; D::Kind k = D::K2;
  return b.f(1, nullptr) + Box<int>::make() + vi + (e1 == A1); }
