//! Formats of the recorded case, and of names that mean something in a format. The readers of these formats are in
//! `tests/e2e/formats.rs`; here each is held to its own rules.

use std::collections::BTreeMap;

use serde_json::Value;

use super::stable::Stable;
use super::*;
use crate::addr::{Addr, Span, Tid};
use crate::event::{EventKind, StackFrame, StopReason};
use crate::heap::story::testing::{PID, Run, stack};
use crate::report::Inputs;
use crate::report::owner::Names;

/// A name that means something to every format, and no file's.
const HOSTILE: &str = "a;b<c>\"d'&e,f|g`h\\i\n\u{1b}[31m\u{202e}*_#%{0}; 7";

fn inputs<'a>(run: &'a Run, names: Names<'a>) -> Inputs<'a> {
    Inputs {
        story: &run.story,
        pid: PID,
        tid: Tid(PID.0),
        t: run.events.last().map_or(0.0, |event| event.t),
        stop: None,
        stop_text: "",
        backtrace: None,
        registers: None,
        maps: Some(run.maps()),
        heap: None,
        glibc: Some("2.36"),
        environment: &[],
        reproduce: &[],
        events: &run.events,
        names,
        secrets: Some(&[]),
        gaps: true,
    }
}

fn written(page: &Page, name: &str) -> String {
    String::from_utf8((format(name).unwrap().write)(page)).unwrap()
}

fn nameless(_: Addr) -> Vec<StackFrame> {
    Vec::new()
}

fn hostile(at: Addr) -> Vec<StackFrame> {
    // Every other address lies in a file of another name, so that names collide.
    let file = format!("{HOSTILE}{}.c", at.0 % 2);
    let frame = |name: &str| StackFrame {
        address: at,
        function: Some(name.to_owned()),
        file: Some(file.clone()),
        line: Some(1),
        module: Some("/home/eve/prog".to_owned()),
    };
    vec![frame(HOSTILE), frame("=cmd|x")]
}

/// What got memory, by the events: calls that grew something, with their bytes, as `info growth` has them.
fn grown(run: &Run) -> u64 {
    let view = run.story.growth();
    view.by_site.iter().map(|row| row.bytes).sum::<u64>() + view.other_bytes
}

fn folded(page: &Page) -> BTreeMap<String, u64> {
    let text = written(page, "folded");
    text.lines()
        .map(|line| {
            let (stack, bytes) = line.rsplit_once(' ').unwrap();
            (stack.to_owned(), bytes.parse().unwrap())
        })
        .collect()
}

#[test]
fn every_byte_of_growth_is_under_a_stack() {
    let run = Run::nginx();
    for names in [&nameless as Names<'_>, &hostile] {
        let page = Page::build(&inputs(&run, names), &[], false);
        assert_eq!(folded(&page).values().sum::<u64>(), grown(&run));
        let scope: Value = serde_json::from_str(&written(&page, "speedscope")).unwrap();
        let profiles = scope["profiles"].as_array().unwrap();
        let sum: u64 = profiles.iter().map(|profile| profile["endValue"].as_u64().unwrap()).sum();
        assert_eq!(sum, grown(&run));
        let frames = scope["shared"]["frames"].as_array().unwrap().len() as u64;
        for profile in profiles {
            let samples = profile["samples"].as_array().unwrap();
            assert_eq!(samples.len(), profile["weights"].as_array().unwrap().len());
            let numbers = samples.iter().flat_map(|sample| sample.as_array().unwrap());
            assert!(numbers.into_iter().all(|number| number.as_u64().unwrap() < frames));
        }
    }
}

