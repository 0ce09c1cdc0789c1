//! What the user's keys, pastes and mouse do.
//!
//! Keys run *commands*: a line is made as if it had been typed, sent, and echoed in the transcript, so that
//! keys teach the language.

use std::time::Duration;

use super::keys::{self, Action, Code, Key, Motion};
use super::model::{Effect, Mode, Model, Mouse, Overlay, Pane, Phase, Question, Search, Shown};
use super::panes;
use super::transcript::Kind;
use super::update::{ask_for_values, leave, pump, submit};
use crate::session::protocol::Request;

/// Takes a key, in whatever mode.
pub fn key(model: &mut Model, key: Key, effects: &mut Vec<Effect>) {
    let card = std::mem::take(&mut model.card);
    if card && matches!(key.code, Code::Char(' ') | Code::Enter | Code::Esc) {
        return;
    }
    if model.mode == Mode::Terminal {
        return terminal_key(model, key, effects);
    }
    if key.ctrl && key.code == Code::Char('c') {
        return interrupt(model, effects);
    }
    if model.overlay.is_some() {
        return help_key(model, key, effects);
    }
    match model.mode {
        Mode::Command => command_key(model, key, effects),
        Mode::Search => search_key(model, key, effects),
        Mode::Navigate | Mode::Terminal => {
            if key.code == Code::Esc {
                model.zoom = None;
            } else if let Some(action) = keys::lookup(key, Some(model.focus)) {
                act(model, action, effects);
            }
        }
    }
}

/// Takes pasted text: on the command line each line of it is run in turn.
pub fn paste(model: &mut Model, text: &str, effects: &mut Vec<Effect>) {
    if model.mode == Mode::Terminal {
        effects.push(Effect::Type(bracketed(model, text)));
        return;
    }
    if model.mode != Mode::Command || model.overlay.is_some() {
        return;
    }
    let mut lines: Vec<&str> = text.lines().collect();
    if !text.ends_with('\n') || lines.len() <= 1 {
        // The last line is not ended, or there is only one: it waits to be looked at.
        model.editor.insert(lines.pop().unwrap_or_default());
    }
    for line in lines {
        submit(model, line, effects);
    }
}

fn bracketed(model: &Model, text: &str) -> Vec<u8> {
    if model.target.screen().bracketed_paste() {
        // An end mark inside the text would let its rest act as keys.
        return format!("\x1b[200~{}\x1b[201~", text.replace('\x1b', "")).into_bytes();
    }
    text.replace('\n', "\r").into_bytes()
}

/// Takes the mouse: a click focuses, the wheel scrolls what is under it.
pub fn mouse(model: &mut Model, mouse: Mouse, effects: &mut Vec<Effect>) {
    model.card = false;
    if model.overlay.is_some() {
        return;
    }
    let (Mouse::Press(column, row) | Mouse::WheelUp(column, row) | Mouse::WheelDown(column, row)) = mouse;
    let places = model.places();
    let Some(pane) = places.at(column, row) else {
        if places.prompt.is_some_and(|area| area.y == row) && matches!(mouse, Mouse::Press(..)) {
            model.mode = Mode::Command;
        }
        return;
    };
    match mouse {
        Mouse::WheelUp(..) => panes::wheel(model, pane, -3),
        Mouse::WheelDown(..) => panes::wheel(model, pane, 3),
        Mouse::Press(..) if pane == Pane::Command => model.mode = Mode::Command,
        Mouse::Press(..) => {
            focus(model, pane, effects);
            if let Some(area) = model.places().of(pane) {
                panes::click(model, pane, row.saturating_sub(area.y + 1));
            }
        }
    }
}

/// Answers the question that waits.
pub fn answer(model: &mut Model, text: Option<String>, effects: &mut Vec<Effect>) {
    match model.question.take() {
        Some(Question::Engine(prompt, _)) => {
            let shown = text.as_deref().unwrap_or("Quit");
            model.transcript.line(Kind::Echo, &format!("{prompt}{shown}"));
            effects.push(Effect::Send(Request::Answer { text }));
        }
        Some(Question::Quit) if text.is_some_and(|text| text.trim_start().starts_with(['y', 'Y'])) => {
            leave(model, effects);
        }
        Some(Question::Quit) => {
            model.transcript.line(Kind::Hint, "Not leaving.");
            pump(model, effects);
        }
        None => {}
    }
}

