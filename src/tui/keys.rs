//! Keys: their names, the one table that says what each does (the help screen prints the same table), and
//! how a key is written to the target's terminal.
//!
//! The law of the table: a *letter* that makes the target run stands in the Source pane only. It knows
//! nothing of the model.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::model::Pane;

/// A key press with its modifiers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which key.
    pub code: Code,
    /// Control was held.
    pub ctrl: bool,
    /// Alt (Meta) was held.
    pub alt: bool,
    /// Shift was held; never set for characters, which carry it themselves.
    pub shift: bool,
}

/// The keys that we know.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Code {
    Char(char),
    F(u8),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Insert,
    Home,
    End,
    PageUp,
    PageDown,
    Up,
    Down,
    Left,
    Right,
}

impl Key {
    /// A key without modifiers.
    #[must_use]
    pub fn plain(code: Code) -> Key {
        Key { code, ctrl: false, alt: false, shift: false }
    }

    /// Reads crossterm's event; releases and unknown keys are nothing.
    #[must_use]
    pub fn from_event(event: KeyEvent) -> Option<Key> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let code = match event.code {
            KeyCode::Char(c) => Code::Char(c),
            KeyCode::F(n) => Code::F(n),
            KeyCode::Enter => Code::Enter,
            KeyCode::Esc => Code::Esc,
            KeyCode::Tab => Code::Tab,
            KeyCode::BackTab => Code::BackTab,
            KeyCode::Backspace => Code::Backspace,
            KeyCode::Delete => Code::Delete,
            KeyCode::Insert => Code::Insert,
            KeyCode::Home => Code::Home,
            KeyCode::End => Code::End,
            KeyCode::PageUp => Code::PageUp,
            KeyCode::PageDown => Code::PageDown,
            KeyCode::Up => Code::Up,
            KeyCode::Down => Code::Down,
            KeyCode::Left => Code::Left,
            KeyCode::Right => Code::Right,
            _ => return None,
        };
        let shift =
            event.modifiers.contains(KeyModifiers::SHIFT) && !matches!(code, Code::Char(_) | Code::BackTab);
        Some(Key {
            code,
            ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
            alt: event.modifiers.contains(KeyModifiers::ALT),
            shift,
        })
    }

    /// The key's name as the table below spells it: `F5`, `S-F5`, `C-l`, `A-.`, `x`.
    #[must_use]
    pub fn name(self) -> String {
        let mut name = String::new();
        for (held, prefix) in [(self.ctrl, "C-"), (self.alt, "A-"), (self.shift, "S-")] {
            if held {
                name.push_str(prefix);
            }
        }
        match self.code {
            Code::Char(' ') => name.push_str("Space"),
            Code::Char(c) => name.push(c),
            Code::F(n) => name.push_str(&format!("F{n}")),
            Code::BackTab => name.push_str("S-Tab"),
            other => name.push_str(&format!("{other:?}")),
        }
        name
    }

    /// What a terminal sends for this key (xterm's encoding), for the target's terminal.
    #[must_use]
    pub fn bytes(self, application_cursor: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if self.alt {
            out.push(0x1b);
        }
        let cursor = |letter: u8| {
            if application_cursor { vec![0x1b, b'O', letter] } else { vec![0x1b, b'[', letter] }
        };
        match self.code {
            Code::Char(c) if self.ctrl => out.push(control_byte(c)),
            Code::Char(c) => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Code::Enter => out.push(b'\r'),
            Code::Esc => out.push(0x1b),
            Code::Tab => out.push(b'\t'),
            Code::BackTab => out.extend(b"\x1b[Z"),
            Code::Backspace => out.push(0x7f),
            Code::Delete => out.extend(b"\x1b[3~"),
            Code::Insert => out.extend(b"\x1b[2~"),
            Code::PageUp => out.extend(b"\x1b[5~"),
            Code::PageDown => out.extend(b"\x1b[6~"),
            Code::Home => out.extend(cursor(b'H')),
            Code::End => out.extend(cursor(b'F')),
            Code::Up => out.extend(cursor(b'A')),
            Code::Down => out.extend(cursor(b'B')),
            Code::Right => out.extend(cursor(b'C')),
            Code::Left => out.extend(cursor(b'D')),
            Code::F(n @ 1..=4) => out.extend([0x1b, b'O', b'P' + n - 1]),
            Code::F(n) => {
                let number = [15, 17, 18, 19, 20, 21, 23, 24].get(usize::from(n.saturating_sub(5)));
                out.extend(number.map(|n| format!("\x1b[{n}~")).unwrap_or_default().bytes());
            }
        }
        out
    }
}

