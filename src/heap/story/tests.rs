//! The story against real recordings and against made-up sequences that hold one difficulty each.

use proptest::prelude::*;

use super::strip::{Glyphs, strip};
use super::testing::{BUNDLE_LOOP, NGINX_END, PID, Run, THREADS, map_call, stack};
use super::*;
use crate::addr::Pid;
use crate::event::EventKind;
use crate::maps;

const ANON: u32 = 0x22;
const FIXED: u32 = 0x32;
const MAPS: &str = "\
00400000-00410000 r-xp 00000000 fe:00 1 /bin/prog
00410000-00420000 rw-p 00010000 fe:00 1 /bin/prog
00420000-00426000 rw-p 00000000 00:00 0 
7ffff7fc8000-7ffff7fca000 r-xp 00000000 00:00 0 [vdso]
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
";
const MALLOC_BRK: [&str; 6] = ["brk@libc", "sbrk@libc", "@libc", "malloc@libc", "work", "main"];
const MALLOC_MMAP: [&str; 5] = ["mmap@libc", "timer_settime@libc", "malloc@libc", "work", "main"];

fn run() -> Run {
    Run::launched("/bin/prog", MAPS, 0x426000)
}

fn span(start: u64, end: u64) -> Span {
    Span::new(Addr(start), Addr(end))
}

fn labels(run: &Run) -> Vec<Label> {
    let label = |event: &Event| match &event.kind {
        EventKind::Call(record) => Some(record.label),
        _ => None,
    };
    run.events.iter().filter_map(label).collect()
}

fn kinds(layout: &Layout) -> Vec<(RegionKind, Span)> {
    layout.regions.iter().map(|region| (region.kind, region.span)).collect()
}

#[test]
fn nginx_plants_a_page_and_every_growth_becomes_a_fallback() {
    let run = Run::nginx();
    let story = &run.story;
    assert_eq!(
        story.line(),
        Break { start: Some(Addr(0xa6a000)), current: Some(Addr(0xa6a000)), highest: Some(Addr(0xa6a000)) }
    );
    let refused = story.refusals().count;
    assert!(refused > 30, "{refused}");
    assert_eq!(story.fallback_sizes(), [(0x10_0000, 1), (135_168, refused - 1)]);
    assert_eq!(story.fallback_bytes(), 0x10_0000 + 135_168 * (refused - 1));
    let [blocker] = story.blockers() else { panic!("{:?}", story.blockers()) };
    assert_eq!(
        (blocker.span, blocker.refused, blocker.perms.to_string()),
        (span(0xa6a000, 0xa6b000), refused, "r--p".into())
    );
    // The constructor ended in a jump to mmap, so it is not on mmap's stack; its sbrk(0) before gives it away.
    let planter = blocker.planter();
    assert_eq!(planter.evidence, Evidence::Inferred);
    assert_eq!(planter.frame.and_then(|f| f.function).as_deref(), Some("ngx_http_lua_limit_data_segment"));
    assert_eq!(run.looks as u64, refused, "the process is looked at only when a brk was refused");
    let first = story.refusals().first.as_ref().unwrap();
    let planted_by = blocker.planted.as_ref().map(|asked| asked.seq);
    assert_eq!(first.cause, Cause::Occupied { blocker: blocker.span, planted_by });
    assert_eq!(run.replayed(), run.story);
}

