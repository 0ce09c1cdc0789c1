//! What keys do: they run commands, and nothing resumes the target by accident.

use super::case::{Teller, answer_views, done, run, stop};
use super::*;
use crate::event::{EventKind, ExitStatus};
use crate::scene::view::SourceView;
use crate::session::protocol::{View, ViewKind};
use crate::tui::model::{Mode, Pane, Phase, Question};

fn stopped() -> (Face, Teller) {
    let mut face = Face::new((120, 40));
    let mut teller = Teller::new();
    run(&mut face, &mut teller, 2);
    stop(&mut face, &mut teller);
    (face, teller)
}

fn sent(face: &Face, request: &Request) -> bool {
    face.effects.iter().any(|effect| matches!(effect, Effect::Send(sent) if sent == request))
}

#[test]
fn keys_are_echoed_as_the_commands_they_run() {
    let (mut face, _) = stopped();
    face.key("F10");
    assert_eq!(face.lines(), ["run", "next"]);
    assert_eq!(face.model.transcript.lines().next_back(), Some("(brkwater) next"));
    // While it runs a second F10 waits for nobody: it is refused, not queued.
    face.key("F10");
    done(&mut face, true);
    assert_eq!(face.lines(), ["run", "next"]);
}

#[test]
fn f5_runs_or_continues() {
    let mut face = Face::new((80, 24));
    face.key("F5");
    assert_eq!(face.lines(), ["run"]);
    let (mut face, _) = stopped();
    face.key("F5");
    assert_eq!(face.lines(), ["run", "continue"]);
}

#[test]
fn letters_resume_in_the_source_pane_alone() {
    let (mut face, _) = stopped();
    face.key("Esc");
    for pane in ["2", "3", "4", "5", "6", "7", "8", "9"] {
        face.key(pane);
        for letter in ["c", "r", "n", "s", "f", "o", "T"] {
            face.key(letter);
        }
    }
    assert_eq!(face.lines(), ["run"]);
    face.key("1");
    face.key("n");
    assert_eq!(face.lines(), ["run", "next"]);
}

#[test]
fn an_empty_enter_repeats_what_the_ghost_says() {
    let (mut face, _) = stopped();
    face.type_line("list main");
    done(&mut face, true);
    assert!(face.screen(false).contains("Enter repeats: list"));
    face.key("Enter");
    done(&mut face, true);
    face.type_line("print 1");
    done(&mut face, true);
    assert!(!face.screen(false).contains("repeats"));
    face.key("Enter");
    assert_eq!(face.lines(), ["run", "list main", "list", "print 1"]);
}

#[test]
fn ctrl_c_pauses_or_clears_and_hints_at_the_second() {
    let mut face = Face::new((80, 24));
    let mut teller = Teller::new();
    run(&mut face, &mut teller, 1);
    face.key("C-c");
    assert!(sent(&face, &Request::Interrupt));
    assert!(face.screen(false).contains("pausing"));
    face.clock(4000);
    assert!(face.screen(false).contains("still waiting"));
    stop(&mut face, &mut teller);
    "pri".chars().for_each(|c| face.key(&c.to_string()));
    face.clock(10_000);
    face.key("C-c");
    assert!(face.model.editor.is_empty());
    face.clock(10_500);
    face.key("C-c");
    assert!(face.screen(false).contains("Leave with q or Ctrl-D."));
    assert!(!face.effects.iter().any(|effect| matches!(effect, Effect::Leave(_))));
}

#[test]
fn questions_are_answered_on_the_line() {
    let (mut face, _) = stopped();
    face.type_line("delete");
    let prompt = "Delete all breakpoints? (y or n) ".to_owned();
    face.note(Note::Ask { prompt, default: "y".to_owned() });
    assert!(face.screen(false).contains("Delete all breakpoints? (y or n)"));
    face.key("F5");
    assert_eq!(face.lines().len(), 2, "a key must not run while a question waits");
    face.type_line("n");
    assert!(sent(&face, &Request::Answer { text: Some("n".to_owned()) }));
}

/// gdb's question at `quit` has five lines; they were shown as one, with their line breaks as escapes.
#[test]
fn a_question_of_several_lines_is_explained_above_its_last_one() {
    let (mut face, _) = stopped();
    let prompt =
        "A debugging session is active.\n\n\tInferior 1 will be killed.\n\nQuit anyway? (y or n) ".to_owned();
    face.note(Note::Ask { prompt, default: "y".to_owned() });
    let screen = face.screen(false);
    assert!(screen.contains("║A debugging session is active.  "), "{screen}");
    assert!(
        screen.contains("Inferior 1 will be killed.") && screen.contains("║Quit anyway? (y or n) "),
        "{screen}"
    );
    assert!(!screen.contains("\\012"), "{screen}");
}

