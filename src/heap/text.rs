//! The heap as people read it: the lines of `info heap`.
//!
//! The footer of each main arena is an equation that must balance; where it does not, it says by how much.

use std::fmt::{self, Write};

use super::model::{Arena, ArenaKind, Count, Origin, Region, Survey, Tcache};
use crate::addr::human_size;

/// Regions that are listed one by one; of more, the first and the last.
const LISTED: usize = 16;
/// Threads' arenas up to this many are told one by one.
const ALONE: usize = 3;

impl Survey {
    /// The lines of `info heap`, each ended by a newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let found: Vec<&str> = self.found_by.iter().map(|method| method.name()).collect();
        if let Some(main) = self.arenas.first() {
            let version = self.glibc.as_deref().unwrap_or("of unknown version");
            writeln!(out, "glibc {version} (layout {:?}; found by {})", main.layout, found.join(", "))?;
        }
        self.write_break(out)?;
        // Many threads make many small arenas; those that balance share a table.
        let is_plain = |arena: &&Arena| arena.kind == ArenaKind::Thread && arena.unaccounted == 0;
        let plain: Vec<&Arena> = self.arenas.iter().filter(is_plain).collect();
        let together = plain.len() > ALONE;
        for arena in self.arenas.iter().filter(|arena| !(together && is_plain(arena))) {
            write_arena(out, arena)?;
        }
        if together {
            write_arenas(out, &plain)?;
        }
        if let Some(books) = self.books {
            let bytes = self.mmapped.iter().map(|block| block.size).sum();
            let blocks = match self.mmapped.len() {
                0 => "none".to_owned(),
                count => format!("{count}, {}", size(bytes)),
            };
            let threshold = human_size(books.mmap_threshold);
            writeln!(
                out,
                "large blocks with their own mapping: {blocks}; made from {threshold} on (mmap_threshold)"
            )?;
        }
        for block in self.mmapped.iter().take(LISTED) {
            writeln!(out, "  {}  {}", block.address, human_size(block.size))?;
        }
        if self.mmapped.len() > LISTED {
            writeln!(out, "  ... {} more", self.mmapped.len() - LISTED)?;
        }
        let mut filled: Vec<&Tcache> = self.tcaches.iter().filter(|tcache| tcache.held.chunks > 0).collect();
        if filled.len() > LISTED / 2 {
            filled.sort_by_key(|tcache| std::cmp::Reverse(tcache.held.bytes));
        }
        let (shown, rest) = filled.split_at(filled.len().min(LISTED / 2));
        for tcache in shown {
            writeln!(out, "tcache of thread {}: {}", tcache.tid, in_chunks(tcache.held))?;
        }
        if !rest.is_empty() {
            let held = rest.iter().fold(Count::default(), |sum, tcache| sum.plus(tcache.held));
            writeln!(out, "tcaches of {} more threads: {}", rest.len(), in_chunks(held))?;
        }
        for doubt in &self.doubts {
            writeln!(out, "doubt at {}: {}", doubt.at, doubt.what)?;
            if !doubt.glibc.is_empty() {
                writeln!(out, "  glibc would say: {}", doubt.glibc.join(" | "))?;
            }
        }
        Ok(())
    }

    fn write_break(&self, out: &mut String) -> fmt::Result {
        match (self.break_start, self.break_now) {
            (Some(start), Some(now)) => {
                writeln!(
                    out,
                    "break {now}, started at {start} ({})",
                    human_size(now.0.saturating_sub(start.0))
                )?;
            }
            (None, Some(now)) => writeln!(out, "break {now}")?,
            _ => writeln!(out, "break unknown")?,
        }
        for blocker in &self.blockers {
            let size = human_size(blocker.span.len());
            let name = if blocker.path.is_empty() { "" } else { " " };
            writeln!(
                out,
                "  in its way: {}-{} {} {size}{name}{}",
                blocker.span.start,
                blocker.span.end,
                blocker.perms,
                blocker.path.escape_debug()
            )?;
        }
        Ok(())
    }
}