#[test]
fn nginx_is_laid_out_with_requests_apart_that_the_kernel_merged() {
    let run = Run::nginx();
    let layout = run.story.layout(Some(run.maps()));
    let totals = &layout.totals;
    assert_eq!(totals.fallback, run.story.fallback_bytes());
    assert_eq!(totals.fallback_vmas, 1);
    assert_eq!(totals.fallback_requests, run.story.refusals().count);
    assert_eq!(totals.heap, 0);
    let shown: Vec<_> = kinds(&layout).into_iter().take(5).collect();
    assert_eq!(
        shown[..4],
        [
            (RegionKind::Program, span(0x400000, 0xa1d000)),
            (RegionKind::Data, span(0xa1d000, 0xa6a000)),
            (RegionKind::Blocker, span(0xa6a000, 0xa6b000)),
            (RegionKind::Gap, span(0xa6b000, 0x7ffff7659000)),
        ]
    );
    assert_eq!(shown[4].0, RegionKind::Fallback);
    let mapped: u64 =
        maps::parse(NGINX_END).iter().filter(|m| m.path != "[vsyscall]").map(|m| m.span.len()).sum();
    assert_eq!(totals.mapped, mapped);
    assert!(layout.regions.windows(2).all(|pair| pair[0].span.end == pair[1].span.start));
    let kind_of = |at: u64| layout.at(Addr(at)).map(|region| (region.kind, region.name.as_str()));
    assert_eq!(kind_of(0x7ffff7dd6000), Some((RegionKind::Library, "/usr/lib/x86_64-linux-gnu/libc.so.6")));
    assert_eq!(kind_of(0x7ffffffdf000), Some((RegionKind::Stack, "[stack]")));
    assert_eq!(kind_of(0x7ffff7bfd000).map(|(kind, _)| kind), Some(RegionKind::Library), "the loader's TLS");
    // Without the kernel's list the story alone knows what a malloc did.
    let alone = run.story.layout(None);
    assert_eq!(alone.totals.fallback, totals.fallback);
    assert_eq!(alone.at(Addr(0xa6a000)).map(|region| region.kind), Some(RegionKind::Blocker));
}

#[test]
fn bundle_loop_plants_its_page_above_a_heap() {
    let mut run = Run::launched("/opt/case/bin/bundle_loop-blocker", "", 0x6895000);
    run.strace(BUNDLE_LOOP, usize::MAX);
    assert_eq!(run.story.heap_bytes(), 0x21000);
    let blocker = run.story.blocker().unwrap();
    assert_eq!(blocker.span, span(0x68b6000, 0x68b7000));
    let planter = blocker.planter();
    assert_eq!(planter.evidence, Evidence::Recorded);
    assert_eq!(planter.frame.and_then(|f| f.function).as_deref(), Some("plant_blocker"));
    let growth = run.story.growth();
    let fallback: Vec<_> = growth.by_site.iter().filter(|row| row.label == Label::Fallback).collect();
    assert!(fallback.iter().all(|row| row.allocator.as_deref() == Some("malloc")), "{fallback:?}");
    assert!(
        fallback
            .iter()
            .any(|row| row.site.as_ref().and_then(|f| f.function.as_deref()) == Some("CRYPTO_malloc"))
    );
    assert_eq!(fallback.iter().map(|row| row.live).sum::<u64>(), run.story.fallback_bytes());
    assert_eq!(run.replayed(), run.story);
}

#[test]
fn a_threaded_program_is_labelled_call_by_call() {
    let mut run = Run::launched("/bin/threads", "", 0x555555559000);
    run.strace(THREADS, usize::MAX);
    let own: Vec<Label> = labels(&run).into_iter().filter(|label| *label != Label::Loader).collect();
    assert_eq!(
        own,
        [
            Label::BrkQuery,
            Label::ThreadStack,
            Label::BrkQuery,
            Label::BrkGrow,
            Label::ArenaNew,
            Label::ArenaNew,
            Label::ArenaNew,
            Label::MmapChunk,
            Label::MmapChunkResize,
            Label::MmapChunkResize,
            Label::MmapChunkFree,
            Label::UserMap,
            Label::UserUnmap,
            Label::UserUnmap,
            Label::ThreadStack,
            Label::ThreadStack,
        ]
    );
    let totals = run.story.layout(None).totals;
    assert_eq!((totals.arenas, totals.chunks, totals.stacks), (0x400_0000, 0, 8_392_704));
    assert_eq!(run.replayed(), run.story);
}