#[test]
fn a_name_cannot_leave_its_frame() {
    let run = Run::nginx();
    let page = Page::build(&inputs(&run, &hostile), &[], false);
    // Two functions an address, outermost first, and what the call was; nothing else parts them.
    let deepest = page.stacks.iter().map(|stack| stack.addresses.len() * 2 + 1).max().unwrap();
    let lines = folded(&page);
    assert_eq!(lines.keys().map(|line| line.split(';').count()).max(), Some(deepest));
    let frames: Vec<&str> = lines.keys().flat_map(|line| line.split(';')).collect();
    assert!(
        frames.iter().any(|frame| frame.contains("0.c)"))
            && frames.iter().any(|frame| frame.contains("1.c)"))
    );
    for name in ["folded", "text", "md", "html", "svg", "csv", "json", "speedscope", "chrome"] {
        let text = written(&page, name);
        let harmless = |c: char| c == '\n' || c == '\r' || !(c.is_control() || c == '\u{202e}');
        assert!(text.chars().all(harmless), "{name}");
        assert!(!text.contains("/home/eve"), "{name} has a user's name");
    }
    // No letter that would end an attribute, begin an element, or name an entity that is none.
    for name in ["svg", "html"] {
        let text = written(&page, name);
        assert!(!text.contains("<c>") && !text.contains("<script"), "{name}");
    }
}

/// Reads CSV by the rules of RFC 4180.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut all, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut letters = text.chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' if quoted => quoted = false,
            '"' => {
                assert!(field.is_empty(), "a quote inside of a field");
                quoted = true;
            }
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted => {
                assert_eq!(letters.next(), Some('\n'));
                record.push(std::mem::take(&mut field));
                all.push(std::mem::take(&mut record));
            }
            letter => {
                assert!(quoted || letter != '\n');
                field.push(letter);
            }
        }
    }
    assert!(field.is_empty() && record.is_empty(), "the last line has no end");
    all
}

#[test]
fn csv_has_a_record_for_each_event() {
    let run = Run::nginx();
    let page = Page::build(&inputs(&run, &hostile), &[], false);
    let all = records(&written(&page, "csv"));
    assert_eq!(all.len(), run.events.len() + 1);
    assert!(all.iter().all(|record| record.len() == all[0].len()));
    let refused = all.iter().filter(|record| record[10] == "brk-refused").count() as u64;
    assert_eq!(refused, run.story.refusals().count);
    assert!(all.iter().flatten().all(|field| !field.starts_with(['=', '+', '@'])));
}

#[test]
fn a_trace_follows_the_rules_of_trace_events() {
    let run = Run::nginx();
    let page = Page::build(&inputs(&run, &hostile), &[], false);
    let trace: Value = serde_json::from_str(&written(&page, "perfetto")).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let mut last = f64::MIN;
    for event in events {
        assert!(event["name"].is_string() && event["pid"].is_i64() && event["tid"].is_i64(), "{event}");
        match event["ph"].as_str().unwrap() {
            "M" => assert!(event["args"]["name"].is_string()),
            kind => {
                let ts = event["ts"].as_f64().unwrap();
                assert!(ts >= last, "{event}");
                last = ts;
                match kind {
                    "i" => assert!(matches!(event["s"].as_str(), Some("t" | "p")), "{event}"),
                    "C" => assert!(event["args"].as_object().unwrap().values().all(Value::is_u64), "{event}"),
                    other => panic!("{other}"),
                }
            }
        }
    }
    let calls = events.iter().filter(|event| event["cat"] == "memory").count();
    let recorded = run.events.iter().filter(|event| matches!(event.kind, EventKind::Call(_))).count();
    assert_eq!(calls, recorded);
    let counter = |event: &&Value| event["ph"] == "C";
    let end = &events.iter().rev().find(counter).unwrap()["args"];
    assert_eq!(end["heap"].as_u64(), Some(run.story.heap_bytes()));
    assert_eq!(end["fallback"].as_u64(), Some(run.story.fallback_bytes()));
}

#[test]
fn an_empty_run_is_a_page_too() {
    let mut run = Run::launched("/bin/prog", "", 0x426000);
    run.events.clear();
    run.story = crate::heap::story::Story::default();
    for stable in [false, true] {
        let page = Page::build(&Inputs { maps: None, ..inputs(&run, &nameless) }, &[], stable);
        for format in FORMATS {
            let bytes = (format.write)(&page);
            assert!(!bytes.is_empty() || format.name == "folded", "{}", format.name);
        }
        assert_eq!(records(&written(&page, "csv")).len(), 1);
        for name in ["json", "speedscope", "chrome"] {
            serde_json::from_str::<Value>(&written(&page, name)).unwrap();
        }
    }
}

