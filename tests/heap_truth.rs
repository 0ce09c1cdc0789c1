//! The heap reader against live processes that print their own truth (`targets/heap_truth.c`).
//!
//! No symbol is used: libc's data is found by its name in the maps, everything else by shape. The oracles are
//! the program's own list of blocks, `mallinfo2` and the arena's books.
//!
//! `HEAP_GLIBC=DIR` runs the same tests on another glibc: DIR is where its package was unpacked. For an older
//! one `HEAP_CFLAGS=--sysroot=DIR` compiles for it too (then libc6-dev and linux-libc-dev must be there).

#![allow(clippy::disallowed_methods, reason = "tests start their own targets")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use brkwater::addr::{Addr, Pid, Span, Tid};
use brkwater::heap::{
    self, Anchors, ArenaKind, Layout, Method, Origin, Place, State, Survey, view::HeapView,
};
use brkwater::maps::{self, Mapping};
use brkwater::memory::Memory;

/// `/proc/PID/mem` of a child, read-only.
struct ProcMemory(File);

impl Memory for ProcMemory {
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buf.len() {
            match self.0.read_at(&mut buf[done..], at.0.wrapping_add(done as u64)) {
                Ok(n) if n > 0 => done += n,
                _ => break,
            }
        }
        done
    }
}

/// A target that has said `ready` and waits; ends with the test.
struct Target {
    child: Child,
    memory: ProcMemory,
    maps: Vec<Mapping>,
    said: Vec<Vec<String>>,
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The root of another glibc, if the tests are to run on one.
fn other_glibc() -> Option<String> {
    std::env::var("HEAP_GLIBC").ok()
}

/// The command that runs a program, on the other glibc if there is one (a static program needs none).
fn runner(program: &Path, flags: &[&str]) -> Command {
    let Some(root) = other_glibc().filter(|_| flags != STATIC) else { return Command::new(program) };
    let mut command = Command::new(format!("{root}/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"));
    command.args(["--library-path", &format!("{root}/usr/lib/x86_64-linux-gnu")]).arg(program);
    command
}

/// Compiles the target; the file is the caller's to remove.
fn compile(flags: &[&str]) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("heap_truth-{}-{count}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/targets/heap_truth.c");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O1", "-pthread"]).args(flags).arg("-o").arg(&path).arg(source);
    gcc.args(std::env::var("HEAP_CFLAGS").iter().flat_map(|flags| flags.split_whitespace()));
    assert!(gcc.status().unwrap().success());
    path
}

fn launch(flags: &[&str], args: &[&str]) -> Target {
    let program = compile(flags);
    let mut child = runner(&program, flags).args(args).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<Vec<String>> = lines
        .take_while(|line| line != "ready")
        .map(|line| line.split(' ').map(str::to_owned).collect())
        .collect();
    std::fs::remove_file(program).unwrap();
    let pid = child.id();
    let memory = ProcMemory(File::open(format!("/proc/{pid}/mem")).unwrap());
    let maps = maps::parse(&std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap());
    Target { child, memory, maps, said }
}

