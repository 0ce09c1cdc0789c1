//! `-stable`: what differs from run to run is taken out, so that two runs can be compared.
//!
//! Events are told again with ordinals: the first process is 1, a time is the number of its event, what was
//! measured (resident bytes) is left out. In the finished text an address becomes `{libc.so.6+0x9e2f0}`, or
//! `{heap+0x21000}`; what the kernel put somewhere by chance is named by the nearest file, and the stack, in
//! which even the offset is chance, is `{stack}`.
//!
//! It knows no format: it works on the journal before, and on the text after.

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::addr::{Addr, Pid, Seq, Span, Tid};
use crate::event::{Cause, Event, EventKind};
use crate::maps::Mapping;

/// How far beside a file an address still belongs to its neighbourhood: the kernel puts mappings one below the
/// other.
const NEAR: u64 = 1 << 34;
/// Below this are programs at fixed addresses, and numbers that only look like addresses.
const RANDOM: u64 = 0x5000_0000_0000;

/// Names for addresses, and ordinals for processes.
#[derive(Clone, Debug, Default)]
pub struct Stable {
    anchors: Vec<(Span, String)>,
    people: FxHashMap<i32, i32>,
    numbers: FxHashMap<Seq, Seq>,
}

impl Stable {
    /// Reads the mappings of the process and of its start.
    #[must_use]
    pub fn new(events: &[Event], maps: Option<&[Mapping]>) -> Stable {
        let mut stable = Stable::default();
        let started = events.iter().find_map(|event| match &event.kind {
            EventKind::Started { maps, .. } => Some(maps.as_slice()),
            _ => None,
        });
        for mapping in maps.or(started).unwrap_or_default() {
            stable.anchor(mapping);
        }
        for event in events {
            stable.meet(event.pid.0);
            stable.meet(event.tid.0);
            if !is_measured(event) {
                let next = Seq(stable.numbers.len() as u64 + 1);
                stable.numbers.insert(event.seq, next);
            }
        }
        stable
    }

    fn meet(&mut self, id: i32) {
        let next = self.people.len() as i32 + 1;
        self.people.entry(id).or_insert(next);
    }

    fn anchor(&mut self, mapping: &Mapping) {
        let name = match (mapping.file(), mapping.path.as_str()) {
            (Some(path), _) => super::super::words::file_name(path).to_owned(),
            (None, "[heap]" | "[stack]" | "[vdso]") => mapping.path.trim_matches(['[', ']']).to_owned(),
            _ => return,
        };
        // The name stands in every format, so it may not mean anything in one.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
        let name: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
        match self.anchors.last_mut() {
            Some((span, last)) if *last == name => span.end = mapping.span.end,
            _ => self.anchors.push((mapping.span, name)),
        }
    }

    /// The ordinal of a process or thread.
    #[must_use]
    pub fn ordinal(&self, id: i32) -> i32 {
        self.people.get(&id).copied().unwrap_or(0)
    }

    fn number(&self, seq: Seq) -> Seq {
        self.numbers.get(&seq).copied().unwrap_or_default()
    }

    /// The events with ordinals, without what was measured.
    #[must_use]
    pub fn events(&self, events: &[Event]) -> Vec<Event> {
        events.iter().filter(|event| !is_measured(event)).map(|event| self.event(event)).collect()
    }

    fn event(&self, event: &Event) -> Event {
        let mut kind = event.kind.clone();
        match &mut kind {
            EventKind::Call(record) => {
                if let Some(Cause::Occupied { planted_by: Some(by), .. }) = &mut record.cause {
                    *by = self.number(*by);
                }
            }
            EventKind::Forked { child, .. } => *child = Pid(self.ordinal(child.0)),
            EventKind::Hit { rss, .. } | EventKind::Marked { rss, .. } => *rss = None,
            _ => {}
        }
        let number = self.number(event.seq);
        Event {
            seq: number,
            t: number.0 as f64,
            pid: Pid(self.ordinal(event.pid.0)),
            tid: Tid(self.ordinal(event.tid.0)),
            kind,
        }
    }

