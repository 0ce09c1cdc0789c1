//! Every reader of brkwater as a function of bytes.
//!
//! Each [`Target`] must come back for whatever it is given: no panic, no overflow, no hang, no gigabyte. The same functions
//! are driven by libFuzzer (`fuzz_targets/any.rs`), by a mutator for stable compilers (`src/main.rs`) and, for a moment and
//! with fixed seeds, by `tests/fuzz/` of brkwater itself, which takes this file in by its path.

pub mod corefiles;
pub mod faces;
pub mod files;
pub mod memories;
pub mod mutation;
pub mod texts;

/// A reader.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What it is begun with.
    pub seeds: Seeds,
    /// The reader.
    pub run: fn(&[u8]),
}

/// What is mutated.
pub enum Seeds {
    /// A program, as compilers make them.
    Program,
    /// These texts.
    Texts(&'static [&'static str]),
    /// A core file.
    Core,
    /// Nothing but chance.
    Random,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "names", seeds: Seeds::Program, run: files::names },
    Target { name: "lines", seeds: Seeds::Program, run: files::lines },
    Target { name: "types", seeds: Seeds::Program, run: files::types },
    Target { name: "scopes", seeds: Seeds::Program, run: files::scopes },
    Target { name: "unwind", seeds: Seeds::Program, run: files::unwind },
    Target { name: "corefile", seeds: Seeds::Core, run: corefiles::corefile },
    Target { name: "locations", seeds: Seeds::Random, run: files::locations },
    Target { name: "maps", seeds: Seeds::Texts(texts::MAPS), run: texts::maps },
    Target { name: "limits", seeds: Seeds::Texts(texts::LIMITS), run: texts::limits },
    Target { name: "heap", seeds: Seeds::Random, run: memories::heap },
    Target { name: "linkmap", seeds: Seeds::Random, run: memories::linkmap },
    Target { name: "syscalls", seeds: Seeds::Random, run: memories::syscalls },
    Target { name: "containers", seeds: Seeds::Random, run: memories::containers },
    Target { name: "expressions", seeds: Seeds::Texts(texts::EXPRESSIONS), run: texts::expressions },
    Target { name: "places", seeds: Seeds::Texts(texts::PLACES), run: texts::places },
    Target { name: "symbol_names", seeds: Seeds::Texts(texts::NAMES), run: texts::symbol_names },
    Target { name: "patterns", seeds: Seeds::Texts(texts::PATTERNS), run: texts::patterns },
    Target { name: "scripts", seeds: Seeds::Texts(texts::SCRIPTS), run: texts::scripts },
    Target { name: "protocol", seeds: Seeds::Texts(faces::MESSAGES), run: faces::protocol },
    Target { name: "journal", seeds: Seeds::Texts(faces::EVENTS), run: faces::journal },
    Target { name: "terminal", seeds: Seeds::Texts(faces::ESCAPES), run: faces::terminal },
    Target { name: "keys", seeds: Seeds::Random, run: faces::keys },
];

/// The target of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
