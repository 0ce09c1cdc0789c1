ptype/o struct N
ptype/o N
ptype/o U
ptype/o M
ptype/o W
ptype/o Holder
ptype/o Cl
ptype/o Tm<double>
ptype/o anon_t
ptype/o int
ptype/o E
ptype/ox N
ptype/x N
ptype/od N
ptype/m Cl
ptype/t Cl
ptype/mt Cl
ptype/r Tm<double>
ptype/M Cl
ptype/T Cl
ptype/ N
break main
run
ptype/o n
ptype/o pn
ptype/o arr
ptype/o *pn
ptype/x cl
whatis n
whatis N
whatis anon_t
whatis &n
whatis n.in
whatis n.un
whatis 1+1L
whatis (char)1
whatis arr
whatis &arr
whatis main
whatis &main
whatis pa->a
whatis n.d + 1
whatis 1 == 1
whatis *pa
whatis unsigned long
whatis struct N
whatis union U
whatis/r tm
tbreak members.cc:16
continue
info vtbl m
info vtbl w
info vtbl pa
info vtbl rb
info vtbl n
info vtbl
info vtbl 1
demangle _ZThn16_N1M1bEv
demangle _ZTv0_n24_N1W2vbEv
demangle -- _ZN2ns3FooE
demangle foo
demangle
demangle -l gnu-v3 _Z3foov
demangle -l c++ _Z3foov
