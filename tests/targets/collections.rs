// cc: -g --edition 2021 -A warnings
// Types of Rust, and the containers of its library; `STOP` is where all of them are filled.
use std::collections::*;
use std::rc::Rc; use std::sync::{Arc,Mutex}; use std::cell::*;
pub mod inner { pub struct Deep { pub a: u16, pub b: [i32; 3] } pub static NAME: u32 = 77; pub static mut TABLE: [u8; 4] = [1,2,3,4]; pub mod more { pub static X: &str = "deep"; pub fn f() -> i32 { 3 } } }
#[derive(Debug, Clone)] struct Point { x: i32, y: u8 }
struct Pair(i32, f64);
struct Empty;
struct Holder<'a, T> { t: T, r: &'a T, p: *const T, m: *mut T, f: fn(i32, &str) -> u8, g: fn(), s: &'a [T], n: &'a str, a: [T; 2], tup: (i32, u8), en: Kind, inner: Point }
enum Kind { A, B(i32), C { x: i32, y: Point }, D(u8, u16) }
enum Color { Red = 1, Green = 5, Blue }
enum One { Only(i32) }
enum Never {}
union Un { a: u32, b: f32 }
trait Area { fn area(&self) -> f64; }
impl Area for Point { fn area(&self) -> f64 { (self.x as f64) * (self.y as f64) } }
fn callee(a: i32, s: &str) -> u8 { a as u8 + s.len() as u8 }
fn nothing() {}
#[inline(never)] fn look<T>(x: &T) { std::hint::black_box(x as *const T as *const u8); }
fn main() {
    let i = -5i8; let u = 250u8; let big = 1u128 << 100; let b = true; let c = 'é'; let f = 2.5f32; let us = 9usize;
    let p = Point { x: 3, y: 4 }; let pair = Pair(1, 2.5); let t = (1, "two", 3.0); let unit = (); let empty = Empty;
    let arr = [1, 2, 3]; let arr2 = [[1u8, 2], [3, 4]]; let s = String::from("hello"); let st = "static"; let mut v = vec![10, 20, 30];
    let deep = inner::Deep { a: 1, b: [4, 5, 6] };
    let o = Some(5); let n: Option<i32> = None; let bx = Box::new(Point { x: 1, y: 2 }); let r = &p; let rr = &r;
    let ptr: *const i32 = &arr[1]; let mptr: *mut i32 = &mut v[0];
    let k1 = Kind::A; let k2 = Kind::B(7); let k3 = Kind::C { x: 1, y: Point { x: 8, y: 9 } }; let k4 = Kind::D(1, 2); let col = Color::Green; let one = One::Only(3);
    let un = Un { a: 0x3f800000 };
    let ob: Option<Box<i32>> = Some(Box::new(9)); let on: Option<&i32> = None; let sl = &arr[1..]; let pts = [Point { x: 1, y: 1 }, Point { x: 2, y: 2 }]; let psl = &pts[..];
    let fp: fn(i32, &str) -> u8 = callee; let fn0: fn() = nothing; let clos = |q: i32| q + arr[0];
    let h = Holder { t: 5u16, r: &6u16, p: std::ptr::null(), m: std::ptr::null_mut(), f: callee, g: nothing, s: &[1u16, 2], n: "nm", a: [8u16, 9], tup: (4, 5), en: Kind::B(3), inner: Point { x: 5, y: 6 } };
    let dynb: Box<dyn Area> = Box::new(Point { x: 4, y: 5 }); let dynr: &dyn Area = &p;
    let mut hm: HashMap<i32, i32> = HashMap::new(); for q in 0..5 { hm.insert(q, q * 10); } hm.remove(&3);
    let mut hs: HashMap<String, Point> = HashMap::new(); hs.insert("one".into(), p.clone());
    let set: HashSet<u8> = [1, 2, 3].into_iter().collect(); let he: HashMap<u8, u8> = HashMap::new();
    let mut bm: BTreeMap<i32, &str> = BTreeMap::new(); for q in 0..30 { bm.insert(q, "v"); } let bs: BTreeSet<u8> = [5, 1, 3].into_iter().collect(); let be: BTreeMap<u8, u8> = BTreeMap::new();
    let mut vd: VecDeque<i32> = VecDeque::with_capacity(4); for q in 0..4 { vd.push_back(q); } vd.pop_front(); vd.push_back(99);
    let rc = Rc::new(5i32); let rc2 = rc.clone(); let arc = Arc::new(Point { x: 7, y: 8 }); let weak = Arc::downgrade(&arc); let rcd: Rc<dyn Area> = Rc::new(Point { x: 21, y: 22 }); look(&rcd); let rcs: Rc<str> = "shared".into(); let rcsl: Rc<[u16]> = vec![1u16, 2].into();
    let cell = Cell::new(11); let rf = RefCell::new(12); let rfm = RefCell::new(13); let _guard = rfm.borrow_mut(); let rfb = RefCell::new(14); let rref = rfb.borrow();
    let mx = Mutex::new(15); let bsl: Box<[i32]> = vec![1, 2].into(); let bst: Box<str> = "bx".into();
    look(&(i, u, b, c, f)); look(&big); look(&us); look(&p); look(&pair); look(&t); look(&unit); look(&empty); look(&arr); look(&arr2); look(&s); look(&st); look(&v); look(&deep);
    look(&o); look(&n); look(&bx); look(&rr); look(&ptr); look(&mptr); look(&k1); look(&k2); look(&k3); look(&k4); look(&col); look(&one); look(&un); look(&ob); look(&on); look(&sl); look(&psl);
    look(&fp); look(&fn0); look(&clos); look(&h.r); look(&h); look(&dynb); look(&dynr); look(&hm); look(&hs); look(&set); look(&he); look(&bm); look(&bs); look(&be); look(&vd); look(&rc2); look(&arc); look(&weak); look(&rcs); look(&rcsl);
    look(&cell); look(&rf); look(&rref); look(&mx); look(&bsl); look(&bst); look(&Kind::A); look(&Color::Red); look(&Color::Blue); look(&un);
    println!("{} {} {}", inner::NAME, unsafe { inner::TABLE[0] }, inner::more::X); // STOP
    println!("{} {}", inner::more::f(), clos(1) + dynb.area() as i32);
}
