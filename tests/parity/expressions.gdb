break vla
run
bt
info locals
next 3
info locals
p a
p s
p sizeof(a)
p $_siginfo.si_signo
ptype a
whatis a
whatis s
finish
p $
p $$2
p $1
break mk
c
p list1
run
info args
finish
p list1
p &list1
p *list1.next
p list1.next
p list1.next->next->name
p names
p matrix
p matrix[1]
p &matrix[1]
p *matrix@2
p dd
p ff
p ld
p cd
p buf
p ub
p wide
p i8
p u8
p i16
p u64
p big
p vol
p cvp
p *cvp
p fl
p fl2
p fl0
p bad
p table
p vp
p vf
p yes
p an
p bi
p *flex
p flex->data
p/x list1
p/x matrix
p/d ub
p/x ub
p/c ub
p/t bi
p/o u64
p/a vp
p/a main
p/s buf
p/z i16
p/f u64
p/f ff
p/x ff
p/x -1
p/t 10
p/d 'a'
p/c 97
p/x dd
p/s names
p/u i8
p/x i8
ptype list1
ptype struct node
ptype struct anon
ptype struct bits
ptype union u
ptype enum color
ptype fn_t
ptype table
ptype cb
ptype point_t
whatis point_t
whatis list1
whatis &list1
whatis list1.at
whatis matrix
whatis matrix[0]
whatis &matrix
whatis (char)1
whatis 1+1.0
whatis 'a'
whatis sizeof(int)
whatis 1==1
whatis main
whatis &main
whatis *main
ptype main
ptype unsigned long
ptype int*
ptype int[3]
whatis int(*)[3]
whatis struct node
whatis enum flags
p sizeof(struct node)
p (long)&((struct node*)0)->at
p &((struct node*)0)->at
p *(struct node*)vp
p ((struct node*)vp)->next
p (char)65
p (short)-1
p (unsigned char)300
p 5/2
p 5%3
p -5/2
p 5.0/2
p 1<<10
p 1>2
p !5
p ~5
p 1&&0
p 1||0
p 5>3?10:20
p 0x10
p 010
p 1.5e3
p 'A'
p '\n'
p "abc"
p sizeof("abc")
p "abc"[1]
p 10000000000
p 4294967295
p 2147483648
p -2147483648
p 1u
p 1ul
p 1.0f
p 1==1.0
p &main
p main
p *main
p cb
p &cb
p table[0]
p *table[0]
p $rip
p $sp
p $pc
p $eflags
p $xmm0
p $ax
p $al
p $eax
p/x $rsp
p $_
p $nonexist
p $foo=5
p $foo*2
set var counter=43
p counter
p counter++
p counter
p ++counter
p counter--
p counter+=10
p counter,5
p &counter
p *&counter
p names[0]
p *names@4
p names[0]@2
p arr
p &arr[1]
p *&arr[1]@3
p arr == &arr[0]
p nosuch
p list1.nosuch
p 5/0
p *0
p *(int*)0
p 1 +
p )
p list1 + 1
p matrix + 1
p names + 1
p &matrix[2] - &matrix[0]
p vp + 1
p -list1.at.x
p list1.at == list2.at
output list1
output/x 255
print -pretty -- list1
set print pretty on
p list1
p an
p names
set print pretty off
p -elements 3 -- buf
set print elements 4
p buf
p matrix
p dd
set print elements 200
set print repeats 3
p big_
set print repeats 10
p big_
set print null-stop on
p buf
set print null-stop off
set print address off
p list1
p &list1
p main
p table
set print address on
set print symbol off
p vp
p &list1
set print symbol on
set print union off
p list1
p an
set print union on
set print array on
p matrix
p dd
set print array off
set print array-indexes on
p matrix
p dd
set print array-indexes off
