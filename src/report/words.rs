//! Small pieces of sentences: sizes, times, places, lists of sizes.

use super::escape::plain;
use crate::addr::human_size;
use crate::event::{ExitStatus, StackFrame};
use crate::heap::story::{Blocker, Ending, Evidence, Story};
use crate::scene::view::FrameView;

/// A size in a sentence: `1 MiB`, `132 KiB`, `37.0 MiB`, `17 bytes`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let short = human_size(bytes);
    match short.strip_suffix(['K', 'M', 'G', 'T']) {
        Some(number) => format!("{number} {}iB", &short[number.len()..]),
        None => format!("{short} bytes"),
    }
}

/// What became of an amount: `+4.1 MiB`, `-12 bytes`.
#[must_use]
pub fn change(from: u64, to: u64) -> String {
    let sign = if to < from { '-' } else { '+' };
    format!("{sign}{}", size(from.abs_diff(to)))
}

/// A moment: `+0.041s`.
#[must_use]
pub fn moment(t: f64) -> String {
    format!("+{t:.3}s")
}

/// `1 MiB ×1, 132 KiB ×36`.
#[must_use]
pub fn sizes(sizes: &[(u64, u64)]) -> String {
    let each = |(bytes, count): &(u64, u64)| format!("{} ×{count}", size(*bytes));
    sizes.iter().map(each).collect::<Vec<_>>().join(", ")
}

/// A number with its noun: `1 request`, `37 requests`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A frame: `CRYPTO_malloc (mem.c:198)`, `main (nginx)` without debug info, `0x401000 (nginx)` without a name.
#[must_use]
pub fn place(frame: &StackFrame) -> String {
    let name = frame.function.as_deref().map_or_else(|| frame.address.to_string(), |name| plain(brief(name)));
    let module = frame.module.as_deref().map(|path| plain(file_name(path)));
    match source(frame).or(module) {
        Some(place) => format!("{name} ({place})"),
        None => name,
    }
}

/// A long C++ or Rust function without its parameters and what a compiler put behind them: its place says which
/// one it is.
fn brief(function: &str) -> &str {
    const LONG: usize = 48;
    if function.len() <= LONG {
        return function;
    }
    let (mut depth, mut end) = (0_i32, None);
    for (at, letter) in function.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            '(' if depth == 0
                && !function[..at].ends_with("operator")
                && !function[at..].starts_with("(anonymous") =>
            {
                end = Some(at);
                break;
            }
            _ => {}
        }
    }
    end.filter(|end| *end > 0).map_or(function, |end| &function[..end])
}

/// `mem.c:198`, if debug info told it.
#[must_use]
pub fn source(frame: &StackFrame) -> Option<String> {
    let file = plain(file_name(frame.file.as_deref()?));
    Some(frame.line.map_or_else(|| file.clone(), |line| format!("{file}:{line}")))
}

/// Who planted a blocker: `plant (t.c:7)`; an inferred one is marked inside its parentheses.
#[must_use]
pub fn planter(blocker: &Blocker) -> Option<String> {
    let planter = blocker.planter();
    let place = place(planter.frame.as_ref()?);
    if planter.evidence != Evidence::Inferred {
        return Some(place);
    }
    Some(match place.strip_suffix(')') {
        Some(open) => format!("{open}, inferred)"),
        None => format!("{place} (inferred)"),
    })
}

/// Before what nothing was seen: `before brkwater attached`.
#[must_use]
pub fn before(story: &Story) -> &'static str {
    if story.is_of_core() { "before the core file was written" } else { "before brkwater attached" }
}

/// ` since brkwater attached at +0.001s` for a process that ran before; nothing for one that was launched.
#[must_use]
pub fn since(story: &Story) -> String {
    if story.was_attached() && !story.is_of_core() {
        format!(" since brkwater attached at {}", moment(story.began()))
    } else {
        String::new()
    }
}

/// How a process came to its end, for a story that is over: `The process exited with code 0 at +1.637s`.
#[must_use]
pub fn ending(story: &Story) -> Option<String> {
    let (t, ending) = story.ending()?;
    let how = match ending {
        Ending::Ended(ExitStatus::Code(code)) => format!("The process exited with code {code}"),
        Ending::Ended(ExitStatus::Signal(signal)) => format!("Signal {signal} killed the process"),
        Ending::LetGo => "brkwater let the process go".to_owned(),
    };
    Some(format!("{how} at {}", moment(t)))
}

/// A frame of a backtrace as the heap's story knows frames.
#[must_use]
pub fn frame(view: &FrameView) -> StackFrame {
    StackFrame {
        address: view.address,
        function: view.function.clone(),
        file: view.file.clone(),
        line: view.line,
        module: view.module.clone(),
    }
}

/// The last part of a path.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_spelled_out() {
        assert_eq!(sizes(&[(1 << 20, 1), (135_168, 36)]), "1 MiB ×1, 132 KiB ×36");
        assert_eq!(size(17), "17 bytes");
        assert_eq!(size(38_797_312), "37.0 MiB");
    }

    #[test]
    fn a_long_function_loses_its_parameters() {
        for (full, short) in [
            ("f(int)", "f(int)"),
            (
                "v8::base::OS::Allocate(void*, unsigned long, unsigned long, v8::base::OS::MemoryPermission)",
                "v8::base::OS::Allocate",
            ),
            (
                "v8::internal::(anonymous namespace)::Iterate(v8::internal::Isolate*, std::vector<int>*)",
                "v8::internal::(anonymous namespace)::Iterate",
            ),
            (
                "std::vector<void (*)(int), std::allocator<void (*)(int)> >::push_back(void (*&&)(int))",
                "std::vector<void (*)(int), std::allocator<void (*)(int)> >::push_back",
            ),
            ("current_stack_region(unsigned char**, unsigned long*) [clone .part.0]", "current_stack_region"),
        ] {
            assert_eq!(brief(full), short);
        }
    }

    #[test]
    fn a_place_says_what_is_known() {
        let mut frame =
            StackFrame { function: Some("f".into()), module: Some("/bin/x".into()), ..StackFrame::default() };
        assert_eq!(place(&frame), "f (x)");
        frame.file = Some("../src/f.c".into());
        frame.line = Some(3);
        assert_eq!(place(&frame), "f (f.c:3)");
        assert_eq!(place(&StackFrame::default()), "0x0");
    }
}
