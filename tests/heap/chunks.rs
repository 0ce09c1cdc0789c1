//! Chunks one by one, against what the program knows of them: sizes, contents, lists, and who points at them.

use std::collections::BTreeSet;

use brkwater::addr::{Addr, Pid, Tid};
use brkwater::heap::search::{self, Needle};
use brkwater::heap::{Arena, List, ListKind, Place, State, Survey};
use brkwater::kernel::pagemap;
use brkwater::report::chunk::{self, Shown};
use brkwater::report::chunks::{self, Looking, regions};

use crate::target::{PIE, STATIC, Target, compile, launch, launch_with};

const SCENARIOS: &[&[&str]] =
    &[&["plain", "300"], &["hole", "300"], &["threads", "100"], &["mmapped"], &["tcache"]];

fn thread(tid: Tid) -> String {
    format!("thread {tid}")
}

impl Target {
    fn bins(&self, survey: &Survey, arena: &Arena) -> Vec<List> {
        survey.bins(&self.memory, &self.maps, arena, usize::MAX, &mut |_, _| {})
    }

    fn caches(&self, survey: &Survey) -> Vec<List> {
        let caches = survey.tcaches.iter();
        caches
            .flat_map(|cache| survey.tcache_bins(&self.memory, &self.maps, cache, usize::MAX, &mut |_, _| {}))
            .collect()
    }

    fn find(&self, needle: &Needle) -> (Vec<u64>, search::Searched) {
        let mut all = Vec::new();
        let populated = |span| pagemap::populated(Pid(self.pid as i32), span);
        let searched =
            search::search(&self.memory, &self.maps, needle, &populated, &mut |hit| all.push(hit.at.0));
        (all, searched)
    }
}

/// `heap chunk` on every block, from any address in it: malloc_usable_size is the oracle.
#[test]
fn every_live_block_is_a_chunk_of_its_size() {
    for scenario in SCENARIOS {
        let target = launch(PIE, scenario);
        let survey = target.survey();
        let mut chunks = 0;
        for (n, live) in target.values("live").enumerate() {
            let (payload, usable) = (live[0], live[2]);
            let inside = [0, live[1] / 2, usable.saturating_sub(9)][n % 3];
            let place = survey.place_of(&target.memory, Addr(payload + inside));
            let Some(detail) = survey.detail(&target.memory, &target.maps, Addr(payload + inside)) else {
                assert!(matches!(place, Some(Place::Mmapped(_))), "{live:x?} {place:?}");
                continue;
            };
            chunks += 1;
            let chunk = detail.row.chunk;
            assert_eq!((chunk.payload(), detail.usable()), (Addr(payload), usable), "{scenario:?} {live:x?}");
            assert_eq!((chunk.state, detail.row.field.size()), (State::Used, chunk.size));
            assert_eq!((&detail.doubts[..], &detail.row.list), (&[][..], &None));
            assert_eq!(
                detail.before.map(|before| before.address.add(before.size)),
                detail.before.map(|_| chunk.address)
            );
            assert_eq!(detail.behind.unwrap().address, chunk.address.add(chunk.size));
            // The program wrote its whole length.
            let written = detail.row.bytes.len().min(live[1] as usize);
            assert!(detail.row.bytes[..written].iter().all(|byte| *byte == b'A'), "{:x?}", detail.row.bytes);
        }
        assert!(chunks > 1, "{scenario:?}");
    }
}

/// All blocks at once are where they are one by one.
#[test]
fn many_addresses_are_placed_in_one_walk() {
    let target = launch(PIE, &["threads", "80"]);
    let survey = target.survey();
    let mut addresses: Vec<Addr> = target.values("live").map(|live| Addr(live[0] + live[1] / 3)).collect();
    addresses.extend([Addr(0), Addr(u64::MAX), survey.arenas[0].address]);
    addresses
        .extend(survey.arenas.iter().flat_map(|arena| arena.regions.iter().map(|region| region.span.start)));
    let one_by_one: Vec<_> = addresses.iter().map(|at| survey.place_of(&target.memory, *at)).collect();
    assert_eq!(survey.places_of(&target.memory, &addresses), one_by_one);
}

/// The pages of a region, one after the other, are its chunks, each once.
#[test]
fn pages_make_up_the_region() {
    for scenario in SCENARIOS {
        let target = launch(PIE, scenario);
        let survey = target.survey();
        let all = target.chunks(&survey);
        let mut seen = BTreeSet::new();
        for of in regions(&survey) {
            let (mut from, mut before) = (None, 0);
            loop {
                let page = survey.page(&target.memory, &target.maps, (of.arena, of.region), from, 17);
                assert_eq!((page.before, page.doubts.len()), (before, 0), "{scenario:?}");
                for row in &page.rows {
                    assert_eq!(all[&row.chunk.address.0], (row.chunk.size, row.chunk.state));
                    assert!(seen.insert(row.chunk.address.0));
                    let listed = matches!(row.chunk.state, State::Free | State::Fast | State::Tcache);
                    assert_eq!(row.list.is_some(), listed, "{row:?}");
                }
                before += page.rows.len() as u64;
                from = page.next;
                if from.is_none() {
                    assert_eq!(page.after, 0);
                    break;
                }
            }
        }
        assert_eq!(seen.len(), all.len(), "{scenario:?}");
    }
}

