//! Runs compared that were recorded by strace, made by hand, and made up.

use proptest::prelude::*;

use super::*;
use crate::addr::{Addr, Span, Tid};
use crate::event::{Call, CallRecord, Cause, ExitStatus, Label, StackFrame};
use crate::heap::story::testing::{BUNDLE_LOOP, PID, Run, stack};

fn recorded<'a>(name: &'a str, events: &'a [Event]) -> Recorded<'a> {
    Recorded { name, events, measured: Measured::default(), doubts: &[] }
}

fn compared(a: &[Event], b: &[Event]) -> Diff {
    runs(&recorded("a.rec", a), &recorded("b.rec", b))
}

fn between(events: &[Event], pid: Pid, a: &Moment, b: &Moment) -> Diff {
    moments(events, pid, a, b, &|_| Vec::new())
}

const WORK: &[&str] = &["brk@libc", "sysmalloc@libc", "malloc@libc", "work", "main"];
const MAPS: &[&str] = &["mmap@libc", "sysmalloc@libc", "malloc@libc", "work", "main"];
const PLANT: &[&str] = &["mmap@libc", "plant", "main"];
const START: u64 = 0x40_5000;
const STEP: u64 = 0x2_1000;

/// A program whose malloc grows so often, with a page at the break before the third time or without.
fn program(growths: u64, planted: bool) -> Run {
    let mut run = Run::launched("/bin/prog", "", START);
    let mut line = START;
    for growth in 0..growths {
        if planted && growth >= 2 {
            if growth == 2 {
                run.map(line, 4096, 0x32, &stack(PLANT));
                run.look.maps = crate::maps::parse(&format!("{line:x}-{:x} r--p 0 00:00 0", line + 4096));
            }
            run.brk(line + STEP, line, &stack(WORK));
            run.map(0x7fff_0000_0000 + growth * STEP, STEP, 0x22, &stack(MAPS));
        } else {
            run.brk(line + STEP, line + STEP, &stack(WORK));
            line += STEP;
        }
    }
    run.tell(9.0, EventKind::Exited(ExitStatus::Code(0)));
    run
}

#[test]
fn a_blocker_is_told_in_words() {
    let (free, planted) = (program(200, false), program(200, true));
    let found = compared(&free.events, &planted.events);
    insta::assert_snapshot!("blocker", found.text());
    // From the other side it is the same.
    let turned = compared(&planted.events, &free.events);
    assert!(turned.headline.contains("B moves the break, A maps 132 KiB instead"), "{}", turned.headline);
    assert_eq!(turned.parting.map(|parting| parting.how), Some(How::OnlyA));
}

#[test]
fn a_limit_is_no_blocker() {
    let mut limited = program(2, false);
    limited.events.pop();
    let line = START + 2 * STEP;
    limited.look =
        crate::heap::story::Look { limit_data: Some(1 << 20), data_segment: 1 << 20, ..limited.look };
    limited.brk(line + STEP, line, &stack(WORK));
    limited.map(0x7fff_0000_0000, STEP, 0x22, &stack(MAPS));
    let found = compared(&program(3, false).events, &limited.events);
    let placement = found.placement.unwrap();
    assert!(placement.planted.is_none() && !placement.because.contains("a mapping stands"), "{placement:?}");
    assert_eq!(found.parting.map(|parting| parting.how), Some(How::OtherAnswer));
}

#[test]
fn what_is_too_little_to_tell_apart_is_not_called_the_same() {
    let mut more = program(3, true);
    more.map(0x7ffe_0000_0000, 1 << 20, 0x22, &stack(MAPS));
    let found = compared(&program(3, false).events, &more.events);
    assert_eq!(found.amount.as_ref().map(|amount| amount.verdict), Some(Verdict::Other));
    let found = compared(&program(3, false).events, &program(4, true).events);
    let amount = found.amount.unwrap();
    assert_eq!((amount.verdict, amount.b - amount.a, amount.ahead), (Verdict::Unclear, STEP, STEP));
    assert!(found.headline.starts_with("Perhaps the same amount, other place, from "), "{}", found.headline);
    let unknown = |sentence: &&Sentence| sentence.evidence == Evidence::Unknown;
    assert!(found.sentences.iter().find(unknown).unwrap().text.starts_with("Whether the amount is the same"));
}