fn write_arena(out: &mut String, arena: &Arena) -> fmt::Result {
    let kind = match arena.kind {
        ArenaKind::Main => "main arena",
        ArenaKind::Thread => "thread arena",
    };
    let contiguous = match (arena.kind, arena.contiguous) {
        (ArenaKind::Main, false) => ", not contiguous",
        (ArenaKind::Main, true) => ", contiguous",
        (ArenaKind::Thread, _) => "",
    };
    writeln!(out, "{kind} {}{contiguous}", arena.address)?;
    if arena.regions.is_empty() && arena.system_mem == 0 {
        return writeln!(out, "  never used: another allocator may serve the program, or nobody asked yet");
    }
    if arena.regions.is_empty() {
        return writeln!(out, "  no memory of it was found; it took {}", size(arena.system_mem));
    }
    writeln!(
        out,
        "  {:<18} {:<18} {:>7} {:<9} {:>8} {:>8} {:>8} {:>8}",
        "start", "end", "size", "origin", "chunks", "in use", "free", "top"
    )?;
    let hidden =
        if arena.regions.len() > LISTED { LISTED / 2..arena.regions.len() - LISTED / 2 } else { 0..0 };
    for (i, region) in arena.regions.iter().enumerate() {
        if !hidden.contains(&i) {
            write_region(out, region)?;
        } else if i == hidden.start {
            let bytes = arena.regions[hidden.clone()].iter().map(|region| region.span.len()).sum();
            writeln!(out, "  ... {} more regions, {}", hidden.len(), human_size(bytes))?;
        }
    }
    for gap in &arena.gaps {
        let counted = if gap.counted { "" } else { ", not counted in system_mem" };
        let (start, end, size) = (gap.span.start, gap.span.end, human_size(gap.span.len()));
        writeln!(out, "  foreign {start}-{end} {size}{counted}")?;
    }
    writeln!(out, "  {}", equation(arena))?;
    write_sums(out, arena)
}

/// A line for each of many threads' arenas, the largest first.
fn write_arenas(out: &mut String, arenas: &[&Arena]) -> fmt::Result {
    let mut arenas = arenas.to_vec();
    arenas.sort_by_key(|arena| std::cmp::Reverse(arena.system_mem));
    writeln!(out, "thread arenas: {}, each accounted 100 %", arenas.len())?;
    writeln!(
        out,
        "  {:<18} {:>10} {:>6} {:>9} {:>8} {:>8} {:>8}",
        "address", "system_mem", "heaps", "chunks", "in use", "free", "top"
    )?;
    for arena in arenas.iter().take(LISTED) {
        let free = arena.sum(|region| region.free).plus(arena.sum(|region| region.fast));
        let free = free.plus(arena.sum(|region| region.tcache)).bytes;
        writeln!(
            out,
            "  {:<18} {:>10} {:>6} {:>9} {:>8} {:>8} {:>8}",
            arena.address.to_string(),
            human_size(arena.system_mem),
            arena.regions.len(),
            arena.regions.iter().map(|region| region.chunks).sum::<u64>(),
            dash(arena.sum(|region| region.used).bytes),
            dash(free),
            dash(arena.sum(|region| region.top).bytes),
        )?;
    }
    if let Some(rest) = arenas.get(LISTED..).filter(|rest| !rest.is_empty()) {
        let bytes = rest.iter().map(|arena| arena.system_mem).sum();
        writeln!(out, "  ... {} more, {}", rest.len(), size(bytes))?;
    }
    Ok(())
}

fn dash(bytes: u64) -> String {
    if bytes == 0 { "-".to_owned() } else { human_size(bytes) }
}

fn write_region(out: &mut String, region: &Region) -> fmt::Result {
    writeln!(
        out,
        "  {:<18} {:<18} {:>7} {:<9} {:>8} {:>8} {:>8} {:>8}",
        region.span.start.to_string(),
        region.span.end.to_string(),
        human_size(region.span.len()),
        region.origin.name(),
        region.chunks,
        dash(region.used.bytes),
        dash(region.free.bytes + region.fast.bytes + region.tcache.bytes),
        dash(region.top.bytes),
    )
}

