//! Frames out of registers, stack bytes and call frame information.