    /// Processes, threads and events in an object of brkwater's that was made from the journal as it was.
    pub fn ordinals_in(&self, value: &mut Value) {
        match value {
            Value::Array(all) => all.iter_mut().for_each(|value| self.ordinals_in(value)),
            Value::Object(all) => {
                for (key, value) in all.iter_mut() {
                    let id = value.as_i64().and_then(|id| i32::try_from(id).ok());
                    match (key.as_str(), id, value.as_u64()) {
                        ("pid" | "tid", Some(id), _) => *value = self.ordinal(id).into(),
                        ("seq", _, Some(seq)) => *value = self.number(Seq(seq)).0.into(),
                        _ => self.ordinals_in(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// `{libc.so.6+0x9e2f0}`; `None` for what is near nothing, and for numbers.
    #[must_use]
    pub fn name(&self, at: u64) -> Option<String> {
        let distance = |span: &Span| {
            if at < span.start.0 { span.start.0 - at } else { at.saturating_sub(span.end.0.max(1) - 1) }
        };
        let (span, name) = self.anchors.iter().min_by_key(|(span, _)| distance(span))?;
        let near = match distance(span) {
            0 => true,
            // Above the heap is where the break wants to go.
            far => far < NEAR && at >= span.start.0 && name == "heap" || far < NEAR && at >= RANDOM,
        };
        if !near {
            return None;
        }
        if name == "stack" {
            return Some("{stack}".to_owned());
        }
        let (sign, offset) = match at.checked_sub(span.start.0) {
            Some(above) => ('+', above),
            None => ('-', span.start.0 - at),
        };
        Some(format!("{{{name}{sign}{offset:#x}}}"))
    }

    /// Lines of a table with addresses in its first column: that column gets the width of the names, because how long
    /// an address is, is chance too.
    #[must_use]
    pub fn table(&self, lines: &[String]) -> Vec<String> {
        let is_row = |line: &&String| line.starts_with("0x");
        let first = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        let rows: Vec<String> = lines.iter().filter(is_row).map(|line| first(line)).collect();
        let old = rows.iter().map(String::len).max().unwrap_or(0).max("address".len());
        let named: Vec<String> = rows.iter().map(|at| self.addresses(at)).collect();
        let new = named.iter().map(String::len).max().unwrap_or(0);
        let line = |line: &String| match line.get(old..) {
            Some(rest) if line.starts_with("0x") || line.starts_with("address ") => {
                format!("{:<new$}{rest}", self.addresses(&first(line)))
            }
            _ => line.clone(),
        };
        lines.iter().map(line).collect()
    }

    /// The text with addresses named and times as `t7`.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.times(&self.addresses(text))
    }

    fn addresses(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find("0x") {
            let digits = &rest[at + 2..];
            let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            // An offset, and the end of a word, are no addresses.
            let begins = !rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '+');
            let value = u64::from_str_radix(&digits[..end], 16).ok().filter(|_| begins);
            out.push_str(&rest[..at]);
            match value.and_then(|value| self.name(value)) {
                Some(name) => out.push_str(&name),
                None => out.push_str(&rest[at..at + 2 + end]),
            }
            rest = &digits[end..];
        }
        out + rest
    }

    fn times(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find('+') {
            let digits = &rest[at + 1..];
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            out.push_str(&rest[..at]);
            match digits[end..].strip_prefix(".000s").filter(|_| end > 0) {
                Some(tail) => {
                    out.push('t');
                    out.push_str(&digits[..end]);
                    rest = tail;
                }
                None => {
                    out.push('+');
                    rest = digits;
                }
            }
        }
        out + rest
    }

    /// An address as it would be if each file lay 4 GiB above the one before: for a format whose addresses are
    /// numbers.
    #[must_use]
    pub fn placed(&self, at: Addr) -> Addr {
        let found = (1_u64..).zip(&self.anchors).find(|(_, (span, _))| span.contains(at));
        found.map_or(Addr(0), |(number, (span, _))| Addr((number << 32) + (at.0 - span.start.0)))
    }
}

/// What the kernel counted at some moment, which another run will not repeat.
fn is_measured(event: &Event) -> bool {
    matches!(event.kind, EventKind::Usage { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_named_by_what_is_near() {
        let maps = crate::maps::parse(
            "00400000-00426000 r-xp 00000000 08:01 7 /bin/a|b_c\n\
             00427000-00448000 rw-p 00000000 00:00 0 [heap]\n\
             7ffff7dd0000-7ffff7f00000 r-xp 00000000 08:01 8 /lib/libc.so.6\n\
             7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]\n",
        );
        let stable = Stable::new(&[], Some(&maps));
        for (text, expected) in [
            ("0x0000000000401000 in f (n=0x30)", "{a-b-c+0x1000} in f (n=0x30)"),
            ("[0x448000-0x449000]", "[{heap+0x21000}-{heap+0x22000}]"),
            (
                "0x7ffff7dcf000 0x7fffffffe000 x0x401000 f+0x401000",
                "{libc.so.6-0x1000} {stack} x0x401000 f+0x401000",
            ),
            ("at +7.000s, +0x5 +1.5s", "at t7, +0x5 +1.5s"),
            ("0x3ff000 0xffffffffffffffffff 0x", "0x3ff000 0xffffffffffffffffff 0x"),
        ] {
            assert_eq!(stable.text(text), expected);
        }
        let lines =
            ["address         size", "0x427000          4K", "0x7ffff7dd0000    5K", "▲"].map(str::to_owned);
        let wanted = ["address          size", "{heap+0x0}         4K", "{libc.so.6+0x0}    5K", "▲"];
        assert_eq!(stable.table(&lines), wanted);
        assert_eq!(stable.placed(Addr(0x7fff_f7dd_0010)), Addr((3 << 32) + 0x10));
        assert_eq!(stable.placed(Addr(0x10)), Addr(0));
    }
}
