//! malloc's chunks in lists: `heap arenas`, `heap bins`, `heap tcache`, `heap chunks`.
//!
//! ```text
//! (brkwater) heap chunks 0 3
//! region 0: main arena, brk [0x4a6000-0x4c7000], 132K, 9 chunks
//! chunk      size   flags  state   contents
//! 0x4a6000  0x290  P      in use  (malloc's own: the tcache of thread 1)
//! 0x4a6290   0x70  P      tcache  1st of 1 in the 0x70 tcache of thread 1
//! 0x4a6300   0x70  P      in use  "AAAAAAAAAAAAAAAAAAAAAAAA"...
//! 6 more chunks: heap chunks 0x4a6370 3
//! ```
//!
//! `info heap` adds the chunks up; these commands show them. Everything is read from memory now: a heap may hold
//! millions of chunks, so what is not shown is counted and not kept. The pages are written in [`crate::report`].

use serde_json::{Value, json};

use super::args::first_word;
use super::error::{CommandError, Done};
use super::heap::{nothing_else, say_json};
use super::look;
use super::shell::Shell;
use super::table::{self, Entry, Takes};
use super::threads::{self, Known};
use super::{heapchunk, heapfind, threadid};
use crate::addr::{Addr, Tid};
use crate::heap::{Arena, Region, Survey};
use crate::report::chunks::{self, Looking, Numbered};
use crate::report::{bins, words};
use crate::scene::Scene;

/// Chunks of `heap chunks` without a number.
const CHUNKS: usize = 32;
/// Members of each list without a number.
const MEMBERS: usize = 8;

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["heap"],
    run: heap,
    help: "malloc's arenas, bins, caches and chunks, one by one.\n\
           Usage: heap SUBCOMMAND [-n COUNT] [-json]\n\
           Without a subcommand it tells what there is. \"info heap\" adds everything up.",
    takes: Takes::Sub(SUB),
}];

/// What follows `heap`.
const SUB: &[&[Entry]] = &[LISTS, heapchunk::SUB, heapfind::SUB];

const LISTS: &[Entry] = &[
    Entry {
        names: &["arenas"],
        run: arenas,
        help: "List malloc's arenas and the regions of each.\n\
               Usage: heap arenas [-json]\n\
               The numbers are what \"heap bins\" and \"heap chunks\" take.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["bins"],
        run: heap_bins,
        help: "Show the free chunks of an arena by list: fastbins, unsorted, small and large bins.\n\
               Usage: heap bins [ARENA] [-n MEMBERS] [-json]\n\
               ARENA is a number of \"heap arenas\" or an address in the arena; the main arena without one.",
        takes: Takes::Expression,
    },
    Entry {
        names: &["tcache"],
        run: heap_tcache,
        help: "Show the chunks that a thread keeps for itself, by size.\n\
               Usage: heap tcache [THREAD|all] [-n MEMBERS] [-json]\n\
               THREAD is a number of \"info threads\"; the selected thread without one.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["chunks"],
        run: heap_chunks,
        help: "List chunks of a region, lowest first.\n\
               Usage: heap chunks [REGION] [COUNT] [-json]\n\
               REGION is a number of \"heap arenas\", brk, fallback or top, or an address: then the list begins with the\n\
               chunk that holds it. Without one it is the region with the main arena's top.\n\
               Flags: P the chunk before is in use, M a mapping of its own, A a thread's arena.",
        takes: Takes::Expression,
    },
];

fn heap(shell: &mut Shell, args: &str) -> Done {
    let (word, rest) = first_word(args);
    if word.is_empty() || word == "-json" {
        let survey = look::survey_of(shell)?;
        if word == "-json" {
            return arenas(shell, args);
        }
        shell.say(overview(&survey));
        return Ok(());
    }
    // `heap find/w 1`: the letter is the subcommand's.
    let end = word.find('/').unwrap_or(word.len());
    let (name, glued) = word.split_at(end);
    let entry = table::find(SUB, name, "heap ")?;
    let rest = if glued.is_empty() { rest.to_owned() } else { format!("{glued} {rest}") };
    (entry.run)(shell, rest.trim())
}

