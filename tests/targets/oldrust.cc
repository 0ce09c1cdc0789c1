// cc: -g -O0 -std=c++17
// Containers as Rust's library built them before 1.40 to 1.67, under their names: no compiler of those days is at hand.
// What they are made of is from the library's sources (liballoc/collections/{vec_deque,btree}, hashbrown 0.1 to 0.8).
#include <cstddef>
#include <cstdint>

template <class T> struct Unique { T *pointer; };
template <class T> struct NonNull { T *pointer; };
template <class A, class B> struct Pair { A __0; B __1; };

namespace alloc {
namespace raw_vec { template <class T> struct RawVec { Unique<T> ptr; size_t cap; }; }
namespace vec { template <class T> struct Vec { raw_vec::RawVec<T> buf; size_t len; }; }
namespace collections {
namespace vec_deque { template <class T> struct VecDeque { size_t tail, head; raw_vec::RawVec<T> buf; }; }
namespace btree {
namespace node {
template <class K, class V> struct InternalNode;
template <class K, class V> struct LeafNode {
    InternalNode<K, V> *parent;
    uint16_t parent_idx, len;
    K keys[11];
    V vals[11];
};
template <class K, class V> struct InternalNode {
    LeafNode<K, V> data;
    LeafNode<K, V> *edges[12];
};
template <class K, class V> struct BoxedNode { Unique<LeafNode<K, V>> ptr; };
template <class K, class V> struct Root { BoxedNode<K, V> node; size_t height; };
}
namespace map { template <class K, class V> struct BTreeMap { node::Root<K, V> root; size_t length; }; }
}
}
}

namespace hashbrown {
template <class T> struct RawTable { size_t bucket_mask; NonNull<uint8_t> ctrl; NonNull<T> data; size_t growth_left, items; };
template <class K, class V> struct HashMap { uint64_t hash_builder; RawTable<Pair<K, V>> table; };
}

namespace std { namespace collections { namespace hash {
namespace map { template <class K, class V> struct HashMap { hashbrown::HashMap<K, V> base; }; }
namespace set { template <class T> struct HashSet { map::HashMap<T, char> map; }; }
} } }

using Leaf = alloc::collections::btree::node::LeafNode<int, short>;
using Inner = alloc::collections::btree::node::InternalNode<int, short>;

int main() {
    int ring[4] = {8, 9, 0, 7};
    alloc::vec::Vec<int> v = {{{ring}, 4}, 2};
    alloc::collections::vec_deque::VecDeque<int> vd = {3, 2, {{ring}, 4}};

    uint8_t control[4 + 16] = {0xff, 0x11, 0x80, 0x22, 0xff};
    Pair<int, int> pairs[4] = {{0, 0}, {1, 10}, {5, 50}, {2, 20}};
    std::collections::hash::map::HashMap<int, int> hm = {{0, {3, {control}, {pairs}, 1, 2}}};
    Pair<int, char> keys[4] = {{0, 0}, {1, 0}, {5, 0}, {2, 0}};
    std::collections::hash::set::HashSet<int> hs = {{{0, {3, {control}, {keys}, 1, 2}}}};

    Leaf left = {nullptr, 0, 2, {1, 2}, {10, 20}}, right = {nullptr, 1, 1, {4}, {40}};
    Inner root = {{nullptr, 0, 1, {3}, {30}}, {&left, &right}};
    alloc::collections::btree::map::BTreeMap<int, short> bm = {{{{&root.data}}, 1}, 4};
    root.edges[2] = nullptr;
    return v.len + vd.head + hm.base.table.items + hs.map.base.table.items + bm.length == 0; // FILLED
}