/// The byte of Ctrl with a character. Terminals report Ctrl-\ ] ^ _ as Ctrl-4 5 6 7.
fn control_byte(c: char) -> u8 {
    match c {
        ' ' | '2' => 0,
        '3' => 0x1b,
        '4'..='7' => c as u8 - b'4' + 0x1c,
        '8' => 0x7f,
        _ => (c as u32 & 0x1f) as u8,
    }
}

/// What a key asks for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run this line of the command language; it leaves the target where it is.
    Command(&'static str),
    /// Run this line, which makes the target run.
    Resume(&'static str),
    /// `continue`, or `run` when nothing lives.
    Go,
    /// Pause the target.
    Pause,
    /// Show or leave the help screen.
    Help,
    /// Write the beginning of a line for the user to finish.
    Prefill(&'static str),
    /// Breakpoint on or off at the source cursor.
    ToggleBreakpoint,
    /// `advance` to the source cursor.
    UntilHere,
    /// Go to a pane.
    Focus(Pane),
    /// The next pane (or the one before).
    Cycle {
        /// Forward.
        forward: bool,
    },
    /// One pane over everything, or back.
    Zoom,
    /// To the command line.
    CommandLine,
    /// Search in the pane.
    Search,
    /// To the target's terminal.
    Terminal,
    /// Copy the row under the cursor, or the whole pane.
    Copy {
        /// The whole pane.
        all: bool,
    },
    /// The event mark before or after, `±1` or `±10`.
    Mark(i32),
    /// Move in the pane.
    Move(Motion),
    /// Do the obvious with what is under the cursor.
    Enter,
    /// Fold or unfold.
    Fold,
    /// Draw everything anew.
    Redraw,
    /// Leave brkwater (asks if a target lives).
    Quit,
    /// Suspend ourselves.
    Suspend,
}

/// A movement in a pane.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Motion {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

/// Where a binding holds.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere but in the target's terminal.
    Any,
    /// In NAV mode, whatever the pane.
    Nav,
    /// In NAV mode with this pane in focus; wins over [`Scope::Nav`].
    In(Pane),
}

/// One line of the key table.
#[derive(Copy, Clone, Debug)]
pub struct Binding {
    /// Where it holds.
    pub scope: Scope,
    /// The keys, by [`Key::name`]; help shows the first two.
    pub keys: &'static [&'static str],
    /// What it does.
    pub action: Action,
    /// For people: a few words.
    pub help: &'static str,
}

const fn bind(scope: Scope, keys: &'static [&'static str], action: Action, help: &'static str) -> Binding {
    Binding { scope, keys, action, help }
}

