//! Random keys, sizes, notes and target output: no panic, and no resume that nobody asked for.

use proptest::prelude::*;

use super::case::{Teller, answer_views};
use super::*;
use crate::event::{EventKind, ExitStatus, StopReason};
use crate::session::protocol::{State, View};
use crate::tui::model::{Mode, Mouse, Pane};

/// First words of lines that make a target run.
const RESUMES: [&str; 9] =
    ["run", "continue", "next", "step", "finish", "nexti", "stepi", "advance", "until"];

#[derive(Clone, Debug)]
enum Step {
    Key(Key),
    Size(u16, u16),
    Mouse(Mouse),
    Paste(String),
    Output(Vec<u8>),
    Said(String),
    Ask(String),
    Done(bool),
    Event(u8),
    Views,
    Nothing,
    Clock(u64),
}

fn key() -> impl Strategy<Value = Key> {
    let code = prop_oneof![
        6 => any::<char>().prop_map(Code::Char),
        20 => (32_u8..127).prop_map(|c| Code::Char(char::from(c))),
        4 => (0_u8..26).prop_map(Code::F),
        10 => prop::sample::select(vec![
            Code::Enter, Code::Esc, Code::Tab, Code::BackTab, Code::Backspace, Code::Delete, Code::Home,
            Code::End, Code::PageUp, Code::PageDown, Code::Up, Code::Down, Code::Left, Code::Right,
        ]),
    ];
    (code, prop::bool::weighted(0.2), prop::bool::weighted(0.1), prop::bool::weighted(0.1))
        .prop_map(|(code, ctrl, alt, shift)| Key { code, ctrl, alt, shift })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => key().prop_map(Step::Key),
        2 => (1_u16..=300, 1_u16..=100).prop_map(|(columns, rows)| Step::Size(columns, rows)),
        1 => (1_u16..=30, 1_u16..=20).prop_map(|(columns, rows)| Step::Size(columns, rows)),
        1 => (0_u16..300, 0_u16..100).prop_map(|(x, y)| Step::Mouse(Mouse::Press(x, y))),
        1 => (0_u16..300, 0_u16..100).prop_map(|(x, y)| Step::Mouse(Mouse::WheelUp(x, y))),
        1 => (0_u16..300, 0_u16..100).prop_map(|(x, y)| Step::Mouse(Mouse::WheelDown(x, y))),
        1 => any::<String>().prop_map(Step::Paste),
        2 => prop::collection::vec(any::<u8>(), 0..64).prop_map(Step::Output),
        2 => any::<String>().prop_map(Step::Said),
        1 => prop::sample::select(vec![">".to_owned(), "Quit anyway? (y or n) ".to_owned()]).prop_map(Step::Ask),
        3 => any::<bool>().prop_map(Step::Done),
        4 => any::<u8>().prop_map(Step::Event),
        2 => Just(Step::Views),
        1 => Just(Step::Nothing),
        1 => (0_u64..100_000).prop_map(Step::Clock),
    ]
}

fn take(face: &mut Face, teller: &mut Teller, step: Step) {
    match step {
        Step::Key(key) => face.tell(Msg::Key(key)),
        Step::Size(columns, rows) => face.tell(Msg::Size(columns, rows)),
        Step::Mouse(mouse) => face.tell(Msg::Mouse(mouse)),
        Step::Paste(text) => face.tell(Msg::Paste(text)),
        Step::Output(bytes) => face.tell(Msg::Output(bytes)),
        Step::Said(text) => face.note(Note::Output { text, error: false }),
        Step::Ask(prompt) => face.note(Note::Ask { prompt, default: "y".to_owned() }),
        Step::Done(live) if face.model.busy.is_some() => super::case::done(face, live),
        Step::Done(_) => face.note(Note::Done { id: 0, ok: false, state: State::default(), quit: false }),
        Step::Event(0..32) => super::case::run(face, teller, 2),
        Step::Event(n) => {
            let kind = match n % 6 {
                0 => EventKind::Resumed,
                1 => EventKind::Stopped(StopReason::Signal { signo: i32::from(n) }),
                2 => EventKind::Exited(ExitStatus::Signal(9)),
                3 => EventKind::Execed { program: "\x1b[31m".to_owned() },
                4 => EventKind::Forked {
                    child: crate::addr::Pid(i32::from(n)),
                    followed: n > 100,
                    vfork: n % 2 == 0,
                },
                _ => EventKind::Detached,
            };
            face.note(teller.event(0.01, kind));
        }
        Step::Views => answer_views(face),
        Step::Nothing => {
            for (id, _) in face.model.awaited.clone() {
                face.note(Note::View { id, view: View::Nothing("No stack.".to_owned()) });
            }
        }
        Step::Clock(millis) => face.clock(millis),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn random_use_never_panics_and_never_resumes_unasked(steps in prop::collection::vec(step(), 1..120), ascii: bool) {
        let mut face = Face::new((80, 24));
        let mut teller = Teller::new();
        for step in steps {
            let plain = matches!(&step, Step::Key(key) if !matches!(key.code, Code::F(_)));
            let quiet = face.model.mode == Mode::Navigate && face.model.focus != Pane::Source
                || face.model.mode == Mode::Search || face.model.mode == Mode::Terminal;
            let (before, waiting) = (face.lines().len(), face.model.queue.len());
            take(&mut face, &mut teller, step);
            let lines = face.lines();
            if plain && quiet && waiting == 0 {
                for line in &lines[before..] {
                    let word = line.split(' ').next().unwrap_or_default();
                    prop_assert!(!RESUMES.contains(&word), "{line}");
                }
            }
            let screen = face.screen(ascii);
            prop_assert!(!screen.contains('\x1b'));
            prop_assert!(!ascii || screen.is_ascii());
        }
    }
}

#[test]
fn every_size_draws() {
    let mut face = Face::new((80, 24));
    let mut teller = Teller::new();
    super::case::run(&mut face, &mut teller, 3);
    super::case::stop(&mut face, &mut teller);
    for columns in (1..=300).step_by(7) {
        for rows in (1..=100).step_by(5) {
            face.tell(Msg::Size(columns, rows));
            face.screen(columns % 2 == 0);
        }
    }
    for columns in 1..=30 {
        for rows in 1..=12 {
            face.tell(Msg::Size(columns, rows));
            face.screen(false);
        }
    }
}
