"""brkwater's commands in gdb (13 and later) and lldb (14 and later).

    gdb:    source .../brkwater.py                    (a line for ~/.gdbinit)
    lldb:   command script import .../brkwater.py     (a line for ~/.lldbinit)

brk-heap, brk-blockers, brk-growth, brk-explain and brk-export ask the brkwater binary about the process that stands in
the debugger, or about its core file; brk-chain is done here.
"""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
if _here not in sys.path:
    sys.path.insert(0, _here)

try:
    import gdb as _gdb
except ImportError:
    _gdb = None

if _gdb is not None:
    import brkwater_gdb

    brkwater_gdb.register()
else:
    # lldb finds functions by the name of the module that the user imported, which is this one.
    from brkwater_lldb import arrived, brk_blockers, brk_chain, brk_explain, brk_export, brk_growth, brk_heap, register


def __lldb_init_module(debugger, _dict):
    register(debugger)
