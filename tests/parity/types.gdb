info types
info types -q nosuch
info types node
info types nosuch
