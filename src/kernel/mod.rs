//! The only home of ptrace, libc and unsafe.
