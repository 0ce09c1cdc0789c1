//! Calls from registers and memory to text, without a process. What strace says of real ones is compared in `tests/e2e`.

use super::*;
use crate::memory::Sparse;

/// Memory with the same byte everywhere below an end.
struct Plain {
    byte: u8,
    end: u64,
}

impl Memory for Plain {
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
        let there = usize::try_from(self.end.saturating_sub(at.0)).unwrap_or(usize::MAX).min(buf.len());
        buf[..there].fill(self.byte);
        there
    }
}

fn told(memory: &dyn Memory, name: &str, args: [u64; 6], ret: i64) -> (String, String, String) {
    let nr = crate::syscalls::number(name).unwrap();
    let begun = begin(memory, nr, args, None);
    let ended = end(memory, nr, args, &begun, ret);
    (begun.text, ended.text, ended.result)
}

fn whole(memory: &dyn Memory, name: &str, args: [u64; 6], ret: i64) -> String {
    let (begun, ended, result) = told(memory, name, args, ret);
    format!("{begun}{ended}) = {result}")
}

fn at_1000(bytes: &[u8]) -> Sparse {
    let mut memory = Sparse::default();
    memory.insert(Addr(0x1000), bytes.to_vec());
    memory
}

#[test]
fn a_call_is_told_in_two_parts() {
    let memory = at_1000(b"hello, world");
    let parts = told(&memory, "read", [3, 0x1000, 100, 0, 0, 0], 5);
    assert_eq!(parts, ("read(3, ".to_owned(), "\"hello\", 100".to_owned(), "5".to_owned()));
    let parts = told(&memory, "read", [3, 0x1000, 100, 0, 0, 0], -9);
    assert_eq!(parts.1, "0x1000, 100");
    assert_eq!(parts.2, "-1 EBADF (Bad file descriptor)");
    // What is all known when it begins.
    let parts = told(&memory, "write", [1, 0x1000, 12, 0, 0, 0], -512);
    assert_eq!((parts.0.as_str(), parts.1.as_str()), ("write(1, \"hello, world\", 12", ""));
    assert_eq!(parts.2, "? ERESTARTSYS (To be restarted if SA_RESTART is set)");
}

#[test]
fn arguments_that_are_not_given_are_not_told() {
    let memory = at_1000(b"a\0");
    let open = |flags| whole(&memory, "openat", [u64::MAX - 99, 0x1000, flags, 0o644, 0, 0], 3);
    assert_eq!(open(0x80000), "openat(AT_FDCWD, \"a\", O_RDONLY|O_CLOEXEC) = 3");
    assert_eq!(open(0x241), "openat(AT_FDCWD, \"a\", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 3");
    assert_eq!(
        whole(&memory, "fcntl", [3, 3, 0, 0, 0, 0], 0x8002),
        "fcntl(3, F_GETFL) = 0x8002 (flags O_RDWR|O_LARGEFILE)"
    );
    assert_eq!(whole(&memory, "fcntl", [3, 1, 0, 0, 0, 0], 0), "fcntl(3, F_GETFD) = 0");
    assert_eq!(whole(&memory, "accept", [3, 0, 0, 0, 0, 0], 4), "accept(3, NULL, NULL) = 4");
}

#[test]
fn structures_are_told_as_in_strace() {
    let status = |status: u32| whole(&at_1000(&status.to_le_bytes()), "wait4", [7, 0x1000, 0, 0, 0, 0], 7);
    assert_eq!(status(0x300), "wait4(7, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 7");
    assert_eq!(
        status(0x8b),
        "wait4(7, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}], 0, NULL) = 7"
    );
    assert_eq!(status(0x137f), "wait4(7, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], 0, NULL) = 7");
    assert_eq!(status(0xffff), "wait4(7, [{WIFCONTINUED(s)}], 0, NULL) = 7");
    let limits = at_1000(&[&(8_u64 << 20).to_le_bytes()[..], &u64::MAX.to_le_bytes()].concat());
    assert_eq!(
        whole(&limits, "prlimit64", [0, 3, 0, 0x1000, 0, 0], 0),
        "prlimit64(0, RLIMIT_STACK, NULL, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}) = 0"
    );
    let futex = |op| whole(&limits, "futex", [0x1000, op, 2, 0, 0, 0xffff_ffff], 0);
    assert_eq!(futex(0x80), "futex(0x1000, FUTEX_WAIT_PRIVATE, 2, NULL) = 0");
    assert_eq!(
        futex(0x189),
        "futex(0x1000, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 2, NULL, FUTEX_BITSET_MATCH_ANY) = 0"
    );
    let before = Some(230);
    assert_eq!(
        begin(&limits, 219, [0; 6], before).text,
        "restart_syscall(<... resuming interrupted clock_nanosleep ...>"
    );
    let words = ["/bin/true".to_owned(), "a word".to_owned()];
    assert_eq!(
        execve("/bin/true", &words, (0x7ffe_0000, 1)),
        "execve(\"/bin/true\", [\"/bin/true\", \"a word\"], 0x7ffe0000 /* 1 var */"
    );
}

/// Whatever registers and memory hold: text comes out, soon.
#[test]
fn no_call_is_too_strange() {
    let ends = [0, 0x1008, u64::MAX];
    let memories = ends.iter().flat_map(|end| [0, 1, 0x7f, 0xff].map(|byte| Plain { byte, end: *end }));
    let values = [0, 1, 5, 32, 0x1000, 0x7fff_ffff, 0xffff_ffff, u64::MAX, 1 << 63, 0x1234_5678_9abc];
    let mut seed = 7_usize;
    for memory in memories {
        for nr in 0..480 {
            for ret in [0, 100, -1, -512, i64::MAX, i64::MIN] {
                let args = [(); 6].map(|()| {
                    seed =
                        seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    values[(seed >> 33) % values.len()]
                });
                let begun = begin(&memory, nr, args, None);
                let ended = end(&memory, nr, args, &begun, ret);
                assert!(begun.text.contains('(') && !ended.result.is_empty(), "{nr} {args:?}");
                assert!(begun.text.len() + ended.text.len() < 1 << 20, "{nr} {args:?}");
            }
        }
    }
}
