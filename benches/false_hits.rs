//! False hits per second of a string condition: brkwater, gdb, and a bare ptrace loop, side by side in one run.
//!
//! Each figure is the difference of two runs, with many hits and with few, so that starting up does not count; the
//! peers take turns, and the best of the rounds is shown, for other work on the machine only ever slows down.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

const ROUNDS: usize = 3;
const WANTED: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Somebody who checks conditions: how to make a run with `n` calls of `what`, and how many calls are enough.
struct Peer<'a> {
    name: String,
    few: u64,
    many: u64,
    run: Box<dyn Fn(u64) -> Command + 'a>,
    best: f64,
}

impl Peer<'_> {
    /// One round: hits per second between the short run and the long one.
    fn measure(&mut self) {
        let short = common::time((self.run)(self.few));
        let long = common::time((self.run)(self.many));
        let spent = long.saturating_sub(short).max(Duration::from_micros(1));
        #[allow(clippy::cast_precision_loss)]
        let rate = (self.many - self.few) as f64 / spent.as_secs_f64();
        self.best = self.best.max(rate);
    }
}

fn debugger_peer<'a>(
    name: &str,
    program: &'a Path,
    hits: &'a Path,
    what: &'a str,
    condition: String,
    many: u64,
) -> Peer<'a> {
    let run = move |n: u64| {
        let n = n.to_string();
        let stop = format!("break {what} if {condition}");
        // gdb 13.1 evaluates $_streq on `open` only when libc is there: break at main first, for both.
        let commands = ["break main", "run", stop.as_str(), "continue"];
        common::debugger(program, &commands, &[hits.to_str().unwrap_or_default(), what, &n])
    };
    Peer { name: name.to_owned(), few: 10, many, run: Box::new(run), best: 0.0 }
}

fn main() {
    let hits = common::compile("hits", &["-O0", "-g", "-fno-pie", "-no-pie", "-fcf-protection=none", "-ldl"]);
    let bare = common::compile("bare_loop", &["-O2", "-Wall"]);
    let brkwater = Path::new(env!("CARGO_BIN_EXE_brkwater"));
    let gdb = common::gdb();

    for what in ["f", "open"] {
        let mut peers = vec![Peer {
            name: "bare ptrace loop (emulated push)".into(),
            few: 10,
            many: 100_000,
            run: Box::new(|n| {
                let mut command = Command::new(&bare);
                command.arg(&hits).args([what, &n.to_string()]);
                command
            }),
            best: 0.0,
        }];
        for condition in
            [format!("strcmp($rdi, \"{WANTED}\") == 0"), format!("$_streq((char*)$rdi, \"{WANTED}\")")]
        {
            let name = format!("brkwater  {}", condition.split('(').next().unwrap_or_default());
            peers.push(debugger_peer(&name, brkwater, &hits, what, condition, 60_000));
        }
        if let Some(gdb) = &gdb {
            let condition = format!("$_streq((char*)$rdi, \"{WANTED}\")");
            peers.push(debugger_peer("gdb       $_streq", gdb, &hits, what, condition, 6_000));
        }
        for _ in 0..ROUNDS {
            for peer in &mut peers {
                peer.measure();
            }
        }
        show(what, &peers, gdb.is_some());
    }
}

/// The table, with each rate beside gdb's and beside the limit.
fn show(what: &str, peers: &[Peer<'_>], has_gdb: bool) {
    let limit = peers.first().map_or(1.0, |peer| peer.best);
    let gdb = peers.last().filter(|_| has_gdb).map(|peer| peer.best);
    println!("\nfalse hits per second, `break {what} if …` (best of {ROUNDS})");
    for peer in peers {
        let beside = gdb.map_or(String::from("-"), |gdb| format!("{:.1}x gdb", peer.best / gdb));
        println!(
            "  {:<34} {:>9.0}/s  {beside:>10}  {:>4.0}% of the limit",
            peer.name,
            peer.best,
            100.0 * peer.best / limit
        );
    }
}
