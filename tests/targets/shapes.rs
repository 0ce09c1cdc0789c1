// cc: -g --edition 2021 -A warnings
// Values of Rust: structs, tuples, enumerations, slices, strings.
#[derive(Debug)]
struct Point { x: i32, y: u8 }
struct Pair(i32, f64);
#[derive(Debug)]
enum Shape { Circle(f64), Rect { w: i32, h: i32 }, Unit }
enum Color { Red = 1, Green = 5 }
trait Area { fn area(&self) -> f64; }
impl Area for Point { fn area(&self) -> f64 { (self.x as f64) * (self.y as f64) } }
static COUNTER: i32 = 7;
fn add(a: i32, b: i32) -> i32 { let c = a + b; c }
fn use_it(s: &str, v: &[i32], p: &Point) -> usize { let n = s.len() + v.len(); n + p.x as usize }
fn main() {
    let i = -5i8; let u = 250u8; let big = 1u128 << 100; let b = true; let c = 'é'; let f = 2.5f32;
    let p = Point { x: 3, y: 4 }; let pair = Pair(1, 2.5); let t = (1, "two", 3.0); let unit = ();
    let arr = [1, 2, 3]; let s = String::from("hello"); let st = "static"; let v = vec![1, 2, 3];
    let o = Some(5); let n: Option<i32> = None; let bx = Box::new(Point { x: 1, y: 2 }); let r = &p;
    let c1 = Shape::Circle(1.5); let r1 = Shape::Rect { w: 2, h: 3 }; let u1 = Shape::Unit; let col = Color::Green;
    let ob: Option<Box<i32>> = Some(Box::new(9)); let on: Option<&i32> = None; let sl = &arr[1..];
    let z = add(i as i32, 4) + use_it(&s, &v, r) as i32;
    println!("{} {:?} {:?} {}", z, c1, r1, COUNTER + p.area() as i32);
    let _ = (u, big, b, c, f, pair.0, t.0, unit, st, o, n, bx.x, u1, col as i32, ob, on, sl);
}
