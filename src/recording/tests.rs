//! A file that was written is read again, whole, cut anywhere, and damaged anywhere.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::addr::{PAGE, Span};
use crate::event::{Call, CallRecord, EventKind, Label};
use crate::memory::Memory;

fn event(seq: u64) -> Event {
    let stack = (0..seq % 5).map(|level| Addr(0x40_1000 + level)).collect();
    let call = Call::Brk { wanted: Addr(seq << 12), got: Addr(seq << 12) };
    let record = CallRecord { call, label: Label::BrkGrow, cause: None, stack, site: None, allocator: None };
    let kind = if seq.is_multiple_of(7) { EventKind::Resumed } else { EventKind::Call(record) };
    Event { seq: Seq(seq), t: seq as f64, pid: Pid(7), tid: Tid(8), kind }
}

fn told(seq: u64) -> Told {
    let thread = ThreadTold { tid: Tid(8), number: 0, name: "a b".into(), stack: vec![Addr(2)] };
    Told {
        seq: Seq(seq),
        pid: Pid(7),
        tid: Tid(8),
        start_brk: Some(Addr(1)),
        mappings: Vec::new(),
        threads: vec![thread],
        left_out: 0,
    }
}

fn page(byte: u8) -> Vec<u8> {
    vec![byte; PAGE as usize]
}

/// A run of 100 events with stops at 50 and 100, of which the second has one page that is new.
fn written() -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, &json!({"program": "/bin/x"})).unwrap();
    for seq in 1..=100 {
        writer.event(event(seq)).unwrap();
        if seq == 50 {
            let bytes = vec![(Addr(0x1000), [page(1), page(2), page(0), page(1)].concat())];
            let zeros = vec![Span::sized(Addr(0x10_0000), 1 << 40)];
            writer.stop(told(seq), b"head".to_vec(), &Kept { bytes, zeros }).unwrap();
            writer.views(Seq(seq), &json!({"bt": "#0  main () at \u{e4}.c:1\n"})).unwrap();
        }
    }
    let bytes = vec![(Addr(0x1000), [page(1), page(3)].concat())];
    writer.stop(told(100), b"other".to_vec(), &Kept { bytes, zeros: Vec::new() }).unwrap();
    writer.end().unwrap();
    out
}

fn on_disk(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.rec");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

#[test]
fn what_was_written_is_read() {
    let (_dir, path) = on_disk(&written());
    let recording = Recording::open(&path, None).unwrap();
    assert_eq!(recording.events(), (1..=100).map(event).collect::<Vec<_>>());
    assert_eq!(recording.doubts(), [] as [&str; 0]);
    assert_eq!(recording.about()["program"], "/bin/x");
    assert_eq!(recording.stops().map(|seq| seq.0).collect::<Vec<_>>(), [50, 100]);
    let stop = recording.stop(Seq(50)).unwrap();
    assert_eq!((stop.told.clone(), &*stop.head), (told(50), &b"head"[..]));
    let memory = recording.memory(&stop);
    assert_eq!(memory.bytes(Addr(0x1ff0), 32).unwrap(), [[1; 16], [2; 16]].concat());
    assert_eq!(memory.bytes(Addr(0x3000), 8192).unwrap(), [page(0), page(1)].concat());
    assert_eq!(memory.u64(Addr((1 << 40) + 0xf_fff8)).unwrap(), 0);
    assert!(memory.u64(Addr((1 << 40) + 0x10_0000)).is_err() && memory.u64(Addr(0xff8)).is_err());
    let views = json!({"bt": "#0  main () at \u{e4}.c:1\n"});
    assert_eq!(recording.views(Seq(49)), None);
    assert_eq!(recording.views(Seq(99)), Some((Seq(50), views)));
    let later = recording.memory(&recording.stop(Seq(100)).unwrap());
    assert_eq!(later.bytes(Addr(0x1fff), 2).unwrap(), [1, 3]);
    assert!(later.u64(Addr(0x3000)).is_err());
}

/// A file of the first version, as it was written then. It is never made anew: `BRKWATER_FIXTURE=FILE` writes one of a
/// later version.
#[test]
fn the_first_format_opens() {
    if let Some(file) = std::env::var_os("BRKWATER_FIXTURE") {
        std::fs::write(file, written()).unwrap();
    }
    let (_dir, path) = on_disk(include_bytes!("format-1.rec"));
    let recording = Recording::open(&path, None).unwrap();
    assert_eq!(recording.doubts(), [] as [&str; 0]);
    assert_eq!(recording.events(), (1..=100).map(event).collect::<Vec<_>>());
    let stop = recording.stop(Seq(100)).unwrap();
    assert_eq!((stop.told.clone(), &*stop.head), (told(100), &b"other"[..]));
    assert_eq!(recording.memory(&stop).bytes(Addr(0x1fff), 2).unwrap(), [1, 3]);
}

#[test]
fn a_page_is_in_the_file_once() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, &Value::Null).unwrap();
    let noise: Vec<u8> = (0..64 * PAGE).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 13) as u8).collect();
    let kept = Kept { bytes: vec![(Addr(0x1000), noise)], zeros: Vec::new() };
    writer.event(event(1)).unwrap();
    writer.stop(told(1), Vec::new(), &kept).unwrap();
    let once = writer.written();
    for seq in 2..100 {
        writer.stop(told(seq), Vec::new(), &kept).unwrap();
    }
    assert!(writer.written() < once + 98 * 1000, "{once} {}", writer.written());
}

