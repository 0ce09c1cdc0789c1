//! All rows of the table of calls, room by room.

use super::{Row, files, ioctl, ipc, memory, network, prctl, process, signals, time, waiting};

/// Every call that is decoded.
pub(super) static ROWS: [&[Row]; 10] = [
    files::ROWS,
    ioctl::ROWS,
    ipc::ROWS,
    memory::ROWS,
    network::ROWS,
    prctl::ROWS,
    process::ROWS,
    signals::ROWS,
    time::ROWS,
    waiting::ROWS,
];

/// Rows of the table: `NAME: what its arguments are => what its result is;`.
macro_rules! rows {
    ($($name:ident: $($argument:expr),* $(=> $outcome:expr)?;)*) => {
        /// The calls of this room.
        pub(super) const ROWS: &[$crate::syscalls::form::Row] = &[$($crate::syscalls::form::Row {
            name: stringify!($name),
            arguments: &[$($argument),*],
            outcome: $crate::syscalls::form::calls::rows!(@ $($outcome)?),
        }),*];
    };
    (@) => { $crate::syscalls::form::Outcome::Number };
    (@ $outcome:expr) => { $outcome };
}
pub(super) use rows;
