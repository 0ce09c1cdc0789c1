//! `brkwater doctor`: what it says of processes that can and cannot be attached to, and of logs; the kernel's own kill
//! and its log are compared in `memory.rs`.

use std::fs;
use std::process::Command;

use crate::common::process::Running;
use crate::common::{Debugger, Output, scratch, target};

const LOG: &str = "\
[  100.000001] worker invoked oom-killer: gfp_mask=0x14280ca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO), nodemask=(null), order=0, oom_score_adj=0
[  100.000004] Out of memory: Kill process 900 (hungry) score 21 or sacrifice child
[  100.000005] Killed process 900 (hungry) total-vm:80000kB, anon-rss:20480kB, file-rss:0kB, shmem-rss:0kB
[22796.731067] eater invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
[22796.731388] memory: usage 20480kB, limit 20480kB, failcnt 19
[22796.731471] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=eater,pid=5668,uid=0
[22796.731484] Memory cgroup out of memory: Killed process 5668 (eater) total-vm:23036kB, anon-rss:20352kB, file-rss:932kB, shmem-rss:0kB, UID:0 pgtables:84kB oom_score_adj:0
";

fn doctor(words: &[&str]) -> Output {
    Debugger::brkwater().plain(&[&["doctor"], words].concat())
}

#[test]
fn a_log_is_told_kill_by_kill() {
    let log = scratch("doctor_log").join("log");
    fs::write(&log, LOG).unwrap();
    let told = doctor(&["oom", log.to_str().unwrap()]);
    told.exits(0)
        .must_have("process 900 (hungry) was ended by the OOM killer at 100.000005\n[recorded] It had 20.0 MiB resident")
        .must_have("[recorded] The machine's memory ran out: no cgroup's limit was the reason.")
        .must_have("process 5668 (eater) was ended by the OOM killer at 22796.731484\n")
        .must_have("not the machine's memory: /a had 20.0 MiB of 20.0 MiB.\n[recorded] The process was in /a/b, below it.")
        .must_have("brkwater doctor oom $(pgrep -nx eater)");
    assert!(told.text.find("hungry") < told.text.find("eater"), "the newest is last:\n{}", told.text);
    fs::write(&log, [0xff, 0, b'\n', 0x1b]).unwrap();
    doctor(&["oom", log.to_str().unwrap()]).exits(0).must_have("There is no OOM kill in this log.");
    doctor(&["oom", "/nonexistent/log"]).exits(1).must_have("/nonexistent/log: No such file or directory.");
}

/// What the doctor says is what attaching meets.
#[test]
fn what_stands_in_the_way_is_what_attach_meets() {
    let running = Running::start(Command::new(target("ticker")));
    let pid = running.pid().to_string();
    doctor(&[&pid]).exits(0).must_have("(ticker)").must_have("[measured] Nothing stands in the way");
    doctor(&["oom", &pid])
        .exits(0)
        .must_have("limits, the tightest first")
        .must_have("what would end it, the nearest first\n");
    // Somebody else traces it: gdb, which is told the same by the kernel.
    let held = Debugger::gdb()
        .ex(&format!("attach {pid}"))
        .ex(&format!("shell {} doctor {pid}", Debugger::brkwater().path().display()))
        .ex("detach")
        .plain(&[]);
    held.must_have("is tracing it already");
    doctor(&["2147483647"]).exits(1).must_have("ptrace: No such process.");
    doctor(&["nonsense"]).exits(1).must_have("\"nonsense\" is no process id");
}