impl Target {
    fn values(&self, word: &str) -> impl Iterator<Item = Vec<u64>> {
        let number = |text: &String| match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).unwrap(),
            None => text.parse().unwrap(),
        };
        self.said
            .iter()
            .filter(move |said| said[0] == word)
            .map(move |said| said[1..].iter().map(number).collect())
    }

    /// What can be known without any symbol.
    fn anchors(&self) -> Anchors {
        let thread = |(i, pointer): (usize, Vec<u64>)| (Tid(i as i32 + 1), Addr(pointer[0]));
        Anchors {
            libc_data: heap::libc_data(&self.maps),
            threads: self.values("thread").enumerate().map(thread).collect(),
            ..Anchors::default()
        }
    }

    fn survey(&self) -> Survey {
        heap::survey(&self.memory, &self.maps, &self.anchors())
    }

    /// Every chunk of the survey, by address.
    fn chunks(&self, survey: &Survey) -> BTreeMap<u64, (u64, State)> {
        let mut all = BTreeMap::new();
        for arena in &survey.arenas {
            for region in &arena.regions {
                survey.for_each_chunk(&self.memory, arena, region, &mut |chunk| {
                    all.insert(chunk.address.0, (chunk.size, chunk.state));
                });
            }
        }
        all
    }

    /// Checks everything that the target said, except live blocks with a mapping of their own; what is in use
    /// beyond the live blocks is returned, by size.
    fn check(&self, survey: &Survey) -> Vec<u64> {
        let show = survey.to_text();
        assert_eq!(survey.doubts, [], "{show}");
        for arena in &survey.arenas {
            assert_eq!(arena.unaccounted, 0, "{show}");
            for region in &arena.regions {
                let parts = [region.used, region.free, region.fast, region.tcache, region.top];
                let sum: u64 = parts.iter().map(|count| count.bytes).sum();
                let head = region.first.0 - region.span.start.0;
                assert_eq!(sum + region.fenceposts + head + region.lost, region.span.len(), "{show}");
            }
        }
        let chunks = self.chunks(survey);
        let mut used: BTreeSet<u64> =
            chunks.iter().filter(|(_, (_, state))| *state == State::Used).map(|(at, _)| *at).collect();
        for live in self.values("live") {
            let at = live[0] - 16;
            if let Some((size, state)) = chunks.get(&at) {
                assert_eq!(*state, State::Used, "{show}");
                assert!((live[1] + 8..=live[1] + 40).contains(size), "{size} {live:?}");
                assert!(used.remove(&at));
                continue;
            }
            match survey.place_of(&self.memory, Addr(live[0])) {
                Some(Place::Mmapped(block)) => assert!(block.size >= live[1] + 16, "{block:?} {live:?}"),
                other => panic!("{:#x}: {other:?}\n{show}", live[0]),
            }
        }
        self.check_totals(survey);
        used.iter().map(|at| chunks[at].0).collect()
    }

    fn check_totals(&self, survey: &Survey) {
        let Some(said) = self.values("mallinfo").next() else { return };
        let all = |of: fn(&heap::Region) -> heap::Count| {
            survey.arenas.iter().map(|arena| arena.sum(of)).fold(heap::Count::default(), heap::Count::plus)
        };
        let (free, fast, top) = (all(|r| r.free), all(|r| r.fast), all(|r| r.top));
        let system: u64 = survey.arenas.iter().map(|arena| arena.system_mem).sum();
        let available = free.bytes + fast.bytes + top.bytes;
        let ours = [
            system,
            free.chunks + survey.arenas.len() as u64,
            fast.chunks,
            survey.mmapped.len() as u64,
            survey.mmapped.iter().map(|block| block.size).sum(),
            0,
            fast.bytes,
            system - available,
            available,
            survey.arenas[0].top.map_or(0, |(_, size)| size),
        ];
        let mut said = said;
        if survey.arenas[0].layout == Layout::D {
            // mremap leaves 16 bytes too many in the books of 2.43.
            said[4] = said[4].min(ours[4] + 16) / 4096 * 4096;
        }
        assert_eq!(said, ours, "{}", survey.to_text());
    }
}

fn origins(survey: &Survey) -> Vec<(Origin, u64)> {
    let regions = &survey.arenas[0].regions;
    regions.iter().map(|region| (region.origin, region.span.len())).collect()
}

/// Sizes of a tcache's chunk, from 2.26 to 2.43.
const TCACHE_SIZES: [u64; 4] = [0x250, 0x290, 0x300, 0x310];
const PIE: &[&str] = &["-pie", "-fPIE"];
const NO_PIE: &[&str] = &["-no-pie"];
const STATIC: &[&str] = &["-static"];
const BIG_TLS: &[&str] = &["-DBIG_TLS"];

#[test]
fn a_plain_heap_is_one_region() {
    for flags in [PIE, NO_PIE, STATIC] {
        let target = launch(flags, &["plain"]);
        let survey = target.survey();
        let internal = target.check(&survey);
        assert_eq!(origins(&survey).len(), 1, "{}", survey.to_text());
        assert!(survey.arenas[0].contiguous);
        let tcache = &survey.tcaches[0];
        assert!(
            tcache.held.chunks > 0 && internal.iter().any(|size| TCACHE_SIZES.contains(size)),
            "{internal:x?}"
        );
        // A static program's start-up code keeps some blocks of its own.
        assert!(internal.len() <= if flags == STATIC { 20 } else { 1 }, "{internal:x?}");
    }
}

#[test]
fn a_heap_that_was_never_used_is_recognised() {
    let survey = launch(PIE, &["untouched"]).survey();
    assert_eq!(survey.arenas.len(), 1);
    let arena = &survey.arenas[0];
    assert_eq!((arena.system_mem, arena.top, arena.regions.len(), arena.unaccounted), (0, None, 0, 0));
    assert_eq!(survey.doubts, []);
}