#[test]
fn a_cut_file_is_good_up_to_the_cut() {
    let whole = written();
    let mut seen = 0;
    for cut in (0..whole.len()).step_by(29) {
        let (_dir, path) = on_disk(&whole[..cut]);
        let Ok(recording) = Recording::open(&path, None) else { continue };
        let events = recording.events();
        assert!(events.len() >= seen, "a longer file has no fewer events");
        seen = events.len();
        assert_eq!(events, (1..=seen as u64).map(event).collect::<Vec<_>>());
        assert_eq!(recording.doubts().len(), 1, "{:?}", recording.doubts());
    }
    assert!(seen >= 50, "{seen}");
}

#[test]
fn runs_are_apart() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, &Value::Null).unwrap();
    for run in 0..3 {
        if run > 0 {
            writer.run().unwrap();
        }
        (1..=10 + run).for_each(|seq| writer.event(event(seq)).unwrap());
    }
    writer.end().unwrap();
    let (_dir, path) = on_disk(&out);
    let count = |run| Recording::open(&path, run).map(|recording| recording.events().len());
    assert_eq!([count(None), count(Some(1)), count(Some(2)), count(Some(3))], [12, 10, 11, 12].map(Ok));
    assert!(matches!(count(Some(4)), Err(RecordingError::NoRun { runs: 3, wanted: 4, .. })));
    assert!(count(Some(0)).is_err());
}

#[test]
fn other_files_are_refused_with_a_sentence() {
    let whole = written();
    let newer = [MAGIC, &2_u32.to_le_bytes(), &whole[MAGIC.len() + 4..]].concat();
    let cases: [(&[u8], &str); 4] = [
        (b"", "file format not recognized"),
        (b"\x7fELF and more than twenty bytes of it", "file format not recognized"),
        (&newer, "its format is 2, this one reads up to 1"),
        (&whole[..MAGIC.len() + 4], "has no event"),
    ];
    for (bytes, words) in cases {
        let (_dir, path) = on_disk(bytes);
        let error = Recording::open(&path, None).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let error = Recording::open(std::path::Path::new("/nowhere/x"), None).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "/nowhere/x: No such file or directory.");
    let error = Recording::open(std::path::Path::new("/tmp"), None).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("not a recording"), "{error}");
}

proptest! {
    /// Whatever becomes of the bytes: an answer, and no flood.
    #[test]
    fn damage_is_no_panic(at in 0_usize..4000, byte: u8, more in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut bytes = written();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.splice(at..at, more);
        let (_dir, path) = on_disk(&bytes);
        if let Ok(recording) = Recording::open(&path, None) {
            for seq in [50, 100] {
                if let Some(stop) = recording.stop(Seq(seq)) {
                    let mut buf = vec![0; 20_000];
                    recording.memory(&stop).read(Addr(0x800), &mut buf);
                    recording.memory(&stop).read(Addr(0x1000), &mut buf);
                }
            }
        }
    }

    /// The file of a stop is hostile, too: its runs may say anything.
    #[test]
    fn runs_of_any_kind_are_read_or_not(runs in proptest::collection::vec((any::<u64>(), 0_u32..200, any::<u32>()), 0..8)) {
        let (_dir, path) = on_disk(&written());
        let recording = Recording::open(&path, None).unwrap();
        let mut stop = recording.stop(Seq(50)).unwrap();
        stop.runs = runs.iter().map(|(at, first, count)| (Addr(*at), *first, *count)).collect();
        stop.runs.sort_by_key(|(at, ..)| *at);
        let memory = recording.memory(&stop);
        let mut buf = vec![0; 10_000];
        for (at, ..) in &runs {
            memory.read(Addr(*at), &mut buf);
            memory.read(Addr(at.wrapping_sub(5000)), &mut buf);
        }
    }
}
