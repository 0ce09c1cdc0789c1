//! The page of the case, from a real recording and gdb's backtrace of the same stop; and what it must never say.

use serde_json::{Value, json};

use super::explain::{Question, explain, headline};
use super::markdown::markdown;
use super::*;
use crate::addr::{Addr, Tid};
use crate::event::{EventKind, Label, StackFrame, StopReason};
use crate::heap::story::strip::Glyphs;
use crate::heap::story::testing::{NGINX_END, PID, Run, map_call, stack};
use crate::scene::view::{ArgView, Backtrace, FrameView};

/// `bt` of gdb 13.1 at `break mmap` in nginx -t, libc6-dbg installed.
const MMAP_BT: &str = include_str!("testdata/mmap.bt");

fn backtrace(text: &str) -> Backtrace {
    let frames = text.lines().map(frame).collect();
    Backtrace { schema: Backtrace::SCHEMA.into(), pid: PID, tid: Tid(PID.0), frames, stopped: None }
}

fn frame(line: &str) -> FrameView {
    let (level, rest) = line[1..].split_once(' ').unwrap();
    let rest = rest.trim_start();
    let (address, rest) = match rest.split_once(" in ").filter(|_| rest.starts_with("0x")) {
        Some((address, rest)) => (u64::from_str_radix(&address[2..], 16).unwrap(), rest),
        None => (0, rest),
    };
    let (function, rest) = rest.split_once(" (").unwrap();
    let (args, place) = rest.rsplit_once(") at ").unwrap();
    let (file, line) = place.rsplit_once(':').unwrap();
    let module = if file.starts_with("./") || file.starts_with("../") {
        "/usr/lib/x86_64-linux-gnu/libc.so.6"
    } else {
        "/opt/case/bin/nginx"
    };
    FrameView {
        level: level.parse().unwrap(),
        address: Addr(address),
        show_address: address != 0,
        function: Some(function.into()),
        args: args.split(", ").filter(|arg| !arg.is_empty()).map(argument).collect(),
        has_debug_info: true,
        file: Some(file.into()),
        line: Some(line.parse().unwrap()),
        module: Some(module.into()),
        ..FrameView::default()
    }
}

fn argument(text: &str) -> ArgView {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let entry = value.strip_prefix(&format!("{name}@entry=")).map(str::to_owned);
    ArgView {
        name: name.into(),
        value: Some(entry.clone().unwrap_or_else(|| value.into())),
        entry_value: entry,
    }
}

fn question<'a>(run: &'a Run, backtrace: Option<&'a Backtrace>) -> Question<'a> {
    Question {
        story: &run.story,
        names: &|_| Vec::new(),
        tid: Tid(PID.0),
        backtrace,
        registers: None,
        amounts: None,
        glibc: Some("2.36"),
        closing: None,
    }
}

fn heap() -> Value {
    json!({"schema": "brkwater.heap/1", "arenas": [{"kind": "main", "system_mem": 1_048_576, "unaccounted": 0,
        "regions": [{"start": "0x7ffff7afd000", "end": "0x7ffff7bfd000", "origin": "fallback",
            "in_use": {"chunks": 3000, "bytes": 980_000}}],
        "top": {"address": "0x7ffff7bfcfe0", "size": 32}, "cached": {"chunks": 100, "bytes": 8_000},
        "in_use": {"chunks": 3000, "bytes": 980_000}, "free": {"chunks": 6, "bytes": 60_000}}], "mmapped": [],
        "doubts": [{"at": "0x7ffff7afd000", "what": "size \u{1b}[31m is odd"}]})
}

fn document(run: &Run, backtrace: &Backtrace) -> Document {
    let (heap, environment) = (heap(), [("program".to_owned(), "/opt/case/bin/nginx".to_owned())]);
    Document::build(&Inputs {
        story: &run.story,
        pid: PID,
        tid: Tid(PID.0),
        t: 0.201,
        stop: Some(&StopReason::Breakpoint { number: 1, stage: 2, temporary: false }),
        stop_text: "Breakpoint 1.2, mmap64 after open",
        backtrace: Some(backtrace),
        registers: None,
        maps: Some(run.maps()),
        heap: Some(&heap),
        glibc: Some("2.36"),
        environment: &environment,
        reproduce: &["brkwater -batch -ex 'break open then mmap' -ex run --args nginx -t".to_owned()],
        events: &run.events,
        names: &|_| Vec::new(),
        secrets: Some(&[]),
        gaps: true,
    })
}

