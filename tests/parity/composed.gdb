with print pretty on -- print 1
with
with print pretty
with nosuch x -- print 1
with print elements 3 -- nosuch
with language pascal -- print 1
eval "print %d", 5
eval
eval 1
alias zz = print
zz 4
zz/x 255
alias -a zy = print
alias zz = print
alias
alias a
alias nn = nosuch
alias zq zr = print
pipe
pipe print 5
pipe print 5 |
pipe -d
pipe nosuch | cat
reverse-step
rc
record
checkpoint
restart
restart 1
compile code 1
tstart
tstop
tstatus
tfind
load
monitor x
flash-erase
collect x
info checkpoints
info record
break main
run
with print elements 3 -- print buf
with print pretty on -- print list1
print list1
reverse-step
reverse-continue
tstart
