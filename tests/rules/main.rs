//! The rules of driving a target under ptrace, each by name, each with an oracle that is not brkwater: the target's own
//! count, its exit status, gdb, strace's way of counting, `/proc`.
//!
//! Each test body runs once; `./tests/run --stress` runs each a hundred times (`BRKWATER_STRESS`).

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr)]

#[path = "../common/mod.rs"]
mod common;

mod breakpoints;
mod families;
mod leaving;
mod signals;
mod symbols;
mod threads;

use common::{Debugger, Output, number_after, target};

/// Does it once, or as often as the stress mode wants.
fn repeat(work: impl Fn()) {
    let times = std::env::var("BRKWATER_STRESS").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    for _ in 0..times {
        work();
    }
}

/// Runs `rules WAY…` to its end under these commands.
fn rules(way: &[&str], commands: &[&str]) -> Output {
    let program = target("rules");
    let mut arguments = vec![program.as_str()];
    arguments.extend(way);
    let debugger = commands.iter().fold(Debugger::brkwater(), |debugger, command| debugger.ex(command));
    let output = debugger.limit(120).args(&arguments);
    output.must_not_have("panicked at").must_not_have("signal SIGTRAP");
    output
}

/// A breakpoint that counts and never stops; how often it was hit.
fn counted(way: &[&str], place: &str) -> (u64, Output) {
    let output = rules(way, &[&format!("break {place}"), "ignore 1 1000000", "run", "info breakpoints"]);
    (number_after(&output.text, "breakpoint already hit "), output)
}
