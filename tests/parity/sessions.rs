//! The programs, where they are stopped, and what is asked there.

use crate::common::{target, target_with};

/// One run of both debuggers.
pub(crate) struct Session {
    /// For the table.
    pub(crate) name: &'static str,
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
    /// What both are told.
    pub(crate) script: Vec<String>,
}

impl Session {
    fn new(name: &'static str, program: String, script: Vec<String>) -> Session {
        Session { name, command: vec![program], script }
    }

    fn with(mut self, argument: &str) -> Session {
        self.command.push(argument.to_owned());
        self
    }
}

/// What is asked at each stop of a walk.
const WALK: &[&str] =
    &["bt", "info locals", "info args", "info frame", "x/3i $pc", "info line *$pc", "p $pc", "info source"];

/// What is asked where a function was entered.
const ENTRY: &[&str] =
    &["bt", "bt full 1", "info args", "info registers", "info symbol $pc", "up", "info locals", "info frame"];

/// The same where the callers' locals are of the machine and not of the program (a file's times).
const CALLERS: &[&str] =
    &["bt", "info args", "info registers", "info symbol $pc", "up", "info args", "info frame"];

fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

/// `first`, then `times` the command `step` with the questions behind each.
fn walk(first: &str, step: &str, times: usize, questions: &[&str]) -> Vec<String> {
    let mut script: Vec<String> = lines(first).collect();
    for _ in 0..times {
        script.push(step.to_owned());
        script.extend(questions.iter().map(|&question| question.to_owned()));
    }
    script
}

const MAIN: &str = "break main\nrun";

/// All of them.
pub(crate) fn all() -> Vec<Session> {
    let expressions = || target("expressions");
    let optimized = || target_with("expressions", "-g -O2");
    let gallery = |flags| target_with("gallery", flags);
    vec![
        Session::new("expressions -O0, step", expressions(), walk(MAIN, "step", 30, WALK)),
        Session::new("expressions -O2, step", optimized(), walk(MAIN, "step", 30, WALK)),
        Session::new("expressions, values", expressions(), lines(include_str!("expressions.gdb")).collect()),
        Session::new("code", expressions(), lines(include_str!("code.gdb")).collect()),
        Session::new("names", expressions(), lines(include_str!("names.gdb")).collect()),
        Session::new("types", expressions(), lines(include_str!("types.gdb")).collect()),
        Session::new("searches", expressions(), lines(include_str!("searches.gdb")).collect()),
        Session::new("frames", expressions(), lines(include_str!("frames.gdb")).collect()),
        Session::new("composed", expressions(), lines(include_str!("composed.gdb")).collect()),
        Session::new("scopes -O0", expressions(), lines(include_str!("scopes.gdb")).collect()),
        Session::new("scopes -O2", optimized(), lines(include_str!("scopes.gdb")).collect()),
        Session::new("layouts", expressions(), lines(include_str!("layouts.gdb")).collect()),
        Session::new("layouts of C++", target("members"), lines(include_str!("members.gdb")).collect()),
        Session::new("skips", expressions(), lines(include_str!("skips.gdb")).collect()),
        Session::new("types of C++", target("classes"), lines(include_str!("types.gdb")).collect()),
        Session::new("types of Rust", target("shapes"), lines(include_str!("types.gdb")).collect()),
        Session::new("code of C++", target("classes"), lines(include_str!("code.gdb")).collect()),
        Session::new("containers -O0, step", target("containers"), walk(MAIN, "step", 30, WALK)),
        Session::new(
            "containers, values",
            target("containers"),
            lines(include_str!("containers.gdb")).collect(),
        ),
        Session::new("classes, types", target("classes"), lines(include_str!("classes.gdb")).collect()),
        Session::new("returns", target("returns"), lines(include_str!("returns.gdb")).collect()),
        Session::new("using", target("using"), lines(include_str!("using.gdb")).collect()),
        Session::new("shop", target("shop"), lines(include_str!("shop.gdb")).collect()),
        Session::new("typedefs", target("typedefs"), lines(include_str!("typedefs.gdb")).collect()),
        Session::new("wide", target("wide"), lines(include_str!("wide.gdb")).collect()),
        Session::new("Rust, values", target("shapes"), lines(include_str!("rust.gdb")).collect()),
        Session::new("gallery -O0", gallery("-g -O0"), lines(include_str!("gallery.gdb")).collect()),
        Session::new("gallery -O1", gallery("-gdwarf-4 -O1"), lines(include_str!("gallery.gdb")).collect()),
        Session::new("gallery -O2", gallery("-g -O2"), lines(include_str!("gallery.gdb")).collect()),
        Session::new("Rust, types", target("collections"), lines(include_str!("rusttypes.gdb")).collect()),
        Session::new(
            "Rust, expressions",
            target("collections"),
            lines(include_str!("rustexpressions.gdb")).collect(),
        ),
        Session::new("inlines -O2, step", target_with("inlines", "-g -O2"), walk(MAIN, "step", 20, WALK)),
        Session::new("inlines -O2, next", target_with("inlines", "-g -O2"), walk(MAIN, "next", 6, WALK)),
        Session::new("shapes -O2, next", target_with("values_shapes", "-g -O2"), walk(MAIN, "next", 7, WALK)),
        Session::new("recursion", target("calls"), walk("break factorial\nrun", "continue", 6, ENTRY)),
        Session::new("libc, malloc", target("chain"), walk("start\nbreak malloc", "continue", 10, CALLERS))
            .with("/etc/hosts"),
        Session::new(
            "libc, open and read",
            target("chain"),
            walk("start\nbreak open\nbreak read", "continue", 4, ENTRY),
        )
        .with("/etc/hosts"),
        Session::new("/bin/cat, write", "/bin/cat".into(), walk("break write\nrun", "continue", 1, ENTRY))
            .with("/etc/hosts"),
    ]
}
