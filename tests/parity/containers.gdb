break Shape::area
break ns::inner::f
break over
break use
break twice<int>
break Buf<int, 4>::get
info breakpoints
run
bt
info args
info locals
p name
p v
p s
ptype s
whatis s
c
bt
p this
p *this
p w
p this->h
p made
p Shape::made
ptype this
whatis this
whatis *this
info locals
finish
c
bt
info args
c
p *this
c
c
bt
up
info locals
p s
p empty
p longs
p v
p vs
p vb
p m
p um
p st
p li
p dq
p up
p *up
p sp
p *sp
p nul
p o1
p o2
p va
p tu
p ar
p pr
p sh
p bp
p *bp
p br
p buf
p vv
p e
p pp
p rec
p rx
p &rx
p crx
p rr
p b
p lam
p pmf
p op1
p wc
p c16
p ws
p ns::g
p ns::inner::P::count
p &ns::g
p ns::E::A
p (ns::E)7
p ns::inner::f
p &Shape::area
p sh.area
p sh.w
p sh.id
p sh.m
p sizeof(sh)
ptype sh
ptype bp
ptype Base
ptype struct Shape
ptype Shape
ptype buf
ptype ns::E
ptype ns::inner::P
ptype V
ptype Rec
ptype rec.ref
whatis rec.s
whatis v
whatis m
whatis up
whatis sh
whatis &sh
whatis rx
whatis main
whatis over
ptype ns::inner::f
ptype lam
p *v._M_impl._M_start@2
p v[1]
p m["one"]
p s.size()
p v.size()
p (Shape*)bp
p *(Shape*)bp
p static_cast<int>(2.5)
p reinterpret_cast<long>(bp)
p true
p false
p nullptr
p 1==1
p sizeof(bool)
p &s
p *&s
p &v
p op1 == op2
p $_siginfo
info symbol main
info line use
info address use
list use
info source
set print object on
p bp
p *bp
p br
set print object off
set print vtbl on
p sh
set print vtbl off
set print static-members off
p pp
p sh
set print pretty on
p sh
p v
p m
p vs
p rec
set print pretty off
p/x v
p/x sh
p/r s
p/r v
p -raw-values on -- nul