/// Takes the candidates for a completion, each a whole line.
pub fn complete(model: &mut Model, lines: &[String]) {
    const SHOWN: usize = 60;
    let before = model.editor.before_cursor().to_owned();
    let fits: Vec<&String> = lines.iter().filter(|line| line.starts_with(&before)).collect();
    let Some(first) = fits.first() else {
        if lines.is_empty() {
            model.transcript.line(Kind::Hint, &format!("Nothing completes \"{before}\"."));
        }
        return;
    };
    let common = fits.iter().fold(first.as_str(), |common, line| {
        let same = common.char_indices().zip(line.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
        &common[..same.unwrap_or(common.len().min(line.len()))]
    });
    if fits.len() == 1 {
        model.editor.complete(&format!("{common} "));
    } else if common.len() > before.len() {
        model.editor.complete(common);
    } else {
        let start = before.rfind(' ').map_or(0, |at| at + 1);
        let words: Vec<&str> = fits.iter().take(SHOWN).filter_map(|line| line.get(start..)).collect();
        model.transcript.line(Kind::Hint, &words.join("  "));
        if fits.len() > SHOWN {
            model.transcript.line(Kind::Hint, &format!("… {} more", fits.len() - SHOWN));
        }
    }
}

/// Suspends ourselves. The engine is a process of its own and goes on serving the target.
pub fn suspend(model: &Model, effects: &mut Vec<Effect>) {
    let fate = match model.phase {
        Phase::Running => "; the target runs on",
        Phase::Stopped(_) => "; the target stays stopped",
        Phase::Empty | Phase::Ended(..) | Phase::Detached(_) => "",
    };
    effects.push(Effect::Suspend(format!("brkwater suspended{fate}. \"fg\" comes back.")));
}

fn terminal_key(model: &mut Model, key: Key, effects: &mut Vec<Effect>) {
    let chord = key.ctrl && matches!(key.code, Code::Char(']' | '5'));
    if key.code == Code::F(12) || chord {
        model.mode = if model.question.is_some() { Mode::Command } else { Mode::Navigate };
    } else {
        effects.push(Effect::Type(key.bytes(model.target.screen().application_cursor())));
    }
}

/// Ctrl-C: pauses what runs; otherwise clears the line, as gdb does.
fn interrupt(model: &mut Model, effects: &mut Vec<Effect>) {
    const AGAIN: Duration = Duration::from_secs(1);
    if model.question.is_some() {
        model.editor.take();
        return answer(model, None, effects);
    }
    if model.is_running() || model.busy.is_some() {
        return pause(model, effects);
    }
    model.overlay = None;
    model.search = None;
    if model.mode == Mode::Search {
        model.mode = Mode::Navigate;
    }
    let again = model.cleared_at.is_some_and(|at| model.now.saturating_sub(at) < AGAIN);
    model.editor.take();
    model.transcript.line(Kind::Output, "Quit");
    if again {
        model.transcript.line(Kind::Hint, "Leave with q or Ctrl-D.");
    }
    model.cleared_at = Some(model.now);
}

fn pause(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.is_running() || model.busy.is_some() {
        model.pausing.get_or_insert(model.now);
        model.queue.clear();
        effects.push(Effect::Send(Request::Interrupt));
    } else {
        model.transcript.line(Kind::Hint, "The target does not run.");
    }
}

fn command_key(model: &mut Model, key: Key, effects: &mut Vec<Effect>) {
    match (key.code, key.ctrl) {
        (Code::Enter, _) | (Code::Char('j' | 'm'), true) => enter(model, effects),
        (Code::Esc, _) if model.editor.searching().is_none() => {
            model.mode = Mode::Navigate;
        }
        (Code::Tab, _) => ask_completion(model, effects),
        (Code::BackTab, _) => {}
        (Code::Char('d'), true) if model.editor.is_empty() => {
            if model.question.is_some() {
                answer(model, None, effects);
            } else {
                quit(model, effects);
            }
        }
        (Code::PageUp, _) => panes::page(model, Pane::Command, false),
        (Code::PageDown, _) => panes::page(model, Pane::Command, true),
        _ => match keys::lookup(key, None) {
            Some(action) => act(model, action, effects),
            None => {
                model.editor.key(key);
            }
        },
    }
}

fn enter(model: &mut Model, effects: &mut Vec<Effect>) {
    let typed = model.editor.take();
    model.transcript.to_bottom();
    if model.question.is_some() {
        return answer(model, Some(typed), effects);
    }
    // What is typed ahead of a command that will soon be done waits for its turn; a target may run for ever.
    if model.busy.is_some() && model.is_running() {
        model.transcript.line(Kind::Hint, "The target runs: Ctrl-C or F6 pauses it, then type again.");
        model.editor.set(&typed);
        return;
    }
    let line = if typed.trim().is_empty() {
        let Some(line) = model.repeat.clone() else { return };
        line
    } else {
        if model.editor.remember(&typed) {
            effects.push(Effect::Remember(typed.clone()));
        }
        typed
    };
    run(model, &line, effects);
}

/// Runs a line as if it had been typed.
fn run(model: &mut Model, line: &str, effects: &mut Vec<Effect>) {
    model.repeat = repeatable(line);
    submit(model, line, effects);
}

/// What an empty Enter runs after this line, in gdb's manner: steps and listings repeat, nothing else does.
fn repeatable(line: &str) -> Option<String> {
    let word = line.split([' ', '/']).next().unwrap_or_default();
    match word {
        "c" | "continue" | "fg" | "n" | "next" | "s" | "step" | "ni" | "nexti" | "si" | "stepi" | "u"
        | "until" | "up" | "down" | "finish" | "fin" | "advance" => Some(line.to_owned()),
        // A listing goes on where it ended: without its argument.
        "l" | "list" => Some(word.to_owned()),
        "x" => Some(line.split_whitespace().next().unwrap_or("x").to_owned()),
        _ => None,
    }
}

fn ask_completion(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.busy.is_some() || model.question.is_some() {
        return;
    }
    model.next_id += 1;
    model.completing = Some(model.next_id);
    let text = model.editor.before_cursor().to_owned();
    effects.push(Effect::Send(Request::Complete { id: model.next_id, text }));
}

fn search_key(model: &mut Model, key: Key, effects: &mut Vec<Effect>) {
    let Some(search) = &mut model.search else {
        model.mode = Mode::Navigate;
        return;
    };
    match key.code {
        Code::Esc => {
            model.search = None;
            model.mode = Mode::Navigate;
        }
        Code::Enter if search.typing => {
            search.typing = false;
            panes::find(model, true);
        }
        Code::Backspace if search.typing => {
            search.word.pop();
        }
        Code::Char(c) if search.typing && !key.ctrl && !key.alt => search.word.push(c),
        Code::Char('n') => panes::find(model, true),
        Code::Char('N') => panes::find(model, false),
        Code::Char('/') => model.search = Some(Search { word: String::new(), typing: true }),
        // Only movements and F-keys keep their meaning here; letters wait for Esc.
        Code::Char(_) => {}
        _ => {
            if let Some(action) = keys::lookup(key, Some(model.focus)) {
                act(model, action, effects);
            }
        }
    }
}

fn help_key(model: &mut Model, key: Key, effects: &mut Vec<Effect>) {
    let Some(Overlay::Help { filter, row }) = &mut model.overlay else { return };
    match key.code {
        Code::Esc | Code::F(1) => model.overlay = None,
        Code::Char('q') if filter.is_empty() => model.overlay = None,
        Code::Up => *row = row.saturating_sub(1),
        Code::Down => *row = (*row + 1).min(panes::help::entries(filter).len().saturating_sub(1)),
        Code::PageUp => *row = row.saturating_sub(10),
        Code::PageDown => *row = (*row + 10).min(panes::help::entries(filter).len().saturating_sub(1)),
        Code::Backspace => {
            filter.pop();
            *row = 0;
        }
        Code::Char(c) if !key.ctrl && !key.alt => {
            filter.push(c);
            *row = 0;
        }
        Code::Enter => {
            let chosen = panes::help::entries(filter).get(*row).copied();
            model.overlay = None;
            // A key that makes the target run is shown there and pressed here: never run from a list.
            if let Some(binding) = chosen
                && !matches!(binding.action, Action::Resume(_) | Action::Go | Action::UntilHere)
            {
                act(model, binding.action, effects);
            }
        }
        _ => {}
    }
}

fn act(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Command(line) => command(model, line, effects),
        Action::Resume(line) => command(model, line, effects),
        Action::Go => command(
            model,
            if model.is_live() || model.is_core() || model.state.moment.is_some() {
                "continue"
            } else {
                "run"
            },
            effects,
        ),
        Action::Pause => pause(model, effects),
        Action::Help => model.overlay = Some(Overlay::Help { filter: String::new(), row: 0 }),
        Action::Prefill(text) => {
            model.mode = Mode::Command;
            model.editor.set(text);
        }
        Action::ToggleBreakpoint => toggle_breakpoint(model, effects),
        Action::UntilHere => {
            if let Some(line) = source_spot(model) {
                command(model, &format!("advance {line}"), effects);
            }
        }
        Action::Focus(pane) => focus(model, pane, effects),
        Action::Cycle { forward } => cycle(model, forward, effects),
        Action::Zoom => model.zoom = if model.zoom.is_some() { None } else { Some(model.focused()) },
        Action::CommandLine => model.mode = Mode::Command,
        Action::Search => {
            model.mode = Mode::Search;
            model.search = Some(Search { word: String::new(), typing: true });
        }
        Action::Terminal => {
            focus(model, Pane::Target, effects);
            if model.target.exists {
                model.mode = Mode::Terminal;
            }
        }
        Action::Copy { all } => {
            let text = panes::copy(model, model.focus, all);
            let what = if all { "the pane" } else { "the row" };
            model.transcript.line(Kind::Hint, &format!("Copied {what} ({} bytes).", text.len()));
            effects.push(Effect::Copy(text));
        }
        Action::Mark(by) => panes::timeline::step(model, by),
        Action::Move(motion) => panes::motion(model, model.focus, motion),
        Action::Enter => {
            if let Some(line) = panes::enter(model, model.focus) {
                command(model, &line, effects);
            }
        }
        Action::Fold => model.folded = !model.folded,
        Action::Redraw => effects.push(Effect::Redraw),
        Action::Quit => quit(model, effects),
        Action::Suspend => suspend(model, effects),
    }
}

