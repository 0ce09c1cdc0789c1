//! `owner ADDR`: what lies at an address, who asked for it, and when.
//!
//! ```text
//! 0x7ffff7adc010 is in [0x7ffff7adc000-0x7ffff7afd000], 132K: malloc fallback (0x10 from its start).
//! [recorded] The kernel was asked for it by CRYPTO_malloc (mem.c:198) through malloc at +0.226s, event 47:
//!     mmap(NULL, 135168, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7adc000
//! ```

use serde_json::{Value, json};

use super::escape::plain;
use super::tables::{frame_json, label_word};
use super::words::{self, ending, moment, place};
use crate::addr::{Addr, human_size};
use crate::event::StackFrame;
use crate::heap::story::layout::{Layout, Region, RegionKind};
use crate::heap::story::{Asked, Evidence, Story};
use crate::maps::Perms;

/// Turns a recorded return address into frames, innermost inlined one first.
pub type Names<'a> = &'a dyn Fn(Addr) -> Vec<StackFrame>;

/// What is asked, and what the kernel and the symbols say of it.
#[derive(Copy, Clone, Debug, Default)]
pub struct Asking<'a> {
    /// The address.
    pub at: Addr,
    /// The symbol that covers it, as gdb writes it (`<main+4>`).
    pub symbol: Option<&'a str>,
    /// The rights of the kernel's mapping there.
    pub perms: Option<Perms>,
}

/// `owner ADDR` as text. `names` gives the frames of the recorded stack; without names its addresses are
/// printed bare.
#[must_use]
pub fn owner(story: &Story, layout: &Layout, asking: Asking<'_>, names: Names<'_>) -> String {
    let at = asking.at;
    let Some(region) = layout.at(at) else {
        return format!("{at} is outside everything that is mapped.\n");
    };
    let over = ending(story).map(|how| format!("{how}; as it stood then:\n")).unwrap_or_default();
    let mut text = over + &heading(region, asking);
    let Some(asked) = asked(story, at) else {
        text.push_str(&format!("{}\n", unseen(story, region)));
        return text;
    };
    let planter = asked.planter();
    let who = planter.frame.as_ref().map_or_else(|| "an unknown function".to_owned(), place);
    let through =
        asked.allocator.as_ref().map(|name| format!(" through {}", plain(name))).unwrap_or_default();
    let evidence = match planter.evidence {
        Evidence::Unknown => Evidence::Recorded,
        known => known,
    };
    let call = crate::syscalls::text(&asked.call);
    text.push_str(&format!(
        "{evidence} The kernel was asked for it by {who}{through} at {}, event {} ({}):\n    {call}\n",
        moment(asked.t),
        asked.seq,
        label_word(asked.label)
    ));
    for (level, frame) in asked.stack.iter().flat_map(|address| named(*address, names)).enumerate() {
        let name = if frame.function.is_some() { format!(" in {}", place(&frame)) } else { String::new() };
        text.push_str(&format!("    #{level:<2} {}{name}\n", frame.address));
    }
    text
}

/// `owner ADDR -json`: schema `brkwater.owner/1`.
#[must_use]
pub fn owner_json(story: &Story, layout: &Layout, at: Addr, names: Names<'_>) -> Value {
    let asked_json = asked(story, at).map(|asked| {
        let planter = asked.planter();
        let stack = asked.stack.iter().flat_map(|address| named(*address, names));
        json!({
            "seq": asked.seq, "t": asked.t, "tid": asked.tid, "label": asked.label, "allocator": asked.allocator,
            "call": crate::syscalls::text(&asked.call), "evidence": planter.evidence,
            "site": planter.frame.as_ref().map(frame_json),
            "stack": stack.map(|frame| frame_json(&frame)).collect::<Vec<_>>(),
        })
    });
    json!({"schema": "brkwater.owner/1", "address": at, "region": layout.at(at), "asked": asked_json})
}

fn asked(story: &Story, at: Addr) -> Option<&Asked> {
    story.piece_at(at).and_then(|(_, owner)| owner.asked()).map(AsRef::as_ref)
}

fn named(address: Addr, names: Names<'_>) -> Vec<StackFrame> {
    let frames = names(address);
    if frames.is_empty() { vec![StackFrame { address, ..StackFrame::default() }] } else { frames }
}

fn heading(region: &Region, asking: Asking<'_>) -> String {
    let at = asking.at;
    let symbol = asking.symbol.map(|symbol| format!(" {}", plain(symbol))).unwrap_or_default();
    let name = if region.name.is_empty() { String::new() } else { format!(" {}", plain(&region.name)) };
    let offset = at.0.saturating_sub(region.span.start.0);
    let perms = region.perms.or(asking.perms).filter(|_| region.kind != RegionKind::Gap);
    let perms = perms.map(|perms| format!(" {perms}")).unwrap_or_default();
    let size = human_size(region.span.len());
    let what = region.kind.word();
    format!("{at}{symbol} is in {}{perms}, {size}: {what}{name} ({offset:#x} from its start).\n", region.span)
}

fn unseen(story: &Story, region: &Region) -> String {
    match region.kind {
        RegionKind::Gap => "[measured] Nothing is mapped there.".to_owned(),
        RegionKind::Program | RegionKind::Data | RegionKind::Stack | RegionKind::Vdso => {
            format!("{} The kernel mapped it when the program was started.", Evidence::Inferred)
        }
        _ if story.was_attached() => {
            format!("{} It existed {}, so its creator is unknown.", Evidence::Unknown, words::before(story))
        }
        _ => format!("{} The call that made it was not seen.", Evidence::Unknown),
    }
}
