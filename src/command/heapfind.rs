//! Who points at what: `heap find`.
//!
//! ```text
//! (brkwater) heap find label
//! [measured] It is 0x10 bytes into a chunk of 32 bytes at 0x4a6320, in use (malloc returned 0x4a6330): main arena, …
//! 2 words point at it (2.1M searched)
//! stacks: 1
//!   0x7fffffffe548  stack of thread 1, frame #1 main
//! globals: 1
//!   0x404028  <label> /usr/bin/demo
//! ```
//!
//! The search itself is [`crate::heap::search`]'s; here the target's memory is given to it, and a name to each place.

use super::error::{CommandError, Done};
use super::heap::say_json;
use super::heapchunks::{asked, in_scene, thread_names, with_pid};
use super::look;
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::{Addr, Pid, Span, Tid};
use crate::heap::search::{self, Hit, Needle, Searched};
use crate::heap::{Place, State, Survey};
use crate::kernel::pagemap;
use crate::maps::{self, Mapping};
use crate::report::chunks::Looking;
use crate::report::found::{self, Answer, Found, Kind, OnStack};
use crate::scene::Scene;
use crate::scene::expr::{self, Expr};

/// Places of each kind that are shown without a number.
const PLACES: usize = 16;
/// Frames of each thread that are looked at for a place on its stack.
const FRAMES: usize = 256;

/// Registers that may hold a pointer.
const GENERAL: [&str; 16] = [
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15",
];

pub(super) const SUB: &[Entry] = &[Entry {
    names: &["find"],
    run: heap_find,
    help: "Find who holds a value: in chunks, registers, on stacks, in globals.\n\
           Usage: heap find [/b|/h|/w|/g] EXPRESSION [-n COUNT] [-json]\n\
           \x20      heap find \"TEXT\" [-n COUNT] [-json]\n\
           An address in a chunk is looked for with all that points into that chunk. Other values are looked for as\n\
           words of 8 bytes, or of 4 when they fit; the letter says otherwise, as in x. COUNT places of each kind are\n\
           shown; the others are counted. Only memory that the program writes to is searched: constants are not.",
    takes: Takes::Expression,
}];

fn heap_find(shell: &mut Shell, args: &str) -> Done {
    let asked = asked(args)?;
    let (width, text) = width_of(&asked.text)?;
    if text.is_empty() {
        return Err(CommandError::say("Argument required (an address, a value or a \"text\")."));
    }
    let survey = look::survey_of(shell)?;
    let pid = Some(shell.must_stand()?.pid).filter(|_| shell.session.exists());
    let (needle, place, target) = needle_of(shell, &survey, width, text)?;
    let most = asked.count.unwrap_or(PLACES);
    let (found, counts, searched) = in_scene(shell, |scene| seek(scene, pid, &survey, &needle, most));
    let registers = in_scene(shell, |scene| registers(scene, &needle));
    let answer = Answer { needle: &needle, place, target, found, counts, registers, searched };
    let names = thread_names(shell);
    let looking = Looking { survey: &survey, thread: &names };
    if asked.json {
        return say_json(shell, &with_pid(shell, found::json(looking, &answer)));
    }
    shell.say(found::text(looking, &answer));
    Ok(())
}

/// Takes `/w` and the like from the front.
fn width_of(text: &str) -> Done<(Option<u64>, &str)> {
    let Some(rest) = text.strip_prefix('/') else { return Ok((None, text)) };
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (letter, rest) = rest.split_at(end);
    let width = match letter {
        "b" => 1,
        "h" => 2,
        "w" => 4,
        "g" => 8,
        _ => return Err(CommandError::say(format!("Invalid size \"/{letter}\": b, h, w or g."))),
    };
    Ok((Some(width), rest.trim_start()))
}

/// What is to be looked for; where it points, if into the heap; and which bytes there count.
type Asked = (Needle, Option<Place>, Option<(Addr, Span)>);

