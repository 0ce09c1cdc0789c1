//! Whether a target that a debugger has left is as it was.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use super::process::Running;

/// The machine code of a function, read from the running process.
pub(crate) fn code(pid: u32, at: u64) -> Vec<u8> {
    use std::os::unix::fs::FileExt;
    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut bytes = vec![0; 64];
    memory.read_exact_at(&mut bytes, at).unwrap();
    bytes
}

/// Where a symbol of a program that is not position independent lies, by nm(1).
pub(crate) fn address_of(program: &str, symbol: &str) -> u64 {
    let output = Command::new("nm").arg(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.ends_with(&format!(" {symbol}"))).unwrap();
    u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap()
}

/// It ticks on, nobody traces it, no thread stands, its text is as before.
pub(crate) fn must_be_unharmed(running: &mut Running, text_before: &[u8], at: u64) {
    running.skip();
    let first: u64 = running.line().parse().unwrap();
    for _ in 0..4 {
        running.line();
    }
    let later: u64 = running.line().parse().unwrap();
    assert!(later >= first + 5, "{first} {later}");
    assert!(running.is_alive());
    assert_eq!(running.status("TracerPid"), "0");
    for task in fs::read_dir(format!("/proc/{}/task", running.pid())).unwrap() {
        let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        let state = stat.rsplit(") ").next().unwrap().chars().next().unwrap();
        assert!(!matches!(state, 'T' | 't'), "a thread stands: {stat}");
    }
    assert_eq!(code(running.pid(), at), text_before, "the text was changed");
}

/// Waits until nobody traces it.
pub(crate) fn wait_until_free(running: &Running, seconds: u64) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while running.status("TracerPid") != "0" {
        assert!(Instant::now() < end, "it is still traced after {seconds} s");
        std::thread::sleep(Duration::from_millis(5));
    }
}
