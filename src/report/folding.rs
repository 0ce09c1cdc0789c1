//! Which frames of a long backtrace a reader may skip: the inside of a run through one component.
//!
//! The frames up to the caller of malloc are never folded, nor are a run's first and last frame: by them one
//! sees where a component was entered and left.

use serde::{Deserialize, Serialize};

use super::words::file_name;
use crate::scene::view::FrameView;

/// A run is folded when at least this many frames vanish.
const LEAST: usize = 3;

/// Frames that are folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// The level of the first.
    pub from: u32,
    /// The level of the last.
    pub to: u32,
    /// The component: a source directory, or a module.
    pub label: String,
}

impl Fold {
    /// How many frames.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.to.saturating_sub(self.from) + 1
    }
}

/// The folds of a backtrace, innermost first; the first `keep` frames stay.
#[must_use]
pub fn folds(frames: &[FrameView], keep: usize) -> Vec<Fold> {
    let mut folds = Vec::new();
    let mut start = keep.min(frames.len());
    while let Some(first) = frames.get(start) {
        let label = component(first);
        let run = frames[start..].iter().take_while(|frame| component(frame) == label).count();
        if run >= LEAST + 2 {
            let (from, to) = (&frames[start + 1], &frames[start + run - 2]);
            folds.push(Fold { from: from.level, to: to.level, label: label.to_owned() });
        }
        start += run;
    }
    folds
}

/// The first directory of a relative path (`crypto/asn1/a.c` is of `crypto`, `src/http/h.c` of `http`), the
/// last of an absolute one, the module's file where there is no source.
fn component(frame: &FrameView) -> &str {
    let module = frame.module.as_deref().map_or("?", file_name);
    let Some(file) = frame.file.as_deref() else { return module };
    let is_telling = |part: &&str| !matches!(*part, "" | "." | ".." | "src" | "source" | "lib");
    let mut parts = file.split('/').filter(is_telling);
    let name = file_name(file);
    let found = if file.starts_with('/') { parts.rfind(|part| *part != name) } else { parts.next() };
    found.filter(|part| *part != name).unwrap_or(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(files: &[&str]) -> Vec<FrameView> {
        let view = |(level, file): (u32, &&str)| FrameView {
            level,
            file: Some((*file).to_owned()),
            ..FrameView::default()
        };
        (0..).zip(files).map(view).collect()
    }

    #[test]
    fn the_inside_of_a_run_is_folded() {
        let all = frames(&[
            "malloc/m.c",
            "crypto/mem.c",
            "crypto/a/1.c",
            "crypto/a/2.c",
            "crypto/b.c",
            "crypto/c.c",
            "ssl/s.c",
            "main.c",
        ]);
        let fold = Fold { from: 2, to: 4, label: "crypto".to_owned() };
        assert_eq!(folds(&all, 1), std::slice::from_ref(&fold));
        assert_eq!(fold.count(), 3);
        assert_eq!(folds(&all, 2), [], "too short a run is left alone");
        assert_eq!(folds(&[], 3), []);
    }
}
