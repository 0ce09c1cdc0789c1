break classes.cc:15
run
ptype b
ptype bs
ptype e
ptype d
ptype Ops
ptype pr
ptype pu
ptype ib
ptype IntBox
whatis ib
whatis b
whatis bs
whatis b.p
whatis bs.v
ptype e1
ptype e2
ptype e3
whatis e2
ptype op
ptype cr
whatis cr
whatis vi
whatis ccp
ptype fp
whatis fp
ptype in
whatis in
whatis k
ptype k
ptype D::In
ptype struct D::In
ptype D::Kind
p D::K1
p k
p (D::Kind)0
p d
p *op
p in
p b
p bs
ptype main
ptype Box<int>::f
whatis Box<int, char, 3>::f
p Box<int, char, 3>::make
p b.f
p s
ptype s
ptype std::string
whatis std::string
whatis (char)1
p sizeof(Ops)
p sizeof(D)
p &d.k
p d.K1
p d.a
p d.in.z
info line main
info symbol Ops::count
p Ops::count
p &Ops::count
p Ops::pure
info frame