/// A line that a key stands for. It does not wait behind another: a key is meant for what is on the screen.
fn command(model: &mut Model, line: &str, effects: &mut Vec<Effect>) {
    if model.question.is_some() {
        model.transcript.line(Kind::Hint, "Answer the question first.");
        return;
    }
    if model.busy.is_some() {
        let hint = if model.is_running() {
            "The target runs: F6 pauses it."
        } else {
            "Still at work: Ctrl-C stops it."
        };
        model.transcript.line(Kind::Hint, hint);
        return;
    }
    run(model, line, effects);
}

fn quit(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.engine_gone {
        return leave(model, effects);
    }
    if model.question.is_some() {
        model.mode = Mode::Command;
        model.transcript.line(Kind::Hint, "Answer the question first.");
        return;
    }
    if model.busy.is_some() {
        model.question = Some(Question::Quit);
        model.mode = Mode::Command;
        return;
    }
    // The engine asks when something lives: its words are gdb's.
    model.mode = Mode::Command;
    run(model, "quit", effects);
}

fn focus(model: &mut Model, pane: Pane, effects: &mut Vec<Effect>) {
    if model.mode != Mode::Terminal || pane != Pane::Target {
        model.mode = Mode::Navigate;
    }
    model.search = None;
    model.focus = pane;
    if pane != Pane::Command {
        model.tab = pane;
    }
    if model.zoom.is_some() {
        model.zoom = Some(pane);
    }
    if pane == Pane::Values && model.views.registers == Shown::Unknown {
        ask_for_values(model, effects);
    }
}

