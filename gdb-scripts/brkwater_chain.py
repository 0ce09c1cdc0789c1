"""Chains: `A if C then B if D` stops at B after A was crossed, as brkwater's `break A if C then B` does.

It knows no debugger: a front sets a breakpoint for each stage and tells arrivals. The rules are those of brkwater's
session/hits.rs: the first stage is always armed; crossing a stage arms the next one for this thread (or its process);
crossing the first anew starts over; behind its stop a chain waits for its first stage again.
"""

import brkwater_condition as condition
from brkwater_ask import Refused

#: All chains of this debugger, by number.
CHAINS = {}


class Stage(object):
    def __init__(self, location, text):
        self.location = location
        self.text = text
        self.holds = None
        if text is not None:
            try:
                self.holds = condition.compiled(text)
            except condition.Unknown as why:
                raise Refused(str(why))
        self.tests = 0
        self.hits = 0
        self.error = None

    def words(self):
        return self.location + (" if %s" % self.text if self.text is not None else "")


class Chain(object):
    def __init__(self, stages, every, once, scope):
        self.stages, self.every, self.once, self.scope = stages, every, once, scope
        self.number = max(CHAINS) + 1 if CHAINS else 1
        self.armed = set()
        self.over = False
        self.stops = 0

    def who(self, pid, tid):
        return tid if self.scope == "thread" else pid

    def arrived(self, index, pid, tid, world):
        """A thread is at a stage: whether it stops, and a sentence to be told (or None)."""
        stage, who = self.stages[index], self.who(pid, tid)
        if self.over or (index > 0 and (index, who) not in self.armed):
            return False, None
        stage.tests += 1
        if stage.holds is not None:
            try:
                holds = stage.holds(world)
            except condition.Unknown as why:
                # Told once; the same error again is only counted.
                news = stage.error != str(why)
                stage.error = str(why)
                told = "Error in testing condition of chain %d, stage %d:\n%s\n" % (self.number, index + 1, why)
                return False, told if news else None
            stage.error = None
            if not holds:
                return False, None
        stage.hits += 1
        last = len(self.stages) - 1
        if not (self.every and index == last):
            self.armed = {(at, other) for at, other in self.armed if other != who}
        if index < last:
            self.armed.add((index + 1, who))
            return False, None
        self.stops += 1
        self.over = self.once
        return True, None

    def restart(self):
        """The process is gone: nobody is armed any more."""
        self.armed = set()

    def text(self):
        words = [stage.words() for stage in self.stages]
        words[-1] = ("every " if self.every else "") + words[-1]
        options = (" once" if self.once else "") + ("" if self.scope == "thread" else " in " + self.scope)
        lines = ["Chain %d: %s%s" % (self.number, " then ".join(words), options)]
        if self.over:
            lines[0] += " (over: it was to stop once)"
        for index, stage in enumerate(self.stages):
            line = "  stage %d: %s, %s" % (index + 1, _count(stage.hits, "hit"), _count(stage.tests, "test"))
            if index > 0:
                line += ", armed" if any(at == index for at, _ in self.armed) else ", not armed"
            lines.append(line)
            if stage.error:
                lines.append("    its condition cannot be evaluated: %s" % stage.error)
        return "\n".join(lines) + "\n"


def _count(number, word):
    return "%d %s%s" % (number, word, "" if number == 1 else "s")


def parse(text):
    """`A [if C] then [every] B [if D] [then ...] [once] [in thread|process]` as a Chain without breakpoints."""
    pieces = cut(text, "then")
    if len(pieces) < 2:
        raise Refused(
            "A chain has two stages or more.\n"
            "  hint: brk-chain open if strcmp($rdi, \"/etc/hosts\") == 0 then mmap"
        )
    every = once = False
    scope = "thread"
    words = pieces[-1].split()
    while len(words) > 1:
        if words[-1] == "once":
            once, pieces[-1] = True, _without(pieces[-1], "once")
        elif len(words) > 2 and words[-2] == "in" and words[-1] in ("thread", "process", "any"):
            # A debugger's chain is one process's: `any` is what brkwater has.
            if words[-1] == "any":
                raise Refused("\"in any\" needs brkwater, which watches several processes at once: break ... in any")
            scope = words[-1]
            pieces[-1] = _without(_without(pieces[-1], scope), "in")
        else:
            break
        words = pieces[-1].split()
    stages = []
    for index, piece in enumerate(pieces):
        piece = piece.strip()
        if index > 0 and piece.split()[:1] == ["every"]:
            if index + 1 < len(pieces):
                raise Refused("\"every\" belongs to the last stage of a chain.")
            every, piece = True, piece[len("every"):].strip()
        stages.append(_stage(piece, index))
    return Chain(stages, every, once, scope)


def _stage(piece, index):
    parts = cut(piece, "if")
    location = parts[0].strip()
    if not location:
        if index == 0:
            raise Refused("A chain needs a location in front of \"then\".")
        raise Refused("\"then\" needs a location: brk-chain open then mmap")
    if location.split()[0] == "syscall":
        raise Refused(
            "A stage that is a system call needs brkwater: break %s\n  hint: here, name libc's function: mmap" % location
        )
    return Stage(location, "if".join(parts[1:]).strip() if len(parts) > 1 else None)


def _without(text, word):
    return text.rstrip()[: -len(word)].rstrip()


def cut(text, word):
    """The text, cut at each `word` that stands alone outside of quotes and parentheses."""
    pieces, start, at, depth, quote = [], 0, 0, 0, None
    while at < len(text):
        letter = text[at]
        if quote:
            if letter == "\\":
                at += 1
            elif letter == quote:
                quote = None
        elif letter in "\"'":
            quote = letter
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth = max(depth - 1, 0)
        elif depth == 0 and _alone(text, at, word):
            pieces.append(text[start:at])
            at += len(word)
            start = at
            continue
        at += 1
    pieces.append(text[start:])
    return pieces


def _alone(text, at, word):
    end = at + len(word)
    begins = at == 0 or text[at - 1].isspace() or text[at - 1] == ")"
    return begins and text.startswith(word, at) and (end == len(text) or text[end].isspace() or text[end] == "(")


def chosen(words):
    """The numbers behind `delete`; all without one."""
    if not words:
        return sorted(CHAINS)
    try:
        numbers = [int(word) for word in words]
    except ValueError:
        raise Refused("Bad chain number: %s" % " ".join(words))
    for number in numbers:
        if number not in CHAINS:
            raise Refused("No chain number %d." % number)
    return numbers


def listed():
    """What `brk-chain` says alone."""
    return "".join(CHAINS[number].text() for number in sorted(CHAINS)) or "No chains.\n"