/// What there is, and how to see it.
fn overview(survey: &Survey) -> String {
    let mut text = bins::arenas(survey);
    let cached: u64 = survey.tcaches.iter().map(|cache| cache.held.chunks).sum();
    let (caches, held) = (words::count(survey.tcaches.len() as u64, "tcache"), words::count(cached, "chunk"));
    text.push_str(&format!("{caches} with {held}\n"));
    if !survey.doubts.is_empty() {
        text.push_str(&format!("{}: info heap\n", words::count(survey.doubts.len() as u64, "doubt")));
    }
    text.push('\n');
    for entry in SUB.iter().flat_map(|table| table.iter()) {
        let first = entry.help.lines().next().unwrap_or_default();
        text.push_str(&format!("heap {} -- {first}\n", entry.name()));
    }
    text
}

/// What was typed behind a subcommand, without its flags.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// `-json`.
    pub(super) json: bool,
    /// `-n COUNT`.
    pub(super) count: Option<usize>,
    /// The rest.
    pub(super) text: String,
}

/// Takes `-json` and `-n COUNT` out of the arguments; what is in double quotes is left as it is.
pub(super) fn asked(args: &str) -> Done<Asked> {
    let open = args.find('"').unwrap_or(args.len());
    // A text that nobody closed goes to the end.
    let close = args.rfind('"').filter(|close| *close > open).map_or(args.len(), |close| close + 1);
    let mut asked = Asked::default();
    let (head, tail) = (plain(&args[..open], &mut asked)?, plain(&args[close..], &mut asked)?);
    let parts = [head.as_str(), &args[open..close], &tail];
    asked.text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    Ok(asked)
}

fn plain(text: &str, asked: &mut Asked) -> Done<String> {
    let mut kept = Vec::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "-json" => asked.json = true,
            "-n" => {
                let number = words.next().unwrap_or_default();
                let bad = || CommandError::say(format!("Invalid number \"{number}\"."));
                asked.count = Some(number.parse().map_err(|_| bad())?);
            }
            word => kept.push(word),
        }
    }
    Ok(kept.join(" "))
}

fn arenas(shell: &mut Shell, args: &str) -> Done {
    let asked = asked(args)?;
    nothing_else(&asked.text)?;
    let survey = look::survey_of(shell)?;
    if asked.json {
        return say_json(shell, &with_pid(shell, bins::arenas_json(&survey)));
    }
    shell.say(bins::arenas(&survey));
    Ok(())
}

fn heap_bins(shell: &mut Shell, args: &str) -> Done {
    let asked = asked(args)?;
    let survey = look::survey_of(shell)?;
    let (number, arena) = arena_of(shell, &survey, &asked.text)?;
    let keep = asked.count.unwrap_or(MEMBERS);
    let lists = in_scene(shell, |scene| {
        survey.bins(scene.memory(), scene.source.mappings(), arena, keep, &mut |_, _| {})
    });
    if asked.json {
        return say_json(shell, &with_pid(shell, bins::bins_json(number, arena, &lists)));
    }
    let mut text = bins::bins(number, arena, &lists);
    let cached: u64 = survey.tcaches.iter().map(|cache| cache.held.chunks).sum();
    if cached > 0 {
        text.push_str(&format!("{} more in tcaches: heap tcache all\n", words::count(cached, "free chunk")));
    }
    shell.say(text);
    Ok(())
}

