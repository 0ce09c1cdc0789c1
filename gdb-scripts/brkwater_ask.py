"""What both debuggers share: the brkwater binary, what it is asked, and what is said when there is no answer.

It knows no debugger. A front gives it a Stop; the answer is the binary's own text, so that it is the same everywhere.
"""

import os
import shutil
import subprocess
import tempfile

#: gdb's names of the registers that brkwater takes (struct user_regs_struct).
REGISTERS = (
    "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags cs ss ds es fs gs fs_base gs_base orig_rax"
).split()

_HERE = os.path.dirname(os.path.abspath(__file__))
_MARK = "<brkwater answers>"

#: brk-blockers: who planted one is in no memory that could be read.
PLANTED = (
    "Who planted a mapping, and when, only a run under brkwater knows: it records the calls.\n"
    "  {again} -ex 'info blockers'"
)
#: brk-growth: growth is a story, and a debugger sees one moment of it.
RECORDED = (
    "This is one moment. Who made the memory grow, and by how much, only a run under brkwater knows: it records the calls.\n"
    "  {again} -ex 'info growth'"
)


class Refused(Exception):
    """Why there is no answer: a sentence for people."""


class Stop(object):
    """What stands in the debugger: a core file, or a process with its threads' registers, the selected one first, and
    with the bytes that the debugger's breakpoints hide."""

    def __init__(self, pid=0, program=None, core=None, threads=(), originals=(), arguments=()):
        self.pid = pid
        self.program = program
        self.core = core
        self.threads = threads
        self.originals = list(originals)
        self.arguments = list(arguments)


def binary():
    """The brkwater to ask: $BRKWATER, PATH, or the one that wrote these files."""
    named = os.environ.get("BRKWATER")
    if named:
        found = shutil.which(named)
        if found:
            return found
        raise Refused("$BRKWATER is \"%s\", which cannot be run." % named)
    found = shutil.which("brkwater")
    if found:
        return found
    try:
        with open(os.path.join(_HERE, "installed-from")) as file:
            found = shutil.which(file.read().strip())
    except OSError:
        found = None
    if found:
        return found
    raise Refused(
        "brkwater was not found: not by $BRKWATER, not in PATH, and not where these scripts were installed from.\n"
        "  hint: put it into PATH, or set BRKWATER to its path in the environment of this debugger."
    )


def ask(stop, command):
    """brkwater's answer to a command, or to a line of each, about this stop: its text, and its complaints."""
    words = [binary(), "-batch", "-nx", "--strict"]
    if stop.core:
        words += ["-c", stop.core] + ([stop.program] if stop.program else [])
        return _run(words, command, ())
    descriptors = []
    try:
        # The tracer may open the memory where its children may not (Yama): it is handed over open.
        memory = _open_memory(stop.pid)
        descriptors += [memory] if memory is not None else []
        words += ["--look", str(stop.pid)]
        if memory is not None:
            words += ["--look-memory", str(memory)]
        with tempfile.TemporaryFile() as told:
            told.write(_lines(stop).encode())
            told.flush()
            words += ["--look-facts", "/dev/fd/%d" % told.fileno()]
            return _run(words, command, descriptors + [told.fileno()])
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _open_memory(pid):
    try:
        return os.open("/proc/%d/mem" % pid, os.O_RDONLY)
    except OSError:
        return None  # then brkwater tries, and says why not


def _lines(stop):
    thread = lambda tid, regs: "%d %s\n" % (tid, " ".join("%s=0x%x" % pair for pair in regs))
    lines = [thread(tid, regs) for tid, regs in stop.threads]
    return "".join(lines + ["byte 0x%x 0x%x\n" % pair for pair in stop.originals])


def _run(words, command, descriptors):
    words += ["-ex", "echo %s\\n" % _MARK]
    for line in command.splitlines():
        words += ["-ex", line]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=list(descriptors),
        )
    except OSError as error:
        raise Refused("brkwater could not be run: %s: %s." % (words[0], error.strerror))
    said = done.stdout.decode("utf-8", "replace")
    complaints = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0:
        raise Refused(complaints.strip() or "brkwater ended with status %d and said nothing." % done.returncode)
    return said.partition(_MARK + "\n")[2], complaints


