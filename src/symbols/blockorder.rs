//! The order in which gdb lists the variables of a block.
//!
//! It keeps those of a function in the order of the source, and those of a block inside of it in a hash table, in the
//! order of whose buckets they are shown (gdb 13.1, buildsym.c, `finish_block_internal`; dictionary.c).

use super::vars::Variable;

/// Brings the variables of a block, in the order of the source, into gdb's.
pub(crate) fn hashed(variables: &mut [Variable], cplus: bool) {
    // DICT_HASHTABLE_SIZE
    let buckets = variables.len() / 5 + 1;
    let bucket = |variable: &Variable| {
        let hash = if cplus { name_hash(&variable.name) } else { search_name_hash(&variable.name) };
        hash as usize % buckets
    };
    // The last symbol of the source goes in first, and what goes in last is first in its bucket.
    variables.sort_by_key(bucket);
}

/// `default_search_name_hash` (dictionary.c), which thinks of Ada.
fn search_name_hash(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut at = 0;
    if bytes.first() == Some(&b'_') {
        if !name.starts_with("_ada_") {
            return name_hash(name);
        }
        at = 5;
    }
    let mut hash = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'$' | b'.' | b'X' if at == 0 => return name_hash(name),
            b'$' | b'.' | b'X' => return hash,
            b' ' | b'(' => return name_hash(name),
            b'_' if at > 0 && bytes.get(at + 1) == Some(&b'_') => match bytes.get(at + 2) {
                Some(b'a'..=b'z' | b'O') => {
                    hash = 0;
                    at += 2;
                    continue;
                }
                _ => return hash,
            },
            b'T' if &bytes[at..] == b"TKB" => return hash,
            _ => {}
        }
        hash = next(hash, *byte);
        at += 1;
    }
    hash
}

/// `msymbol_hash_iw`: all characters up to a parenthesis, without blanks.
fn name_hash(name: &str) -> u32 {
    name.bytes().take_while(|byte| *byte != b'(').filter(|byte| !byte.is_ascii_whitespace()).fold(0, next)
}

/// SYMBOL_HASH_NEXT
fn next(hash: u32, byte: u8) -> u32 {
    hash.wrapping_mul(67).wrapping_add(byte.to_ascii_lowercase().into()).wrapping_sub(113)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The orders in which gdb 13.1 listed them, with the numbers of buckets that belong to so many variables.
    #[test]
    fn buckets_are_gdb_s() {
        let listed = ["beta", "gamma", "zeta", "alpha", "delta", "eps"];
        assert!(listed.map(|name| search_name_hash(name) % 2).is_sorted());
        let listed = ["__arg3", "_a2", "sc_ret", "__arg1", "_a3", "sc_cancel_oldtype", "resultvar", "__arg2"];
        assert!(listed.map(|name| search_name_hash(name) % 3).is_sorted());
    }
}
