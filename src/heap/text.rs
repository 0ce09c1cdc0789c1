//! The heap as people read it: the lines of `info heap`.
//!
//! The footer of each main arena is an equation that must balance; where it does not, it says by how much.

use std::fmt::{self, Write};

use super::model::{Arena, ArenaKind, Count, Origin, Region, Survey};
use crate::addr::human_size;

/// Regions that are listed one by one; of more, the first and the last.
const LISTED: usize = 16;

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
        for arena in &self.arenas {
            write_arena(out, arena)?;
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
        for tcache in self.tcaches.iter().filter(|tcache| tcache.held.chunks > 0) {
            writeln!(out, "tcache of thread {}: {}", tcache.tid, in_chunks(tcache.held))?;
        }
        for doubt in &self.doubts {
            writeln!(out, "doubt at {}: {}", doubt.at, doubt.what)?;
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
    if arena.regions.is_empty() {
        return writeln!(out, "  no memory yet");
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

fn write_region(out: &mut String, region: &Region) -> fmt::Result {
    let dash = |bytes: u64| if bytes == 0 { "-".to_owned() } else { human_size(bytes) };
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