/// The arena that is meant: by its number, by an address in it, by nothing the main one.
fn arena_of<'s>(shell: &mut Shell, survey: &'s Survey, text: &str) -> Done<(usize, &'s Arena)> {
    let mut arenas = survey.arenas.iter().enumerate();
    let none = || CommandError::say("No malloc arena was found.\n  hint: info heap");
    if text.is_empty() || text == "main" {
        return arenas.next().ok_or_else(none);
    }
    if let Ok(number) = text.parse::<usize>()
        && number < 4096
    {
        let all = survey.arenas.len();
        let none = || CommandError::say(format!("There is no arena {number}; there are {all}: heap arenas."));
        return arenas.nth(number).ok_or_else(none);
    }
    let at = look::address(shell, text)?;
    let has =
        |arena: &Arena| arena.address == at || arena.regions.iter().any(|region| region.span.contains(at));
    let none = || CommandError::say(format!("{at} is in no arena.\n  hint: heap arenas"));
    arenas.find(|(_, arena)| has(arena)).ok_or_else(none)
}

fn heap_tcache(shell: &mut Shell, args: &str) -> Done {
    let asked = asked(args)?;
    let survey = look::survey_of(shell)?;
    let threads = wanted_threads(shell, &asked.text)?;
    let keep = asked.count.unwrap_or(MEMBERS);
    let names = thread_names(shell);
    let looking = Looking { survey: &survey, thread: &names };
    let (mut text, mut caches) = (String::new(), Vec::new());
    for tid in &threads {
        let Some(cache) = survey.tcaches.iter().find(|cache| cache.tid == *tid) else {
            text.push_str(&bins::no_tcache(looking, *tid));
            continue;
        };
        let lists = in_scene(shell, |scene| {
            survey.tcache_bins(scene.memory(), scene.source.mappings(), cache, keep, &mut |_, _| {})
        });
        text.push_str(&bins::tcache(looking, cache, &lists));
        caches.push(bins::tcache_json(cache, &lists));
    }
    if asked.json {
        let value = json!({
            "schema": "brkwater.heap-tcache/1", "safe_linking": survey.links_are_safe(), "tcaches": caches,
        });
        return say_json(shell, &with_pid(shell, value));
    }
    let others = survey.tcaches.iter().filter(|cache| !threads.contains(&cache.tid)).count();
    if others > 0 {
        text.push_str(&format!(
            "{} not shown: heap tcache all\n",
            words::count(others as u64, "other tcache")
        ));
    }
    shell.say(text);
    Ok(())
}

/// The threads of the selected process that are meant.
fn wanted_threads(shell: &Shell, text: &str) -> Done<Vec<Tid>> {
    let selection = shell.must_stand()?;
    let own: Vec<Known> =
        threads::known(shell).into_iter().filter(|known| known.pid == selection.pid).collect();
    if text.is_empty() {
        return Ok(vec![selection.tid]);
    }
    let inferior = own.first().map_or(1, |known| known.inferior);
    let wanted = if text == "all" { Vec::new() } else { threadid::list(text)? };
    let fits = |known: &&Known| text == "all" || threadid::fits(&wanted, known, inferior);
    let tids: Vec<Tid> = own.iter().filter(fits).map(|known| known.tid).collect();
    if tids.is_empty() {
        return Err(CommandError::say(format!("No threads match '{text}'.")));
    }
    Ok(tids)
}

/// How threads are called: `thread 2`, after gdb's number; one that is gone by the kernel's.
pub(super) fn thread_names(shell: &Shell) -> impl Fn(Tid) -> String + use<> {
    let known = threads::known(shell);
    move |tid| match known.iter().find(|known| known.tid == tid) {
        Some(known) => format!("thread {}", known.number),
        None => format!("LWP {tid}"),
    }
}