/// `brk 132K + fallback 1420K + foreign 0 = system_mem 1552K  accounted 100 %`.
fn equation(arena: &Arena) -> String {
    let mut text = String::new();
    let sources: &[Origin] = match arena.kind {
        ArenaKind::Main => &[Origin::Brk, Origin::Fallback],
        ArenaKind::Thread => &[Origin::HeapInfo],
    };
    for origin in sources {
        let _ = write!(text, "{} {} + ", origin.name(), human_size(arena.bytes_from(*origin)));
    }
    match arena.kind {
        ArenaKind::Main => {
            let _ = write!(text, "foreign {}", human_size(arena.gap_bytes()));
        }
        ArenaKind::Thread => text.truncate(text.len() - " + ".len()),
    }
    if arena.unaccounted == 0 {
        let _ = write!(text, " = system_mem {}  accounted 100 %", human_size(arena.system_mem));
        return text;
    }
    let located = arena.system_mem.saturating_add_signed(arena.unaccounted.saturating_neg());
    let percent = 100.0 * located as f64 / arena.system_mem.max(1) as f64;
    let by = human_size(arena.unaccounted.unsigned_abs());
    let how = if arena.unaccounted > 0 { "not located" } else { "too many" };
    let _ =
        write!(text, " != system_mem {}  {by} {how}, accounted {percent:.1} %", human_size(arena.system_mem));
    text
}

fn write_sums(out: &mut String, arena: &Arena) -> fmt::Result {
    let parts = [
        ("in use", arena.sum(|region| region.used)),
        ("free", arena.sum(|region| region.free)),
        ("in fastbins", arena.sum(|region| region.fast)),
        ("in tcaches", arena.sum(|region| region.tcache)),
    ];
    let counted = parts.iter().filter(|(name, count)| count.chunks > 0 || *name == "in use");
    let words: Vec<String> = counted.map(|(name, count)| format!("{name} {}", in_chunks(*count))).collect();
    write!(out, "  {}", words.join(", "))?;
    if let Some((at, size)) = arena.top {
        write!(out, ", top {} at {at}", self::size(size))?;
    }
    let largest = arena.regions.iter().map(|region| region.largest_free).max().unwrap_or(0);
    if largest > 0 {
        write!(out, ", largest free chunk {}", size(largest))?;
    }
    let lost: u64 = arena.regions.iter().map(|region| region.lost).sum();
    if lost > 0 {
        write!(out, ", {} behind damage", size(lost))?;
    }
    writeln!(out)
}

/// A size within a sentence: a bare number is bytes.
fn size(bytes: u64) -> String {
    let short = human_size(bytes);
    if short.ends_with(|c: char| c.is_ascii_digit()) { format!("{short} bytes") } else { short }
}

/// `352.2K in 3002 chunks`.
fn in_chunks(count: Count) -> String {
    let plural = if count.chunks == 1 { "" } else { "s" };
    format!("{} in {} chunk{plural}", size(count.bytes), count.chunks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::{Addr, Span, Tid};

    fn thread_arena(at: u64, heaps: u64) -> Arena {
        let region = |n: u64| Region {
            span: Span::sized(Addr(at + n * 0x400_0000), 0x21000),
            origin: Origin::HeapInfo,
            chunks: 8,
            used: Count { chunks: 3, bytes: 1024 },
            tcache: Count { chunks: 4, bytes: 416 },
            ..Region::default()
        };
        Arena {
            kind: ArenaKind::Thread,
            address: Addr(at + 0x30),
            layout: super::super::Layout::C,
            system_mem: heaps * 0x21000,
            max_system_mem: heaps * 0x21000,
            contiguous: false,
            locked: false,
            attached: 1,
            top: None,
            regions: (0..heaps).map(region).collect(),
            gaps: Vec::new(),
            unaccounted: 0,
        }
    }

    #[test]
    fn many_threads_make_a_table() {
        let tcache = |n: i32| Tcache {
            tid: Tid(n),
            address: Addr(0),
            layout: super::super::glibc::TcacheLayout::Shorts,
            held: Count { chunks: 1, bytes: 100 + n as u64 },
        };
        let mut survey = Survey {
            arenas: (1..=4).map(|n| thread_arena(0x7fff_0000_0000 + n * 0x1000_0000, n)).collect(),
            tcaches: (1..=10).map(tcache).collect(),
            ..Survey::default()
        };
        survey.arenas[1].unaccounted = 4096;
        insta::assert_snapshot!("three_plain_ones", survey.to_text());
        survey.arenas[1].unaccounted = 0;
        insta::assert_snapshot!("four_plain_ones", survey.to_text());
    }
}