/// malloc_info tells each list of each arena: fastbins, bins, then the unsorted one.
#[test]
fn the_lists_are_those_of_malloc_info() {
    // From 2.43 on some scenarios leave nothing in a list: there are no fastbins.
    let mut told = 0;
    for flags in [PIE, STATIC] {
        for scenario in SCENARIOS {
            let target = launch(flags, scenario);
            let survey = target.survey();
            let mut ours: Vec<Vec<u64>> = Vec::new();
            for arena in &survey.arenas {
                let lists = target.bins(&survey, arena);
                assert!(lists.iter().all(|list| list.doubts.is_empty()), "{lists:?}");
                let sum = |of: fn(&ListKind) -> bool| -> u64 {
                    lists.iter().filter(|list| of(&list.kind)).map(|list| list.count).sum()
                };
                assert_eq!(sum(|kind| matches!(kind, ListKind::Fast(_))), arena.sum(|r| r.fast).chunks);
                assert_eq!(sum(|kind| !matches!(kind, ListKind::Fast(_))), arena.sum(|r| r.free).chunks);
                for list in &lists {
                    let (low, high) = list.kind.sizes();
                    let fits = |size: u64| (low, high) == (0, 0) || (low..=high).contains(&size);
                    assert!(list.members.iter().all(|member| fits(member.size)), "{list:?}");
                    assert_eq!(list.members.len() as u64, list.count);
                }
                let (unsorted, sorted): (Vec<&List>, Vec<&List>) =
                    lists.iter().partition(|list| list.kind == ListKind::Unsorted);
                ours.push(sorted.iter().chain(&unsorted).map(|list| list.count).collect());
            }
            let mut said = lists_of_malloc_info(&target.said);
            assert_eq!(said.len(), ours.len(), "{scenario:?}");
            told += said.iter().map(Vec::len).sum::<usize>();
            said.sort();
            ours.sort();
            assert_eq!(said, ours, "{scenario:?}");
        }
    }
    assert!(told > 20, "{told} lists were compared");
}

/// The count of each list, by arena.
fn lists_of_malloc_info(said: &[Vec<String>]) -> Vec<Vec<u64>> {
    let mut heaps = Vec::new();
    let mut inside = false;
    for words in said {
        match words.first().map(String::as_str) {
            Some("<heap") => {
                heaps.push(Vec::new());
                inside = true;
            }
            Some("</heap>") => inside = false,
            Some("<size" | "<unsorted") if inside => {
                let count = words.iter().find_map(|word| word.strip_prefix("count=\"")?.split('"').next());
                heaps.last_mut().unwrap().push(count.unwrap().parse().unwrap());
            }
            _ => {}
        }
    }
    heaps
}

/// What the program freed is in its tcache, in the order of malloc: the last freed is first.
#[test]
fn a_tcache_holds_what_was_freed() {
    for scenario in ["many-caches", "tcache"] {
        let target = launch(PIE, &[scenario]);
        let survey = target.survey();
        let lists = target.caches(&survey);
        let freed: Vec<u64> = target.values("freed").map(|freed| freed[0]).collect();
        let held: BTreeSet<u64> =
            lists.iter().flat_map(|list| &list.members).map(|member| member.chunk.0 + 16).collect();
        assert!(freed.iter().all(|freed| held.contains(freed)), "{scenario}");
        assert_eq!(lists.iter().map(|list| list.count).sum::<u64>(), survey.tcaches[0].held.chunks);
        let place = |at: &u64| freed.iter().rposition(|freed| freed == at);
        for list in &lists {
            assert_eq!(list.doubts, [], "{list:?}");
            assert_eq!(list.counted.unwrap_or(list.count), list.count);
            let known: Vec<usize> =
                list.members.iter().filter_map(|member| place(&(member.chunk.0 + 16))).collect();
            assert!(known.is_sorted_by(|a, b| a > b), "{known:?}");
        }
    }
}