#[test]
fn a_hole_at_the_break_makes_fallback_regions() {
    for flags in [PIE, NO_PIE, STATIC] {
        let target = launch(flags, &["hole"]);
        let survey = target.survey();
        target.check(&survey);
        let regions = origins(&survey);
        assert!(regions.len() > 2, "{}", survey.to_text());
        assert_eq!(regions.iter().filter(|(origin, _)| *origin == Origin::Brk).count(), 1);
        assert!(!survey.arenas[0].contiguous);
        assert_eq!(survey.blockers.len(), 1);
        let blocker = &survey.blockers[0];
        assert_eq!((blocker.span.len(), blocker.perms.to_string().as_str()), (4096, "r--p"));
        assert_eq!(survey.break_now, Some(Addr(target.values("brk").next().unwrap()[1])));
    }
}

#[test]
fn a_hole_before_the_first_malloc_leaves_only_fallback_regions() {
    for flags in [PIE, NO_PIE] {
        let target = launch(flags, &["early-hole"]);
        let survey = target.survey();
        target.check(&survey);
        assert!(
            origins(&survey).iter().all(|(origin, _)| *origin == Origin::Fallback),
            "{}",
            survey.to_text()
        );
    }
}

#[test]
fn after_the_hole_is_gone_the_break_serves_again() {
    let target = launch(PIE, &["hole-then-none"]);
    let survey = target.survey();
    target.check(&survey);
    let brk = origins(&survey).iter().filter(|(origin, _)| *origin == Origin::Brk).count();
    assert!(brk >= 2 && origins(&survey).len() > brk, "{}", survey.to_text());
    assert!(!survey.arenas[0].contiguous && survey.blockers.is_empty());
}

#[test]
fn foreign_pieces_of_the_break_are_counted_as_malloc_does() {
    let target = launch(PIE, &["foreign"]);
    let survey = target.survey();
    target.check(&survey);
    let gaps: Vec<bool> = survey.arenas[0].gaps.iter().map(|gap| gap.counted).collect();
    assert_eq!(gaps, [true, true, false], "{}", survey.to_text());

    // Behind a hole the arena is not contiguous any more, and foreign pieces are not in its books.
    let target = launch(PIE, &["foreign-hole"]);
    let survey = target.survey();
    target.check(&survey);
    let gaps: Vec<bool> = survey.arenas[0].gaps.iter().map(|gap| gap.counted).collect();
    assert_eq!(gaps, [true, false], "{}", survey.to_text());
}

#[test]
fn each_thread_has_its_arena_and_its_tcache() {
    for flags in [PIE, BIG_TLS] {
        three_threads(&launch(flags, &["threads", "3000"]));
    }
}

fn three_threads(target: &Target) {
    let survey = target.survey();
    target.check(&survey);
    let threads: Vec<_> = survey.arenas.iter().filter(|arena| arena.kind == ArenaKind::Thread).collect();
    assert_eq!((survey.arenas.len(), threads.len(), survey.tcaches.len()), (4, 3, 4), "{}", survey.to_text());
    assert!(threads.iter().all(|arena| arena.regions.iter().all(|region| region.origin == Origin::HeapInfo)));
    assert!(survey.tcaches.iter().all(|tcache| tcache.held.chunks > 0));
}

#[test]
fn a_thread_arena_may_have_several_heaps() {
    let target = launch(PIE, &["threads", "70000"]);
    let survey = target.survey();
    target.check(&survey);
    assert!(survey.arenas[1..].iter().all(|arena| arena.regions.len() == 2), "{}", survey.to_text());
}

#[test]
fn large_blocks_have_their_own_mappings() {
    let target = launch(PIE, &["mmapped"]);
    let survey = target.survey();
    target.check(&survey);
    assert_eq!(survey.mmapped.len(), 4, "{}", survey.to_text());
    // Freeing 500,000 bytes raised the threshold.
    let threshold = survey.books.unwrap().mmap_threshold;
    assert!((500_000..=503_808).contains(&threshold), "{threshold}");
}

#[test]
fn a_full_tcache_spills_into_a_fastbin() {
    let target = launch(PIE, &["tcache"]);
    let survey = target.survey();
    target.check(&survey);
    // 2.43 keeps sixteen of a size, and has no fastbins.
    let (held, fast) = if survey.arenas[0].layout == Layout::D { (12, 0) } else { (7, 5) };
    assert_eq!(survey.tcaches[0].held.chunks, held);
    assert_eq!(survey.arenas[0].sum(|region| region.fast).chunks, fast);
    let chunks = target.chunks(&survey);
    for freed in target.values("freed") {
        assert_eq!(chunks[&(freed[0] - 16)].1, State::Tcache);
    }
}