/// The same run with other numbers of processes, other times and everything mapped elsewhere.
#[test]
fn stable_pages_of_two_runs_are_equal() {
    let build = |pid: i32, slide: u64, tick: f64| {
        let maps = |slide: u64| {
            let at = 0x5555_5555_4000 + slide;
            let heap = at + 0x10_0000 + slide * 3;
            let libc = 0x7fff_f000_0000 - slide * 5;
            format!(
                "{at:x}-{:x} r-xp 00000000 08:01 7 /bin/prog\n{heap:x}-{:x} rw-p 00000000 00:00 0 [heap]\n\
                 {libc:x}-{:x} r-xp 00000000 08:01 8 /lib/libc.so.6\n",
                at + 0x1000,
                heap + 0x21000,
                libc + 0x10_0000
            )
        };
        let text = maps(slide);
        let heap = 0x5555_5555_4000 + slide + 0x10_0000 + slide * 3;
        let libc = 0x7fff_f000_0000 - slide * 5;
        let mut run = Run::launched("/bin/prog", &text, heap);
        run.look.maps = crate::maps::parse(&text);
        let mut frames = stack(&["malloc@libc", "main"]);
        frames[0].address = Addr(libc + 0x2000);
        frames[1].address = Addr(0x5555_5555_4000 + slide + 0x123);
        run.brk(heap + 0x21000, heap + 0x21000, &frames);
        run.map(libc - 0x3000, 0x1000, 0x22, &frames);
        run.tell(3.0, EventKind::Usage { rss: slide, vsz: 1 });
        run.brk(heap + 0x42000, heap + 0x21000, &frames);
        run.tell(4.0, EventKind::Stopped(StopReason::Interrupted));
        for event in &mut run.events {
            event.t = event.t * tick + 0.25;
            (event.pid, event.tid) = (crate::addr::Pid(pid), Tid(pid));
        }
        let binary = |path: &str, at: u64, len: u64| Binary {
            path: path.to_owned(),
            build_id: None,
            code: Span::sized(Addr(at), len),
            offset: 0,
        };
        let binaries = [
            binary("/bin/prog", 0x5555_5555_4000 + slide, 0x1000),
            binary("/lib/libc.so.6", libc, 0x10_0000),
        ];
        let inputs = Inputs { pid: crate::addr::Pid(pid), tid: Tid(pid), ..inputs(&run, &nameless) };
        let page = Page::build(&inputs, &binaries, true);
        FORMATS.iter().map(|format| (format.name, (format.write)(&page))).collect::<Vec<_>>()
    };
    for ((name, one), (_, other)) in build(4697, 0, 1.0).into_iter().zip(build(77, 0x7000, 1.7)) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(one == other, "{name}:\n{}\n----\n{}", text(&one), text(&other));
        assert!(!text(&one).contains("4697"), "{name}");
    }
    assert_eq!(Stable::default().name(0x1234), None);
}

/// A long run: what is written grows with the events, and not with their square.
#[test]
fn a_hundred_thousand_events_are_written() {
    let mut run = Run::launched("/bin/prog", "", 0x426000);
    let frames = stack(&["mmap64@libc", "malloc@libc", "work", "main"]);
    for n in 0..50_000_u64 {
        let at = 0x7000_0000_0000 + n % 64 * 0x100_0000;
        run.map(at, 0x100_0000, 0x22, &frames);
        run.unmap(at, 0x100_0000, &frames);
    }
    let page = Page::build(&inputs(&run, &hostile), &[], false);
    for format in FORMATS {
        let bytes = (format.write)(&page).len();
        let most = if format.whole { 200 << 20 } else { 1 << 20 };
        assert!(bytes < most, "{}: {bytes} bytes", format.name);
    }
    assert_eq!(records(&written(&page, "csv")).len(), 100_002);
}
