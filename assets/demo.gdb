# What `brkwater demo` runs: the headline of this debugger, on the small program beside this file.
# Each line is a command; the same lines work at the prompt.
set args plant 40 20
break open if strcmp($rdi, "bundle.pem") == 0 then mmap
run
bt
info heap
info blockers
explain
