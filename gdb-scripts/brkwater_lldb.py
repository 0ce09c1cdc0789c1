"""The commands in lldb: what stands here, told to brkwater_ask; a breakpoint for each stage, told to brkwater_chain.

Nothing in the process is called and nothing of it is changed, but for the breakpoints that brk-chain was asked for.
"""

import os
import struct

import lldb

import brkwater_ask
import brkwater_chain
from brkwater_ask import Refused
from brkwater_condition import Unknown, names_variables

#: lldb's names where they are not gdb's.
_NAMES = {"eflags": "rflags"}
_POINTERS = ("rip", "rsp", "rbp")
_MASK = 0xFFFFFFFFFFFFFFFF
_ET_CORE = 4


def register(debugger):
    for name in brkwater_ask.HELP:
        function = name.replace("-", "_")
        debugger.HandleCommand("command script add -h '%s' -f brkwater.%s %s" % (_short(name), function, name))


def _short(name):
    return brkwater_ask.HELP[name].partition("\n")[0].replace("'", "")


def _command(name):
    def run(debugger, text, result, _dict):
        try:
            target = debugger.GetSelectedTarget()
            if name == "brk-chain":
                result.Print(_chain(debugger, target, text))
                return
            said, complaints = brkwater_ask.answer(name, text.split(), lambda: _stop(target))
        except Refused as why:
            result.SetError(str(why))
            return
        # A complaint is no failure of the command: `SetError` would make one of it.
        result.Print(complaints + said)

    run.__doc__ = brkwater_ask.HELP[name]
    return run


brk_heap = _command("brk-heap")
brk_blockers = _command("brk-blockers")
brk_growth = _command("brk-growth")
brk_explain = _command("brk-explain")
brk_export = _command("brk-export")
brk_chain = _command("brk-chain")


def _stop(target):
    """What stands in the selected target."""
    process = target.GetProcess()
    state = process.GetState()
    if not process.IsValid() or state in (lldb.eStateInvalid, lldb.eStateExited, lldb.eStateDetached, lldb.eStateUnloaded):
        raise Refused("The program is not being run.")
    program = target.GetExecutable()
    path = os.path.join(program.GetDirectory(), program.GetFilename()) if program.IsValid() else None
    arguments = _arguments(target)
    pid = process.GetProcessID()
    if process.GetPluginName() == "elf-core":
        return brkwater_ask.Stop(pid, path, core=_core(process, pid), arguments=arguments)
    if state != lldb.eStateStopped:
        raise Refused("Cannot execute this command while the process is running.")
    if not _ours(pid):
        raise Refused(
            "brkwater reads processes of this machine that this lldb has stopped, and core files of the kernel's format.\n"
            "  hint: gcore, or kernel.core_pattern, makes one: brkwater -c CORE PROGRAM"
        )
    return brkwater_ask.Stop(
        pid, path, threads=_threads(process), originals=_originals(target, process), arguments=arguments
    )


def _arguments(target):
    info = target.GetLaunchInfo()
    return [info.GetArgumentAtIndex(at) for at in range(info.GetNumArguments())]


def _ours(pid):
    """Whether the process is here and its tracer is our lldb-server: another machine may use the same number."""
    tracer = _status(pid, "TracerPid")
    return tracer not in (None, "0") and _status(tracer, "PPid") == str(os.getpid())


