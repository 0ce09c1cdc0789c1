//! The real terminal and the loop: the only part of the screen that does things.
//!
//! Threads read keys, the engine's notes and the target's terminal into one bounded channel, whose order is
//! the order of things; the loop folds what came and draws at most thirty times a second. A slow terminal so
//! costs frames, never a record. However the program ends, the terminal is given back as it was found.

use std::fs::File;
use std::io::{self, BufWriter, Read, Stdout, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, MouseButton, MouseEventKind};
use crossterm::{cursor, execute, terminal};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

use super::draw::draw;
use super::keys::Key;
use super::model::{Effect, Model, Mouse, Msg};
use super::theme::Theme;
use super::update::{start, update};
use super::{Engine, target};
use crate::kernel::signals;
use crate::session::protocol::{Note, Request};

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(33);
/// How long messages are folded before a frame that is due is drawn.
const FOLDING: Duration = Duration::from_millis(12);
/// How often the clock on the screen moves and the terminal is looked after.
const TICK: Duration = Duration::from_secs(1);
/// How long the engine has to close after it was told to quit.
const FAREWELL: Duration = Duration::from_secs(3);
/// How many messages may wait; whoever sends more is slowed down.
const WAITING: usize = 4096;

/// What the loop works with, besides model and engine.
pub struct Outside {
    /// The master side of the target's terminal.
    pub target: Option<File>,
    /// Where typed lines are kept.
    pub history: Option<PathBuf>,
    /// Signals that were sent to us (SIGTERM, SIGHUP, SIGTSTP).
    pub signals: Option<Receiver<i32>>,
}

/// Runs the screen until the user leaves or the terminal is gone. Returns the exit status.
///
/// # Errors
/// When the terminal cannot be taken at all.
pub fn run(model: Model, theme: Theme, engine: Engine, outside: Outside) -> io::Result<u8> {
    let screen = Screen::take()?;
    let (sender, receiver) = sync_channel(WAITING);
    spawn_readers(&sender, engine.notes, outside.signals, outside.target.as_ref());
    let keyboard = outside.target.map(spawn_writer);
    let mut run = Loop {
        model,
        theme,
        screen,
        receiver,
        send: engine.send,
        keyboard,
        history: outside.history,
        began: Instant::now(),
        leaving: None,
        panics: std::env::var_os("BRKWATER_TEST_PANIC").is_some_and(|place| place == "draw"),
    };
    let status = run.go();
    drop(run.screen);
    Ok(status)
}

struct Loop {
    model: Model,
    theme: Theme,
    screen: Screen,
    receiver: Receiver<Msg>,
    send: Box<dyn Fn(Request) + Send>,
    keyboard: Option<Sender<Vec<u8>>>,
    history: Option<PathBuf>,
    began: Instant,
    leaving: Option<u8>,
    /// A test wants to see what becomes of the terminal when drawing panics.
    panics: bool,
}

impl Loop {
    fn go(&mut self) -> u8 {
        let (columns, rows) = terminal::window_size().map_or((80, 24), |size| (size.columns, size.rows));
        self.model.size = (columns, rows);
        let first = start(&mut self.model);
        self.perform(first);
        let mut dirty = true;
        let mut drawn = None::<Instant>;
        let mut looked = Instant::now();
        while self.leaving.is_none() {
            let wait = match drawn {
                _ if !dirty => TICK,
                Some(at) => FRAME.saturating_sub(at.elapsed()),
                None => Duration::ZERO,
            };
            match self.receiver.recv_timeout(wait) {
                Ok(msg) => {
                    self.fold(msg);
                    dirty = true;
                }
                Err(RecvTimeoutError::Timeout) => dirty |= self.model.is_running(),
                Err(RecvTimeoutError::Disconnected) => self.fold(Msg::Leave),
            }
            // A terminal that hangs up without a signal is noticed here: crossterm's reader does not tell.
            if looked.elapsed() >= TICK {
                looked = Instant::now();
                if terminal::window_size().is_err() {
                    self.fold(Msg::Leave);
                }
            }
            if dirty && self.leaving.is_none() && drawn.is_none_or(|at| at.elapsed() >= FRAME) {
                self.fold(Msg::Clock(self.began.elapsed()));
                assert!(!self.panics, "a panic while drawing, as BRKWATER_TEST_PANIC asks for");
                if self.screen.show(&self.model, &self.theme).is_err() {
                    self.fold(Msg::Leave);
                }
                drawn = Some(Instant::now());
                dirty = false;
            }
        }
        self.farewell();
        self.leaving.unwrap_or(0)
    }

