//! The screen: a face of the engine for a terminal.
//!
//! [`model`] is what is shown, [`update`] what messages change in it, [`draw`] how it looks; all three are
//! pure and meet the world in [`term`]. The engine is known by [`crate::session::protocol`] alone, so a test
//! can be the engine. What it refuses to know: how a target is driven, and what a call meant.

pub mod act;
pub mod draw;
pub mod growth;
pub mod input;
pub mod keys;
pub mod layout;
pub mod model;
pub mod panes;
pub mod target;
pub mod term;
pub mod text;
pub mod theme;
pub mod transcript;
pub mod update;
pub mod words;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;

use anyhow::Context as _;

use crate::session::protocol::{Note, Request};
use model::Model;
use theme::{Depth, Theme};

/// The engine as the screen sees it. When `notes` ends, the engine is gone.
pub struct Engine {
    /// Says something to the engine.
    pub send: Box<dyn Fn(Request) + Send>,
    /// What it says.
    pub notes: Receiver<Note>,
}

/// What the command line decided.
#[derive(Default)]
pub struct TuiOptions {
    /// ASCII only (`--ascii`); otherwise the locale decides.
    pub ascii: bool,
    /// Colours, if that was said (`--color always|never`); otherwise `NO_COLOR` and the terminal decide.
    pub color: Option<bool>,
    /// `light` or `dark` (`--theme`); otherwise `COLORFGBG` decides, and dark where it is silent.
    pub theme: Option<String>,
    /// Lines that prepare the engine: they come first and are not shown, but what they say is.
    pub setup: Vec<String>,
    /// Lines to run first.
    pub lines: Vec<String>,
    /// What to call the program before the engine names it.
    pub title: String,
    /// The master side of the target's terminal, when brkwater made one; it should be 80x24.
    pub target: Option<File>,
    /// Where typed lines are kept; see [`default_history`].
    pub history: Option<PathBuf>,
    /// SIGTERM, SIGHUP, SIGQUIT and SIGTSTP, from `kernel::signals::watch`.
    pub signals: Option<Receiver<i32>>,
}

/// Runs the screen until the user leaves. Returns the exit status for the program.
///
/// # Errors
/// When there is no terminal that can be taken.
pub fn run(engine: Engine, options: TuiOptions) -> anyhow::Result<u8> {
    let theme = choose_theme(&options, |name| std::env::var(name).ok());
    let known = options.history.as_deref().map(std::fs::read_to_string);
    let first_start = matches!(known, Some(Err(_)));
    let history = known.and_then(Result::ok).unwrap_or_default();
    let mut model =
        Model::new(&options.title, history.lines().map(str::to_owned).collect(), options.target.is_some());
    model.setup = options.setup.into();
    model.queue = options.lines.into();
    model.card = first_start;
    if let Some(parent) = options.history.as_deref().and_then(std::path::Path::parent) {
        // Without the directory there is no history; everything else works.
        let _ = std::fs::create_dir_all(parent);
    }
    if let (true, Some(path)) = (first_start, &options.history) {
        // From now on it is not the first start any more.
        let _ = std::fs::OpenOptions::new().create(true).append(true).open(path);
    }
    let outside =
        term::Outside { target: options.target, history: options.history, signals: options.signals };
    term::run(model, theme, engine, outside).context("could not take the terminal; try --no-tui")
}

/// Where typed lines are kept: `$XDG_STATE_HOME/brkwater/history`, or below `~/.local/state`.
#[must_use]
pub fn default_history() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    Some(state.join("brkwater/history"))
}

fn choose_theme(options: &TuiOptions, variable: impl Fn(&str) -> Option<String>) -> Theme {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let colours = options.color.unwrap_or_else(|| {
        set("CLICOLOR_FORCE").is_some_and(|value| value != "0") || set("NO_COLOR").is_none()
    });
    let term = set("TERM").unwrap_or_default();
    let direct = set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
    let depth = match () {
        () if !colours || (term == "dumb" && options.color.is_none()) => Depth::None,
        () if direct || term.ends_with("-direct") => Depth::True,
        () if term.contains("256color") => Depth::Indexed,
        () => Depth::Sixteen,
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    let light = match options.theme.as_deref() {
        Some(name) => name == "light",
        // `foreground;background`, set by some terminals: 7 and 15 are white.
        None => set("COLORFGBG").is_some_and(|value| matches!(value.rsplit(';').next(), Some("7" | "15"))),
    };
    Theme { depth, light, ascii: options.ascii || !utf8 }
}