#[test]
fn what_is_freed_is_free() {
    for scenario in ["free-all", "hole-free-all"] {
        let target = launch(PIE, &[scenario]);
        let survey = target.survey();
        let internal = target.check(&survey);
        assert!(internal.len() == 1 && TCACHE_SIZES.contains(&internal[0]), "{}", survey.to_text());
    }
}

#[test]
fn a_damaged_size_costs_one_chunk_not_the_heap() {
    let target = launch(PIE, &["bad-size"]);
    let survey = target.survey();
    let show = survey.to_text();
    let bad = target.values("bad").next().unwrap()[0] - 8;
    assert_eq!(survey.doubts.len(), 1, "{show}");
    assert_eq!(survey.doubts[0].at, Addr(bad));
    assert!(survey.doubts[0].what.starts_with("malloc(): invalid size"), "{show}");
    let region = &survey.arenas[0].regions[0];
    assert_eq!((region.lost, survey.arenas[0].unaccounted), (0xd0, 0));
    let chunks = target.chunks(&survey);
    for live in target.values("live").filter(|live| live[0] - 16 != bad) {
        assert_eq!(chunks[&(live[0] - 16)].1, State::Used);
    }
}

#[test]
fn a_damaged_list_is_told_and_the_rest_stands() {
    let target = launch(PIE, &["bad-bin"]);
    let survey = target.survey();
    let bad = Addr(target.values("bad").next().unwrap()[0]);
    let doubts: Vec<_> = survey.doubts.iter().filter(|doubt| doubt.at == bad).collect();
    assert_eq!(doubts.len(), 1, "{}", survey.to_text());
    assert!(doubts[0].what.starts_with("corrupted double-linked list"), "{doubts:?}");
    assert_eq!(survey.arenas[0].unaccounted, 0);
    target.check_totals(&survey);
}

#[test]
fn the_json_is_the_one_of_the_contract() {
    let target = launch(PIE, &["hole"]);
    let survey = target.survey();
    let json = serde_json::to_value(HeapView::new(Pid(7), &survey, &|_| None)).unwrap();
    for key in
        ["schema", "pid", "glibc", "break", "arenas", "mmapped", "tcache", "blockers", "doubts", "found_by"]
    {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["schema"], "brkwater.heap/1");
    assert_eq!(json["arenas"][0]["unaccounted"], 0);
    assert_eq!(json["arenas"][0]["regions"][0]["origin"], "brk");
    assert_eq!(json["break"]["current"], survey.break_now.unwrap().to_string());
    let back: HeapView = serde_json::from_value(json).unwrap();
    assert_eq!(back.arenas[0].in_use.bytes, survey.arenas[0].sum(|region| region.used).bytes);
}

#[test]
fn a_million_chunks_are_all_accounted_for() {
    // Half of them in fastbins, then half of them in bins.
    for size in ["16", "144"] {
        let target = launch(PIE, &["many", "1000000", size]);
        let survey = target.survey();
        assert_eq!(survey.doubts, [], "{}", survey.to_text());
        target.check_totals(&survey);
        let chunks: u64 = survey.arenas[0].regions.iter().map(|region| region.chunks).sum();
        assert!(chunks >= 1_000_000, "{}", survey.to_text());
    }
}

/// `malloc_trim` of the child's libc, from its dynamic symbols.
fn malloc_trim(target: &Target) -> Span {
    let libc = target.maps.iter().find(|mapping| mapping.path.contains("/libc.so.6")).unwrap();
    let nm = Command::new("nm").args(["-DS", "--defined-only", &libc.path]).output().unwrap();
    let text = String::from_utf8(nm.stdout).unwrap();
    let line = text.lines().find(|line| line.contains(" malloc_trim@")).unwrap();
    let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let mut words = line.split(' ');
    let (at, len) = (number(words.next().unwrap()), number(words.next().unwrap()));
    Span::sized(libc.span.start.add(at), len)
}

#[test]
fn the_code_of_malloc_trim_agrees_with_the_scan() {
    let target = launch(PIE, &["plain"]);
    let anchors = Anchors { malloc_trim: Some(malloc_trim(&target)), ..target.anchors() };
    let survey = heap::survey(&target.memory, &target.maps, &anchors);
    assert_eq!(survey.found_by, [Method::MallocTrim, Method::Ring]);
    target.check(&survey);
}