    /// Folds a message and those that wait behind it, for a short while.
    fn fold(&mut self, msg: Msg) {
        let until = Instant::now() + FOLDING;
        let mut next = Some(msg);
        while let Some(msg) = next {
            if matches!(msg, Msg::Key(_)) {
                self.model.now = self.began.elapsed();
            }
            let effects = update(&mut self.model, msg);
            self.perform(effects);
            if self.leaving.is_some() || Instant::now() >= until {
                return;
            }
            next = self.receiver.try_recv().ok();
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(request) => (self.send)(request),
                Effect::Type(bytes) => {
                    // A target whose terminal is closed hears nothing; that is no error of ours.
                    let _ = self.keyboard.as_ref().map(|keyboard| keyboard.send(bytes));
                }
                Effect::Copy(text) => self.screen.copy(&text),
                Effect::Remember(line) => self.remember(&line),
                Effect::Suspend(word) => self.screen.suspend(&word),
                Effect::Redraw => self.screen.forget(),
                Effect::Leave(status) => self.leaving = Some(status),
            }
        }
    }

    fn remember(&self, line: &str) {
        let Some(path) = &self.history else { return };
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        // A history that cannot be written is a pity, not an error.
        if let Ok(mut file) = file {
            let _ = writeln!(file, "{line}");
        }
    }

    /// Waits until the engine has closed, so that what it launched is dead before we are.
    fn farewell(&mut self) {
        let until = Instant::now() + FAREWELL;
        if self.model.engine_gone {
            return;
        }
        loop {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return };
            match self.receiver.recv_timeout(left) {
                Ok(Msg::EngineGone) | Err(_) => return,
                Ok(msg) => {
                    if let Msg::Note(note) = msg
                        && let Note::Sync(number) = *note
                    {
                        (self.send)(Request::Synced(number));
                    }
                }
            }
        }
    }
}

fn spawn_readers(
    sender: &SyncSender<Msg>,
    notes: Receiver<Note>,
    signals: Option<Receiver<i32>>,
    target: Option<&File>,
) {
    let to = sender.clone();
    thread::spawn(move || read_keys(&to));
    let to = sender.clone();
    thread::spawn(move || {
        for note in notes {
            if to.send(Msg::Note(Box::new(note))).is_err() {
                return;
            }
        }
        let _ = to.send(Msg::EngineGone);
    });
    if let Some(signals) = signals {
        let to = sender.clone();
        thread::spawn(move || {
            for signal in signals {
                let msg = match signal {
                    signals::SIGTSTP => Msg::Suspend,
                    signals::SIGTERM | signals::SIGHUP | signals::SIGQUIT => Msg::Leave,
                    _ => continue,
                };
                if to.send(msg).is_err() {
                    return;
                }
            }
        });
    }
    if let Some(mut target) = target.and_then(|target| target.try_clone().ok()) {
        let to = sender.clone();
        thread::spawn(move || read_target(&mut target, &to));
    }
}

