ptype Point
p depth
p lv
p geo::depth
ptype L
break user::f
break user::Own::g
break geo::Der::v
break g
run
ptype Point
ptype L
whatis Point
p depth
p fun
p lv
p subv
p OldB
p sub::subv
p gi::deep
ptype gi::Q
ptype geo::inner::Q
p deep
p hidden
ptype Hid
p hf
p Point::made
p Point::Near
p Near
ptype Point::num
ptype Point::In
p Point::sf
p Point::m
p &Point::m
p &Point::x
p Point::nosuch
p geo::nosuch
p geo::inner::nosuch
p nosuch::x
p geo::inner::version
p geo::Point
p Point
p geo
p geo::inner
p geo::Shape
p geo::Shape::A
p geo::Shape::C
p geo::OldA
p geo::Old::OldA
p IR::size
ptype IR::value_type
p geo::Ring<int>::size
ptype geo::Ring<int>::value_type
p geo::Der::v
p &geo::Der::v
p geo::Point::v
p &geo::Point::v
p geo::Der::x
p &geo::Der::x
p geo::Der::made
p sizeof(Point)
p sizeof(geo::Point)
p (Point*)0
p *(Point*)&p
p (geo::Shape)1
p (enum geo::Shape)1
ptype geo::nosuch
ptype struct Point
ptype struct geo::Point
whatis geo::Shape::A
whatis geo::fun
whatis fun
ptype fun
whatis geo
ptype geo
ptype geo::inner
whatis geo::inner::v1
list fun
info line fun
break fun
c
p Q
ptype Q
p deep
p own
p user::own
p fun2
p geo::inner::fun2
p ::depth
c
p o
p own
p this->o
p g
p *this
p Own
ptype Own
p user::Own::g
info scope user::f
info symbol hidden
p &hidden
p '(anonymous namespace)::hidden'
p (anonymous namespace)::hidden
c
bt
p made
p x
p v
p this->v
p this
p *this
ptype this
p $_siginfo.si_signo
p this->made
p Near
p this->Near
