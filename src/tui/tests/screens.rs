//! What the user sees, cell by cell.

use ratatui::style::Modifier;

use super::case::{Teller, run, stop};
use super::*;

const SIZES: [(u16, u16); 3] = [(60, 16), (80, 24), (120, 40)];

fn check(name: &str, build: impl Fn(&mut Face)) {
    for (columns, rows) in SIZES {
        let mut face = Face::new((columns, rows));
        build(&mut face);
        let unicode = face.screen(false);
        insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), unicode);
        let ascii = face.screen(true);
        assert!(ascii.is_ascii(), "{ascii}");
        insta::assert_snapshot!(format!("{name}_{columns}x{rows}_ascii"), ascii);
    }
}

#[test]
fn start_screen() {
    check("start", |_| {});
}

#[test]
fn first_start() {
    check("card", |face| face.model.card = true);
}

#[test]
fn running() {
    check("running", |face| {
        run(face, &mut Teller::new(), 12);
        face.tell(Msg::Output(b"nginx: [warn] could not build optimal types_hash\r\n".to_vec()));
    });
}

#[test]
fn stopped_at_mmap() {
    check("stopped", |face| {
        let mut teller = Teller::new();
        run(face, &mut teller, 37);
        stop(face, &mut teller);
    });
}

#[test]
fn backtrace_in_focus() {
    check("backtrace", |face| {
        let mut teller = Teller::new();
        run(face, &mut teller, 37);
        stop(face, &mut teller);
        face.key("Esc");
        face.key("2");
        face.key("Down");
    });
}

#[test]
fn heap_zoomed() {
    check("heap", |face| {
        let mut teller = Teller::new();
        run(face, &mut teller, 37);
        stop(face, &mut teller);
        face.key("Esc");
        face.key("3");
        face.key("z");
    });
}

#[test]
fn help() {
    check("help", |face| {
        face.key("F1");
        "brea".chars().for_each(|c| face.key(&c.to_string()));
    });
}

#[test]
fn error() {
    check("error", |face| {
        face.type_line("print nosuch");
        let text = "No symbol \"nosuch\" in current context.\n".to_owned();
        face.note(Note::Output { text, error: true });
        super::case::done(face, false);
    });
}

#[test]
fn styles_of_the_stop() {
    let mut face = Face::new((80, 24));
    let mut teller = Teller::new();
    run(&mut face, &mut teller, 3);
    stop(&mut face, &mut teller);
    let buffer = face.draw(&Theme { depth: Depth::True, light: false, ascii: false });
    let mut runs = String::new();
    for y in 0..buffer.area.height {
        let mut last = None;
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = (cell.fg, cell.bg, cell.modifier);
            if last != Some(style) {
                runs.push_str(&format!("{y},{x} {:?} {:?} {:?}\n", cell.fg, cell.bg, cell.modifier));
                last = Some(style);
            }
        }
    }
    insta::assert_snapshot!("styles_80x24", runs);
}

#[test]
fn no_colour_keeps_emphasis() {
    let mut face = Face::new((80, 24));
    let mut teller = Teller::new();
    run(&mut face, &mut teller, 3);
    stop(&mut face, &mut teller);
    face.tell(Msg::Output(b"\x1b[31;44;1mred on blue\x1b[0m".to_vec()));
    face.key("F12");
    let buffer = face.draw(&Theme { depth: Depth::None, light: false, ascii: false });
    assert!(
        buffer
            .content
            .iter()
            .all(|cell| cell.fg == ratatui::style::Color::Reset && cell.bg == ratatui::style::Color::Reset)
    );
    assert!(buffer.content.iter().any(|cell| cell.modifier.contains(Modifier::BOLD)));
}