fn cycle(model: &mut Model, forward: bool, effects: &mut Vec<Effect>) {
    let at = Pane::ALL.iter().position(|pane| *pane == model.focus).unwrap_or(0);
    let step = if forward { 1 } else { Pane::ALL.len() - 1 };
    focus(model, Pane::ALL[(at + step) % Pane::ALL.len()], effects);
}

/// `file:line` under the source cursor.
fn source_spot(model: &Model) -> Option<String> {
    let source = model.views.source.get()?;
    Some(format!("{}:{}", source.file, model.source_line))
}

fn toggle_breakpoint(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(spot) = source_spot(model) else {
        model.transcript.line(Kind::Hint, "No source line to put a breakpoint on.");
        return;
    };
    let line = model.source_line;
    let there =
        model.views.source.get().is_some_and(|view| view.breakpoints.iter().any(|(at, _)| *at == line));
    command(model, &format!("{} {spot}", if there { "clear" } else { "break" }), effects);
}

/// The motions that only the pane knows how to do are in [`panes`]; this is the distance of each.
#[must_use]
pub fn distance(motion: Motion, page: usize) -> isize {
    let page = isize::try_from(page.max(1)).unwrap_or(1);
    match motion {
        Motion::Up => -1,
        Motion::Down => 1,
        Motion::PageUp => -page,
        Motion::PageDown => page,
        Motion::Top => isize::MIN / 2,
        Motion::Bottom => isize::MAX / 2,
        Motion::Left | Motion::Right => 0,
    }
}