/// The whole table (the preset `gdb`).
pub const BINDINGS: &[Binding] = &{
    use Action::*;
    use Scope::{Any, In, Nav};
    [
        bind(Any, &["F1"], Help, "all keys"),
        bind(Any, &["F3"], Command("explain"), "explain this stop"),
        bind(Any, &["F4"], Prefill("export md "), "export…"),
        bind(Any, &["F5"], Go, "continue / run"),
        bind(Any, &["S-F5", "F17"], Command("kill"), "kill"),
        bind(Any, &["C-S-F5", "F41"], Resume("run"), "restart"),
        bind(Any, &["F6"], Pause, "pause"),
        bind(Any, &["F10", "F8"], Resume("next"), "next line"),
        bind(Any, &["F11", "F7"], Resume("step"), "step into"),
        bind(Any, &["S-F11", "S-F8", "F23", "F20"], Resume("finish"), "finish"),
        bind(Any, &["A-F10"], Resume("nexti"), "next instruction"),
        bind(Any, &["A-F11"], Resume("stepi"), "step instruction"),
        bind(Any, &["C-F10"], UntilHere, "run to the cursor"),
        bind(Any, &["F9"], ToggleBreakpoint, "breakpoint on/off"),
        bind(Any, &["C-Up"], Command("up"), "caller's frame"),
        bind(Any, &["C-Down"], Command("down"), "callee's frame"),
        bind(Any, &["F12"], Terminal, "target's terminal"),
        bind(Any, &["A-z"], Zoom, "zoom"),
        bind(Any, &["A-,"], Mark(-1), "event before"),
        bind(Any, &["A-."], Mark(1), "event after"),
        bind(Any, &["C-l"], Redraw, "redraw"),
        bind(Any, &["C-z"], Suspend, "suspend brkwater"),
        // SingleKey, as in gdb: the letters that run the target.
        bind(In(Pane::Source), &["c"], Go, "continue / run"),
        bind(In(Pane::Source), &["r"], Resume("run"), "run"),
        bind(In(Pane::Source), &["n"], Resume("next"), "next line"),
        bind(In(Pane::Source), &["s"], Resume("step"), "step into"),
        bind(In(Pane::Source), &["f"], Resume("finish"), "finish"),
        bind(In(Pane::Source), &["o"], Resume("nexti"), "next instruction"),
        bind(In(Pane::Source), &["i"], Resume("stepi"), "step instruction"),
        bind(In(Pane::Source), &["T"], UntilHere, "run to the cursor"),
        bind(In(Pane::Source), &["p"], Pause, "pause"),
        bind(In(Pane::Source), &["b", "Enter", "Space"], ToggleBreakpoint, "breakpoint on/off"),
        bind(In(Pane::Backtrace), &["Enter"], Enter, "select frame"),
        bind(In(Pane::Backtrace), &["f"], Fold, "fold / unfold"),
        bind(In(Pane::Timeline), &["Left", "h"], Mark(-1), "event before"),
        bind(In(Pane::Timeline), &["Right", "l"], Mark(1), "event after"),
        bind(In(Pane::Timeline), &["Enter"], Enter, "go there, in a recording"),
        bind(In(Pane::Calls), &["Enter"], Enter, "go there, in a recording"),
        bind(In(Pane::Timeline), &["d"], Command("diff"), "compare the marks"),
        bind(In(Pane::Target), &["Enter"], Terminal, "type to the target"),
        bind(In(Pane::Command), &["Enter"], CommandLine, "type a command"),
        bind(Nav, &["i"], CommandLine, "type a command"),
        bind(Nav, &[":"], CommandLine, "type a command"),
        bind(Nav, &["?"], Help, "all keys"),
        bind(Nav, &["/"], Search, "search in the pane"),
        bind(Nav, &["Up", "k"], Move(Motion::Up), "up"),
        bind(Nav, &["Down", "j"], Move(Motion::Down), "down"),
        bind(Nav, &["Left", "h"], Move(Motion::Left), "left"),
        bind(Nav, &["Right", "l"], Move(Motion::Right), "right"),
        bind(Nav, &["PageUp", "C-u"], Move(Motion::PageUp), "page up"),
        bind(Nav, &["PageDown", "C-d"], Move(Motion::PageDown), "page down"),
        bind(Nav, &["g", "Home"], Move(Motion::Top), "first row"),
        bind(Nav, &["G", "End"], Move(Motion::Bottom), "last row"),
        bind(Nav, &["u"], Command("up"), "caller's frame"),
        bind(Nav, &["d"], Command("down"), "callee's frame"),
        bind(Nav, &["v"], Command("info locals"), "locals"),
        bind(Nav, &["w"], Command("bt"), "backtrace as text"),
        bind(Nav, &["e"], Command("explain"), "explain this stop"),
        bind(Nav, &["E"], Prefill("export md "), "export…"),
        bind(Nav, &["m"], Command("mark"), "mark A, then B"),
        bind(Nav, &["["], Mark(-1), "event before"),
        bind(Nav, &["]"], Mark(1), "event after"),
        bind(Nav, &["{"], Mark(-10), "ten events before"),
        bind(Nav, &["}"], Mark(10), "ten events after"),
        bind(Nav, &["y"], Copy { all: false }, "copy the row"),
        bind(Nav, &["Y"], Copy { all: true }, "copy the pane"),
        bind(Nav, &["z"], Zoom, "zoom"),
        bind(Nav, &["Tab"], Cycle { forward: true }, "next pane"),
        bind(Nav, &["S-Tab"], Cycle { forward: false }, "pane before"),
        bind(Nav, &["1"], Focus(Pane::Source), "Source"),
        bind(Nav, &["2"], Focus(Pane::Backtrace), "Backtrace"),
        bind(Nav, &["3"], Focus(Pane::Heap), "Heap"),
        bind(Nav, &["4"], Focus(Pane::Timeline), "Timeline"),
        bind(Nav, &["5"], Focus(Pane::Command), "Command"),
        bind(Nav, &["6"], Focus(Pane::Target), "Target"),
        bind(Nav, &["7"], Focus(Pane::Calls), "memory calls"),
        bind(Nav, &["8"], Focus(Pane::Breakpoints), "Breakpoints"),
        bind(Nav, &["9"], Focus(Pane::Values), "registers, locals"),
        bind(Nav, &["q"], Quit, "quit"),
    ]
};

