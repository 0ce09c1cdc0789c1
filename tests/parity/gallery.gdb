set width 0
break make
break vla
break area
break fact if n == 2
break mkpt
break cmp_int
break on_usr
break jumper if depth == 0
info breakpoints
run
bt
info args
info locals
finish
p *$
p $.names
p $$2
p *o
p o->pks[1]
p/x o->pks
p &o->pos
p *&o->pos
p o->cmp
p *o->cmp
p/x o->f
p o->f
p (enum flags)0x106
p (enum flags)8
p (enum kind)3
p o->flex[1]@3
p o->z
p o->big
p/x o->big
p o->name
p &o->name
p *o->names@2
p sizeof(*o)
p sizeof(struct outer)
ptype o
ptype struct node
ptype/o struct outer
ptype/o struct pk
whatis o->cmp
whatis *o
whatis &o->names
ptype cmp_fn
ptype o->pos
p head
p *head
p *head->next
p head->v
p head->next->next->v.i
p head->sb
p/t head->kind
p global_arr
p global_arr[1]
p &global_arr[1]
p *global_arr@2
p global_arr[1][2]@2
p words
p words[0]
p *words@2
p vol
p atom
p pi
p fl
p ld
p wide
p c16
p c32
p esc
p rep
p bytes
p/x bytes
p/d bytes
p/c bytes
p vec
p/x vec
p vec[2]
p env
p sizeof(env)
p $rsp
p/x $eflags
p $eflags
p $xmm0
p $st0
p $rip
info line make
info symbol make
info symbol &global_arr[1][1]
info address make
info address head
info address vol
info scope make
info source
info frame
list make
list
list -
list 10,14
p argc@entry
p nosuch@entry
list gallery.c:20
list vla,
list ,vla
info variables glob
x/4i $pc
x/2s words[0]
x/8xb bytes
x/4dw global_arr
x/2gx $sp
x/3uh bytes
x/2f &pi
x/s esc
x/3c esc
x/i main
x/3wx &vec
output vol
print $_
print $__
p 5/2
p 5.0/2
p 5%3
p -5%3
p 1<<40
p 1LL<<40
p 'a'
p '\n'
p '\377'
p "abc"
p sizeof("abc")
p "a" "b"
p 3 > 2 && 1
p !5
p ~5
p 10 == 10.0
p 0x7fffffff + 1
p 2147483648
p 4294967295
p 4294967296
p 1.5f
p 1.5e10
p 1.0/3
p 10/3.0f
p 1/0
p 077
p 0b101
p 1==1
p argc ? 1 : 2
p argc, 5
p &argc
p *argv@argc
p argv[0][0]
p (char)65
p (short)-1
p (unsigned char)300
p (long)head
p (char*)o->name
p *(int*)o
p {int}o
p {struct pk}o
p $_exitcode
p $foo
p $foo = 5
p $foo++
p $foo
p ++$foo
p $foo * 2
set var vol = 99
p vol
p vol = 12
p vol += 3
p head->v.d = 1.5
p head->v
p/f 3
p/a main
p/a 0x401000
p/s words[0]
p/z 5
p/o 64
p/t 10
p/c 65
p/x -1
p/u (char)-1
p/d 'a'
p/x 1.5
p/f 1
p/r vec
p nosuch
p o->nosuch
p *5
p head.v
p o.id
p $_strlen(words[0])
p $_streq(words[0],"alpha")
p $_regex(words[0],"al.*")
p $_memeq(words[0],words[0],3)
printf "%d %s %c %5.2f %lx\n", vol, words[0], 65, pi, 255
echo hi\n
p words[1][0]@4
p *argv[0]@5
p/x global_arr[0]@2
p &o->flex[2]
p &*head
p head == head->next
p head != 0
p !head
p *head->next->next->next
p **argv
p -vol
p main
p &main
p *main
p cmp_int
p &cmp_int
p make
whatis make
ptype make
whatis main
ptype int*
ptype unsigned long
whatis unsigned
whatis (char)1
whatis 1+1L
whatis 1.0f+1
whatis 'a'
whatis "abc"
whatis &global_arr
whatis global_arr[0]
whatis &global_arr[0]
whatis words
whatis *words
ptype words
whatis vec
ptype env
whatis struct node
ptype node
whatis enum kind
ptype enum flags
continue
bt
info args
info locals
next
next
step
bt
info locals
info frame
finish
up
info args
down
frame 1
frame function main
tbreak nothing
info breakpoints
delete 2
c
bt
finish
c
c
bt
bt 2
bt -2
frame 2
p n
up 2
down 1
finish
c
finish
finish
c
bt
info args
finish
c
bt
p $_siginfo.si_signo
p *si
up
info frame
info registers rip
c
bt
info breakpoints
c