#[test]
fn a_break_that_moves_freely_is_one_heap() {
    let mut run = run();
    run.brk(0, 0x426000, &stack(&["@/lib64/ld-linux-x86-64.so.2"]));
    for n in 1..=3 {
        run.brk(0x426000 + n * 0x21000, 0x426000 + n * 0x21000, &stack(&MALLOC_BRK));
    }
    run.brk(0x447000, 0x447000, &stack(&["brk@libc", "sbrk@libc", "systrim@libc", "free@libc", "main"]));
    assert_eq!(
        labels(&run),
        [Label::BrkQuery, Label::BrkGrow, Label::BrkGrow, Label::BrkGrow, Label::BrkShrink]
    );
    assert_eq!(run.story.heap_bytes(), 0x21000);
    assert_eq!(run.story.live_bytes(Label::BrkGrow), 0x21000);
    assert_eq!(run.story.line().highest, Some(Addr(0x489000)));
    let growth = run.story.growth();
    assert_eq!(
        (growth.by_site[0].count, growth.by_site[0].bytes, growth.by_site[0].live),
        (3, 0x63000, 0x21000)
    );
    assert_eq!(run.looks, 0);
}

#[test]
fn somebody_else_moves_the_break() {
    let mut run = run();
    let record = run.brk(0x429040, 0x429040, &stack(&["brk@libc", "sbrk@libc", "grab", "main"]));
    assert_eq!((record.label, record.allocator), (Label::ForeignSbrk, None));
    assert_eq!(run.story.heap_bytes(), 0x4000, "the kernel maps whole pages");
}

#[test]
fn when_the_blocker_goes_the_break_moves_again() {
    let mut run = run();
    let plant = stack(&["mmap@libc", "plant", "main"]);
    assert_eq!(run.call(PID.0, map_call(0x426000, 1, 1, FIXED), &plant).label, Label::Blocker);
    assert_eq!(run.story.blocker().map(|blocker| blocker.refused), Some(0), "a suspect at once");
    assert_eq!(run.brk(0x447000, 0x426000, &stack(&MALLOC_BRK)).label, Label::BrkRefused);
    assert_eq!(run.map(0x7ffff7c00000, 0x100000, ANON, &stack(&MALLOC_MMAP)).label, Label::Fallback);
    assert_eq!(run.story.blocker().map(|blocker| blocker.refused), Some(1), "guilty");
    assert_eq!(run.unmap(0x426000, 4096, &stack(&["munmap@libc", "main"])).label, Label::UserUnmap);
    assert!(run.story.blocker().is_none() && run.story.blockers()[0].removed.is_some());
    assert_eq!(run.brk(0x447000, 0x447000, &stack(&MALLOC_BRK)).label, Label::BrkGrow);
    assert_eq!((run.story.heap_bytes(), run.story.fallback_bytes()), (0x21000, 0x100000));
    assert_eq!(run.replayed(), run.story);
}

#[test]
fn a_limit_refuses_and_no_blocker_is_claimed() {
    let mut run = run();
    run.look = Look { maps: maps::parse(MAPS), limit_data: Some(0x20000), ..Look::default() };
    let record = run.brk(0x447000, 0x426000, &stack(&MALLOC_BRK));
    assert_eq!(record.cause, Some(Cause::Limit { name: "RLIMIT_DATA".into(), value: 0x20000, used: 0 }));
    assert!(run.story.blockers().is_empty());
    // Data that is not the break counts too, as it does for the kernel.
    run.look.limit_data = Some(0x30000);
    let record = run.brk(0x447000, 0x426000, &stack(&MALLOC_BRK));
    assert_eq!(
        record.cause,
        Some(Cause::Limit { name: "RLIMIT_DATA".into(), value: 0x30000, used: 0x16000 })
    );
    run.look = Look { maps: maps::parse(MAPS), limit_as: Some(0x60000), ..Look::default() };
    let record = run.brk(0x447000, 0x426000, &stack(&MALLOC_BRK));
    assert_eq!(record.cause, Some(Cause::Limit { name: "RLIMIT_AS".into(), value: 0x60000, used: 0x49000 }));
    run.look.limit_as = None;
    assert_eq!(run.brk(0x447000, 0x426000, &stack(&MALLOC_BRK)).cause, Some(Cause::Unknown));
    assert_eq!(run.brk(0x1000, 0x426000, &stack(&MALLOC_BRK)).cause, Some(Cause::BelowStart));
    let failed =
        Call::Mmap { addr: Addr(0), len: 0x100000, prot: 3, flags: ANON, fd: -1, offset: 0, ret: Err(12) };
    run.brk(0x447000, 0x426000, &stack(&MALLOC_BRK));
    assert_eq!(run.call(PID.0, failed, &stack(&MALLOC_MMAP)).label, Label::Fallback);
    assert_eq!(run.story.fallback_bytes(), 0);
}