/// Every text about the case keeps placement and amount apart.
fn blames_nobody(text: &str) {
    let text = text.to_lowercase();
    for word in ["leak", " ate ", "wasted", "because of the blocker", "explode", "costs "] {
        assert!(!text.contains(word), "{word:?} in {text}");
    }
}

#[test]
fn the_stop_of_the_case_is_explained() {
    let run = Run::nginx_until(37);
    let stop = backtrace(MMAP_BT);
    let amounts = Amounts::from_heap(&heap());
    let explanation = explain(&Question { amounts, ..question(&run, Some(&stop)) });
    insta::assert_snapshot!("case_explain", explanation.text());
    blames_nobody(&explanation.text());
}

#[test]
fn the_end_of_the_case_is_explained() {
    let run = Run::nginx();
    let explanation = explain(&question(&run, None));
    insta::assert_snapshot!("case_end", explanation.text());
    assert_eq!(Some(explanation.headline), headline(&run.story));
}

#[test]
fn the_case_is_exported() {
    let mut run = Run::nginx_until(37);
    // The kernel's list of that moment: the fallbacks to come are not there yet.
    run.look.maps = crate::maps::parse(&NGINX_END.replace("7ffff7659000-", "7ffff7afd000-"));
    let document = document(&run, &backtrace(MMAP_BT));
    let page = markdown(&document);
    insta::assert_snapshot!("case_md", page);
    blames_nobody(&page);
    assert!(!page.contains('\u{1b}'));
    let json: Value = serde_json::from_str(&document.json()).unwrap();
    assert_eq!(json["schema"], "brkwater.stop/1");
    assert_eq!(json["cause"]["blocker"]["planted_by"]["frame"], "ngx_http_lua_limit_data_segment");
    assert_eq!(json["frames"].as_array().map(Vec::len), Some(46));
    assert_eq!(json["fold"][0]["label"], "crypto");
    insta::assert_snapshot!(
        "case_json_cause",
        serde_json::to_string_pretty(&json!([json["stop"], json["cause"], json["fold"]])).unwrap()
    );
    assert_eq!(serde_json::from_value::<Document>(json).unwrap(), document);
}

#[test]
fn the_tables_of_the_case() {
    let run = Run::nginx();
    let layout = run.story.layout(Some(run.maps()));
    let text = format!(
        "{}\n{}\n{}\n{}",
        tables::growth(&run.story, 5, &|_| Vec::new()),
        tables::blockers(&run.story, None),
        tables::layout(&run.story, &layout, 78, Glyphs::Unicode),
        tables::layout(&run.story, &layout, 78, Glyphs::Ascii).lines().take(2).collect::<Vec<_>>().join("\n")
    );
    insta::assert_snapshot!("case_tables", text);
    assert_eq!(tables::blockers_json(&run.story, None)["blockers"][0]["planted_by"]["evidence"], "inferred");
}

#[test]
fn an_address_has_an_owner() {
    let run = Run::nginx();
    let layout = run.story.layout(Some(run.maps()));
    let show = |at: u64| {
        let asking =
            owner::Asking { at: Addr(at), symbol: (at == 0x480000).then_some("<main+4>"), perms: None };
        owner::owner(&run.story, &layout, asking, &|_| Vec::new())
    };
    let all: String =
        [0x7ffff7adc010, 0xa6a000, 0x480000, 0x5000_0000, 0x7ffff7d00000, 0].map(show).join("\n");
    insta::assert_snapshot!("owners", all);
    let json = owner::owner_json(&run.story, &layout, Addr(0x7ffff7adc010), &|_| Vec::new());
    assert_eq!(
        (&json["asked"]["label"], &json["asked"]["allocator"]),
        (&json!("fallback"), &json!("malloc"))
    );
}

#[test]
fn nothing_refused_is_said_plainly() {
    let mut run = Run::launched("/bin/prog", "", 0x426000);
    run.brk(0x447000, 0x447000, &stack(&["brk@libc", "malloc@libc", "work", "main"]));
    let explanation = explain(&question(&run, None));
    insta::assert_snapshot!("quiet", explanation.text());
    assert_eq!(
        tables::blockers(&run.story, None),
        "No blockers: no mapping stands where the next brk would go. No brk was refused.\n"
    );
}

