set print raw-values on
break collections.rs:45
run
p &arr
p rr
p &rr
p fp
p h
p h.p
p &inner::NAME
p &collections::inner::NAME
p ptr
p mptr
p &st
p &arr2
p on
p ob
p &v
p $rip
p $sp
p 'a'
p b'a'
p '\u{e9}'
p "abc"
p true
p 5u8
p 1_000i64
p 0xffu32
p 0b11
p 0o17
p 1e3
p 1.5f32
p 3000000000
p -5i8
p !5u8
p !true
p 5u8 as i64
p 300 as u8
p -1 as u32
p 3.9 as i32
p i as u8
p us as i32
p arr[1]
p arr[5]
p sl[1]
p sl[2]
p sl[3]
p v[0]
p psl[1].x
p &arr[1..]
p &arr[..2]
p &arr[0..2]
p &arr[0..=1]
p &sl[1..]
p arr[1..]
p 1..2
p pair.0
p pair.1
p t.1
p t.3
p k2.0
p k3.x
p k1.0
p k4.1
p o.0
p r.x
p rr.x
p bx.x
p *bx
p &p
p &p.y
p &arr[0]
p p.nope
p nope
p collections::nope
p crate::inner::NAME
p ::inner::NAME
p self::inner::NAME
p super::x
p inner::NAME
p collections::inner::NAME
p collections::inner::TABLE
p collections::inner::more::X
p extern collections::inner::NAME
p callee
p collections::callee
p main
p 1 + 2
p 1u8 + 2u8
p us + 1
p 200u8 + 100u8
p i + 1i8
p 1 == 1
p 1 < 2 && true
p f * 2.0
p f
p c
p c as u32
p sizeof(p)
p sizeof(i32)
p 7 / 2
p 7.0 / 2.0
p 1 << 4
p 10 % 4
p arr
p [1,2,3]
p [5u8; 3]
p ()
p (1,2)
p collections::Empty
p collections::Color::Green
p col
p col as i32
p Color::Green
p collections::Kind::A
p p.x == 3
p st
p *st.data_ptr
p st.length
p s.vec.len
p "abc" == st
p $
p $1
p $_
p x y
p 1 +
p (1
p arr[
p #
p 99999999999999999999
p 5q8
p 'ab'
p ''
p "abc
p a = 5
p i = 3
p i
p us
p i += 1
p &*r
p *&p
p **rr
p *p
p &5
p unit
p empty
p arr2[1][0]
p arr2[1]
p arr@2
p arr[0]@2
p/x arr
p/x 255u8
p/d 'a'
p -arr[0]
p b & true
p b | false
p b ^ true
p !b
p b == true
p p == p
p &arr[0] == ptr
p ptr == mptr
p *ptr
p *ptr + 1
p ptr as usize
p 5 as *mut i32
p 5 as &i32
p i128::MAX
whatis 1 + 2
whatis us + 1
whatis i + 1i8
whatis 200u8 + 100u8
whatis 1u8 + 2u8
whatis u + 1u8
whatis -5i8
whatis !5u8
whatis -1
whatis 1i64 + 1i64
whatis 1 << 2
whatis f * 2.0
whatis f * f
whatis c as u32
whatis 5u64 + 1
whatis 5u32 + 1u32
p 10 - 3 - 2
p 100 / 10 / 2
p 2147483647 + 1
p -7 / 2
p -7 % 3
p 5u8 - 6u8
p 1u32 - 2u32
p us - 10
whatis us - 10
p 1.0 / 3.0
p i as f64
p 1 && 0
p true && 5
p arr[-1]
p ptr[1]
p ptr[0]
p *ptr as u8
p &i
p &f as *mut u8
p 65 as char
p 'a' as u8
p 'é'
p '\n'
p '\x41'
p b'\x41'
p 5 as collections::Point
p 5 as nosuch
p sizeof(collections::Point)
p sizeof([i32; 3])
p k3.0
p k2.x
p k3.z
p k3.y.x
p arr.0
p p.0
p pair.x
p i.x
p i.0
p o.1
p n.0
p h.en.0
p h.inner.x
p h.s[1]
p h.tup.1
p h.a[0]
p h.n
p h.r
p *h.r
p collections::inner::more::f
p ::main
p self::main
p crate::main
p extern collections::main
p $x = 5
p $x
p $x + 1
p $_exitcode
p $nosuch
p arr == arr
p st == st
p 1 == 1u8
p i < 0
p i < 0 || false
p !(1 == 2)
p i as u8 as i32
p arr[1] + 2 * 3
p (1 + 2) * 3
p 1 | 2 ^ 3 & 1
p 1 < 2
p 5 >= 5
p 5 != 5
whatis arr[1] + 2
whatis true && false
whatis !true
p un.a
p un.b
p un
p i -= 1
p i
p p.x = 10
p p
p arr[0] = 7
p arr
p us as u8 + 1
p *&arr
p &arr as *mut i32
p (*r).x
p (&p).x
p *(&arr[1])
p &arr[1] as usize == ptr as usize
p &**rr
p &mut i
p &sl[0]
p &psl[0].y
p ~5
p &collections::inner::NAME
p collections::Never
x/2dw &arr
x/s st.data_ptr
output arr
printf "%d\n", arr[1]
print/x arr[1] as u8
display arr[0]
p *bx
p/x k3
p bsl
p bst
p/x o
p/x p
p/x arr
p/x sl
p/x st
p/x t
p/x pair
p/x k3
p/x k1
p/x unit
p/x empty
p/x arr2
p/x b
p/x c
p/x f
p/d arr
p/c arr
p/t p
p/x h
p/x s
p/x &arr
p/x pts
p/s arr
p/x col
p/d col
p/x un
p/x ob
set print pretty on
p/x h
p h
p k3
p o
p st
p sl
p t
p pair
p arr2
p pts
p unit
p empty
p s
show language
set language c
show language
p 5u8
p 1 == 1
p p
p t
p sizeof(int)
p sl
set language rust
show language
p 5u8
set language foo
set language
set language local
show language
set language auto
show language
p collections::Point { x: 1, y: 2 }
p collections::Point { x: 1 + 1, y: 2u8 }
p collections::Point { x: 1, }
p collections::Point { x: 1, z: 2 }
p collections::Pair(1, 2.5)
p collections::Pair(7, 1.0)
p collections::Point(1, 2)
p collections::Pair { x: 1 }
p nosuch { x: 1 }
p nosuch(1)
p collections::Empty {}
p (collections::Point { x: 3, y: 2 }).x
p collections::Point { x: 3, y: 2 }.x
p collections::Pair(7, 1.0).1
p collections::Point { x 1 }
whatis collections::Point { x: 1, y: 2 }
whatis collections::Pair(1, 2.5)
p i32(5)
p -array on -- arr
p -array on -- sl
p -array on -- h
p -array-indexes on -- arr
p -elements 2 -- arr
p [5u8; 20]
p i as bool
p col as u8
p 1.9f32 as u8
p 0x
p p.nope()
p [0u8; 300]
p 1e400
p 1__0
p -pretty on -- h
whatis $pc
with language c -- p (int)5
set language c
with language rust -- p 5u8
show language
set language auto
