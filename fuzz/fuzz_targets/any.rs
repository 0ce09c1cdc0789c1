//! libFuzzer's entry: `BRKWATER_FUZZ=heap` says which target gets the bytes; without it each takes its turn.

#![no_main]

use std::sync::OnceLock;

use brkwater_fuzz::{TARGETS, Target};

static CHOSEN: OnceLock<Option<&Target>> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let wanted = || std::env::var("BRKWATER_FUZZ").ok().and_then(|name| brkwater_fuzz::named(&name));
    match CHOSEN.get_or_init(wanted) {
        Some(target) => (target.run)(data),
        None => TARGETS.iter().for_each(|target| (target.run)(data)),
    }
});
