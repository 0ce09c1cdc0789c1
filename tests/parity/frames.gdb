break fact
run
bt
frame apply all p $pc
frame apply 2 p n
frame apply -1 p argc
frame apply all -q p 1
frame apply all -s p n
frame apply all -c p n
frame apply level 1 p 5
frame apply level 0-1 p 5
frame apply level 7 p 5
frame apply 2
frame apply all
frame apply
frame apply x p 1
faas p n
tfaas p n
frame function main
frame function nosuch
frame function printf
frame level 1
frame level 99
frame address 1
frame address $sp
select-frame 1
frame
select-frame level 0
select-frame function main
frame
select-frame 99
select-frame
up
up
down
down
down
up 9
down 9
up-silently
frame
info frame level 1