#[test]
fn attached_late_the_creator_is_unknown() {
    let mut run = Run::start("/opt/case/bin/nginx", NGINX_END, Some(0xa6a000), true);
    run.look.maps = crate::maps::parse(NGINX_END);
    let quiet = explain(&question(&run, None)).text();
    run.brk(0xa8b000, 0xa6a000, &stack(&["brk@libc", "malloc@libc", "work", "main"]));
    let refused = explain(&question(&run, None)).text();
    insta::assert_snapshot!("attached", format!("{quiet}\n{refused}"));
    assert!(refused.contains("The blocker existed before brkwater attached, so its creator is unknown."));
}

#[test]
fn a_mapping_of_the_programs_own_is_not_mallocs() {
    let run = Run::launched("/bin/prog", "", 0x426000);
    let stop = backtrace(
        "#0  mmap (addr=addr@entry=0x426000, len=len@entry=1, prot=prot@entry=1, flags=flags@entry=50, fd=fd@entry=-1, offset=offset@entry=0) at ../sysdeps/unix/sysv/linux/mmap64.c:50\n\
         #1  0x0000000000401000 in plant (page=4096) at plant.c:12\n\
         #2  0x0000000000401100 in main () at plant.c:20",
    );
    insta::assert_snapshot!("user_mmap", explain(&question(&run, Some(&stop))).text());
}

#[test]
fn a_large_block_is_told_from_a_fallback() {
    let mut run = Run::launched("/bin/prog", "", 0x426000);
    run.brk(0x447000, 0x447000, &stack(&["brk@libc", "malloc@libc", "work", "main"]));
    let stop = backtrace(
        "#0  __GI___mmap64 (addr=addr@entry=0x0, len=len@entry=303104, prot=prot@entry=3, flags=flags@entry=34, fd=fd@entry=-1, offset=offset@entry=0) at ../sysdeps/unix/sysv/linux/mmap64.c:50\n\
         #1  0x00007ffff7c96000 in sysmalloc_mmap (nb=300016) at ./malloc/malloc.c:2440\n\
         #2  0x00007ffff7c980be in _int_malloc (bytes=300000) at ./malloc/malloc.c:4403\n\
         #3  0x00007ffff7c98aca in __GI___libc_malloc (bytes=<optimized out>) at ./malloc/malloc.c:3315\n\
         #4  0x0000000000401100 in main () at big.c:20",
    );
    insta::assert_snapshot!("large_block", explain(&question(&run, Some(&stop))).text());
}

#[test]
fn a_limit_is_named_and_no_mapping_is_blamed() {
    let mut run = Run::launched("/bin/prog", "", 0x426000);
    run.look.limit_data = Some(65536);
    run.brk(0x447000, 0x426000, &stack(&["brk@libc", "malloc@libc", "work", "main"]));
    let text = explain(&question(&run, None)).text();
    insta::assert_snapshot!("limit", text);
}

#[test]
fn a_blocker_that_is_gone_is_told_so() {
    let mut run = Run::launched("/bin/prog", "", 0x426000);
    run.call(PID.0, map_call(0x426000, 1, 1, 0x32), &stack(&["mmap@libc", "plant", "main"]));
    run.brk(0x447000, 0x426000, &stack(&["brk@libc", "malloc@libc", "work", "main"]));
    assert_eq!(
        tables::planter_view(&run.story, Addr(0x426000)).and_then(|p| p.function).as_deref(),
        Some("plant")
    );
    let failed = crate::event::Call::Mmap {
        addr: Addr(0),
        len: 0x100000,
        prot: 3,
        flags: 0x22,
        fd: -1,
        offset: 0,
        ret: Err(12),
    };
    run.call(PID.0, failed, &stack(&["mmap@libc", "malloc@libc", "work", "main"]));
    run.unmap(0x426000, 4096, &stack(&["munmap@libc", "main"]));
    insta::assert_snapshot!("gone", explain(&question(&run, None)).text());
    assert!(tables::planter_view(&run.story, Addr(0x426000)).is_none());
}