#[test]
fn the_stack_keeps_its_guard_gap_from_the_break() {
    let mut run = run();
    let near = MAPS.replace("7ffffffde000-7ffffffff000", "00500000-00600000");
    run.look.maps = maps::parse(&near);
    run.look.maps.sort_by_key(|mapping| mapping.span.start);
    let record = run.brk(0x426000 + 0x21000, 0x426000, &stack(&MALLOC_BRK));
    assert_eq!(record.cause, Some(Cause::Occupied { blocker: span(0x500000, 0x600000), planted_by: None }));
}

#[test]
fn a_fallback_belongs_to_the_refused_request_and_to_no_other() {
    let mut run = run();
    run.brk(0x447000, 0x426000, &stack(&MALLOC_BRK));
    let other = stack(&["mmap@libc", "timer_settime@libc", "malloc@libc", "elsewhere", "main"]);
    assert_eq!(run.map(0x7ffff7000000, 0x100000, ANON, &other).label, Label::MmapChunk);
    run.brk(0x447000, 0x426000, &stack(&MALLOC_BRK));
    let call = map_call(0x7ffff6000000, 0x100000, 3, ANON);
    assert_eq!(run.call(99, call, &stack(&MALLOC_MMAP)).label, Label::MmapChunk, "another thread");
    assert_eq!(run.map(0x7ffff5000000, 0x100000, ANON, &stack(&MALLOC_MMAP)).label, Label::Fallback);
    assert_eq!(run.map(0x7ffff4000000, 0x100000, ANON, &stack(&MALLOC_MMAP)).label, Label::MmapChunk);
    let named =
        stack(&["mmap@libc", "sysmalloc_mmap_fallback@libc", "sysmalloc@libc", "malloc@libc", "main"]);
    assert_eq!(run.map(0x7ffff3000000, 0x100000, ANON, &named).label, Label::FallbackNoBrk);
}

#[test]
fn without_stacks_the_pairing_still_holds() {
    let mut run = run();
    run.call(PID.0, map_call(0x426000, 4096, 1, FIXED), &[]);
    run.brk(0x447000, 0x426000, &[]);
    run.map(0x7ffff7000000, 0x100000, ANON, &[]);
    run.map(0x7ffff6000000, 0x100000, ANON, &[]);
    assert_eq!(labels(&run), [Label::Blocker, Label::BrkRefused, Label::Fallback, Label::UserMap]);
    assert_eq!(run.story.blockers()[0].planter().evidence, Evidence::Unknown);
}

#[test]
fn a_large_block_moves_and_grows_and_goes() {
    let mut run = run();
    let malloc = stack(&["mmap@libc", "malloc@libc", "work", "main"]);
    assert_eq!(run.map(0x7ffff7000000, 0x4a000, ANON, &malloc).label, Label::MmapChunk);
    let remap = Call::Mremap {
        addr: Addr(0x7ffff7000000),
        old_len: 0x4a000,
        new_len: 0x94000,
        flags: 1,
        ret: Ok(Addr(0x7ffff6000000)),
    };
    let realloc = stack(&["mremap@libc", "realloc@libc", "work", "main"]);
    assert_eq!(run.call(PID.0, remap, &realloc).label, Label::MmapChunkResize);
    assert!(run.story.piece_at(Addr(0x7ffff7000000)).is_none());
    let born =
        |at: u64| run.story.piece_at(Addr(at)).and_then(|(_, owner)| owner.asked()).map(|asked| asked.seq);
    assert_eq!((born(0x7ffff6000000), born(0x7ffff604a000)), (Some(Seq(2)), Some(Seq(3))));
    assert_eq!(run.story.layout(None).totals.chunks, 0x94000);
    let free = stack(&["munmap@libc", "free@libc", "main"]);
    assert_eq!(run.unmap(0x7ffff6000000, 0x94000, &free).label, Label::MmapChunkFree);
    assert_eq!(run.story.layout(None).totals.chunks, 0);
    assert_eq!(run.story.live_bytes(Label::MmapChunk) + run.story.live_bytes(Label::MmapChunkResize), 0);
    assert_eq!(run.replayed(), run.story);
}