#[test]
fn the_lines_behind_commands_are_its_body() {
    let mut face = Face::new((80, 24));
    face.tell(Msg::Paste("commands 1\nbt\nend\nrun\n".to_owned()));
    assert_eq!(face.lines(), ["commands 1"]);
    for body in ["bt", "end"] {
        face.note(Note::Ask { prompt: ">".to_owned(), default: String::new() });
        assert!(sent(&face, &Request::Answer { text: Some(body.to_owned()) }));
    }
    done(&mut face, false);
    assert_eq!(face.lines(), ["commands 1", "run"]);
}

#[test]
fn ctrl_d_quits_in_the_engines_words_and_asks_itself_while_the_target_runs() {
    let (mut face, _) = stopped();
    face.key("C-d");
    assert_eq!(face.lines(), ["run", "quit"]);
    let mut face = Face::new((80, 24));
    run(&mut face, &mut Teller::new(), 1);
    face.key("C-d");
    assert_eq!(face.model.question, Some(Question::Quit));
    face.type_line("n");
    assert_eq!(face.model.question, None);
    face.key("C-d");
    face.type_line("y");
    assert!(sent(&face, &Request::Interrupt) && sent(&face, &Request::Quit));
    assert!(face.effects.iter().any(|effect| matches!(effect, Effect::Leave(0))));
}

