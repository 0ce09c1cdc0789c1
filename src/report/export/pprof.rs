//! Growth by stack as a gzipped `profile.proto` (<https://github.com/google/pprof/blob/main/proto/profile.proto>).
//!
//! Sample types are `calls/count`, `space/bytes` (what the kernel gave) and `live/bytes` (what of it is still mapped);
//! each sample has the label `call`, what the memory call was. Locations are by address, and mappings have build-ids, so
//! that `pprof -symbolize` can name what was nameless here.

use std::io::Write as _;

use rustc_hash::FxHashMap;

use super::page::{Page, Stack};
use super::proto::Message;
use crate::addr::Addr;
use crate::event::StackFrame;

/// The profile, compressed.
pub(super) fn write(page: &Page) -> Vec<u8> {
    let mut profile = Profile::new(page);
    for stack in &page.stacks {
        profile.sample(stack);
    }
    if page.others != (0, 0) {
        let (calls, bytes) = page.others;
        let label = "other stacks".to_owned();
        let (addresses, site) = (Vec::new(), None);
        profile.sample(&Stack { label, addresses, site, calls, bytes, live: 0 });
    }
    gzip(&profile.finish())
}

/// Without a name and a time, so that equal profiles are equal files.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    // A vector takes everything.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

struct Profile<'a> {
    page: &'a Page,
    samples: Message,
    locations: FxHashMap<Place, u64>,
    location_messages: Vec<Message>,
    functions: FxHashMap<(String, String), u64>,
    function_messages: Vec<Message>,
    strings: FxHashMap<String, u64>,
    string_list: Vec<String>,
}

/// What a location stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    At(Addr),
    Named(String),
}

impl<'a> Profile<'a> {
    fn new(page: &'a Page) -> Profile<'a> {
        let mut profile = Profile {
            page,
            samples: Message::default(),
            locations: FxHashMap::default(),
            location_messages: Vec::new(),
            functions: FxHashMap::default(),
            function_messages: Vec::new(),
            strings: FxHashMap::default(),
            string_list: Vec::new(),
        };
        // The first string is the empty one.
        profile.string("");
        profile
    }

    fn string(&mut self, text: &str) -> u64 {
        if let Some(number) = self.strings.get(text) {
            return *number;
        }
        let number = self.string_list.len() as u64;
        self.strings.insert(text.to_owned(), number);
        self.string_list.push(text.to_owned());
        number
    }

    fn sample(&mut self, stack: &Stack) {
        let locations: Vec<u64> = if stack.addresses.is_empty() {
            let frame = stack.site.clone().unwrap_or_default();
            let name = match &stack.site {
                Some(site) => self.page.frame_name(site),
                None => {
                    format!("[{}]", if stack.label == "other stacks" { &stack.label } else { "no stack" })
                }
            };
            vec![self.location(Place::Named(name.clone()), &[StackFrame { function: Some(name), ..frame }])]
        } else {
            let page = self.page;
            stack.addresses.iter().map(|at| self.location(Place::At(*at), &page.frames(*at))).collect()
        };
        let (key, label) = (self.string("call"), self.string(&stack.label));
        let mut tag = Message::default();
        tag.number(1, key).number(2, label);
        let mut sample = Message::default();
        let clamp = |value: u64| value.min(i64::MAX as u64);
        sample
            .numbers(1, &locations)
            .numbers(2, &[clamp(stack.calls), clamp(stack.bytes), clamp(stack.live)])
            .message(3, &tag);
        self.samples.message(2, &sample);
    }

    /// A place with its functions, innermost inlined one first.
    fn location(&mut self, place: Place, frames: &[StackFrame]) -> u64 {
        if let Some(number) = self.locations.get(&place) {
            return *number;
        }
        let id = self.location_messages.len() as u64 + 1;
        let mut message = Message::default();
        message.number(1, id);
        if let Place::At(at) = place {
            // The address of the call, not of what follows it: pprof looks up what it is given.
            let call = at.sub(1);
            let binaries = &self.page.binaries;
            let mapping = binaries.iter().position(|binary| binary.code.contains(call));
            message.number(2, mapping.map_or(0, |number| number as u64 + 1)).number(3, self.placed(call).0);
        }
        for frame in frames.iter().filter(|frame| frame.function.is_some()) {
            let mut line = Message::default();
            line.number(1, self.function(frame)).number(2, u64::from(frame.line.unwrap_or(0)));
            message.message(4, &line);
        }
        self.location_messages.push(message);
        self.locations.insert(place, id);
        id
    }

    fn function(&mut self, frame: &StackFrame) -> u64 {
        let name = frame.function.clone().unwrap_or_default();
        let key = (name, frame.file.clone().unwrap_or_default());
        if let Some(number) = self.functions.get(&key) {
            return *number;
        }
        let id = self.function_messages.len() as u64 + 1;
        let (name, file) = (self.string(&key.0), self.string(&key.1));
        let mut message = Message::default();
        message.number(1, id).number(2, name).number(3, name).number(4, file);
        self.function_messages.push(message);
        self.functions.insert(key, id);
        id
    }

    fn placed(&self, at: Addr) -> Addr {
        self.page.stable.as_ref().map_or(at, |stable| stable.placed(at))
    }

    fn finish(mut self) -> Vec<u8> {
        let mut all = Message::default();
        let bytes = self.string("bytes");
        for (kind, unit) in [("calls", "count"), ("space", "bytes"), ("live", "bytes")] {
            let mut value = Message::default();
            let (kind, unit) = (self.string(kind), self.string(unit));
            value.number(1, kind).number(2, unit);
            all.message(1, &value);
        }
        let mut profile = all.finish();
        profile.extend(std::mem::take(&mut self.samples).finish());
        let mut rest = Message::default();
        for (id, binary) in (1..).zip(&self.page.binaries) {
            let (start, length) = (self.placed(binary.code.start), binary.code.len());
            let (file, build_id) =
                (self.string(&binary.path), self.string(binary.build_id.as_deref().unwrap_or_default()));
            let mut mapping = Message::default();
            mapping
                .number(1, id)
                .number(2, start.0)
                .number(3, start.0.saturating_add(length))
                .number(4, binary.offset)
                .number(5, file)
                .number(6, build_id);
            rest.message(3, &mapping);
        }
        self.location_messages.iter().for_each(|message| _ = rest.message(4, message));
        self.function_messages.iter().for_each(|message| _ = rest.message(5, message));
        let comment =
            self.string(concat!("brkwater ", env!("CARGO_PKG_VERSION"), ": memory that the kernel gave"));
        let (space, period) = (self.string("space"), self.string("space"));
        self.string_list.iter().for_each(|text| _ = rest.text(6, text));
        let seconds = (self.page.time.1 - self.page.time.0).max(0.0);
        if self.page.stable.is_none() {
            rest.number(10, (seconds * 1e9) as u64);
        }
        let mut kind = Message::default();
        kind.number(1, period).number(2, bytes);
        rest.message(11, &kind).number(12, 1).numbers(13, &[comment]).number(14, space);
        profile.extend(rest.finish());
        profile
    }
}