#[test]
fn live_bytes_decide_only_where_both_have_them_from_the_same_moment() {
    let marked = |growths, planted, name: &str, live| {
        let mut run = program(growths, planted);
        let name = name.to_owned();
        run.tell(9.5, EventKind::Marked { name, rss: Some(live * 2), live: Some(live), idle: Some(7) });
        run
    };
    let of = |a: &Run, b: &Run| compared(&a.events, &b.events).amount.unwrap();
    let amount = of(&marked(200, false, "end", 1_000_000), &marked(200, true, "end", 2_000_000));
    assert_eq!((amount.verdict, amount.evidence), (Verdict::Other, Evidence::Measured));
    assert_eq!(amount.counted(), "live in malloc's books at snapshot end");
    let amount = of(&marked(200, false, "end", 1_000_000), &marked(200, true, "begin", 2_000_000));
    assert_eq!((amount.verdict, amount.evidence), (Verdict::Same, Evidence::Recorded));
}

#[test]
fn lines_and_modules_may_be_those_of_another_build() {
    let mut other = program(5, false);
    for event in &mut other.events {
        let EventKind::Call(record) = &mut event.kind else { continue };
        let site = record.site.as_mut().unwrap();
        site.line = site.line.map(|line| line + 3);
        site.file = site.file.as_deref().map(|file| format!("/another/place/{file}"));
    }
    let first = program(5, false);
    let found = compared(&first.events, &other.events);
    assert!(found.parting.is_none(), "{:?}", found.parting);
    // The line is not told where there are two.
    assert_eq!((found.owners[0].place.as_str(), found.owners[0].difference), ("work (work.c)", 0));
    for event in &mut other.events {
        let EventKind::Call(record) = &mut event.kind else { continue };
        record.site.as_mut().unwrap().function = Some("elsewhere".to_owned());
    }
    let found = compared(&first.events, &other.events);
    assert_eq!(found.parting.map(|parting| (parting.how, parting.alike)), Some((How::Different, 0)));
}

#[test]
fn what_strace_recorded_of_two_programs_parts() {
    let nginx = Run::nginx();
    let mut bundle = Run::launched("/opt/case/bin/bundle_loop", "", 0x50_0000);
    bundle.strace(BUNDLE_LOOP, usize::MAX);
    let same = compared(&nginx.events, &nginx.events);
    assert!(same.headline.starts_with("The runs do not part: "), "{}", same.headline);
    let found = compared(&bundle.events, &nginx.events);
    assert!(found.parting.is_some());
    assert_eq!(
        (found.a.refused, found.b.refused),
        (bundle.story.refusals().count, nginx.story.refusals().count)
    );
    assert_eq!((found.a.mapped, found.b.mapped), (bundle.story.mapped(), nginx.story.mapped()));
}

#[test]
fn two_moments_of_nginx_are_what_was_folded() {
    let run = Run::nginx();
    let moment = |number: u64| Moment {
        name: format!("event {number}"),
        seq: Seq(number),
        measured: Measured::default(),
    };
    let last = run.events.last().unwrap().seq.0;
    let (early, late) = (moment(30), moment(last));
    let found = between(&run.events, PID, &early, &late);
    let mut story = Story::default();
    run.events[..30].iter().for_each(|event| story.apply(event));
    assert_eq!((found.a.mapped, found.b.mapped), (story.mapped(), run.story.mapped()));
    assert_eq!(between(&run.events, PID, &late, &early), found);
    let bytes = |all: &[Change]| all.iter().map(|change| change.bytes).sum::<u64>();
    let pieces = |story: &Story| story.pieces().map(|(span, _)| span.len()).sum::<u64>();
    assert_eq!(bytes(&found.added) - bytes(&found.gone), pieces(&run.story) - pieces(&story));
    let nothing = between(&run.events, PID, &late, &late);
    assert!(nothing.headline.starts_with("Nothing differs"), "{}", nothing.headline);
}

#[test]
fn names_are_found_and_refused_in_sentences() {
    let mut run = program(3, false);
    for (name, live) in [("A", 1), ("here", 2), ("A", 3)] {
        run.tell(1.0, EventKind::Marked { name: name.to_owned(), rss: None, live: Some(live), idle: None });
    }
    let find = |word: &str| named::find(&run.events, PID, word);
    let last = run.events.last().unwrap().seq;
    let latest = find("a").unwrap();
    assert_eq!((latest.seq, latest.measured.live, latest.name.as_str()), (last, Some(3), "mark A"));
    assert_eq!(find("3").unwrap().seq, Seq(3));
    assert_eq!(named::find(&run.events, Pid(1), "here").unwrap().measured, Measured::default());
    for bad in ["B", "there", "0", "4711", "18446744073709551616"] {
        assert!(find(bad).unwrap_err().contains(bad), "{bad}");
    }
    assert_eq!((named::next_mark(&run.events), named::next_mark(&[])), ("B", "A"));
    assert_eq!((named::name("b"), named::name("b2")), (Ok("B".to_owned()), Ok("b2".to_owned())));
    for bad in ["", "7", "now", "-x", "a b", "a/b", "\u{1b}[31m"] {
        let words = named::name(bad).unwrap_err();
        assert!(words.ends_with('.') && !words.contains('\u{1b}'), "{words}");
    }
    assert_eq!(named::text(&[]), "No snapshots.\n");
}

