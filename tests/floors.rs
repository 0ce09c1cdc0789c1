//! The rules of the house, held by a test: who may know whom, where `unsafe` lives, how long a file may be.
//!
//! It reads `src/**` as text, so that it can say file and line; what it understands of Rust is in
//! `floors/lexer.rs`, the rules are in `floors/rules.rs`, and both are fed bad snippets there.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "floors/lexer.rs"]
mod lexer;
#[path = "floors/rules.rs"]
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

/// Every `.rs` file below `dir`, sorted.
fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|ext| ext == "rs") {
            found.push(entry);
        }
    }
}

#[test]
fn the_house_keeps_its_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 10, "the sources were not found under {}", root.display());
    let mut broken = Vec::new();
    for file in &files {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        broken.extend(rules::check(&path, &fs::read_to_string(file).unwrap()));
    }
    assert!(broken.is_empty(), "{} rules of the house are broken:\n{}", broken.len(), broken.join("\n"));
}

/// A rule that names a file which is gone has gone stale.
#[test]
fn exceptions_name_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (path, _) in rules::LONG_FILES {
        assert!(root.join(path).exists(), "tests/floors/rules.rs excepts {path}, which does not exist");
    }
}
