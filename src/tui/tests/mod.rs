//! The screen against a fake engine: the case of the lua module's page in the way of the break, told in
//! made-up events, drawn at several sizes; and random keys, sizes and notes.

mod case;
mod fuzz;
mod keys;
mod screens;

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::draw::draw;
use super::keys::{Code, Key};
use super::model::{Effect, Model, Msg};
use super::theme::{Depth, Theme};
use super::update::{start, update};
use crate::session::protocol::{Note, Request};

/// A model with an engine that only listens.
pub(crate) struct Face {
    pub(crate) model: Model,
    /// What was asked of the outside, in order.
    pub(crate) effects: Vec<Effect>,
}

impl Face {
    pub(crate) fn new(size: (u16, u16)) -> Face {
        let mut model = Model::new("nginx", Vec::new(), true);
        model.size = size;
        let mut face = Face { model, effects: Vec::new() };
        face.effects = start(&mut face.model);
        face
    }

    pub(crate) fn tell(&mut self, msg: Msg) {
        self.effects.extend(update(&mut self.model, msg));
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.tell(Msg::Note(Box::new(note)));
    }

    pub(crate) fn key(&mut self, name: &str) {
        self.tell(Msg::Key(named(name)));
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        for c in line.chars() {
            self.tell(Msg::Key(Key::plain(Code::Char(c))));
        }
        self.key("Enter");
    }

    /// The lines of the command language sent so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |effect: &Effect| match effect {
            Effect::Send(Request::Line { text, .. }) => Some(text.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(line).collect()
    }

    pub(crate) fn clock(&mut self, millis: u64) {
        self.tell(Msg::Clock(Duration::from_millis(millis)));
    }

    pub(crate) fn draw(&self, theme: &Theme) -> Buffer {
        let (columns, rows) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| draw(&self.model, theme, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    /// The screen as text, trailing blanks kept away.
    pub(crate) fn screen(&self, ascii: bool) -> String {
        let theme = Theme { depth: Depth::None, light: false, ascii };
        text_of(&self.draw(&theme))
    }
}

/// The symbols of a buffer, row by row.
pub(crate) fn text_of(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let row: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

/// A key by its name: `F5`, `C-c`, `Esc`, `x`.
pub(crate) fn named(name: &str) -> Key {
    let mut key = Key::plain(Code::Esc);
    let mut rest = name;
    while let Some((prefix, more)) =
        rest.split_once('-').filter(|(prefix, more)| prefix.len() == 1 && !more.is_empty())
    {
        match prefix {
            "C" => key.ctrl = true,
            "A" => key.alt = true,
            "S" => key.shift = true,
            other => panic!("no modifier {other}"),
        }
        rest = more;
    }
    key.code = match rest {
        "Enter" => Code::Enter,
        "Esc" => Code::Esc,
        "Tab" => Code::Tab,
        "Up" => Code::Up,
        "Down" => Code::Down,
        "PageUp" => Code::PageUp,
        "PageDown" => Code::PageDown,
        "Backspace" => Code::Backspace,
        "End" => Code::End,
        _ if rest.len() > 1 && rest.starts_with('F') => Code::F(rest[1..].parse().unwrap()),
        _ => Code::Char(rest.chars().next().unwrap()),
    };
    key
}
