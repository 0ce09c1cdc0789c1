//! What goes between face and engine, the journal, and the terminal.

use brkwater::addr::{Pid, Tid};
use brkwater::event::Event;
use brkwater::heap::story::Story;
use brkwater::heap::story::forecast::Growing;
use brkwater::report::Question;
use brkwater::report::diff::{self, Measured, Recorded, named};
use brkwater::session::protocol::{Note, Request};
use brkwater::session::wire;
use brkwater::tui::input::Editor;
use brkwater::tui::keys::{self, Code, Key};
use brkwater::tui::target::Target;
use brkwater::tui::text;

/// Messages, without their lengths.
pub const MESSAGES: &[&str] = &[
    r#"{"line":{"id":7,"text":"p \"ä\"\n"}}"#,
    r#""interrupt""#,
    r#"{"synced":1}"#,
    r#"{"view":{"id":1,"what":{"backtrace":4294967295}}}"#,
    r#"{"complete":{"id":18446744073709551615,"text":"b ma"}}"#,
];

/// Lines of a journal.
pub const EVENTS: &[&str] = &[
    concat!(
        r#"{"seq":1,"t":0.1,"pid":9,"tid":9,"kind":{"started":{"program":"/bin/x","args":[],"attached":false,"brk":"0x5000","maps":[]}}}"#,
        "\n",
        r#"{"seq":2,"t":0.2,"pid":9,"tid":9,"kind":{"call":{"call":{"brk":{"wanted":"0x26000","got":"0x26000"}},"label":"brk","cause":null,"stack":["0x40"],"site":null,"allocator":"malloc"}}}"#,
        "\n",
        r#"{"seq":3,"t":0.3,"pid":9,"tid":9,"kind":{"call":{"call":{"mmap":{"addr":"0x0","len":135168,"prot":3,"flags":34,"fd":-1,"offset":0,"ret":{"Ok":"0x7fff0000"}}},"label":"mmap","cause":null,"stack":[],"site":null,"allocator":null}}}"#,
        "\n",
        r#"{"seq":4,"t":0.4,"pid":9,"tid":9,"kind":{"call":{"call":{"munmap":{"addr":"0x7fff1000","len":18446744073709551615,"ret":{"Ok":"0x0"}}},"label":"munmap","cause":null,"stack":[],"site":null,"allocator":null}}}"#,
        "\n",
        r#"{"seq":5,"t":0.5,"pid":9,"tid":9,"kind":{"call":{"call":{"mremap":{"addr":"0x7fff0000","old_len":4096,"new_len":8192,"flags":1,"ret":{"Err":12}}},"label":"mremap","cause":null,"stack":[],"site":null,"allocator":null}}}"#,
    ),
    concat!(
        r#"{"seq":18446744073709551615,"t":1e308,"pid":9,"tid":9,"kind":{"usage":{"rss":1,"vsz":2}}}"#,
        "\n",
        r#"{"seq":6,"t":0.6,"pid":9,"tid":9,"kind":{"exited":{"code":0}}}"#,
        "\n",
        r#"{"seq":7,"t":0.7,"pid":9,"tid":9,"kind":"resumed"}"#,
    ),
    concat!(
        r#"{"seq":1,"t":0.1,"pid":9,"tid":9,"kind":{"started":{"program":"/bin/x","args":[],"attached":true,"brk":"0x5000","maps":[]}}}"#,
        "\n",
        r#"{"seq":2,"t":0.2,"pid":9,"tid":9,"kind":{"hit":{"number":2,"hits":1,"rss":18446744073709551615}}}"#,
        "\n",
        r#"{"seq":3,"t":0.3,"pid":9,"tid":9,"kind":{"call":{"call":{"brk":{"wanted":"0x26000","got":"0x26000"}},"label":"brk-grow","cause":null,"stack":["0x40"],"site":null,"allocator":"malloc"}}}"#,
        "\n",
        r#"{"seq":4,"t":0.4,"pid":9,"tid":9,"kind":{"hit":{"number":2,"hits":2,"rss":18446744073709551615}}}"#,
        "\n",
        r#"{"seq":4,"t":0.4,"pid":9,"tid":9,"kind":{"marked":{"name":"A","rss":1,"live":18446744073709551615}}}"#,
        "\n",
        r#"{"seq":5,"t":0.5,"pid":9,"tid":9,"kind":{"call":{"call":{"brk":{"wanted":"0x47000","got":"0x26000"}},"label":"brk-refused","cause":{"kind":"limit","name":"RLIMIT_DATA","value":65536,"used":4096},"stack":["0x40"],"site":null,"allocator":"malloc"}}}"#,
        "\n",
        r#"{"seq":6,"t":0.6,"pid":9,"tid":9,"kind":{"call":{"call":{"mmap":{"addr":"0x0","len":18446744073709551615,"prot":3,"flags":34,"fd":-1,"offset":0,"ret":{"Err":12}}},"label":"fallback","cause":{"kind":"overcommit","mode":2,"used":1,"limit":2},"stack":["0x40"],"site":null,"allocator":"malloc"}}}"#,
        "\n",
        r#"{"seq":7,"t":0.7,"pid":9,"tid":9,"kind":{"call":{"call":{"mmap":{"addr":"0x0","len":1052672,"prot":3,"flags":34,"fd":-1,"offset":0,"ret":{"Ok":"0x7fff0000"}}},"label":"mmap-chunk","cause":null,"stack":["0x40"],"site":null,"allocator":"malloc"}}}"#,
        "\n",
        r#"{"seq":8,"t":0.8,"pid":9,"tid":9,"kind":{"hit":{"number":2,"hits":9,"rss":18446744073709551615}}}"#,
        "\n",
        r#"{"seq":9,"t":1e308,"pid":9,"tid":9,"kind":{"exited":{"signal":9}}}"#,
    ),
];

