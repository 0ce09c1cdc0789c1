// cc: -g -O0 -std=c++17 -pthread
// What people write: templates under virtual inheritance, lambdas, exceptions, threads, smart pointers, iterators.
#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <exception>
#include <forward_list>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

namespace shop {
struct Error : std::runtime_error {
  int code;
  Error(const char *what, int code) : std::runtime_error(what), code(code) {}
};
template <typename T> struct Named {
  std::string name;
  T tag{};
  virtual ~Named() = default;
  virtual T value() const { return tag; }
};
struct Left : virtual Named<int> {
  int left = 1;
  int value() const override { return left; }
};
struct Right : virtual Named<int> {
  int right = 2;
};
struct Both final : Left, Right {
  int both = 3;
  union {
    int whole;
    float part;
    struct {
      short low, high;
    };
  };
  struct {
    int x;
    struct {
      char y;
    } deep;
  } in{4, {'y'}};
  enum class Level : unsigned char { Low = 1, High = 4 } level = Level::High;
  enum Flags { A = 1, B = 2, C = 4 } flags = Flags(A | C);
  int value() const override { return both + left + right; }
  int operator()(int x) const { return x + both; }
  int operator[](int x) const { return x; }
  explicit operator bool() const { return both != 0; }
  bool operator<(const Both &o) const { return both < o.both; }
  static constexpr double rate = 2.5;
  static inline int made = 7;
};
template <typename K, typename V, std::size_t N = 2> class Table {
public:
  using value_type = std::pair<K, V>;
  using iterator = value_type *;
  iterator begin() { return items; }
  iterator end() { return items + N; }
  V &at(const K &key) {
    for (auto &[k, v] : *this)
      if (k == key)
        return v;
    throw Error("no key", 404);
  }
  template <typename F> V fold(F f) {
    V sum{};
    for (iterator it = begin(); it != end(); ++it)
      sum = f(sum, it->second);
    return sum;
  }
  value_type items[N];

private:
  std::size_t used = N;
};
template <typename T, typename... Rest> int count(T first, Rest... rest) {
  int n = 1 + int(sizeof...(rest));
  return n;
}
template <int N> struct Fixed {
  int data[N];
  template <int M> int sum() const { return data[M] + N; }
};
template <> struct Fixed<1> {
  char only;
};
} // namespace shop

static std::mutex lock;
static thread_local int mine = 5;
static int total = 0;
std::vector<int> numbers{3, 1, 2};
const char *const words[] = {"one", "two", nullptr};

static int apply_to(const std::function<int(int)> &f, int x) { return f(x); }

static void work(int id, std::shared_ptr<shop::Both> both) {
  std::lock_guard<std::mutex> guard(lock);
  mine += id;
  total += mine + both->value();
}

static int thrower(shop::Table<std::string, int> &table, const std::string &key) {
  try {
    return table.at(key);
  } catch (const shop::Error &error) {
    int code = error.code;
    return code;
  }
}

int use(const shop::Named<int> &named, shop::Left *left, shop::Both &&moved) {
  int value = named.value() + left->left + moved.both;
  return value;
}

int main(int argc, char **argv) {
  auto both = std::make_shared<shop::Both>();
  both->name = "both";
  both->whole = 0x10002;
  std::weak_ptr<shop::Both> weak = both;
  std::unique_ptr<shop::Named<int>> base = std::make_unique<shop::Left>();
  shop::Table<std::string, int> table{};
  table.items[0] = {"a", 1};
  table.items[1] = {"b", 2};
  int offset = 10;
  auto add = [offset, &table](int sum, int next) { int all = sum + next + offset; return all; };
  int folded = table.fold(add);
  std::function<int(int)> function = [&](int x) { return x + folded; };
  int applied = apply_to(function, 3);
  std::array<int, 3> array{1, 2, 3};
  std::deque<std::string> deque{"x", "y"};
  std::forward_list<int> forward{1, 2};
  std::map<int, std::vector<int>> nested{{1, {1, 2}}, {2, {}}};
  std::multimap<std::string, int> multi{{"k", 1}, {"k", 2}};
  std::unordered_map<std::string, double> hash{{"pi", 3.14}};
  std::unordered_set<int> unique{42};
  std::set<std::string> set{"q", "p"};
  std::optional<std::string> some = "some", none;
  std::variant<int, std::string, double> variant = 2.5;
  std::tuple<int, std::string, std::pair<char, bool>> tuple{1, "t", {'c', true}};
  std::string_view view = "viewed";
  std::vector<bool> bits{true, false, true};
  std::vector<std::vector<int>> grid{{1, 2}, {3}};
  auto it = numbers.begin() + 1;
  auto mit = nested.begin();
  std::u16string wide = u"wide";
  std::wstring wider = L"wider";
  std::chrono::milliseconds wait(5);
  shop::Fixed<4> fixed{{1, 2, 3, 4}};
  shop::Fixed<1> single{'s'};
  int (shop::Both::*method)(int) const = &shop::Both::operator();
  int shop::Both::*data = &shop::Both::both;
  int caught = thrower(table, "z");
  int counted = shop::count(1, 2.0, "x");
  int used = use(*both, both.get(), shop::Both(*both));
  if (argc > 1) {
    std::thread first(work, 1, both), second(work, 2, both);
    first.join();
    second.join();
  }
  std::sort(numbers.begin(), numbers.end(), [](int a, int b) { return a < b; });
  int summed = std::accumulate(numbers.begin(), numbers.end(), 0);
  return folded + applied + caught + counted + used + summed + fixed.sum<2>() + int(argc) + (*both)(1) + total > 0 ? 0 : 1;
}
