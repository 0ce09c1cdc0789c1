//! The `brkwater` program: see [`brkwater::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    brkwater::cli::main()
}
