disassemble
disassemble main
disassemble /s main
break main
run
disassemble
disassemble /s
disassemble /m
disassemble /r
disassemble /rs main
disassemble main,+8
disassemble $pc,$pc+4
disassemble 3
disassemble nosuch
disassemble /ms main
disassemble exit
disassemble strlen
disassemble malloc
disassemble /s malloc
disassemble abort
disassemble printf
disassemble /s getenv
disassemble qsort
disassemble _exit
disassemble write
x/12i malloc
x/20i memcpy
info symbol malloc
info line exit
