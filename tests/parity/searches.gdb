find
find 1
find /b 1
find &counter, +4
find &counter, +0, 1
find &counter, +4, 1
find &counter, &counter, 1
find /q &counter, +4, 1
dump memory
dump value
restore
restore /tmp/cw/nosuch
restore /tmp/cw/nosuch binary
break main
run
info line
find main, +200, (char)0x55
find /b main, +200, 0x55
find /1 main, +400, (char)0x48
find /b /2 main, +400, 0x48
find /b2 main, +400, 0x48
p $_
p $numfound
find /h main, +200, 0x4855
find 0, +10, 1
find &counter, +4, counter
find argv[0], +20, "tmp"
find argv[0], +20, 't','m'
find $sp, +64, 0x123456789
search return
search
forward-search int
reverse-search int
reverse-search int
search nosuchxyz
list
