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

/// The same in Rust: a command, and the reason why its one value differs. gdb 13.1 crashes at some of the types that are
/// left out here (`whatis &[i32]`, `whatis [i32]`).
const WANTED_IN_RUST: &[(&str, &str)] = &[
    ("p &inner::NAME", MODULES),
    ("p inner::NAME", MODULES),
    ("p Color::Green", MODULES),
    ("p crate::", CRATE),
    ("whatis crate::", CRATE),
    (
        "p &collections::inner::NAME",
        "gdb 13.1 leaves the compiler's hash in the name of data: it tries C++ first",
    ),
    ("p sl[2]", "gdb 13.1 takes one element behind the end of a slice or array"),
    ("p v[0]", "gdb 13.1 has no elements of a Vec; brkwater has those that it shows"),
    ("p ~5", "where Rust's grammar has nothing brkwater takes C's, which people type in every frame"),
    ("whatis &arr[0]", "gdb 13.1 forgets the & where it only asks for the type; its own value has it"),
    ("ptype &arr[0]", "gdb 13.1 forgets the & where it only asks for the type; its own value has it"),
    ("whatis &str", TYPES),
    ("whatis (i32, u8)", TYPES),
    ("whatis *mut collections::Point", TYPES),
    ("whatis &collections::Point", TYPES),
    ("whatis core::option::Option<i32>", TYPES),
];

const MODULES: &str =
    "brkwater looks a path up in the modules around the frame, as Rust does; gdb 13.1 only from the root";
const CRATE: &str = "gdb 13.1 does not know the word `crate`; its own `::name` for it works in both";
const TYPES: &str = "gdb 13.1 reads types behind `as` and in sizeof only; brkwater reads them here as well";

/// Why all these differences are wanted; nothing when one of them is not.
pub(crate) fn reason(command: &str, found: &[String]) -> Option<&'static str> {
    let in_rust = WANTED_IN_RUST.iter().find(|(start, _)| command.starts_with(start));
    if let (Some((_, reason)), [theirs, ours]) = (in_rust, found)
        && theirs.starts_with("- ")
        && ours.starts_with("+ ")
    {
        return Some(reason);
    }
    let fits = |line: &String| {
        WANTED.iter().find(|wanted| command.starts_with(wanted.command) && line.contains(wanted.line))
    };
    let reasons: Option<Vec<_>> = found.iter().map(fits).collect();
    reasons?.first().map(|wanted| wanted.reason)
}
