//! What `step` does not enter: functions and files that the user wants to be run through.

use super::Session;
use crate::addr::{Addr, Tid};
use crate::pattern::Pattern;

/// A name, or what a name is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// This very name.
    Exactly(String),
    /// A shell's pattern for a file, a regular expression for a function.
    Pattern(Pattern, String),
}

impl Named {
    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Named::Exactly(text) | Named::Pattern(_, text) => text,
        }
    }
}

/// Functions that are not stepped into: those that both a file and a name fit, where both were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Its number.
    pub number: u32,
    /// Whether it counts.
    pub enabled: bool,
    /// The source file.
    pub file: Option<Named>,
    /// The function.
    pub function: Option<Named>,
}

impl Skip {
    fn fits(&self, function: &str, file: &str) -> bool {
        let of_file = self.file.as_ref().is_none_or(|wanted| match wanted {
            Named::Exactly(name) => {
                file.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
            }
            Named::Pattern(pattern, text) if text.contains('/') => pattern.fits(file),
            Named::Pattern(pattern, _) => pattern.fits(file.rsplit('/').next().unwrap_or(file)),
        });
        let of_function = self.function.as_ref().is_none_or(|wanted| match wanted {
            // Who gives no parameters means all functions of the name.
            Named::Exactly(name) if !name.contains('(') => {
                function.split('(').next().unwrap_or(function) == name
            }
            Named::Exactly(name) => function == name,
            Named::Pattern(pattern, _) => pattern.fits(function),
        });
        self.enabled && of_file && of_function
    }
}

impl Session {
    /// Whether the function that begins at `at` is one that `step` runs through.
    pub(super) fn is_skipped(&self, tid: Tid, at: Addr) -> bool {
        if self.settings.skips.iter().all(|skip| !skip.enabled) {
            return false;
        }
        let Some(space) = self.tracer.table.space_of(tid) else { return false };
        let function = space.modules.frames_of(at).pop().and_then(|frame| frame.function);
        let function =
            function.or_else(|| space.modules.name_of(at).map(|(name, _)| name)).unwrap_or_default();
        let file = space.modules.row_at(at).map(|(_, row)| row.file.to_string()).unwrap_or_default();
        self.settings.skips.iter().any(|skip| skip.fits(&function, &file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_fits_what_was_named() {
        let exactly = |text: &str| Some(Named::Exactly(text.to_owned()));
        let skip = |file, function| Skip { number: 1, enabled: true, file, function };
        assert!(skip(None, exactly("f")).fits("f(int)", "/a/b.c"));
        assert!(!skip(None, exactly("f")).fits("ff", "/a/b.c"));
        assert!(skip(exactly("b.c"), None).fits("f", "/a/b.c"));
        assert!(!skip(exactly("b.c"), exactly("g")).fits("f", "/a/b.c"));
        assert!(!skip(exactly("b.c"), None).fits("f", "/a/bb.c"));
    }
}
