set print raw-values on
break shapes::add
break shapes::use_it
info breakpoints
run
bt
info args
info locals
finish
c
bt
info args
up
info locals
p i
p u
p big
p b
p c
p f
p p
p pair
p t
p unit
p arr
p s
p st
p v
p o
p n
p bx
p *bx
p r
p *r
p c1
p r1
p u1
p col
p ob
p on
p sl
p p.x
p pair.0
p t.1
p &p
whatis p
whatis i
whatis s
p COUNTER
p shapes::COUNTER
info line shapes::add
p sizeof(p)
p 1+2
p p.x == 3
p true
set print pretty on
p p
p c1
p t
