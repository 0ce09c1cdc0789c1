//! The history of values and the convenience variables: what outlives one expression.

use rustc_hash::FxHashMap;

use super::ExprError;
use crate::scene::value::Value;

/// `$1`, `$2`… and `$name`.
#[derive(Clone, Debug, Default)]
pub struct Vars {
    history: Vec<Value>,
    named: FxHashMap<String, Value>,
    warnings: Vec<&'static str>,
}

impl Vars {
    /// Adds a value to the history; its number.
    pub fn record(&mut self, value: Value) -> usize {
        self.history.push(value);
        self.history.len()
    }

    /// A value of the history by what follows the dollar: `""` is the last, `"$"` the one before, `"$N"` the
    /// Nth before the last, `"N"` number N. `None` when the text is none of these.
    pub(super) fn past(&self, text: &str) -> Option<Result<Value, ExprError>> {
        let last = self.history.len();
        let back = match text {
            "" => 0,
            "$" => 1,
            _ => match text.strip_prefix('$') {
                Some(back) => back.parse::<usize>().ok()?,
                None => {
                    let number: usize = text.parse().ok()?;
                    // `$0` is the last one, too.
                    let index = if number == 0 { last } else { number };
                    let value = index.checked_sub(1).and_then(|index| self.history.get(index));
                    return Some(value.cloned().ok_or(ExprError::History(number)));
                }
            },
        };
        let value = last.checked_sub(back + 1).and_then(|index| self.history.get(index));
        Some(value.cloned().ok_or(match back {
            0 => ExprError::NoHistory,
            _ => ExprError::ShortHistory(back),
        }))
    }

    /// The values of the history with their numbers, `count` of them up to number `last`.
    #[must_use]
    pub fn recent(&self, last: usize, count: usize) -> Vec<(usize, Value)> {
        let end = last.min(self.history.len());
        (end.saturating_sub(count)..end).map(|index| (index + 1, self.history[index].clone())).collect()
    }

    /// A convenience variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.named.get(name)
    }

    /// Sets a convenience variable.
    pub fn set(&mut self, name: &str, value: Value) {
        self.named.insert(name.to_owned(), value);
    }

    /// Keeps what an expression is to warn of; a condition that warns at every hit does it once.
    pub(super) fn warn(&mut self, of: &'static str) {
        if !self.warnings.contains(&of) {
            self.warnings.push(of);
        }
    }

    /// What expressions warned of since this was asked last.
    pub fn take_warnings(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.warnings)
    }

    /// All convenience variables, by name.
    #[must_use]
    pub fn all(&self) -> Vec<(&str, &Value)> {
        let mut all: Vec<_> = self.named.iter().map(|(name, value)| (name.as_str(), value)).collect();
        all.sort_by_key(|(name, _)| *name);
        all
    }

    /// How many values the history has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.history.len()
    }
}
