info scope main
info scope fact
info scope nosuch
info scope
info scope byval
info scope vla
info scope *main
info scope avg
info sources
info sources expr
info sources nosuch
info sources -basename expr
info sources -dirname targets
info address fact
break fact
break vla
run
info scope main
info address n
info address main
info scope fact
up
info address argc
info address loc
info address st
info address arr
info address counter
info scope vla
