"""Conditions of brk-chain: C's expressions over registers, memory and the program's variables, computed here.

Nothing in the process is called: strcmp and its like work on bytes that are read. It knows no debugger; a front gives an
object with `register(name)`, `memory(address, size)` and `variable(path)`, each of which raises Unknown.
"""

import re

_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
#: $arg1 to $arg6 at a function's entry (System V ABI, AMD64).
_ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
_ALIASES = {"pc": "rip", "sp": "rsp", "fp": "rbp"}
_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "\\": 92, '"': 34, "'": 39}
_PAGE = 4096
_TWO_64 = 1 << 64
#: A string that is longer than this is not compared: it would be no string.
_LONGEST = 1 << 20

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>0[xX][0-9a-fA-F]+|[0-9]+)(?P<size>[KMG]?)(?![A-Za-z0-9_])
    |(?P<string>"(?:[^"\\]|\\.)*")|(?P<letter>'(?:[^'\\]|\\.)')
    |\$(?P<register>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:(?:::|->|\.)[A-Za-z_][A-Za-z0-9_]*|\[[0-9]+\])*)
    |(?P<op><<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>(),]))""",
    re.VERBOSE,
)
_LEVELS = (
    ("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", ">", "<=", ">="), ("<<", ">>"), ("+", "-"), ("*", "/", "%"),
)
_FUNCTIONS = {"strcmp": 2, "strncmp": 3, "strcasecmp": 2, "strstr": 2, "strlen": 1, "memcmp": 3, "$_streq": 2}


class Unknown(Exception):
    """What cannot be evaluated, in a sentence."""


def compiled(text):
    """A function of a world that tells whether the condition holds there; Unknown when it is not understood."""
    parser = _Parser(text)
    node = parser.level(0)
    if parser.token[0] != "end":
        raise Unknown("A syntax error in expression, near `%s'." % parser.rest())
    return lambda world: _number(node(world)) != 0


def names_variables(text):
    """Whether it looks at the program's variables, which are there only behind a function's prologue."""
    return any(kind == "name" and value not in _FUNCTIONS for kind, value, _ in _tokens(text))


def _tokens(text):
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise Unknown("A syntax error in expression, near `%s'." % text[at:].strip())
        kind = found.lastgroup if found.lastgroup != "size" else "number"
        value = found.group(kind)
        if kind == "number":
            value = int(value, 0 if value[:2] in ("0x", "0X") or value == "0" else 10) * _SIZES[found.group("size")]
        yield kind, value, found.start(kind)
        at = found.end()
    yield "end", "", len(text)


class _Parser(object):
    def __init__(self, text):
        self.text = text
        self.tokens = list(_tokens(text))
        self.at = 0

    @property
    def token(self):
        return self.tokens[self.at]

    def rest(self):
        return self.text[self.token[2]:]

    def take(self, *ops):
        kind, value, _ = self.token
        if kind == "op" and value in ops:
            self.at += 1
            return value
        return None

    def must(self, op):
        if not self.take(op):
            raise Unknown("A syntax error in expression, near `%s'." % self.rest())

    def level(self, depth):
        if depth == len(_LEVELS):
            return self.unary()
        left = self.level(depth + 1)
        while True:
            op = self.take(*_LEVELS[depth])
            if not op:
                return left
            left = _binary(op, left, self.level(depth + 1))

    def unary(self):
        op = self.take("-", "!", "~", "+", "*")
        if not op:
            return self.primary()
        inner = self.unary()
        if op == "*":
            raise Unknown("`*' needs a type here; name a variable, or compare registers.")
        apply = {"-": lambda n: -n, "+": lambda n: n, "~": lambda n: ~n, "!": lambda n: int(n == 0)}[op]
        return lambda world: apply(_number(inner(world)))

    def primary(self):
        kind, value, _ = self.token
        if self.take("("):
            node = self.level(0)
            self.must(")")
            return node
        if kind == "end":
            raise Unknown("A syntax error in expression, near `'.")
        if kind == "op":
            raise Unknown("A syntax error in expression, near `%s'." % self.rest())
        self.at += 1
        if kind == "number":
            return lambda world: value
        if kind == "string":
            data = _unescaped(value[1:-1])
            return lambda world: data
        if kind == "letter":
            return lambda world: _unescaped(value[1:-1])[0]
        name = "$" + value if kind == "register" else value
        if self.token[:2] == ("op", "("):
            return self.call(name)
        if kind == "register":
            return _register(value)
        return lambda world: world.variable(value)

    def call(self, name):
        if name not in _FUNCTIONS:
            raise Unknown("brk-chain calls nothing in the process, so `%s' is not evaluated." % name)
        self.must("(")
        arguments = [self.level(0)]
        while self.take(","):
            arguments.append(self.level(0))
        self.must(")")
        if len(arguments) != _FUNCTIONS[name]:
            raise Unknown("%s takes %d arguments." % (name, _FUNCTIONS[name]))
        return lambda world: _called(name, [argument(world) for argument in arguments], world)


def _register(name):
    if name.startswith("arg") and name[3:] in ("1", "2", "3", "4", "5", "6"):
        name = _ARGUMENTS[int(name[3:]) - 1]
    name = _ALIASES.get(name, name)
    return lambda world: world.register(name)


def _unescaped(text):
    out, at = bytearray(), 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
            out += bytes([_ESCAPES[text[at]]]) if text[at] in _ESCAPES else text[at].encode()
        else:
            out += text[at].encode()
        at += 1
    return bytes(out)


def _number(value):
    if isinstance(value, bytes):
        raise Unknown("A string is no number here.")
    return value


def _binary(op, left, right):
    if op == "&&":
        return lambda world: int(_number(left(world)) != 0 and _number(right(world)) != 0)
    if op == "||":
        return lambda world: int(_number(left(world)) != 0 or _number(right(world)) != 0)
    return lambda world: _computed(op, _number(left(world)), _number(right(world)))


def _computed(op, a, b):
    # C's rules for 64 bits: -1 is 0xffffffffffffffff, and what has no sign makes the other lose its own.
    if op in ("==", "!="):
        return int(((a - b) % _TWO_64 == 0) == (op == "=="))
    if max(a, b) >= _TWO_64 >> 1 and op in ("<", ">", "<=", ">="):
        a, b = a % _TWO_64, b % _TWO_64
    if op in ("/", "%"):
        if b == 0:
            raise Unknown("Division by zero")
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return quotient if op == "/" else a - b * quotient
    if op in ("<<", ">>"):
        return (a << min(b, 64) if op == "<<" else a >> min(b, 64)) if b >= 0 else 0
    return {
        "+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "&": lambda: a & b, "|": lambda: a | b,
        "^": lambda: a ^ b, "<": lambda: int(a < b),
        ">": lambda: int(a > b), "<=": lambda: int(a <= b), ">=": lambda: int(a >= b),
    }[op]()


def _string(value, world, limit=_LONGEST):
    """The bytes before the zero, of a literal or in memory; never read beyond the page that the zero is in."""
    if isinstance(value, bytes):
        return value.split(b"\0")[0][:limit]
    out, at = b"", value & 0xFFFFFFFFFFFFFFFF
    while len(out) < limit:
        piece = world.memory(at, min(_PAGE - at % _PAGE, limit - len(out)))
        end = piece.find(b"\0")
        if end >= 0:
            return out + piece[:end]
        out, at = out + piece, at + len(piece)
    return out


def _called(name, arguments, world):
    order = lambda a, b: (a > b) - (a < b)
    if name == "strlen":
        return len(_string(arguments[0], world))
    first, second = arguments[:2]
    if name == "memcmp":
        size = min(max(_number(arguments[2]), 0), _LONGEST)
        bytes_of = lambda value: value[:size] if isinstance(value, bytes) else world.memory(value, size)
        return order(bytes_of(first), bytes_of(second))
    limit = min(max(_number(arguments[2]), 0), _LONGEST) if name == "strncmp" else _LONGEST
    a, b = _string(first, world, limit), _string(second, world, limit)
    if name == "$_streq":
        return int(a == b)
    if name == "strcasecmp":
        return order(a.lower(), b.lower())
    if name == "strstr":
        at = a.find(b)
        found = first if not isinstance(first, bytes) else 1
        return 0 if at < 0 else (found + at if not isinstance(first, bytes) else 1)
    return order(a, b)
