tbreak triv
tbreak dtor
tbreak def
tbreak holds
tbreak derived
tbreak virt
tbreak copy
tbreak arr
tbreak up
tbreak sp
tbreak over
run
finish
c
finish
c
finish
c
finish
c
finish
c
finish
c
finish
c
finish
c
finish
c
finish
c
break over(double)
c
finish
