// cc: -O0 -g
// Small classes that are returned in registers, and small classes that are not: what `finish` has to tell apart.
#include <memory>
#include <string>
struct Triv { int a; int b; };
struct Dtor { int a; ~Dtor() { a = 0; } };
struct Copy { int a; Copy(int x) : a(x) {} Copy(const Copy &o) : a(o.a) {} };
struct Def { int a; Def() = default; Def(const Def &) = default; ~Def() = default; };
struct MoveOnly { int a; MoveOnly(int x) : a(x) {} MoveOnly(const MoveOnly &) = delete; MoveOnly(MoveOnly &&o) = default; };
struct Holds { Dtor d; };
struct Derived : Copy { Derived() : Copy(7) {} };
struct Virt { int a = 4; virtual int f() { return a; } };
struct Arr { Dtor d[2]; };
int over(int x) { return x; }
double over(double x) { return x / 2; }
Triv triv() { return {1, 2}; }
Dtor dtor() { return Dtor{3}; }
Copy copy() { return Copy(4); }
Def def() { Def d; d.a = 5; return d; }
MoveOnly mo() { return MoveOnly(6); }
Holds holds() { return Holds{{7}}; }
Derived derived() { return Derived(); }
Virt virt() { return Virt(); }
Arr arr() { return Arr{{{8}, {9}}}; }
std::unique_ptr<int> up() { return std::make_unique<int>(10); }
std::string str() { return "eleven"; }
std::shared_ptr<int> sp() { return std::make_shared<int>(12); }
int main() { triv(); dtor(); copy(); def(); mo(); holds(); derived(); virt(); arr(); up(); str(); sp(); over(3); over(3.0); return 0; }
