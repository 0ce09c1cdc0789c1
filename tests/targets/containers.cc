// cc: -g -O0 -std=c++17
// Containers, smart pointers, classes, references and overloads of C++, each with a value that is known.
#include <string>
#include <vector>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <list>
#include <optional>
#include <variant>
#include <tuple>
#include <array>
#include <deque>
#include <iostream>
namespace ns { int g = 5; namespace inner { struct P { int a; static int count; }; int P::count = 3; int f(int x) { return x + 1; } } enum class E : short { A, B = 7 }; }
struct Base { virtual ~Base() {} virtual int area() const { return 0; } int id = 1; };
struct Mixin { int m = 9; };
class Shape : public Base, protected Mixin { public: Shape(int w_, int h_) : w(w_), h(h_) {} int area() const override { int r = w * h; return r; } static int made; private: int w, h; };
int Shape::made = 2;
template <typename T, int N> struct Buf { T data[N]; T get(int i) { return data[i]; } };
template <typename T> T twice(T x) { return x + x; }
struct Rec { int &ref; const std::string &s; int *p; int Rec::*pm; };
struct V : virtual Base { int v = 4; };
struct Op { int x; Op operator+(const Op &o) const { return Op{x + o.x}; } bool operator==(const Op &o) const { return x == o.x; } };
int over(int a) { return a; }
int over(double a) { return (int)a; }
int use(const Shape &s, std::string name, std::vector<int> &&v) { int t = s.area() + (int)name.size() + v[0]; return t; }
int main(int argc, char **argv) {
  std::string s = "hello", empty, longs(50, 'x');
  std::vector<int> v{1, 2, 3}; std::vector<std::string> vs{"a", "bb"}; std::vector<bool> vb{true, false, true};
  std::map<std::string, int> m{{"one", 1}, {"two", 2}};
  std::unordered_map<int, std::string> um{{1, "x"}};
  std::set<int> st{3, 1, 2}; std::list<int> li{7, 8}; std::deque<int> dq{4, 5};
  std::unique_ptr<Shape> up(new Shape(3, 4)); std::shared_ptr<int> sp = std::make_shared<int>(42); std::unique_ptr<int> nul;
  std::optional<int> o1 = 5, o2; std::variant<int, double> va = 2.5; std::tuple<int, char> tu{1, 'c'}; std::array<int, 3> ar{1, 2, 3}; std::pair<int, double> pr{1, 2.5};
  Shape sh(2, 5); Base *bp = &sh; Base &br = sh; Buf<int, 4> buf{{1, 2, 3, 4}}; V vv; ns::E e = ns::E::B; ns::inner::P pp{4};
  int x = 3; Rec rec{x, s, &x, nullptr}; int &rx = x; const int &crx = x; int &&rr = 5; bool b = true; auto lam = [x, &s](int y) { return x + y + (int)s.size(); };
  int (Shape::*pmf)() const = &Shape::area; Op op1{1}, op2{2}; wchar_t wc = L'w'; char16_t c16 = u'x'; std::wstring ws = L"wide";
  int r = use(sh, s, std::vector<int>{9}) + twice(3) + (int)twice(2.5) + buf.get(1) + ns::inner::f(2) + lam(3) + over(1) + over(2.0);
  try { throw std::string("oops"); } catch (std::string &ex) { r += ex.size(); }
  std::cout << r << std::endl;
  return 0;
}