#[test]
fn everything_but_f12_goes_to_the_target_in_term_mode() {
    let (mut face, _) = stopped();
    face.key("F12");
    face.effects.clear();
    for key in ["C-c", "Esc", "x", "F5", "C-z"] {
        face.key(key);
    }
    let typed: Vec<u8> = face
        .effects
        .iter()
        .flat_map(|effect| match effect {
            Effect::Type(bytes) => bytes.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(typed, b"\x03\x1bx\x1b[15~\x1a");
    face.key("C-5");
    assert_eq!(face.model.mode, Mode::Navigate);
}

#[test]
fn a_breakpoint_is_put_at_the_source_cursor_and_cleared_there() {
    let (mut face, _) = stopped();
    face.key("Esc");
    face.key("1");
    face.key("Down");
    face.key("F9");
    done(&mut face, true);
    answer_views(&mut face);
    for _ in 0..5 {
        face.key("Down");
    }
    face.key("b");
    assert_eq!(face.lines()[1..], ["break malloc.c:2731", "clear malloc.c:2735"]);
}

#[test]
fn frames_are_selected_by_a_command() {
    let (mut face, _) = stopped();
    face.key("Esc");
    face.key("2");
    face.key("Down");
    face.key("Enter");
    assert_eq!(face.lines().last().map(String::as_str), Some("frame 3"));
}

#[test]
fn views_from_before_are_not_shown_as_new() {
    let (mut face, mut teller) = stopped();
    let old: Vec<u64> = face.model.awaited.iter().map(|(id, _)| *id).collect();
    assert!(old.is_empty());
    face.type_line("up");
    done(&mut face, true);
    let source = |face: &Face| {
        let ask = |effect: &Effect| match effect {
            Effect::Send(Request::View { id, what: ViewKind::Source(_) }) => Some(*id),
            _ => None,
        };
        face.effects.iter().rev().find_map(ask).unwrap()
    };
    let first = source(&face);
    face.type_line("up");
    done(&mut face, true);
    let second = source(&face);
    let view = |file: &str| {
        View::Source(SourceView {
            file: file.to_owned(),
            lines: vec!["x".to_owned()],
            ..SourceView::default()
        })
    };
    face.note(Note::View { id: first, view: view("old.c") });
    assert_eq!(face.model.views.source.get().unwrap().file, "malloc.c");
    face.note(Note::View { id: second, view: view("new.c") });
    assert_eq!(face.model.views.source.get().unwrap().file, "new.c");
    face.type_line("continue");
    face.note(teller.event(0.1, EventKind::Resumed));
    assert!(face.screen(false).contains("as of the last stop"));
}

#[test]
fn the_end_of_the_target_is_told() {
    let (mut face, mut teller) = stopped();
    face.type_line("continue");
    face.note(teller.event(0.1, EventKind::Resumed));
    face.note(teller.event(0.1, EventKind::Exited(ExitStatus::Code(7))));
    done(&mut face, false);
    assert!(matches!(face.model.phase, Phase::Ended(..)));
    assert!(face.screen(false).contains("exited with code 7"));
    face.key("F5");
    assert_eq!(face.lines().last().map(String::as_str), Some("run"));
}

#[test]
fn completion_extends_then_lists() {
    let mut face = Face::new((80, 24));
    "b".chars().for_each(|c| face.key(&c.to_string()));
    face.key("Tab");
    let id = face.model.completing.unwrap();
    face.note(Note::Completions { id, lines: vec!["break".to_owned(), "brk".to_owned()] });
    assert_eq!(face.model.editor.text(), "br");
    face.key("Tab");
    let id = face.model.completing.unwrap();
    face.note(Note::Completions { id, lines: vec!["break".to_owned(), "brk".to_owned()] });
    assert!(face.screen(false).contains("break  brk"));
}

#[test]
fn help_runs_harmless_keys_and_only_shows_the_others() {
    let (mut face, _) = stopped();
    face.key("F1");
    "continue".chars().for_each(|c| face.key(&c.to_string()));
    face.key("Enter");
    assert_eq!(face.lines(), ["run"]);
    face.key("F1");
    "explain".chars().for_each(|c| face.key(&c.to_string()));
    face.key("Enter");
    assert_eq!(face.lines(), ["run", "explain"]);
}

#[test]
fn search_keeps_letters_until_escape() {
    let (mut face, _) = stopped();
    face.key("Esc");
    face.key("1");
    face.key("/");
    "snd_brk".chars().for_each(|c| face.key(&c.to_string()));
    face.key("Enter");
    assert_eq!(face.model.source_line, 2736);
    face.key("n");
    face.key("c");
    assert_eq!(face.lines(), ["run"]);
    face.key("Esc");
    face.key("c");
    assert_eq!(face.lines(), ["run", "continue"]);
}

#[test]
fn sync_is_answered_at_once() {
    let mut face = Face::new((80, 24));
    face.note(Note::Sync(7));
    assert!(sent(&face, &Request::Synced(7)));
}

#[test]
fn a_condition_error_is_no_hit() {
    let (mut face, mut teller) = stopped();
    face.type_line("continue");
    face.note(teller.event(0.1, EventKind::Resumed));
    let error = "No symbol \"x\" in current context.".to_owned();
    face.note(teller.event(0.1, EventKind::ConditionError { number: 2, error }));
    assert!(face.model.is_running());
    // The words come as text; the event leaves its mark on the timeline.
    assert!(
        face.model.growth.marks.iter().any(|mark| mark.text.contains("condition of breakpoint 2: No symbol"))
    );
}

#[test]
fn the_engine_may_vanish() {
    let (mut face, _) = stopped();
    face.tell(Msg::EngineGone);
    assert!(face.screen(false).contains("engine has ended"));
    face.key("C-d");
    assert!(face.effects.iter().any(|effect| matches!(effect, Effect::Leave(_))));
}

#[test]
fn marks_are_stepped_through() {
    let (mut face, _) = stopped();
    face.key("Esc");
    face.key("[");
    assert!(face.screen(false).contains("B breakpoint 1.2"));
    face.key("[");
    face.key("[");
    face.key("[");
    assert!(face.screen(false).contains("blocker planted by ngx_http_lua_limit_data_segment"));
    face.key("4");
    face.key("End");
    assert_eq!(face.model.mark, None);
    assert_eq!(face.model.focus, Pane::Timeline);
}

#[test]
fn a_named_moment_stands_in_the_timeline() {
    let (mut face, mut teller) = stopped();
    face.key("Esc");
    face.key("m");
    assert_eq!(face.lines().last().map(String::as_str), Some("mark"));
    done(&mut face, true);
    let name = "\u{1b}A".to_owned();
    face.note(teller.event(0.2, EventKind::Marked { name, rss: Some(4096), live: None, idle: None }));
    face.key("4");
    let screen = face.screen(false);
    let events = screen.lines().find(|line| line.contains(" events   ")).unwrap().to_owned();
    assert!(events.contains('M') && !events.contains('\u{1b}'), "{screen}");
    face.key("[");
    assert!(face.screen(false).contains("M mark "), "{}", face.screen(false));
    face.key("d");
    assert_eq!(face.lines().last().map(String::as_str), Some("diff"));
}

#[test]
fn fifty_thousand_events_are_folded_and_counted() {
    let mut face = Face::new((120, 40));
    let mut teller = Teller::new();
    run(&mut face, &mut teller, 17_000);
    face.clock(10_000);
    let screen = face.screen(false);
    assert!(screen.contains("refused 17000×") && screen.contains("1M×1, 132K×16999"), "{screen}");
}