fn site() -> impl Strategy<Value = Option<StackFrame>> {
    let words = prop::sample::select(vec!["", "f", "g", "plant", "\u{1b}[2J"]);
    prop::option::of((words, 0..3_u64, prop::option::of(0..4_u32))).prop_map(|site| {
        site.map(|(function, address, line)| StackFrame {
            address: Addr(0x40_0000 + address),
            function: (!function.is_empty()).then(|| function.to_owned()),
            file: line.map(|_| "x.c".to_owned()),
            line,
            module: Some("/bin/prog".to_owned()),
        })
    })
}

const LABELS: &[Label] = &[
    Label::BrkGrow,
    Label::BrkShrink,
    Label::BrkQuery,
    Label::BrkRefused,
    Label::ForeignSbrk,
    Label::Fallback,
    Label::FallbackNoBrk,
    Label::MmapChunk,
    Label::MmapChunkFree,
    Label::MmapChunkResize,
    Label::ArenaNew,
    Label::ThreadStack,
    Label::Loader,
    Label::Blocker,
    Label::UserMap,
    Label::UserUnmap,
];

fn a_call(huge: bool) -> impl Strategy<Value = Call> {
    let page = || (0x1000..0x1040_u64).prop_map(|page| Addr(page << 12));
    let size = move || {
        if huge { prop_oneof![0..0x2_0000_u64, Just(u64::MAX)].boxed() } else { (0..0x2_0000_u64).boxed() }
    };
    let got = || prop::result::maybe_err(page(), 1..200);
    prop_oneof![
        (page(), page()).prop_map(|(wanted, got)| Call::Brk { wanted, got }),
        (got(), size(), 0..8_u32).prop_map(|(ret, len, prot)| Call::Mmap {
            addr: Addr(0),
            len,
            prot,
            flags: 0x22,
            fd: -1,
            offset: 0,
            ret
        }),
        (page(), size(), got()).prop_map(|(addr, len, ret)| Call::Munmap { addr, len, ret }),
        (page(), size(), size(), got()).prop_map(|(addr, old_len, new_len, ret)| Call::Mremap {
            addr,
            old_len,
            new_len,
            flags: 1,
            ret
        }),
    ]
}

fn a_kind(huge: bool) -> impl Strategy<Value = EventKind> {
    let cause = prop::option::of((0..60_u64, prop::option::of(0..60_u64))).prop_map(|cause| {
        cause.map(|(page, planted)| Cause::Occupied {
            blocker: Span::sized(Addr((0x1000 + page) << 12), 4096),
            planted_by: planted.map(Seq),
        })
    });
    let stack = prop::collection::vec((0..9_u64).prop_map(|at| Addr(0x40_0000 + at)), 0..4);
    let record = (a_call(huge), prop::sample::select(LABELS), cause, stack, site());
    let call = record.prop_map(|(call, label, cause, stack, site)| {
        EventKind::Call(CallRecord { call, label, cause, stack, site, allocator: None })
    });
    let name = prop::sample::select(vec!["A", "B", "end", "\u{1b}[31m"]);
    prop_oneof![
        20 => call,
        1 => (0..2_i32).prop_map(|code| EventKind::Exited(ExitStatus::Code(code))),
        1 => Just(EventKind::ThreadStarted),
        1 => Just(EventKind::Detached),
        1 => Just(EventKind::Execed { program: "/bin/other".to_owned() }),
        1 => (1..4_i32, any::<bool>()).prop_map(|(child, followed)| EventKind::Forked {
            child: Pid(child),
            followed,
            vfork: false
        }),
        2 => (name, prop::option::of(any::<u64>())).prop_map(|(name, live)| EventKind::Marked {
            name: name.to_owned(),
            rss: live,
            live,
            idle: live
        }),
        1 => any::<bool>().prop_map(|attached| EventKind::Started {
            program: "/bin/prog".to_owned(),
            args: Vec::new(),
            attached,
            core: false,
            brk: Some(Addr(0x100_0000)),
            maps: Vec::new(),
        }),
    ]
}