#[test]
fn a_fixed_mapping_cuts_what_it_covers() {
    let mut run = run();
    run.brk(0x447000, 0x447000, &stack(&MALLOC_BRK));
    let user = stack(&["mmap@libc", "overlay", "main"]);
    assert_eq!(run.call(PID.0, map_call(0x430000, 0x2000, 3, FIXED), &user).label, Label::UserMap);
    assert_eq!(run.story.live_bytes(Label::BrkGrow), 0x1f000);
    let layout = run.story.layout(None);
    let near: Vec<_> =
        kinds(&layout).into_iter().filter(|(_, s)| s.overlaps(span(0x426000, 0x447000))).collect();
    assert_eq!(
        near,
        [
            (RegionKind::Heap, span(0x426000, 0x430000)),
            (RegionKind::Anonymous, span(0x430000, 0x432000)),
            (RegionKind::Heap, span(0x432000, 0x447000)),
        ]
    );
}

#[test]
fn arenas_and_thread_stacks_are_known_by_their_flags() {
    let mut run = run();
    const RESERVE: u32 = 0x4022;
    let arena = stack(&["mmap@libc", "malloc@libc", "worker", "start_thread@libc"]);
    assert_eq!(
        run.call(7, map_call(0x7fff_ec00_0000, 0x800_0000, 0, RESERVE), &arena).label,
        Label::ArenaNew
    );
    let cut = |at: u64, len: u64| Call::Munmap { addr: Addr(at), len, ret: Ok(Addr(0)) };
    let edge = stack(&["munmap@libc", "malloc@libc", "worker", "start_thread@libc"]);
    assert_eq!(run.call(7, cut(0x7fff_f000_0000, 0x400_0000), &edge).label, Label::ArenaNew);
    assert_eq!(run.story.layout(None).totals.arenas, 0x400_0000);
    run.brk(0, 0x426000, &[]);
    let shrink = map_call(0x7fff_ee00_0000, 0x1000, 0, 0x32);
    let free = stack(&["mmap@libc", "free@libc", "worker"]);
    assert_eq!(run.call(7, shrink, &free).label, Label::ArenaShrink);
    let thread = stack(&["mmap@libc", "pthread_create@libc", "main"]);
    assert_eq!(
        run.call(PID.0, map_call(0x7ffff7000000, 0x801000, 0, 0x20022), &thread).label,
        Label::ThreadStack
    );
    assert_eq!(run.unmap(0x7ffff7000000, 0x801000, &thread).label, Label::ThreadStack);
}

#[test]
fn a_fork_inherits_and_an_exec_forgets() {
    let mut run = Run::nginx();
    let mut stories = Stories::default();
    run.tell(9.0, EventKind::Forked { child: Pid(5000), followed: true, vfork: false });
    run.tell(9.1, EventKind::Execed { program: "/bin/other".into() });
    run.events.iter().for_each(|event| stories.apply(event));
    let child = stories.of(Pid(5000)).unwrap();
    assert_eq!(child.refusals().count, Run::nginx().story.refusals().count);
    assert_eq!(child.blocker().map(|blocker| blocker.span), Some(span(0xa6a000, 0xa6b000)));
    let parent = stories.of(PID).unwrap();
    assert_eq!((parent.program(), parent.refusals().count, parent.pieces().count()), ("/bin/other", 0, 0));
    assert_eq!(parent.line(), Break::default());
}