fn heap_chunks(shell: &mut Shell, args: &str) -> Done {
    let mut asked = asked(args)?;
    if asked.count.is_none()
        && let Some((before, count)) = trailing_count(&asked.text)
    {
        (asked.count, asked.text) = (Some(count), before.to_owned());
    }
    let most = asked.count.unwrap_or(CHUNKS);
    let survey = look::survey_of(shell)?;
    let (of, from) = region_of(shell, &survey, &asked.text)?;
    let page = in_scene(shell, |scene| {
        survey.page(scene.memory(), scene.source.mappings(), (of.arena, of.region), from, most)
    });
    if asked.json {
        return say_json(shell, &with_pid(shell, chunks::json(of, &page)));
    }
    let names = thread_names(shell);
    shell.say(chunks::text(Looking { survey: &survey, thread: &names }, of, &page));
    Ok(())
}

/// `REGION COUNT`: a number behind something that is whole without it (not `p + 1`).
fn trailing_count(text: &str) -> Option<(&str, usize)> {
    let (before, count) = text.rsplit_once(' ')?;
    let is_whole = before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']'));
    Some((before, count.parse().ok()?)).filter(|_| is_whole)
}

/// The region that is meant, and the address to begin at, if one was given.
fn region_of<'s>(shell: &mut Shell, survey: &'s Survey, text: &str) -> Done<(Numbered<'s>, Option<Addr>)> {
    let mut regions = chunks::regions(survey);
    let has_top = |of: &Numbered<'_>| {
        let holds = |region: &Region| of.arena.top.is_some_and(|(at, _)| region.span.contains(at));
        of.arena_number == 0 && holds(of.region)
    };
    let missing = |what: String| CommandError::say(format!("{what}\n  hint: heap arenas"));
    let origin = |name: &'static str| move |of: &Numbered<'_>| of.region.origin.name() == name;
    let found = match text {
        "" | "top" | "main" => regions.find(has_top).or_else(|| chunks::regions(survey).next()),
        "brk" => regions.find(origin("brk")),
        "fallback" => regions.find(origin("fallback")),
        _ => {
            let count = chunks::regions(survey).count();
            if let Ok(number) = text.parse::<usize>()
                && number < 4096
            {
                let none = || missing(format!("There is no region {number}; there are {count}."));
                return Ok((regions.nth(number).ok_or_else(none)?, None));
            }
            let at = look::address(shell, text)?;
            let none = || missing(format!("{at} is in no region of malloc's."));
            let found = regions.find(|of| of.region.span.contains(at)).ok_or_else(none)?;
            return Ok((found, Some(at)));
        }
    };
    let none = || match text {
        "" => missing("malloc has no memory yet.".to_owned()),
        name => missing(format!("There is no region {name}.")),
    };
    Ok((found.ok_or_else(none)?, None))
}

/// Does `work` with the stopped world.
pub(super) fn in_scene<R>(shell: &mut Shell, work: impl FnOnce(&Scene<'_>) -> R) -> R {
    shell.session.with_scene(|scene, _| work(scene))
}

/// The object with the process's number in it.
pub(super) fn with_pid(shell: &Shell, mut value: Value) -> Value {
    value["pid"] = json!(look::pid(shell));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_stands_behind_an_expression() {
        assert_eq!(trailing_count("p->next[1] 20"), Some(("p->next[1]", 20)));
        assert_eq!(trailing_count("0 8"), Some(("0", 8)));
        assert_eq!((trailing_count("p + 1"), trailing_count("7"), trailing_count("p x")), (None, None, None));
    }

    #[test]
    fn flags_stand_anywhere_but_in_a_text() {
        let of = |args: &str| asked(args).map(|asked| (asked.json, asked.count, asked.text)).unwrap();
        assert_eq!(of("p + 1 -n 3"), (false, Some(3), "p + 1".to_owned()));
        assert_eq!(of("-json \"a  -json\""), (true, None, "\"a  -json\"".to_owned()));
        assert_eq!(of("\"a\" -n 2"), (false, Some(2), "\"a\"".to_owned()));
        assert_eq!(of("\"open"), (false, None, "\"open".to_owned()));
        assert!(asked("-n x").is_err() && asked("-n").is_err());
    }
}
