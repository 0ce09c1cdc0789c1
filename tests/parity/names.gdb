info functions
info functions f
info functions ^main$
info functions -n mk
info functions -q nosuch
info functions nosuch
info functions -x y
info variables ^c
info variables -n counter
info variables nosuch
break main
run
info functions ^fact
info functions ^mal
info functions -n ^mall
info variables ^main_ar
info functions ^str..y$
info variables ^counter$
info functions ns::
info symbol main
info symbol counter
info address fact
info address counter
info line fact
info source
show language
set language c++
show language
p 1 == 1
set language auto
show language