fn a_run(huge: bool) -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((1..4_i32, 0..3_i32, a_kind(huge)), 0..60).prop_map(|kinds| {
        let event = |(seq, (pid, tid, kind)): (u64, (i32, i32, EventKind))| Event {
            seq: Seq(seq),
            t: seq as f64 / 1000.0,
            pid: Pid(pid),
            tid: Tid(pid * 10 + tid),
            kind,
        };
        (1..).zip(kinds).map(event).collect()
    })
}

/// The same run as another start of the program gives it: other ids, other addresses.
fn moved(events: &[Event]) -> Vec<Event> {
    const BY: u64 = 0x5_5555_0000;
    let there = |at: Addr| at.add(BY);
    let each = |event: &Event| {
        let mut event = event.clone();
        (event.pid, event.tid) = (Pid(event.pid.0 + 700), Tid(event.tid.0 + 7000));
        match &mut event.kind {
            EventKind::Forked { child, .. } => child.0 += 700,
            EventKind::Started { brk, .. } => *brk = brk.map(there),
            EventKind::Call(record) => {
                record.stack.iter_mut().for_each(|at| *at = there(*at));
                if let Some(site) = &mut record.site {
                    site.address = there(site.address);
                }
                if let Some(Cause::Occupied { blocker, .. }) = &mut record.cause {
                    *blocker = Span::new(there(blocker.start), there(blocker.end));
                }
                match &mut record.call {
                    Call::Brk { wanted, got } => (*wanted, *got) = (there(*wanted), there(*got)),
                    Call::Mmap { ret, .. } => *ret = ret.map(there),
                    Call::Munmap { addr, .. } => *addr = there(*addr),
                    Call::Mremap { addr, ret, .. } => (*addr, *ret) = (there(*addr), ret.map(there)),
                }
            }
            _ => {}
        }
        event
    };
    events.iter().map(each).collect()
}

fn nothing_differs(found: &Diff) -> Result<(), TestCaseError> {
    prop_assert!(found.headline.starts_with("The runs do not part: "), "{}", found.headline);
    prop_assert!(found.parting.is_none() && found.placement.is_none());
    prop_assert_eq!(found.amount.as_ref().map(|amount| amount.verdict), Some(Verdict::Same));
    prop_assert!(found.owners.iter().all(|owner| owner.difference == 0), "{:?}", &found.owners);
    prop_assert!(found.added.is_empty() && found.gone.is_empty(), "{:?} {:?}", &found.added, &found.gone);
    Ok(())
}

/// What begins an order to a terminal.
const ESCAPE: char = '\u{1b}';

proptest! {
    #[test]
    fn any_two_runs_are_compared_and_no_text_of_theirs_moves_a_cursor(a in a_run(true), b in a_run(true)) {
        let found = compared(&a, &b);
        let text = found.text();
        prop_assert!(!text.contains(ESCAPE), "{}", text);
        let wire = serde_json::to_string(&found).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Diff>(&wire).unwrap(), &found);
        let turned = compared(&b, &a);
        prop_assert_eq!(found.parting.is_some(), turned.parting.is_some());
        prop_assert_eq!(found.amount.map(|amount| amount.verdict), turned.amount.map(|amount| amount.verdict));
        prop_assert_eq!((&found.added, &found.gone), (&turned.gone, &turned.added));
    }

    #[test]
    fn a_run_does_not_differ_from_itself(a in a_run(true)) {
        nothing_differs(&compared(&a, &a))?;
    }

    #[test]
    fn ids_and_addresses_are_no_difference(a in a_run(false)) {
        nothing_differs(&compared(&a, &moved(&a)))?;
    }

    #[test]
    fn any_two_moments_are_compared(a in a_run(true), one in 0..70_u64, two in 0..70_u64, pid in 1..4_i32) {
        let moment = |number: u64| Moment {
            name: format!("event {number}"),
            seq: Seq(number),
            measured: Measured::default(),
        };
        let found = between(&a, Pid(pid), &moment(one), &moment(two));
        prop_assert!(!found.text().contains(ESCAPE));
        prop_assert!(found.a.seq <= found.b.seq);
        let same = between(&a, Pid(pid), &moment(one), &moment(one));
        prop_assert!(same.added.is_empty() && same.gone.is_empty());
        prop_assert!(same.owners.iter().all(|owner| owner.difference == 0));
        for word in ["A", "b", "end", "7", "x"] {
            if let Ok(found) = named::find(&a, Pid(pid), word) {
                let at = a.iter().find(|event| event.seq == found.seq);
                prop_assert!(at.is_some());
            }
        }
        let listed = named::text(&a);
        prop_assert!(!listed.contains(ESCAPE));
    }
}
