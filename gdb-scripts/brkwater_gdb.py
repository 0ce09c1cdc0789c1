"""The commands in gdb: what stands here, told to brkwater_ask; a breakpoint for each stage, told to brkwater_chain.

Nothing in the process is called and nothing of it is changed, but for the breakpoints that brk-chain was asked for.
"""

import gdb

import brkwater_ask
import brkwater_chain
from brkwater_ask import Refused
from brkwater_condition import Unknown

#: Registers that are pointers to gdb; the others are signed numbers.
_POINTERS = ("rip", "rsp", "rbp")


def register():
    for name in brkwater_ask.HELP:
        _Command(name)
    gdb.events.exited.connect(lambda _: [chain.restart() for chain in brkwater_chain.CHAINS.values()])


class _Command(gdb.Command):
    def __init__(self, name):
        kinds = {"brk-export": gdb.COMPLETE_FILENAME, "brk-chain": gdb.COMPLETE_LOCATION}
        self.name = name
        # gdb's help is the doc string of the object.
        self.__doc__ = brkwater_ask.HELP[name]
        super(_Command, self).__init__(name, gdb.COMMAND_DATA, kinds.get(name, gdb.COMPLETE_NONE))

    def invoke(self, text, _from_tty):
        self.dont_repeat()
        try:
            if self.name == "brk-chain":
                gdb.write(_chain(text))
                return
            said, complaints = brkwater_ask.answer(self.name, text.split(), _stop)
        except (Refused, gdb.error) as why:
            raise gdb.GdbError(str(why))
        if complaints:
            gdb.write(complaints, gdb.STDERR)
        gdb.write(said)


def _stop():
    """What stands in the selected inferior."""
    inferior = gdb.selected_inferior()
    if inferior.pid == 0 and not _core():
        raise Refused("The program is not being run.")
    program = inferior.progspace.filename
    arguments = _arguments()
    kind = inferior.connection.type if inferior.connection is not None else "core"
    if kind == "core":
        core = _core()
        if core is None:
            raise Refused("gdb does not tell which core file this is.")
        return brkwater_ask.Stop(inferior.pid, program, core=core, arguments=arguments)
    if kind != "native":
        raise Refused(
            "brkwater reads processes of this machine and core files; this target is \"%s\".\n"
            "  hint: \"gcore CORE\" here, then: brkwater -c CORE PROGRAM" % kind
        )
    if any(thread.is_running() for thread in inferior.threads()):
        raise Refused("Cannot execute this command while the selected thread is running.")
    return brkwater_ask.Stop(
        inferior.pid, program, threads=_threads(inferior), originals=_originals(inferior), arguments=arguments
    )


def _core():
    """The core file's path, which `info files` tells in every version."""
    heading = ""
    for line in gdb.execute("info files", to_string=True).splitlines():
        line = line.strip()
        if line.startswith("`") and "core" in heading:
            return line[1:].partition("', file type")[0]
        heading = line
    return None


def _arguments():
    """What a core file's program was given, if gdb was told."""
    text = gdb.execute("show args", to_string=True)
    return text.partition(' is "')[2].rpartition('"')[0].split()


def _threads(inferior):
    """Number and registers of every thread, the selected one first."""
    selected = gdb.selected_thread()
    frame = gdb.selected_frame()
    told = []
    try:
        for thread in inferior.threads():
            thread.switch()
            innermost = gdb.newest_frame()
            told.append((thread.ptid[1] or thread.ptid[0], list(_registers(innermost))))
    finally:
        if selected is not None:
            selected.switch()
        frame.select()
    first = selected.ptid[1] if selected is not None else 0
    return sorted(told, key=lambda thread: (thread[0] != first, thread[0]))


def _originals(inferior):
    """The bytes below breakpoints: gdb takes them out at a stop, unless `breakpoint always-inserted` says otherwise."""
    for breakpoint in gdb.breakpoints():
        if breakpoint.type != gdb.BP_BREAKPOINT:
            continue
        for location in breakpoint.locations:
            try:
                if location.address:
                    yield location.address, bytes(inferior.read_memory(location.address, 1))[0]
            except gdb.MemoryError:
                pass  # it is not mapped any more


def _registers(frame):
    for name in brkwater_ask.REGISTERS:
        try:
            yield name, int(frame.read_register(name)) & 0xFFFFFFFFFFFFFFFF
        except (ValueError, gdb.error):
            pass  # this gdb does not know it: it stays 0


class _World(object):
    """What a condition sees at an arrival."""

    def __init__(self):
        self.frame = gdb.newest_frame()

    def register(self, name):
        try:
            value = int(self.frame.read_register(name))
        except (ValueError, gdb.error):
            raise Unknown("Invalid register `%s'" % name)
        return value & 0xFFFFFFFFFFFFFFFF if name in _POINTERS else value

    def memory(self, address, size):
        try:
            return bytes(gdb.selected_inferior().read_memory(address & 0xFFFFFFFFFFFFFFFF, size))
        except gdb.MemoryError:
            raise Unknown("Cannot access memory at address 0x%x" % (address & 0xFFFFFFFFFFFFFFFF))

    def variable(self, path):
        try:
            value = gdb.parse_and_eval(path)
            return int(value.address if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY else value)
        except (gdb.error, TypeError) as why:
            raise Unknown(str(why))


class _StageBreakpoint(gdb.Breakpoint):
    """The place of one stage; gdb asks `stop` at each arrival.

    A stage that nobody waits for stays inserted: gdb forbids to enable breakpoints from here.
    """

    def __init__(self, chain, index):
        super(_StageBreakpoint, self).__init__(chain.stages[index].location)
        self.chain, self.index = chain, index

    def stop(self):
        try:
            thread = gdb.selected_thread()
            stops, told = self.chain.arrived(self.index, thread.ptid[0], thread.ptid[1], _World())
        except gdb.error as why:
            stops, told = False, "Error in testing chain %d: %s\n" % (self.chain.number, why)
        if told:
            gdb.write(told, gdb.STDERR)
        return stops


def _chain(text):
    words = text.split()
    if not words:
        _forget_deleted()
        return brkwater_chain.listed()
    if words[0] == "delete" and all(word.isdigit() for word in words[1:]):
        for number in brkwater_chain.chosen(words[1:]):
            for breakpoint in brkwater_chain.CHAINS.pop(number).breakpoints:
                if breakpoint.is_valid():
                    breakpoint.delete()
        return ""
    chain = brkwater_chain.parse(text)
    chain.breakpoints = []
    try:
        for index in range(len(chain.stages)):
            chain.breakpoints.append(_StageBreakpoint(chain, index))
    except (gdb.error, RuntimeError) as why:
        for breakpoint in chain.breakpoints:
            breakpoint.delete()
        raise Refused(str(why))
    brkwater_chain.CHAINS[chain.number] = chain
    return chain.text()


def _forget_deleted():
    """A chain whose breakpoints the user deleted is one no more."""
    for number, chain in list(brkwater_chain.CHAINS.items()):
        if not all(breakpoint.is_valid() for breakpoint in chain.breakpoints):
            del brkwater_chain.CHAINS[number]