fn read_keys(to: &SyncSender<Msg>) {
    loop {
        let msg = match event::read() {
            Ok(Event::Key(key)) => Key::from_event(key).map(Msg::Key),
            Ok(Event::Paste(text)) => Some(Msg::Paste(text)),
            Ok(Event::Resize(columns, rows)) => Some(Msg::Size(columns, rows)),
            Ok(Event::Mouse(mouse)) => match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => Some(Mouse::Press(mouse.column, mouse.row)),
                MouseEventKind::ScrollUp => Some(Mouse::WheelUp(mouse.column, mouse.row)),
                MouseEventKind::ScrollDown => Some(Mouse::WheelDown(mouse.column, mouse.row)),
                _ => None,
            }
            .map(Msg::Mouse),
            Ok(Event::FocusGained | Event::FocusLost) => None,
            Err(_) => {
                let _ = to.send(Msg::Leave);
                return;
            }
        };
        if msg.is_some_and(|msg| to.send(msg).is_err()) {
            return;
        }
    }
}

/// Reads the target's terminal. `EIO` says that nobody has its other side open: a target that is started
/// later opens it again, so the reader tries again now and then.
fn read_target(target: &mut File, to: &SyncSender<Msg>) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        match target.read(&mut bytes) {
            Ok(0) | Err(_) => thread::sleep(Duration::from_millis(50)),
            Ok(count) => {
                if to.send(Msg::Output(bytes[..count].to_vec())).is_err() {
                    return;
                }
            }
        }
    }
}

/// Types into the target's terminal on a thread of its own: a target that does not read blocks only this.
fn spawn_writer(mut target: File) -> Sender<Vec<u8>> {
    let (sender, receiver) = channel::<Vec<u8>>();
    thread::spawn(move || {
        for bytes in receiver {
            if target.write_all(&bytes).is_err() {
                thread::sleep(Duration::from_millis(10));
            }
        }
    });
    sender
}

/// Whether the terminal is ours at the moment.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours: raw, on its other page. Dropping it gives it back.
struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    fn take() -> io::Result<Screen> {
        // Colours are decided by our theme; crossterm's own NO_COLOR would take bold away with them.
        crossterm::style::force_color_output(true);
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !target::is_contained() {
                give_back();
                previous(info);
            }
        }));
        enter()?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout()));
        match Terminal::new(backend) {
            Ok(terminal) => Ok(Screen { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    fn show(&mut self, model: &Model, theme: &Theme) -> io::Result<()> {
        self.terminal.draw(|frame| draw(model, theme, frame)).map(|_| ())
    }

    /// The next frame is drawn whole. (Not by `clear`, which asks the terminal where its cursor is and would
    /// wait for an answer that the reader of keys takes away.)
    fn forget(&mut self) {
        let size = self.terminal.size().unwrap_or_default();
        let _ = self.terminal.resize(Rect::new(0, 0, size.width, size.height));
    }

    fn suspend(&mut self, word: &str) {
        give_back();
        let _ = writeln!(io::stdout(), "{word}");
        signals::suspend();
        // An error here shows at the next frame, which ends the loop.
        let _ = enter();
        self.forget();
    }

    /// OSC 52: the terminal puts the text on the clipboard, also through ssh.
    fn copy(&mut self, text: &str) {
        let mut out = io::stdout();
        let _ = write!(out, "\x1b]52;c;{}\x07", base64(text.as_bytes()));
        let _ = out.flush();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(
        io::stdout(),
        terminal::EnterAlternateScreen,
        event::EnableBracketedPaste,
        event::EnableMouseCapture
    )
    .inspect_err(|_| give_back())
}

/// Gives the terminal back; harmless when it is not ours, and when it is gone.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(
        io::stdout(),
        event::DisableMouseCapture,
        event::DisableBracketedPaste,
        terminal::LeaveAlternateScreen,
        cursor::Show
    );
    let _ = terminal::disable_raw_mode();
}

/// Base64 (RFC 4648), as OSC 52 wants it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= group.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_the_rfc_has_it() {
        let shown = ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes()));
        assert_eq!(shown, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }
}
