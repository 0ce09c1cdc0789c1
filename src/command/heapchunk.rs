//! One of malloc's chunks, and who points at it: `heap chunk`.
//!
//! ```text
//! (brkwater) heap chunk label
//! chunk 0x4a6290, 0x70 bytes, in use (malloc returned 0x4a62a0)
//!   contents   0x4a62a0, 104 (0x68) bytes usable
//!   where      main arena, region 0, brk [0x4a6000-0x4c7000]
//!   prev_size  not kept: the chunk before counts as in use, and these 8 bytes are its last
//!   size       0x71 = 0x70 | PREV_INUSE
//! ```

use super::error::{CommandError, Done};
use super::heap::say_json;
use super::heapchunks::{asked, in_scene, thread_names, with_pid};
use super::look;
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::Addr;
use crate::heap::{Place, Survey};
use crate::memory::Memory;
use crate::report::chunk::{self, Shown};
use crate::report::chunks::{Looking, Numbered, broken, regions};

/// Bytes of a chunk that are dumped without a number, header included.
const BYTES: usize = 256;
/// The most that are dumped.
const MOST: usize = 16 << 20;

pub(super) const SUB: &[Entry] = &[Entry {
    names: &["chunk"],
    run: heap_chunk,
    help: "Show one chunk: its header, its neighbours, its list, its bytes.\n\
           Usage: heap chunk EXPRESSION [-n BYTES] [-json]\n\
           Any address in the chunk will do. A link that glibc stores mixed with its address is shown in its halves.",
    takes: Takes::Expression,
}];

fn heap_chunk(shell: &mut Shell, args: &str) -> Done {
    let asked = asked(args)?;
    if asked.text.is_empty() {
        return Err(CommandError::say("Argument required (an address)."));
    }
    let at = look::address(shell, &asked.text)?;
    let survey = look::survey_of(shell)?;
    let most = asked.count.unwrap_or(BYTES).min(MOST);
    let detail = in_scene(shell, |scene| survey.detail(scene.memory(), scene.source.mappings(), at));
    let Some(detail) = detail else { return no_chunk(shell, &survey, at, most, asked.json) };
    let chunk = detail.row.chunk;
    let len = chunk::dumped(&chunk).min(most as u64) as usize;
    let bytes = in_scene(shell, |scene| prefix(scene.memory(), chunk.address, len));
    let numbered =
        |of: &Numbered<'_>| of.arena_number == detail.arena && of.region.span.contains(chunk.address);
    let none = || CommandError::say(format!("{at} is in no region of malloc's."));
    let of = regions(&survey).find(numbered).ok_or_else(none)?;
    let shown = Shown { at, bytes: &bytes, safe_links: survey.links_are_safe() };
    if asked.json {
        return say_json(shell, &with_pid(shell, chunk::json(of, &detail, shown)));
    }
    let names = thread_names(shell);
    shell.say(chunk::text(Looking { survey: &survey, thread: &names }, of, &detail, shown));
    Ok(())
}

/// What `at` is when no chunk holds it: a block with its own mapping, or an error.
fn no_chunk(shell: &mut Shell, survey: &Survey, at: Addr, most: usize, json: bool) -> Done {
    let place = in_scene(shell, |scene| survey.place_of(scene.memory(), at));
    let what = match place {
        Some(Place::Mmapped(block)) => {
            let len = most.min(usize::try_from(block.size).unwrap_or(most));
            let bytes = in_scene(shell, |scene| prefix(scene.memory(), block.address, len));
            let shown = Shown { at, bytes: &bytes, safe_links: false };
            if json {
                return say_json(shell, &with_pid(shell, chunk::mmapped_json(block, shown)));
            }
            shell.say(chunk::mmapped(block, shown));
            return Ok(());
        }
        Some(Place::Unclear { arena, region }) => unclear(shell, survey, at, (arena, region)),
        Some(Place::Foreign(span)) => {
            format!("{at} is in {span} between malloc's regions, which malloc did not ask for.")
        }
        Some(Place::Chunk { .. }) | None => format!("{at} is in no chunk of malloc's."),
    };
    Err(CommandError::say(format!("{what}\n  hint: owner {at}, heap arenas")))
}

/// Why an address in a region is in no chunk: the damage nearest before it.
fn unclear(shell: &mut Shell, survey: &Survey, at: Addr, (arena, region): (usize, usize)) -> String {
    let places = survey.arenas.get(arena).and_then(|arena| Some((arena, arena.regions.get(region)?)));
    let Some((arena, region)) = places else { return format!("{at} is in no chunk of malloc's.") };
    if at < region.first {
        return format!(
            "{at} is in the head of {}: what malloc keeps of the arena, before its chunks.",
            region.span
        );
    }
    let doubts = in_scene(shell, |scene| survey.for_each_chunk(scene.memory(), arena, region, &mut |_| {}));
    let mut text =
        format!("{at} is in {}, but in no chunk that could be read: it is behind damage.", region.span);
    if let Some(doubt) = doubts.iter().rfind(|doubt| doubt.at <= at) {
        text.push('\n');
        text.push_str(broken(doubt).trim_end());
    }
    text
}

/// As many of the `len` bytes at `at` as can be read.
fn prefix(memory: &dyn Memory, at: Addr, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let got = memory.read(at, &mut bytes);
    bytes.truncate(got);
    bytes
}