#[test]
fn attached_late_the_planter_is_unknown() {
    let maps = NGINX_END;
    let mut run = Run::start("/opt/case/bin/nginx", maps, Some(0xa6a000), true);
    run.look.maps = maps::parse(maps);
    let suspect = run.story.blocker().unwrap();
    assert_eq!((suspect.span, suspect.refused), (span(0xa6a000, 0xa6b000), 0));
    assert_eq!(suspect.planter().evidence, Evidence::Unknown);
    let record = run.brk(0xa8b000, 0xa6a000, &stack(&MALLOC_BRK));
    assert_eq!(record.cause, Some(Cause::Occupied { blocker: span(0xa6a000, 0xa6b000), planted_by: None }));
    let blocker = run.story.blocker().unwrap();
    assert_eq!((blocker.refused, blocker.planted.is_none()), (1, true));
    let layout = run.story.layout(Some(run.maps()));
    assert_eq!(layout.at(Addr(0xa6a000)).map(|region| region.kind), Some(RegionKind::Blocker));
    assert_eq!(layout.at(Addr(0x7ffff7700000)).map(|region| region.kind), Some(RegionKind::Unknown));
}

#[test]
fn hostile_numbers_do_no_harm() {
    let mut run = run();
    run.brk(u64::MAX, 0x426000, &stack(&MALLOC_BRK));
    run.brk(u64::MAX, u64::MAX, &[]);
    run.map(u64::MAX - 10, u64::MAX, ANON, &[]);
    run.unmap(0, u64::MAX, &[]);
    let all = Call::Mremap {
        addr: Addr(u64::MAX),
        old_len: u64::MAX,
        new_len: u64::MAX,
        flags: 7,
        ret: Ok(Addr(u64::MAX)),
    };
    run.call(1, all, &[]);
    let _ = run.story.layout(Some(&maps::parse(MAPS)));
    let _ = run.story.layout(None);
    assert_eq!(run.replayed(), run.story);
}

/// Any call in a small address space near the break, so that things collide.
fn any_call() -> impl Strategy<Value = Call> {
    let page = |n: u64| Addr(0x426000 + n * 0x1000);
    prop_oneof![
        (0_u64..40, 0_u64..40).prop_map(move |(a, b)| Call::Brk { wanted: page(a), got: page(b) }),
        (0_u64..60, 1_u64..12, any::<bool>()).prop_map(move |(at, pages, fixed)| map_call(
            page(at).0,
            pages * 0x1000,
            3,
            if fixed { FIXED } else { ANON }
        )),
        (0_u64..60, 0_u64..20).prop_map(move |(at, pages)| Call::Munmap {
            addr: page(at),
            len: pages * 0x1000,
            ret: Ok(Addr(0))
        }),
        (0_u64..60, 0_u64..9, 1_u64..9, 0_u64..60).prop_map(move |(at, old, new, to)| Call::Mremap {
            addr: page(at),
            old_len: old * 0x1000,
            new_len: new * 0x1000,
            flags: 3,
            ret: Ok(page(to))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_equal_pieces_and_a_replay_equals_the_run(
        calls in prop::collection::vec((any_call(), 0_usize..4, 1_i32..3), 0..60),
        width in 0_usize..120,
    ) {
        let stacks: [&[&str]; 4] = [&[], &MALLOC_BRK, &MALLOC_MMAP, &["mmap@libc", "user", "main"]];
        let mut run = run();
        for (call, stack_of, tid) in calls {
            run.call(tid, call, &stack(stacks[stack_of]));
        }
        prop_assert_eq!(&run.replayed(), &run.story);
        let mut sums: FxHashMap<Label, u64> = FxHashMap::default();
        for (span, owner) in run.story.pieces() {
            if let Some(label) = owner.label() {
                *sums.entry(label).or_default() += span.len();
            }
        }
        for label in [Label::Fallback, Label::BrkGrow, Label::MmapChunk, Label::UserMap, Label::Blocker, Label::ForeignSbrk] {
            prop_assert_eq!(run.story.live_bytes(label), sums.get(&label).copied().unwrap_or(0));
        }
        let layout = run.story.layout(None);
        prop_assert!(layout.regions.windows(2).all(|pair| pair[0].span.end == pair[1].span.start));
        let drawn = strip(&layout, width, Glyphs::Ascii);
        prop_assert!(drawn.cells.len() <= width && drawn.row().is_ascii());
        prop_assert!(drawn.cells.iter().all(|cell| !cell.span.is_empty()));
        prop_assert!(drawn.cells.windows(2).all(|pair| pair[0].span.start <= pair[1].span.start));
    }
}