/// What a key does outside the target's terminal. `pane` is the focus in NAV mode, `None` on the command line.
#[must_use]
pub fn lookup(key: Key, pane: Option<Pane>) -> Option<Action> {
    let name = key.name();
    let find = |scope: Scope| {
        BINDINGS.iter().find(|b| b.scope == scope && b.keys.contains(&name.as_str())).map(|b| b.action)
    };
    match pane {
        Some(pane) => find(Scope::In(pane)).or_else(|| find(Scope::Nav)).or_else(|| find(Scope::Any)),
        None => find(Scope::Any),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_resume_only_in_the_source_pane() {
        for binding in BINDINGS {
            let resumes = matches!(binding.action, Action::Resume(_) | Action::Go | Action::UntilHere);
            let letter = binding.keys.iter().any(|key| key.chars().count() == 1 || *key == "Enter");
            if resumes && letter {
                assert_eq!(binding.scope, Scope::In(Pane::Source), "{binding:?}");
            }
        }
    }

    #[test]
    fn no_key_has_two_meanings_in_one_scope() {
        for (at, one) in BINDINGS.iter().enumerate() {
            for other in &BINDINGS[at + 1..] {
                let twice = one.keys.iter().find(|key| one.scope == other.scope && other.keys.contains(key));
                assert_eq!(twice, None, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn names_and_bytes() {
        let key = Key { code: Code::F(11), ctrl: false, alt: false, shift: true };
        assert_eq!(key.name(), "S-F11");
        assert_eq!(lookup(key, None), Some(Action::Resume("finish")));
        assert_eq!(Key { ctrl: true, ..Key::plain(Code::Char('c')) }.bytes(false), [3]);
        assert_eq!(Key { ctrl: true, ..Key::plain(Code::Char('5')) }.bytes(false), [0x1d]);
        assert_eq!(Key::plain(Code::Up).bytes(true), b"\x1bOA");
        assert_eq!(Key::plain(Code::F(12)).bytes(false), b"\x1b[24~");
        assert_eq!(Key::plain(Code::F(200)).bytes(false), b"");
    }
}
