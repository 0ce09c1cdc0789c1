skip
skip function mk
skip file expressions.c
skip file nosuch.h
skip -gfi *.h
skip -fi a.c -fu b
skip -rfu ^fa
skip -rfu x -gfi y
skip -gfi
skip -nosuch
skip -fu a b
skip -fi a -gfi b
info skip
info skip 1
info skip 1-3
info skip 99
skip disable 2
info skip
skip delete 99
skip enable 99
skip nosuch x
break expressions.c:43
run
step
step
step
step
step
step
skip disable
info skip
skip delete
info skip
break byval
run
step
skip
skip file
info skip
skip delete
skip -fu avg
skip -rfu ^by
delete
break expressions.c:44
run
step
finish
step
step
step
step
bt