def _status(pid, field):
    try:
        with open("/proc/%s/status" % pid, errors="replace") as lines:
            for line in lines:
                if line.startswith(field + ":"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return None


def _core(process, pid):
    """The core file's path: lldb tells it from version 18 on; before, it is among the files that lldb has mapped."""
    if hasattr(process, "GetCoreFile"):
        file = process.GetCoreFile()
        if file.IsValid():
            return os.path.join(file.GetDirectory(), file.GetFilename())
    found = sorted(path for path in _open_files() if _is_core(path))
    mine = [path for path in found if _pid_of(path) == pid] or found
    if len(mine) == 1:
        return mine[0]
    raise Refused("lldb does not tell which core file this is.\n  hint: brkwater -c CORE PROGRAM")


def _open_files():
    paths = set()
    with open("/proc/self/maps", errors="surrogateescape") as maps:
        for line in maps:
            words = line.rstrip("\n").split(None, 5)
            if len(words) == 6 and words[5].startswith("/"):
                paths.add(words[5])
    for name in os.listdir("/proc/self/fd"):
        try:
            paths.add(os.readlink("/proc/self/fd/" + name))
        except OSError:
            pass
    return [path for path in paths if os.path.isfile(path)]


def _is_core(path):
    try:
        with open(path, "rb") as file:
            head = file.read(18)
    except OSError:
        return False
    return head[:4] == b"\x7fELF" and len(head) == 18 and struct.unpack_from("<H", head, 16)[0] == _ET_CORE


def _pid_of(path):
    """The process of a core file (elf_prpsinfo, at 24 behind the note's head); None when it does not tell."""
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            table, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
            for at in range(count):
                file.seek(table + 56 * at)
                kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", file.read(56))
                if kind == 4:
                    file.seek(offset)
                    return _pid_in(file.read(min(size, 1 << 22)))
    except (OSError, struct.error):
        pass
    return None


def _pid_in(notes):
    at = 0
    while at + 12 <= len(notes):
        name, size, kind = struct.unpack_from("<III", notes, at)
        at += 12 + (name + 3) // 4 * 4
        if kind == 3 and at + 28 <= len(notes):
            return struct.unpack_from("<i", notes, at + 24)[0]
        at += (size + 3) // 4 * 4
    return None


def _threads(process):
    """Number and registers of every thread, the selected one first."""
    first = process.GetSelectedThread().GetThreadID()
    told = []
    for at in range(process.GetNumThreads()):
        thread = process.GetThreadAtIndex(at)
        told.append((thread.GetThreadID(), list(_registers(thread.GetFrameAtIndex(0)))))
    return sorted(told, key=lambda thread: (thread[0] != first, thread[0]))


def _originals(target, process):
    """The bytes below breakpoints, which lldb leaves in at a stop and hides from who reads through it."""
    for at in range(target.GetNumBreakpoints()):
        breakpoint = target.GetBreakpointAtIndex(at)
        for index in range(breakpoint.GetNumLocations()):
            address, error = breakpoint.GetLocationAtIndex(index).GetLoadAddress(), lldb.SBError()
            byte = process.ReadMemory(address, 1, error) if address != lldb.LLDB_INVALID_ADDRESS else None
            if byte and error.Success():
                yield address, bytes(byte)[0]


def _registers(frame):
    for name in brkwater_ask.REGISTERS:
        value = frame.FindRegister(_NAMES.get(name, name))
        if value.IsValid() and value.GetError().Success():
            yield name, value.GetValueAsUnsigned()


class _World(object):
    """What a condition sees at an arrival."""

    def __init__(self, frame):
        self.frame = frame

    def register(self, name):
        value = self.frame.FindRegister(_NAMES.get(name, name))
        if not value.IsValid() or value.GetError().Fail():
            raise Unknown("Invalid register `%s'" % name)
        value = value.GetValueAsUnsigned()
        return value if name in _POINTERS or value < 1 << 63 else value - (1 << 64)

    def memory(self, address, size):
        error = lldb.SBError()
        data = self.frame.GetThread().GetProcess().ReadMemory(address & _MASK, size, error) if size else b""
        if error.Fail() or data is None or len(data) < size:
            raise Unknown("Cannot access memory at address 0x%x" % (address & _MASK))
        return bytes(data)

    def variable(self, path):
        value = self.frame.GetValueForVariablePath(path)
        if not value.IsValid() or value.GetError().Fail():
            value = self.frame.GetThread().GetProcess().GetTarget().FindFirstGlobalVariable(path)
        if not value.IsValid():
            raise Unknown("No symbol \"%s\" in current context." % path)
        if value.GetType().IsArrayType():
            return value.GetLoadAddress()
        error = lldb.SBError()
        number = value.GetValueAsSigned(error)
        if error.Fail():
            raise Unknown("`%s' is no number." % path)
        return number & _MASK if value.GetType().IsPointerType() else number


def arrived(frame, location, arguments, _dict):
    """lldb asks at each arrival at a stage; False lets the process go on."""
    try:
        number = int(arguments.GetValueForKey("chain").GetStringValue(32))
        index = int(arguments.GetValueForKey("stage").GetStringValue(32))
        chain = brkwater_chain.CHAINS.get(number)
        if chain is None:
            return False
        thread = frame.GetThread()
        pid = thread.GetProcess().GetProcessID()
        if pid != chain.pid:
            chain.restart()
            chain.pid = pid
        stops, told = chain.arrived(index, pid, thread.GetThreadID(), _World(frame))
    except (ValueError, AttributeError) as why:
        stops, told = False, "Error in testing a chain: %s\n" % why
    if told:
        print(told, end="")
    return stops


def _chain(debugger, target, text):
    words = text.split()
    if not words:
        _forget_deleted(target)
        _forget_dead(target)
        return brkwater_chain.listed()
    if words[0] == "delete" and all(word.isdigit() for word in words[1:]):
        for number in brkwater_chain.chosen(words[1:]):
            for breakpoint in brkwater_chain.CHAINS.pop(number).breakpoints:
                target.BreakpointDelete(breakpoint)
        return ""
    chain = brkwater_chain.parse(text)
    if not target.IsValid() or target.GetNumModules() == 0:
        raise Refused("invalid target, create a target using the 'target create' command")
    chain.pid = 0
    chain.breakpoints = []
    for index, stage in enumerate(chain.stages):
        try:
            place = _set(debugger, target, stage)
            chain.breakpoints.append(place)
            _listen(place, chain.number, index)
        except Refused:
            for breakpoint in chain.breakpoints:
                target.BreakpointDelete(breakpoint.GetID())
            raise
    chain.breakpoints = [place.GetID() for place in chain.breakpoints]
    brkwater_chain.CHAINS[chain.number] = chain
    return chain.text()


def _set(debugger, target, stage):
    """A breakpoint at a function, FILE:LINE or *ADDRESS. Registers hold a function's arguments before its prologue only."""
    location = stage.location
    entry = stage.text is not None and not names_variables(stage.text)
    file, colon, line = location.rpartition(":")
    if location.startswith("*"):
        place = "-a %s" % _quoted(location[1:])
    elif colon and line.isdigit():
        place = "-f %s -l %s" % (_quoted(file), line)
    else:
        place = "-n %s%s" % (_quoted(location), " -K false" if entry else "")
    before = target.GetNumBreakpoints()
    said = lldb.SBCommandReturnObject()
    debugger.GetCommandInterpreter().HandleCommand("breakpoint set " + place, said)
    if not said.Succeeded() or target.GetNumBreakpoints() == before:
        raise Refused((said.GetError() or "No breakpoint could be set at %s." % location).strip())
    return target.GetBreakpointAtIndex(target.GetNumBreakpoints() - 1)


def _listen(place, number, index):
    arguments = lldb.SBStructuredData()
    arguments.SetFromJSON('{"chain": "%d", "stage": "%d"}' % (number, index))
    error = place.SetScriptCallbackFunction("brkwater.arrived", arguments)
    if error.Fail():
        raise Refused("lldb cannot call the script: %s" % error.GetCString())


def _quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def _forget_deleted(target):
    """A chain whose breakpoints the user deleted is one no more."""
    for number, chain in list(brkwater_chain.CHAINS.items()):
        if not all(target.FindBreakpointByID(known).IsValid() for known in chain.breakpoints):
            del brkwater_chain.CHAINS[number]


def _forget_dead(target):
    """Nobody of a process that is gone waits for a stage. gdb tells a script of it; lldb is asked."""
    if target.GetProcess().GetState() not in (lldb.eStateStopped, lldb.eStateRunning):
        for chain in brkwater_chain.CHAINS.values():
            chain.restart()
