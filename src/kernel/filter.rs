//! The seccomp filter that stops some system calls for the tracer, and no others.

/// A seccomp program that stops the listed x86-64 calls for the tracer and lets all others through
/// (`struct seccomp_data`: nr at 0, arch at 4). Each range answers on its own, so that no jump is long: below it, the
/// call is in no later one, either.
pub(super) fn stopping(calls: &[(u32, u32)]) -> Vec<libc::sock_filter> {
    const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
    let op = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = |offset| op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0);
    let answer = |action| op(libc::BPF_RET | libc::BPF_K, action, 0, 0);
    let jump = |test, k, jt, jf| op(libc::BPF_JMP | test | libc::BPF_K, k, jt, jf);
    let mut program =
        vec![load(4), jump(libc::BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0), answer(libc::SECCOMP_RET_ALLOW), load(0)];
    for &(first, last) in calls {
        program.extend([
            jump(libc::BPF_JGE, first, 1, 0),
            answer(libc::SECCOMP_RET_ALLOW),
            jump(libc::BPF_JGT, last, 1, 0),
            answer(libc::SECCOMP_RET_TRACE),
        ]);
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the program answers for a call: the few instructions that it is made of, carried out.
    fn answer(program: &[libc::sock_filter], arch: u32, nr: u32) -> u32 {
        let (mut at, mut word) = (0, 0);
        loop {
            let op = program[at];
            let code = u32::from(op.code);
            at += 1;
            match code & 7 {
                libc::BPF_LD => word = if op.k == 4 { arch } else { nr },
                libc::BPF_RET => return op.k,
                libc::BPF_JMP => {
                    let holds = match code & 0xf0 {
                        libc::BPF_JEQ => word == op.k,
                        libc::BPF_JGE => word >= op.k,
                        libc::BPF_JGT => word > op.k,
                        other => panic!("{other:#x}"),
                    };
                    at += usize::from(if holds { op.jt } else { op.jf });
                }
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn the_listed_ranges_stop_and_nothing_else() {
        let (x86_64, i386) = (0xc000_003e, 0x4000_0003);
        let ranges = [(0, 0), (9, 12), (25, 25), (300, u32::MAX)];
        let program = stopping(&ranges);
        for nr in (0..400).chain([u32::MAX - 1, u32::MAX]) {
            let listed = ranges.iter().any(|(first, last)| (*first..=*last).contains(&nr));
            let wanted = if listed { libc::SECCOMP_RET_TRACE } else { libc::SECCOMP_RET_ALLOW };
            assert_eq!(answer(&program, x86_64, nr), wanted, "{nr}");
            assert_eq!(answer(&program, i386, nr), libc::SECCOMP_RET_ALLOW, "{nr}");
        }
    }
}