def json_flag(words, usage):
    """Whether -json was given; anything else is refused."""
    for word in words:
        if word != "-json":
            raise Refused("Invalid argument \"%s\".\n  hint: usage: %s" % (word, usage))
    return bool(words)


def again(stop):
    """The command line that runs the same program under brkwater."""
    words = [stop.program or "PROGRAM"] + (_arguments_of(stop) or stop.arguments)
    return "brkwater -batch -ex run --args %s" % " ".join(_quoted(word) for word in words)


def recording(text, stop):
    """One of the closing sentences, with the command line in it."""
    run, _, arguments = again(stop).partition(" --args ")
    # -ex goes in front of --args, behind which everything is the program's.
    lead, _, flag = text.partition("{again} ")
    return "%s%s %s --args %s\n" % (lead, run, flag, arguments)


def _arguments_of(stop):
    """What a process was started with, as the kernel has it."""
    if stop.core:
        return []
    try:
        with open("/proc/%d/cmdline" % stop.pid, "rb") as words:
            return [word.decode("utf-8", "replace") for word in words.read().split(b"\0")[1:-1]]
    except OSError:
        return []


def _quoted(word):
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,@+%"
    if word and all(letter in plain for letter in word):
        return word
    return "'%s'" % word.replace("'", "'\\''")


#: What a user may type, and what `help` says; the fronts make commands of them.
HELP = {
    "brk-heap": "The heap of the process: the break, what is in its way, arenas, regions, caches.\n"
    "Usage: brk-heap [-json]",
    "brk-blockers": "Mappings that stand where the next brk would go.\nUsage: brk-blockers [-json]",
    "brk-growth": "What can be known of growth without a recording, and the command that records it.\n"
    "Usage: brk-growth [-json]",
    "brk-explain": "Explain this stop's memory, one sentence at a time, each with how it is known.\n"
    "Usage: brk-explain [-json]",
    "brk-export": "Write this stop into a file: backtrace, explanation, heap, environment.\n"
    "Usage: brk-export md|json FILE [-raw]",
    "brk-chain": "Stop at B after A was crossed by the same thread with its condition true.\n"
    "Usage: brk-chain A [if C] then [every] B [if D] [then ...] [once] [in thread|process]\n"
    "Usage: brk-chain                  the chains, with hits and tests of each stage\n"
    "Usage: brk-chain delete [N]\n"
    "Conditions are computed here, from registers and memory; nothing in the process is called. They know\n"
    "$rdi and the other registers, $arg1 to $arg6 (a function's arguments at its entry), variables, numbers such as\n"
    "64K, and strcmp, strncmp, strcasecmp, strstr, strlen, memcmp.",
}

#: Those that a binary answers: command, the question, and what is said behind the answer.
ASKED = {
    "brk-heap": ("info heap", None),
    "brk-blockers": ("info blockers", PLANTED),
    "brk-growth": ("info growth", RECORDED),
    "brk-explain": ("explain", None),
}


def answer(name, words, stop_of):
    """The text of one of the commands above but brk-chain. `stop_of` tells what stands in the debugger."""
    if name == "brk-export":
        if len(words) < 2 or words[0].startswith("-"):
            raise Refused(
                "Argument required (a format: md, json; and a file).\n"
                "  hint: usage: brk-export md|json FILE [-raw]"
            )
        return ask(stop_of(), "export " + " ".join(words))
    question, closing = ASKED[name]
    as_json = json_flag(words, HELP[name].rpartition("Usage: ")[2])
    stop = stop_of()
    if name == "brk-growth" and not as_json:
        # What one moment does tell: how much there is, and what bounds it.
        question = "info memory\n" + question
    text, complaints = ask(stop, question + (" -json" if as_json else ""))
    if closing and not as_json:
        text += recording(closing, stop)
    return text, complaints
