ptype/o struct bits
ptype/o struct node
ptype/o point_t
ptype/o union u
ptype/o struct anon
ptype/o enum color
ptype/ox struct node
ptype/o fn_t
ptype/o list1
ptype/o &list1
ptype/mt struct node
ptype/r point_t
