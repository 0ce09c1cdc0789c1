//! Logs of several kernels, with the stamps of several tools, and hostile ones.

use super::*;

/// 3.10 (RHEL 7), through syslog: names have `UID` behind them.
const OLD: &str = "\
Aug 16 20:29:54 host kernel: memcg_test_1 invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0
Aug 16 20:29:54 host kernel: Task in /0/a killed as a result of limit of /0
Aug 16 20:29:54 host kernel: memory: usage 96kB, limit 96kB, failcnt 17
Aug 16 20:29:54 host kernel: memory+swap: usage 96kB, limit 9007199254740988kB, failcnt 0
Aug 16 20:29:54 host kernel: [ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name
Aug 16 20:29:54 host kernel: [42421]     0 42421     1824       24       8        0             0 memcg_test_1
Aug 16 20:29:54 host kernel: [42424]     0 42424     1824       25       8        2             7 memcg_test_1
Aug 16 20:29:54 host kernel: Memory cgroup out of memory: Kill process 42424 (memcg_test_1) score 0 or sacrifice child
Aug 16 20:29:54 host kernel: Killed process 42424 (memcg_test_1), UID 1000, total-vm:7296kB, anon-rss:96kB, file-rss:4kB, shmem-rss:0kB
";

/// 4.15: the child of the chosen one is ended, the machine was out of memory.
const CHILD: &str = "\
[ 100.000001] apache2 invoked oom-killer: gfp_mask=0x14280ca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO), nodemask=(null), order=0, oom_score_adj=0
[ 100.000002] [ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name
[ 100.000003] [  900]     0   900    20000     5000      40       3      100          -500 my (odd) name
[ 100.000004] Out of memory: Kill process 900 (my (odd) name) score 21 or sacrifice child
[ 100.000005] Killed process 901 (worker) total-vm:80000kB, anon-rss:20000kB, file-rss:0kB, shmem-rss:12kB
[ 100.000006] oom_reaper: reaped process 901 (worker), now anon-rss:0kB, file-rss:0kB, shmem-rss:12kB
";

/// 5.4, as `/dev/kmsg` gives it; systemd's cgroups.
const KMSG: &str = "\
4,8123,5000000001,-;java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=300
6,8124,5000000002,-;memory: usage 524288kB, limit 524288kB, failcnt 2041
6,8125,5000000003,-;swap: usage 0kB, limit 0kB, failcnt 0
6,8126,5000000004,-;Tasks state (memory values in pages):
6,8127,5000000005,-;[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
6,8128,5000000006,-;[   4711]  1000  4711  1000000   130000  1200000        0           300 java
6,8129,5000000007,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/system.slice/app.service,task_memcg=/system.slice/app.service/worker,a,task=java,pid=4711,uid=1000
3,8130,5000000008,-;Memory cgroup out of memory: Killed process 4711 (java) total-vm:4000000kB, anon-rss:519000kB, file-rss:1000kB, shmem-rss:0kB, UID:1000 pgtables:1172kB oom_score_adj:300
";

/// 6.18, a kill of this machine's, with the stamps of dmesg.
const NEW: &str = "\
[22796.731067] eater invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
[22796.731191] CPU: 0 UID: 0 PID: 5668 Comm: eater Not tainted 6.18.44 #1 PREEMPT(none)
[22796.731388] memory: usage 20480kB, limit 20480kB, failcnt 19
[22796.731391] memory+swap: usage 20480kB, limit 9007199254740988kB, failcnt 0
[22796.731392] kmem: usage 100kB, limit 9007199254740988kB, failcnt 0
[22796.731467] Tasks state (memory values in pages):
[22796.731467] [  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name
[22796.731469] [   5668]     0  5668     5759     5321     5088      233         0    86016        0             0 eater
[22796.731471] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/s5test,task_memcg=/s5test,task=eater,pid=5668,uid=0
[22796.731484] Memory cgroup out of memory: Killed process 5668 (eater) total-vm:23036kB, anon-rss:20352kB, file-rss:932kB, shmem-rss:0kB, UID:0 pgtables:84kB oom_score_adj:0
";

#[test]
fn kernels_of_all_ages_are_read() {
    let [old] = kills(OLD).try_into().unwrap();
    assert_eq!((old.pid, old.name.as_str(), old.when.as_str()), (42424, "memcg_test_1", "Aug 16 20:29:54"));
    assert_eq!((old.reach, old.rss(), old.uid), (Some(Reach::Cgroup), Some(100 << 10), Some(1000)));
    assert_eq!((old.limited.as_deref(), old.group.as_deref()), (Some("/0"), Some("/0/a")));
    assert_eq!(old.memory, Some(Usage { used: 96 << 10, limit: Some(96 << 10) }));
    // The table has what the line of an old kernel lacks; the larger one is first.
    assert_eq!((old.swap, old.adj, old.tasks, old.largest[0].rss), (Some(8192), Some(7), 2, 25 * PAGE));
    assert_eq!((old.instead_of, old.asked.as_deref()), (None, Some("memcg_test_1")));

    let [child] = kills(CHILD).try_into().unwrap();
    assert_eq!((child.pid, child.reach, child.when.as_str()), (901, Some(Reach::Machine), "100.000005"));
    assert_eq!(child.instead_of.as_deref(), Some("my (odd) name"));
    assert_eq!((child.largest[0].name.as_str(), child.largest[0].adj), ("my (odd) name", Some(-500)));

    let [java] = kills(KMSG).try_into().unwrap();
    assert_eq!((java.pid, java.when.as_str(), java.adj), (4711, "5000000008", Some(300)));
    assert_eq!(java.group.as_deref(), Some("/system.slice/app.service/worker,a"));
    assert_eq!(java.group_swap, Some(Usage { used: 0, limit: Some(0) }));
    assert_eq!(java.tables, Some(1172 << 10));

    let [new] = kills(NEW).try_into().unwrap();
    assert_eq!((new.pid, new.rss(), new.mapped), (5668, Some(21284 << 10), Some(23036 << 10)));
    assert_eq!(new.memory, Some(Usage { used: 20 << 20, limit: Some(20 << 20) }));
    assert_eq!((new.largest[0].rss, new.largest[0].swap), (5321 * PAGE, Some(0)));
}

#[test]
fn a_log_of_several_tells_each_by_itself() {
    // The kernel leaves the report out when there are many kills: nothing of the one before is taken for it.
    let bare = "[1.5] Out of memory: Killed process 7 (x) total-vm:4kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n";
    let all = kills(&format!("{NEW}{bare}{KMSG}"));
    assert_eq!(all.iter().map(|kill| kill.pid).collect::<Vec<_>>(), [5668, 7, 4711]);
    assert_eq!((all[1].reach, all[1].memory, all[1].limited.as_deref()), (Some(Reach::Machine), None, None));
    // `memory.oom.group`: the rest of the group, with what was said of the first.
    let more = "Tasks in /s5test are going to be killed due to memory.oom.group set\n\
                Memory cgroup out of memory: Killed process 8 (y) total-vm:4kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n";
    let all = kills(&format!("{NEW}{more}"));
    assert_eq!((all[1].pid, all[1].together, all[1].memory), (8, true, all[0].memory));
}

#[test]
fn every_tool_s_stamps_are_taken_off() {
    let message =
        "Out of memory: Killed process 7 ((sd-pam)) total-vm:4kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB";
    for (before, when) in [
        ("", ""),
        ("[ 1234.500000] ", "1234.500000"),
        ("<3>[ 1234.500000] ", "1234.500000"),
        ("[Fri Nov 27 23:40:46 2026] ", "Fri Nov 27 23:40:46 2026"),
        ("kern  :err   : [ 1234.500000] ", "1234.500000"),
        ("3,12,99,-;", "99"),
        ("3,12,99,-,caller=T1;", "99"),
        ("Nov 27 23:40:46 web-1 kernel: ", "Nov 27 23:40:46"),
        ("2026-11-27T23:40:46+0000 web-1 kernel: ", "2026-11-27T23:40:46+0000"),
        ("Nov 27 23:40:46 web-1 kernel: [ 1234.500000] ", "Nov 27 23:40:46"),
    ] {
        let [kill] = kills(&format!("{before}{message}\n"))
            .try_into()
            .unwrap_or_else(|all| panic!("{before}: {all:?}"));
        assert_eq!((kill.name.as_str(), kill.when.as_str()), ("(sd-pam)", when), "{before}");
    }
}

#[test]
fn what_is_no_kill_is_none() {
    for line in [
        "systemd[1]: app.service: A process of this unit has been killed by the OOM killer.",
        "Out of memory and no killable processes...",
        "My program says: Killed process 7 (x) total-vm:4kB",
        "Killed process x (y) total-vm:4kB",
        "Killed process 7 (y",
        "[ pid ] total_vm name",
        "[1] total_vm rss name",
        "oom-kill:constraint=",
        "memory: usage kB, limit",
        "oom-kill:constraint=é,pid=é",
    ] {
        assert_eq!(kills(line), [], "{line}");
    }
    // Any cut of a real log, and any byte of it changed, is read to its end.
    for log in [OLD, CHILD, KMSG, NEW] {
        for at in 0..log.len() {
            let _ = kills(&log[..at]);
            let changed = format!("{}é{}", &log[..at], &log[at + 1..]);
            let _ = kills(&changed);
        }
    }
    let huge =
        "Killed process 7 (x) total-vm:99999999999999999999kB, anon-rss:18446744073709551615kB, file-rss:9kB";
    assert_eq!(kills(huge)[0].rss(), Some(u64::MAX));
}