fn needle_of(shell: &mut Shell, survey: &Survey, width: Option<u64>, text: &str) -> Done<Asked> {
    if let Ok(Expr::Text(bytes)) = expr::parse(text) {
        if bytes.is_empty() {
            return Err(CommandError::say("An empty text is everywhere."));
        }
        return Ok((Needle::Bytes(bytes), None, None));
    }
    let value = look::address(shell, text)?;
    let exact = |width| (Needle::Words { width, low: value.0, high: value.0 }, None, None);
    if let Some(width) = width {
        return if width < 8 && value.0 >> (8 * width) != 0 {
            Err(CommandError::say(format!("{value} does not fit into {width} bytes.")))
        } else {
            Ok(exact(width))
        };
    }
    let place = in_scene(shell, |scene| survey.place_of(scene.memory(), value));
    let Some(place) = place else { return Ok(exact(if value.0 >> 32 == 0 { 4 } else { 8 })) };
    let span = match &place {
        // Bins and fastbins lead to headers; whoever was given a chunk points behind it.
        Place::Chunk { chunk, .. } => {
            let start = if chunk.state == State::Used { chunk.payload() } else { chunk.address };
            Span::new(start.min(value), chunk.address.add(chunk.size))
        }
        Place::Mmapped(block) => Span::sized(block.address, block.size),
        Place::Unclear { .. } | Place::Foreign(_) => Span::sized(value, 1),
    };
    let needle = Needle::Words { width: 8, low: span.start.0, high: span.end.0.saturating_sub(1) };
    Ok((needle, Some(place), Some((value, span))))
}

/// The registers that hold what is looked for, as whole words.
fn registers(scene: &Scene<'_>, needle: &Needle) -> Vec<(Tid, &'static str, u64)> {
    let Needle::Words { low, high, .. } = needle else { return Vec::new() };
    let of_thread = |tid| {
        let regs = scene.source.regs(tid);
        let value = move |name| Some((tid, name, regs.as_ref()?.by_name(name)?));
        GENERAL.iter().filter_map(move |name| value(*name))
    };
    let all = scene.source.threads().into_iter().flat_map(of_thread);
    all.filter(|(_, _, value)| (*low..=*high).contains(value)).collect()
}

/// Searches, and names the first `most` places of each kind.
fn seek(
    scene: &Scene<'_>,
    pid: Option<Pid>,
    survey: &Survey,
    needle: &Needle,
    most: usize,
) -> (Vec<Found>, [u64; 4], Searched) {
    let maps = scene.source.mappings();
    let stacks = Stacks::new(scene);
    let mut kinds = Kinds::new(survey, maps, &stacks);
    let mut counts = [0u64; 4];
    let mut kept: Vec<(Kind, Hit)> = Vec::new();
    // Of a core file nobody knows, and its number may be another process's by now.
    let populated = |span| pid.map_or_else(|| vec![span], |pid| pagemap::populated(pid, span));
    let searched = search::search(scene.memory(), maps, needle, &populated, &mut |hit| {
        let kind = kinds.of(hit.at);
        let count = &mut counts[kind as usize];
        if *count < most as u64 {
            kept.push((kind, hit));
        }
        *count += 1;
    });
    let in_heap: Vec<Addr> =
        kept.iter().filter(|(kind, _)| *kind == Kind::Heap).map(|(_, hit)| hit.at).collect();
    let mut places = survey.places_of(scene.memory(), &in_heap).into_iter();
    let name = |(kind, Hit { at, value }): (Kind, Hit)| Found {
        at,
        value,
        kind,
        place: if kind == Kind::Heap { places.next().flatten() } else { None },
        stack: (kind == Kind::Stack).then(|| stacks.place_of(scene, at)).flatten(),
        symbol: if kind == Kind::Global { scene.symbol_text(at) } else { None },
        mapping: maps::find(maps, at).map(|mapping| mapping.path.clone()).unwrap_or_default(),
        span: maps::find(maps, at).map(|mapping| mapping.span).unwrap_or_default(),
    };
    (kept.into_iter().map(name).collect(), counts, searched)
}

/// Tells whose memory an address is in; neighbours mostly have the same answer.
struct Kinds<'a> {
    /// malloc's memory, by address.
    heap: Vec<Span>,
    maps: &'a [Mapping],
    stacks: &'a Stacks,
    last: (Span, Kind),
}