/// What targets write on their terminals.
pub const ESCAPES: &[&str] = &[
    "one\r\ntwo \u{1b}[31mred\u{1b}[0m\r\n\u{1b}[2J\u{1b}[999;999H\u{1b}[?1049h",
    "\u{1b}]0;title\u{7}\u{1b}[5L\u{1b}[3;1r\u{1b}M\u{1b}[100@\u{1b}[99P\u{1b}[4h",
    "wide 世界 e\u{301} \u{200d}\t\u{8}\u{8}\u{1b}[38;2;1;2;3m\u{1b}[;;;;m\u{1b}P1$r\u{1b}\\",
];

/// The socket between face and engine: any bytes, and any text in a whole message.
pub fn protocol(data: &[u8]) {
    let mut framed = (data.len() as u32).to_le_bytes().to_vec();
    framed.extend(data);
    for mut bytes in [data, &framed] {
        while let Ok(Some(request)) = wire::read::<Request>(&mut bytes) {
            let mut again = Vec::new();
            let _ = wire::write(&mut again, &request);
        }
    }
    let _ = wire::read::<Note>(&mut &framed[..]);
}

/// Events that were recorded, folded into a story.
pub fn journal(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut story = Story::started(&[], None);
    let events: Vec<Event> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for event in &events {
        story.apply(event);
        let _ = (story.program().len(), story.blockers().len(), story.ending());
    }
    differences(&events);
    let growing = Growing::of(&story, &|_| u64::MAX);
    let _ = (growing.work().map(|work| work.number), brkwater::report::headline(&story));
    let bare = Question {
        story: &story,
        names: &|_| Vec::new(),
        tid: Tid(9),
        backtrace: None,
        registers: None,
        amounts: None,
        glibc: None,
        closing: None,
    };
    let _ = brkwater::report::explain(&bare).text();
}

/// Events as two recordings, and as two moments of one.
fn differences(events: &[Event]) {
    let recorded = |events| Recorded { name: "x.rec", events, measured: Measured::default(), doubts: &[] };
    let (early, late) = events.split_at(events.len() / 2);
    let _ = diff::runs(&recorded(early), &recorded(late)).text();
    let same = diff::runs(&recorded(events), &recorded(events));
    assert!(same.parting.is_none() && same.added.is_empty() && same.gone.is_empty());
    let now = || diff::Moment {
        name: "now".to_owned(),
        seq: events.last().map(|event| event.seq).unwrap_or_default(),
        measured: Measured::default(),
    };
    let (from, _) = (named::find(events, Pid(9), "A").unwrap_or_else(|_| now()), named::text(events));
    let _ = diff::moments(events, Pid(9), &from, &now(), &|_| Vec::new()).text();
}

/// The target's output on the screen, and text that is made to fit.
pub fn terminal(data: &[u8]) {
    let mut target = Target::new(true);
    target.write(data, data.len().is_multiple_of(2));
    target.scroll(data.len() as isize);
    let _ = target.last_line();
    let shown = String::from_utf8_lossy(data);
    let clean = text::clean(&shown);
    for room in [0, 1, 2, 7, 80] {
        let _ = (text::clip(&clean, room), text::clip_start(&clean, room), text::wrap(&clean, room));
        let _ = (text::wrap_words(&clean, room), text::spread(&clean, "right", room), text::width(&clean));
    }
}

const CODES: [Code; 16] = [
    Code::Enter,
    Code::Esc,
    Code::Tab,
    Code::BackTab,
    Code::Backspace,
    Code::Delete,
    Code::Insert,
    Code::Home,
    Code::End,
    Code::PageUp,
    Code::PageDown,
    Code::Up,
    Code::Down,
    Code::Left,
    Code::Right,
    Code::F(12),
];

/// Keys, two bytes each, in the line editor.
pub fn keys(data: &[u8]) {
    let mut editor = Editor::with_history(vec!["print x".into(), "bt".into(), "é世".into()]);
    for pair in data.chunks_exact(2) {
        let code = match pair[0] {
            byte @ 0..=15 => CODES[usize::from(byte)],
            16 => Code::Char('世'),
            17 => Code::Char('\u{301}'),
            byte => Code::Char(char::from(byte)),
        };
        let (ctrl, alt, shift) = (pair[1] & 1 != 0, pair[1] & 2 != 0, pair[1] & 4 != 0);
        let key = Key { code, ctrl, alt, shift };
        let _ = (keys::lookup(key, None), key.name(), key.bytes(pair[1] & 8 != 0));
        editor.key(key);
        if pair[1] & 0x70 == 0x70 {
            let line = editor.take();
            editor.remember(&line);
            editor.complete("pri");
        }
        let _ = (editor.before_cursor(), editor.searching());
    }
}
