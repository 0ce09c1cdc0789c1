//! Addresses to names and back: ELF symbols, DWARF lines, functions, types and variables.
