//! Colours by meaning, for every depth of colour, and the plain alphabet for terminals without Unicode.
//!
//! Text keeps the terminal's own foreground and background. Colour never carries a meaning alone: a glyph or
//! a word stands beside it, so taking the colour away (`NO_COLOR`) takes nothing else.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::heap::story::RegionKind;

/// How many colours the terminal shows.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Depth {
    /// None: bold, reverse and underline only.
    None,
    /// The sixteen of old, which the user's terminal defines.
    Sixteen,
    /// The xterm cube of 256.
    Indexed,
    /// 24 bits.
    True,
}

/// What a thing on the screen is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Role {
    Text,
    Dim,
    Title,
    Strong,
    Frame,
    Focus,
    Running,
    Stopped,
    Error,
    Echo,
    Hint,
    Cursor,
    Heap,
    Top,
    Blocker,
    Fallback,
    Match,
}

/// The palette.
#[derive(Copy, Clone, Debug)]
pub struct Theme {
    /// How many colours there are.
    pub depth: Depth,
    /// For a light background.
    pub light: bool,
    /// ASCII only.
    pub ascii: bool,
}

impl Theme {
    /// The style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        let plain = Style::new();
        let style = match role {
            Role::Text => plain,
            Role::Dim | Role::Frame => plain.add_modifier(Modifier::DIM),
            Role::Title | Role::Strong | Role::Focus | Role::Echo => plain.add_modifier(Modifier::BOLD),
            Role::Hint => plain.add_modifier(Modifier::ITALIC),
            Role::Cursor | Role::Match => plain.add_modifier(Modifier::REVERSED),
            Role::Running | Role::Stopped => plain.add_modifier(Modifier::BOLD),
            Role::Error => plain.add_modifier(Modifier::BOLD),
            Role::Blocker => plain.add_modifier(Modifier::BOLD | Modifier::REVERSED),
            Role::Heap | Role::Top | Role::Fallback => plain,
        };
        match self.hue(role) {
            Some(hue) => style.fg(hue),
            None => style,
        }
    }

    /// The style of a region of the address space.
    #[must_use]
    pub fn region(&self, kind: RegionKind) -> Style {
        self.style(match kind {
            RegionKind::Heap => Role::Heap,
            RegionKind::Blocker => Role::Blocker,
            RegionKind::Fallback => Role::Fallback,
            RegionKind::MmapChunk | RegionKind::Arena => Role::Strong,
            RegionKind::Gap => Role::Dim,
            _ => Role::Text,
        })
    }

    /// The four hues keep apart under the common kinds of colour blindness (simulated), on dark and on light.
    fn hue(&self, role: Role) -> Option<Color> {
        let (dark, light, sixteen) = match role {
            Role::Heap | Role::Focus => ((0x56, 0xB4, 0xE9), (0x00, 0x50, 0xB5), Color::Cyan),
            Role::Top | Role::Running => ((0xB7, 0xE3, 0xC4), (0x4A, 0x8A, 0x8A), Color::Green),
            Role::Blocker | Role::Error => ((0xE0, 0x45, 0x0A), (0x8E, 0x16, 0x00), Color::LightRed),
            Role::Fallback | Role::Stopped => ((0xF0, 0xC8, 0x38), (0xB0, 0x78, 0x00), Color::Yellow),
            _ => return None,
        };
        let (red, green, blue) = if self.light { light } else { dark };
        match self.depth {
            Depth::None => None,
            Depth::Sixteen => Some(sixteen),
            Depth::Indexed => Some(Color::Indexed(cube(red) * 36 + cube(green) * 6 + cube(blue) + 16)),
            Depth::True => Some(Color::Rgb(red, green, blue)),
        }
    }

    /// The last touch on a drawn screen: takes colours that do not belong (the target's own, without colour)
    /// and, in ASCII mode, every character that is not ASCII.
    pub fn finish(&self, buffer: &mut Buffer) {
        if self.depth != Depth::None && !self.ascii {
            return;
        }
        for cell in &mut buffer.content {
            if self.depth == Depth::None {
                cell.fg = Color::Reset;
                cell.bg = Color::Reset;
                cell.underline_color = Color::Reset;
            }
            if self.ascii && !cell.symbol().is_ascii() {
                let plain = cell.symbol().chars().next().map_or(' ', plain);
                cell.set_char(plain);
            }
        }
    }
}

/// The step of xterm's colour cube (0, 95, 135, 175, 215, 255) that is nearest.
fn cube(level: u8) -> u8 {
    match level {
        0..48 => 0,
        48..115 => 1,
        _ => (level - 35) / 40,
    }
}

/// The ASCII character that stands for one of ours, or `?`.
#[must_use]
pub fn plain(c: char) -> char {
    match c {
        '╔' | '╗' | '╚' | '╝' | '║' | '█' | '▇' | '▆' => '#',
        '═' | '▓' | '▅' | '▄' => '=',
        '┌' | '┐' | '└' | '┘' | '├' => '+',
        '─' | '▃' | '▂' | '·' => '-',
        '▁' => '_',
        '│' => '|',
        '▲' => '^',
        '▼' => 'v',
        '▶' | '▸' | '→' => '>',
        '◂' => '<',
        '■' | '●' => '*',
        '○' => 'o',
        '◆' => 'X',
        '✗' => '!',
        '⋯' => ':',
        '…' => '~',
        '×' => 'x',
        '░' | '┄' => '.',
        '▒' => 'o',
        '▚' => 'm',
        '▞' => 'a',
        '▤' => 'f',
        '╳' => '%',
        '↑' => '^',
        '↓' => 'v',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_the_emphasis_stays() {
        let theme = Theme { depth: Depth::None, light: false, ascii: false };
        let style = theme.style(Role::Blocker);
        assert_eq!(style.fg, None);
        assert!(style.add_modifier.contains(Modifier::BOLD | Modifier::REVERSED));
        assert!(theme.style(Role::Error).add_modifier.contains(Modifier::BOLD));
    }

    #[test]
    fn every_glyph_of_the_strip_has_a_plain_form() {
        use crate::heap::story::strip::Glyphs;
        for kind in [RegionKind::Heap, RegionKind::Blocker, RegionKind::Fallback, RegionKind::Gap] {
            assert_eq!(plain(Glyphs::Unicode.of(kind)), Glyphs::Ascii.of(kind));
        }
    }
}
