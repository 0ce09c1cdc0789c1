//! What is current in the source: the frame or the part of a file that was shown last ([`SourceState`]), from which
//! `list`, `break` and `info line` go on.

use super::error::Done;
use super::shell::Shell;
use super::sourcetext::{SourceFile, Texts, visible};
use crate::addr::Addr;
use crate::scene::view::FrameView;
use crate::session::Selection;
use crate::symbols::Linespec;

/// Where `list` goes on, and what was displayed.
#[derive(Default)]
pub(super) struct SourceState {
    /// The file and the line from which `list` goes on.
    pub(super) current: Option<(SourceFile, u32)>,
    /// Nothing was listed yet since the current line was chosen: `list` shows what is around it.
    pub(super) fresh: bool,
    /// The first line of what was listed last.
    pub(super) first: u32,
    /// What `search` looked for last.
    pub(super) sought: String,
    displayed: Option<(Selection, Displayed)>,
    /// The file that was looked at last, and whether it is missing.
    pub(super) visited: Option<(SourceFile, bool)>,
    pub(super) texts: Texts,
}

/// The frame that was shown last.
pub(super) struct Displayed {
    /// Its pc.
    pub(super) pc: Addr,
    /// Its place in the source, if it has one.
    pub(super) line: Option<(SourceFile, u32)>,
}

impl SourceState {
    /// What was shown of the process that is looked at.
    pub(super) fn displayed(&self, now: Option<Selection>) -> Option<&Displayed> {
        let (then, displayed) = self.displayed.as_ref()?;
        (now?.pid == then.pid).then_some(displayed)
    }
}

/// The source file of a frame.
pub(super) fn file_of(view: &FrameView) -> Option<SourceFile> {
    Some(SourceFile { name: view.file.clone()?, full: view.full_path.clone() })
}

/// Makes a frame's place the one that `list` and `break` begin from.
pub(super) fn set_current(shell: &mut Shell, view: &FrameView) {
    let line = file_of(view).zip(view.line);
    if let Some(selection) = shell.session.selection() {
        let displayed = Displayed { pc: view.address, line: line.clone() };
        shell.source.displayed = Some((selection, displayed));
    }
    if line.is_some() {
        shell.source.current = line;
        shell.source.fresh = true;
    }
}

/// The current file and line; before anything was shown it is the file of `main`, a little above it.
pub(super) fn current(shell: &mut Shell) -> Option<(SourceFile, u32)> {
    if shell.source.current.is_none() {
        let main = Linespec::Function { file: None, module: None, name: "main".to_owned() };
        let found = shell.session.with_scene(|scene, _| {
            let sites = scene.modules.resolve(&main, None, scene.memory()).ok()?;
            scene.source_at(sites.first()?.address)
        });
        let lines = shell.options.listsize;
        shell.source.current = found.map(|place| {
            let above = place.line.saturating_sub(lines.saturating_sub(1)).max(1);
            (SourceFile { name: place.file, full: place.full_path }, above)
        });
        shell.source.fresh = true;
    }
    shell.source.current.clone()
}

/// Prints `count` lines of a file from `first` on, and goes on behind them with the next `list`.
///
/// # Errors
/// When the file has no such line. A file that is missing is told and no error.
pub(super) fn print_lines(shell: &mut Shell, file: &SourceFile, first: u32, count: u32) -> Done {
    let known_missing = matches!(&shell.source.visited, Some((last, true)) if last == file);
    let text = shell.source.texts.of(file);
    shell.source.visited = Some((file.clone(), text.is_err()));
    shell.source.current = Some((file.clone(), first));
    (shell.source.first, shell.source.fresh) = (first, false);
    let name = &file.name;
    let text = match text {
        Ok(text) => text,
        Err(_) if known_missing => {
            shell.say(format!("{first}\tin {name}"));
            return Ok(());
        }
        Err(why) => {
            shell.complain(format!("{first}\t{name}: {why}."));
            return Ok(());
        }
    };
    if count == 0 {
        return Ok(());
    }
    if first > text.count() || first == 0 {
        let lines = text.count();
        return Err(super::CommandError::say(format!(
            "Line number {first} out of range; {name} has {lines} lines."
        )));
    }
    let mut out = String::new();
    let mut next = first;
    while let Some(line) = text.line(next).filter(|_| next - first < count) {
        out.push_str(&format!("{next}\t{}\n", visible(line)));
        next += 1;
    }
    shell.put(out);
    shell.source.current = Some((file.clone(), next));
    Ok(())
}
