// cc: -O0 -g -w
// Classes that give names to types of their own, and templates: what `ptype` writes by which name.
#include <string>
#include <vector>
#include <map>
#include <memory>
template <typename T, typename U> struct Two { T a; U b; const T c{}; T *d; const T *e; T arr[2]; std::vector<T> v; int g; unsigned long h; Two *self; T f(U u, const T &t) { return a; } static T st; std::map<T, std::string> m; };
template <typename T, typename U> T Two<T,U>::st;
struct Named { using value_type = int; using pointer = value_type *; typedef std::string str; int x; int *p; const int y = 1; unsigned z; std::string s; std::vector<std::string> vs; value_type f(pointer q, str) { return x; } pointer pp; struct In { int i; long l; } in; private: typedef long priv; long l; };
struct Sub : Named { int w; std::string t; using other = double; double d; typedef unsigned value_type; unsigned u; };
template <typename T> struct Vec { typedef T value_type; typedef T &reference; typedef const T &const_reference; typedef unsigned long size_type; T *data; size_type n; reference at(size_type i) { return data[i]; } const_reference cat(size_type i) const { return data[i]; } template <typename V> V conv(V v) { return v; } };
struct OnlyT { typedef int T; };
struct WithAnon { union { int a; float b; }; struct { char c; struct { long d; } in; } n; enum { X, Y } e; enum class K : char { P, Q } k; };
class Abs { public: virtual ~Abs() {} virtual int f() = 0; explicit Abs(int) {} Abs(const Abs &) = default; Abs &operator=(const Abs &) = delete; operator bool() const { return true; } int operator()(int) { return 0; } int operator[](int) const volatile { return 0; } static void *operator new(unsigned long n) { return nullptr; } friend int fr(Abs &); protected: int m; private: static const int K = 3; mutable int mu; volatile int vo; };
struct D2 : public virtual Abs, protected Named { D2() : Abs(1) {} int f() override final { return 1; } };
int main() { Two<int, int> t1; Two<int, long> t2; Two<std::string, char> t3{}; Named n{}; Sub s{}; Vec<int> v; Vec<std::string> vs; Vec<const char *> vc; v.conv(1.0); OnlyT o; WithAnon w; D2 d; Abs &ab = d; std::vector<int> vi; std::vector<int>::iterator it = vi.begin(); std::map<std::string,int> m; std::shared_ptr<Named> sp; auto l = [&](int x) mutable { return x + t1.a; }; v.data = &t1.a; return v.at(0) + v.cat(0) + t1.f(1, 2) + l(1) + t2.f(1,2); }