#[test]
fn without_debug_info_the_registers_tell_the_call() {
    let mut run = Run::launched("/bin/prog", "", 0x426000);
    run.call(PID.0, map_call(0x426000, 1, 1, 0x32), &stack(&["mmap@libc", "plant", "main"]));
    let names = ["brk@libc", "sbrk@libc", "malloc@libc", "work", "main"];
    run.brk(0x447000, 0x426000, &stack(&names));
    let view = |(level, frame): (u32, &StackFrame)| FrameView {
        level,
        address: frame.address,
        function: frame.function.clone(),
        module: frame.module.clone(),
        ..FrameView::default()
    };
    let frames = stack(&["mmap@libc", "malloc@libc", "work", "main"]);
    let stop = Backtrace { frames: (0..).zip(&frames).map(view).collect(), ..backtrace("") };
    let mut asked = question(&run, Some(&stop));
    // At the function's first instruction the pc is not the one behind the syscall instruction.
    asked.registers = Some([0, 0x100000, 3, 0x22, u64::MAX, 0]);
    let text = explain(&asked).text();
    assert!(
        text.contains(
            "mmap(NULL, 1048576, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) is under way"
        ),
        "{text}"
    );
}

#[test]
fn a_hostile_name_stays_in_its_cell() {
    let run = Run::nginx_until(37);
    let mut stop = backtrace(MMAP_BT);
    stop.frames[5].function = Some("a`|b\u{1b}[2J\n<script>".into());
    stop.frames[5].args[0].value = Some("\"-----BEGIN PRIVATE KEY-----\\nMII\"".into());
    let document = document(&run, &stop);
    let page = markdown(&document);
    assert!(!page.contains('\u{1b}') && !page.contains("MII"));
    let row = page.lines().find(|line| line.starts_with("| 5 |")).unwrap();
    assert_eq!(row.matches('|').count() - row.matches("\\|").count(), 5, "{row}");
    assert_eq!(document.redacted, 1);
}

#[test]
fn an_event_is_one_line_of_json() {
    let run = Run::nginx_until(37);
    let refused = run.events.last().unwrap();
    let line = event::call_json(refused, &|_| Vec::new()).unwrap();
    assert_eq!(line["schema"], "brkwater.event/1");
    assert_eq!(line["label"], "brk-refused");
    assert_eq!(line["args"], json!({"addr": "0xa8b000"}));
    assert_eq!(line["cause"]["blocker"], json!(["0xa6a000", "0xa6b000"]));
    let planted =
        run.events.iter().find(|e| matches!(&e.kind, EventKind::Call(r) if r.label == Label::Blocker));
    assert_eq!(line["cause"]["planted_by"], json!(planted.unwrap().seq));
    assert!(event::call_json(&run.events[0], &|_| Vec::new()).is_none());
}

#[test]
fn what_is_over_is_told_as_it_was() {
    let mut run = Run::nginx();
    let event =
        |kind| crate::event::Event { seq: crate::addr::Seq(999), t: 1.7, pid: PID, tid: Tid(PID.0), kind };
    run.story.apply(&event(EventKind::Exited(crate::event::ExitStatus::Code(0))));
    let text = explain(&question(&run, None)).text();
    assert!(
        text.contains("The process exited with code 0 at +1.700s; what follows is how things stood then."),
        "{text}"
    );
    assert!(text.contains("was mapped to the end") && !text.contains("still mapped"), "{text}");
    for table in [tables::blockers(&run.story, None), tables::growth(&run.story, 3, &|_| Vec::new())] {
        assert!(
            table.starts_with("The process exited with code 0 at +1.700s; as it stood then:\n"),
            "{table}"
        );
    }
}

/// Attached to a process whose break is blocked already: what stands there is told, and nothing is denied.
#[test]
fn attached_late_nothing_is_denied() {
    let mut run = Run::start("/opt/case/bin/nginx", NGINX_END, Some(0xa6a000), true);
    run.look.maps = crate::maps::parse(NGINX_END);
    let mut asked = question(&run, None);
    asked.amounts = Amounts::from_heap(&heap());
    insta::assert_snapshot!("attached_amounts", explain(&asked).text());

    let unknown = Run::start("/opt/case/bin/nginx", "", None, true);
    let blind = tables::blockers(&unknown.story, None);
    assert!(blind.starts_with("Where the break is was not seen"), "{blind}");
    assert!(blind.contains("No memory call was recorded since brkwater attached"), "{blind}");
    let mapping = crate::maps::parse("00a6a000-00a6b000 r--p 00000000 00:00 0 \n");
    let seen = tables::blockers(&unknown.story, Some(&mapping));
    assert!(seen.contains("[0xa6a000-0xa6b000]  4K    r--p   ?"), "{seen}");
    assert_eq!(tables::blockers_json(&unknown.story, Some(&mapping))["blockers"][0]["start"], "0xa6a000");
}