/// The two halves of a link make what is stored; before 2.32 there is one.
#[test]
fn a_link_is_its_address_and_the_next() {
    for scenario in ["many-caches", "tcache"] {
        let target = launch(PIE, &[scenario]);
        let survey = target.survey();
        assert_eq!(survey.links_are_safe(), target.glibc() >= 32);
        let mut lists = target.caches(&survey);
        lists.extend(target.bins(&survey, &survey.arenas[0]));
        let linked = |list: &&List| matches!(list.kind, ListKind::Tcache(..) | ListKind::Fast(_));
        let mut links = 0;
        for member in lists.iter().filter(linked).flat_map(|list| &list.members) {
            let field = member.chunk.0 + 16;
            let mask = if target.glibc() >= 32 { field >> 12 } else { 0 };
            assert_eq!(member.stored, mask ^ member.next.0);
            links += 1;
        }
        assert!(links >= 7, "{links}");
        let first = lists.iter().find(linked).unwrap().members[0].chunk;
        let detail = survey.detail(&target.memory, &target.maps, first).unwrap();
        let of = regions(&survey).next().unwrap();
        let shown = Shown { at: first, bytes: &[], safe_links: survey.links_are_safe() };
        let text = chunk::text(Looking { survey: &survey, thread: &thread }, of, &detail, shown);
        let halves = format!("= ({:#x} >> 12 = {:#x}) ^ ", first.0 + 16, (first.0 + 16) >> 12);
        assert_eq!(text.contains(&halves), target.glibc() >= 32, "{text}");
    }
}

/// `heap find`: each block is pointed at by the program's own list of blocks, and holds what was written into it.
#[test]
fn every_live_block_is_found() {
    for scenario in [&["plain", "200"][..], &["hole", "200"], &["threads", "60"]] {
        let target = launch(PIE, scenario);
        let survey = target.survey();
        let blocks: Vec<Vec<u64>> = target.values("live").collect();
        for live in blocks.iter().step_by(7) {
            let needle = Needle::Words { width: 8, low: live[0], high: live[0] };
            let (at, searched) = target.find(&needle);
            assert_eq!(searched.hits, at.len() as u64);
            let word = |at: &u64| brkwater::memory::Memory::u64(&target.memory, Addr(*at)).unwrap();
            assert!(!at.is_empty() && at.iter().all(|at| word(at) == live[0]), "{scenario:?} {live:x?}");
            // At least one of them is the program's: not in malloc's memory.
            let places = survey.places_of(&target.memory, &at.iter().map(|at| Addr(*at)).collect::<Vec<_>>());
            assert!(places.contains(&None), "{scenario:?} {live:x?} {places:?}");
        }
        let (letters, searched) = target.find(&Needle::Bytes(vec![b'A'; 24]));
        for live in &blocks {
            let from = letters.partition_point(|at| *at < live[0]);
            let found = letters.get(from).is_some_and(|at| *at < live[0] + live[1]);
            assert!(found, "{scenario:?} {live:x?}");
        }
        // The list of blocks is sixteen megabytes of which few pages were touched.
        assert!(searched.bytes < 8 << 20, "{searched:?}");
    }
}

/// A damaged heap: what is shown names the broken rule, and every command comes to its end.
#[test]
fn damage_is_named_where_it_is_met() {
    let program = compile("heap_harm", &["-O0", "-fno-builtin"]);
    for (scenario, says) in [
        ("next-size", "invalid size"),
        ("prev-size", "size and prev_size differ"),
        ("overlap", "not where any chunk begins"),
        ("top-size", "corrupted top"),
    ] {
        let target = launch_with(&program, &[scenario], &[]);
        let survey = target.survey();
        let looking = Looking { survey: &survey, thread: &thread };
        let mut text = String::new();
        for of in regions(&survey) {
            let page = survey.page(&target.memory, &target.maps, (of.arena, of.region), None, 10_000);
            text.push_str(&chunks::text(looking, of, &page));
            let bad = target.values("bad").next().unwrap()[0];
            let first = page.rows.iter().position(|row| row.chunk.address.0 > bad + 16);
            assert!(first.is_none_or(|n| n > 0), "{scenario}: nothing before {bad:#x}\n{text}");
        }
        assert!(text.contains(says), "{scenario}:\n{text}");
        assert!(text.contains("glibc would say") || scenario == "overlap", "{scenario}:\n{text}");
    }
    for (scenario, says) in [
        ("tcache-dup", "double free"),
        ("tcache-outside", "no chunk's pointer"),
        ("unsorted-bk", "corrupted double-linked list"),
        ("small-bin", "corrupted double-linked list"),
        ("large-bin", "corrupted list of sizes"),
    ] {
        let target = launch_with(&program, &[scenario], &[]);
        let survey = target.survey();
        let mut lists = target.caches(&survey);
        lists.extend(survey.arenas.iter().flat_map(|arena| target.bins(&survey, arena)));
        let doubts: Vec<&str> =
            lists.iter().flat_map(|list| &list.doubts).map(|doubt| doubt.what.as_str()).collect();
        assert!(doubts.iter().any(|what| what.contains(says)), "{scenario}: {doubts:?}");
    }
}
