//! Where brkwater is meant to say something else than gdb 13.1, and why.

/// A difference that is wanted: in the blocks of commands that begin so, lines that differ and hold this.
struct Wanted {
    command: &'static str,
    line: &'static str,
    reason: &'static str,
}

const WANTED: &[Wanted] = &[
    Wanted {
        command: "p &Shape::area",
        line: "Shape::area",
        reason: "gdb 13.1 finds the name of a virtual method only where the class has no base with a table of its own",
    },
    Wanted {
        command: "p &Shape::area",
        line: "&virtual table offset",
        reason: "gdb 13.1 finds the name of a virtual method only where the class has no base with a table of its own",
    },
    Wanted {
        command: "p s.size()",
        line: "Couldn't write extended state status",
        reason: "gdb 13.1 calls the function, and cannot on processors with more state than it knows; brkwater reads",
    },
    Wanted {
        command: "p s.size()",
        line: "+ $N = 5",
        reason: "gdb 13.1 calls the function, and cannot on processors with more state than it knows; brkwater reads",
    },
    Wanted {
        command: "p dynamic_cast<",
        line: "<vtable for shop::Both",
        reason: "gdb 13.1 takes the object's first word for its address",
    },
    Wanted {
        command: "p dynamic_cast<",
        line: "(shop::Both *) 0x",
        reason: "gdb 13.1 takes the object's first word for its address",
    },
    Wanted {
        command: "break write",
        line: "Breakpoint 1",
        reason: "without a process gdb stays on the program's stub, which misses the calls made inside of libc",
    },
];

/// Why all these differences are wanted; nothing when one of them is not.
pub(crate) fn reason(command: &str, found: &[String]) -> Option<&'static str> {
    let fits = |line: &String| {
        WANTED.iter().find(|wanted| command.starts_with(wanted.command) && line.contains(wanted.line))
    };
    let reasons: Option<Vec<_>> = found.iter().map(fits).collect();
    reasons?.first().map(|wanted| wanted.reason)
}