impl<'a> Kinds<'a> {
    fn new(survey: &Survey, maps: &'a [Mapping], stacks: &'a Stacks) -> Kinds<'a> {
        let regions = survey.arenas.iter().flat_map(|arena| arena.regions.iter().map(|region| region.span));
        let blocks = survey.mmapped.iter().map(|block| Span::sized(block.address, block.size));
        let mut heap: Vec<Span> = regions.chain(blocks).collect();
        heap.sort_unstable();
        Kinds { heap, maps, stacks, last: (Span::default(), Kind::Other) }
    }

    fn of(&mut self, at: Addr) -> Kind {
        if !self.last.0.contains(at) {
            self.last = self.around(at);
        }
        self.last.1
    }

    /// The kind of `at`, and the addresses around it that have the same.
    fn around(&self, at: Addr) -> (Span, Kind) {
        let behind = self.heap.partition_point(|span| span.start <= at);
        let inside = behind.checked_sub(1).and_then(|n| self.heap.get(n)).filter(|span| span.contains(at));
        if let Some(span) = inside {
            return (*span, Kind::Heap);
        }
        let Some(mapping) = maps::find(self.maps, at) else { return (Span::sized(at, 1), Kind::Other) };
        let end = self.heap.get(behind).map_or(mapping.span.end, |next| next.start.min(mapping.span.end));
        let kind = if self.stacks.has(mapping.span) || mapping.path == "[stack]" {
            Kind::Stack
        } else if !mapping.is_anonymous() || self.is_bss(mapping) {
            Kind::Global
        } else {
            Kind::Other
        };
        (Span::new(at, end), kind)
    }

    /// Whether it is the part of a file's data that the file does not hold: without a name, behind its last page.
    fn is_bss(&self, mapping: &Mapping) -> bool {
        let before = maps::find(self.maps, mapping.span.start.sub(1));
        mapping.path.is_empty() && before.is_some_and(|before| before.perms.write && before.file().is_some())
    }
}

/// The stacks of the threads that stand.
struct Stacks {
    stacks: Vec<Stack>,
}

struct Stack {
    tid: Tid,
    pointer: Addr,
    mapping: Span,
}

impl Stacks {
    fn new(scene: &Scene<'_>) -> Stacks {
        let maps = scene.source.mappings();
        let stack = |tid| {
            let pointer = Addr(scene.source.regs(tid)?.rsp());
            Some(Stack { tid, pointer, mapping: maps::find(maps, pointer)?.span })
        };
        Stacks { stacks: scene.source.threads().into_iter().filter_map(stack).collect() }
    }

    fn has(&self, mapping: Span) -> bool {
        self.stacks.iter().any(|stack| stack.mapping == mapping)
    }

    /// The stack that holds `at`. Stacks may share a mapping: the kernel merges neighbours.
    fn place_of(&self, scene: &Scene<'_>, at: Addr) -> Option<OnStack> {
        let own = || self.stacks.iter().filter(|stack| stack.mapping.contains(at));
        let above = own().filter(|stack| stack.pointer <= at).max_by_key(|stack| stack.pointer);
        let stack = above.or_else(|| own().min_by_key(|stack| stack.pointer))?;
        let below = at < stack.pointer;
        let frame = if below { None } else { frame_of(scene, stack.tid, at) };
        Some(OnStack { tid: stack.tid, frame, below })
    }
}

/// The frame of a thread that `at` belongs to, and its function.
fn frame_of(scene: &Scene<'_>, tid: Tid, at: Addr) -> Option<(u32, String)> {
    let frames = scene.frames(tid, FRAMES).frames;
    let frame = frames.iter().find(|frame| scene.cfa(&frame.physical).is_some_and(|end| at < end))?;
    let known = frame.function().and_then(|function| function.name.as_deref()).map(str::to_owned);
    let name = known.or_else(|| Some(scene.modules.name_of(frame.pc())?.0));
    Some((frame.level, name.unwrap_or_else(|| "??".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_says_how_wide() {
        assert_eq!(width_of("/w 3").unwrap(), (Some(4), "3"));
        assert_eq!(width_of("p / 2").unwrap(), (None, "p / 2"));
        assert!(width_of("/x 3").is_err());
    }
}
