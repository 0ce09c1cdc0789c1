//! The command line of the program.

use std::process::ExitCode;

/// Runs brkwater with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
