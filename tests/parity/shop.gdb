break shop::Both::value
break thrower
break use
break count
break shop.cc:180
info breakpoints
run
bt
ptype f
ptype this
whatis *this
p this->items
p items[0]
up
info locals
p add
ptype add
p both
p *both
p *both.get()
p both->name
p both->in
p both->in.deep
p both->level
p both->flags
p both->low
p both->value
p both.get()->both
p weak
p base
p *base
p *base.get()
set print object on
p *base.get()
p base.get()
set print object off
ptype both
ptype *both.get()
whatis *both
ptype shop::Both
ptype shop::Both::Level
ptype shop::Both::Flags
p shop::Both::made
p shop::Both::rate
p shop::Both::A
p shop::Both::Level::High
p (shop::Both::Flags)5
p (shop::Both::Level)4
p (shop::Both::Flags)9
p sizeof(shop::Both)
p table
p table.items
p table.used
ptype table
whatis table
whatis table.items
whatis table.items[0].first
p numbers
p numbers[1]
p &numbers
p *numbers._M_impl._M_start@3
p words
p words[0]
ptype words
p mine
p &mine
p total
p lock
info symbol apply_to
info address total
info scope apply_to
list shop::Both::value
bt
info args
p x
finish
delete 2
c
info args
p key
p table
up
info locals
down
c
info args
info locals
p named
p &named
p *left
p moved
ptype named
ptype moved
p named.name
p dynamic_cast<const shop::Both *>(&named)
bt
delete 1
c
info locals
p array
p deque
p forward
p nested
p multi
p hash
p unique
p set
p some
p none
p variant
p tuple
p view
p bits
p grid
p it
p mit
p wide
p wider
p wait
p fixed
p single
p method
p data
p fixed.data
p/x fixed
p fixed.data[1]@2
ptype fixed
ptype single
whatis method
whatis data
whatis it
whatis mit
whatis wait
whatis variant
whatis grid
p grid[0]
p grid[0][1]
p nested.size()
p deque[1]
p array[1]
set print pretty on
p *both
p table
p nested
p tuple
info locals
set print pretty off
p/x array
p/d bits
info frame
info types Both
info variables total
c
