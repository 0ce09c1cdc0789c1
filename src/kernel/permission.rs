//! Whether the kernel will let us trace a process, and what stands in the way when it will not (ptrace(2), "Ptrace
//! access mode checking").
//!
//! Everything is read from `/proc`, or asked of the kernel in a way that touches no process: whether `/proc/PID/mem`
//! may be opened is the very check that attaching makes, and a ptrace(2) of a process that cannot exist tells whether
//! a filter forbids the call. What was read are plain values, so that each sentence can be tested.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::{Errno, procfs};
use crate::addr::{Pid, Tid};

/// `CAP_SYS_PTRACE` (include/uapi/linux/capability.h).
const CAP_SYS_PTRACE: u32 = 19;
/// The first user namespace (include/linux/proc_ns.h, `PROC_USER_INIT_INO`).
const FIRST_USERS: &str = "user:[4026531837]";

/// What was read of ourselves and of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracer {
    /// `kernel.yama.ptrace_scope`; `None` without Yama.
    pub scope: Option<u8>,
    /// Whether we have `CAP_SYS_PTRACE`.
    pub capable: bool,
    /// Our user.
    pub uid: Option<u32>,
    /// A filter of system calls forbids ptrace(2).
    pub filtered: bool,
    /// What says that we are in a container.
    pub container: Option<&'static str>,
    /// Our namespace of users, when it is not the first.
    pub users: Option<String>,
}

/// What was read of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracee {
    /// Its user (the real one; the others must be the same).
    pub uids: Vec<u32>,
    /// Who traces it, if somebody does.
    pub traced_by: Option<i32>,
    /// It has ended, and waits to be reaped; with threads that live on or do not.
    pub zombie: Option<bool>,
    /// Its memory is kept from its own user: a set-user-ID program, or prctl(2) `PR_SET_DUMPABLE`.
    pub guarded: bool,
    /// A thread of the kernel.
    pub kernel: bool,
    /// Its namespace of users, as `/proc` names it.
    pub users: Option<String>,
    /// Whether the kernel lets us open its memory.
    pub open: Option<bool>,
    /// The profile of a security module that it is confined by.
    pub profile: Option<String>,
}

impl Tracer {
    /// Ourselves, now.
    #[must_use]
    pub fn read() -> Tracer {
        let me = Pid(std::process::id() as i32);
        let bits = procfs::status_field(me.0, "CapEff").and_then(|text| u64::from_str_radix(&text, 16).ok());
        let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok();
        Tracer {
            scope: scope.and_then(|text| text.trim().parse().ok()),
            capable: bits.is_some_and(|bits| bits & (1 << CAP_SYS_PTRACE) != 0),
            uid: ids(me.0).into_iter().nth(1),
            filtered: filtered(),
            container: container(),
            users: users(me).filter(|users| users != FIRST_USERS),
        }
    }

    /// What of us and of the machine stands in the way of attaching to any process, in sentences.
    #[must_use]
    pub fn obstacles(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.filtered {
            out.push(format!(
                "A filter of system calls forbids ptrace here{}; for a container: docker run --cap-add=SYS_PTRACE \
                 --security-opt seccomp=unconfined.",
                self.container.map(|what| format!(" ({what})")).unwrap_or_default()
            ));
        }
        match self.scope {
            Some(3) => out.push(
                "kernel.yama.ptrace_scope is 3: nobody may attach to anything until the machine is started anew.".into(),
            ),
            Some(2) if !self.capable => out.push(
                "kernel.yama.ptrace_scope is 2: only who has CAP_SYS_PTRACE may attach; try as root.".into(),
            ),
            Some(1) if !self.capable => out.push(
                "kernel.yama.ptrace_scope is 1: without CAP_SYS_PTRACE only children can be traced; try as root, or \
                 \"sysctl kernel.yama.ptrace_scope=0\"."
                    .into(),
            ),
            _ => {}
        }
        out
    }
}

impl Tracee {
    /// A process, now; `None` when there is none of this number.
    #[must_use]
    pub fn read(pid: Pid) -> Option<Tracee> {
        let state = procfs::status_field(pid.0, "State")?;
        let owner = fs::metadata(format!("/proc/{pid}/mem")).ok().map(|meta| meta.uid());
        let uids = ids(pid.0);
        let zombie = procfs::is_zombie(Tid(pid.0)).then(|| procfs::threads(pid).len() > 1);
        let profile =
            procfs::text(pid, "attr/current").ok().map(|text| text.trim_end_matches(['\0', '\n']).to_owned());
        let flags = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        let flags =
            flags.and_then(|text| text.rsplit(") ").next()?.split(' ').nth(9 - 3)?.parse::<u64>().ok());
        let kernel = flags.is_some_and(|flags| flags & 0x0020_0000 != 0);
        let dead = state.starts_with(['Z', 'X']);
        Some(Tracee {
            traced_by: procfs::status_field(pid.0, "TracerPid")?.parse().ok().filter(|tracer| *tracer != 0),
            // Files of one that must not be dumped belong to root (proc(5)).
            guarded: !dead && !kernel && owner == Some(0) && uids.get(1).is_some_and(|uid| *uid != 0),
            zombie,
            kernel,
            users: users(pid),
            open: (!dead && !kernel).then(|| fs::File::open(format!("/proc/{pid}/mem")).is_ok()),
            profile: profile
                .filter(|profile| !profile.is_empty() && profile != "unconfined" && profile != "kernel"),
            uids,
        })
    }

    /// What of it stands in our way, in sentences.
    #[must_use]
    pub fn obstacles(&self, pid: Pid, tracer: &Tracer) -> Vec<String> {
        let mut out = Vec::new();
        match self.zombie {
            Some(true) => out.push(format!(
                "process {pid} is ending, or only its first thread has ended: the others cannot be had without it"
            )),
            Some(false) => out.push(format!("process {pid} is a zombie - the process has already terminated")),
            None => {}
        }
        if self.kernel {
            out.push(format!("{pid} is a thread of the kernel: there is nothing to attach to."));
        }
        if let Some(other) = self.traced_by {
            out.push(format!("process {other} is tracing it already"));
        }
        if tracer.capable && tracer.users.is_none() {
            return out;
        }
        if let (Some(ours), Some(other)) =
            (tracer.uid, self.uids.iter().take(3).find(|uid| Some(**uid) != tracer.uid))
        {
            out.push(format!(
                "It belongs to user {other}, and we are user {ours} without CAP_SYS_PTRACE; try as root."
            ));
        }
        if self.guarded {
            out.push(
                "Its memory is kept from its own user (a set-user-ID program, or prctl(PR_SET_DUMPABLE, 0)); try as root."
                    .into(),
            );
        }
        if let (Some(ours), Some(theirs)) = (&tracer.users, &self.users)
            && ours != theirs
        {
            out.push("It is in another user namespace, where our capabilities are none; attach from its container's host.".into());
        }
        out
    }
}

/// What to do about a refused attach, in one sentence: that of the process first.
#[must_use]
pub fn hint(pid: Pid) -> String {
    let tracer = Tracer::read();
    let of_it = Tracee::read(pid).map(|tracee| tracee.obstacles(pid, &tracer)).unwrap_or_default();
    let first = of_it.into_iter().chain(tracer.obstacles()).next();
    let text = first.unwrap_or_else(|| {
        "the process belongs to another user, or a container forbids ptrace; try as root".into()
    });
    text.trim_end_matches('.').to_owned()
}

/// The real, effective, saved and file system user of a process.
fn ids(pid: i32) -> Vec<u32> {
    let text = procfs::status_field(pid, "Uid").unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn users(pid: Pid) -> Option<String> {
    fs::read_link(format!("/proc/{pid}/ns/user")).ok().map(|name| name.to_string_lossy().into_owned())
}

/// Whether a filter answers for the kernel: of a process that cannot be, the kernel says that it is not there.
fn filtered() -> bool {
    // SAFETY: there is no process of this number (the highest is 2^22, include/linux/threads.h), and a detach of one that
    // we do not trace changes nothing; no pointer is followed.
    let done = unsafe { libc::ptrace(libc::PTRACE_DETACH, i32::MAX, 0_usize, 0_usize) };
    done == -1 && Errno::last() != Errno::ESRCH
}

/// What says that we are in a container.
fn container() -> Option<&'static str> {
    const MARKS: [(&str, &str); 2] = [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")];
    let mark = MARKS.iter().find(|(file, _)| fs::metadata(file).is_ok()).map(|(_, what)| *what);
    let text = || fs::read_to_string("/proc/1/environ").unwrap_or_default();
    mark.or_else(|| {
        let kubernetes = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        kubernetes.then_some("kubernetes").or_else(|| text().contains("container=").then_some("a container"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Pid = Pid(7);

    #[test]
    fn each_obstacle_has_its_sentence() {
        let user = Tracer { uid: Some(1000), scope: Some(0), ..Tracer::default() };
        let own = Tracee { uids: vec![1000; 4], ..Tracee::default() };
        assert!(own.obstacles(ME, &user).is_empty() && user.obstacles().is_empty());
        let first = |tracee: &Tracee| tracee.obstacles(ME, &user).join("|");
        assert!(
            first(&Tracee { uids: vec![0; 4], ..Tracee::default() })
                .starts_with("It belongs to user 0, and we are user 1000")
        );
        assert!(
            first(&Tracee { guarded: true, ..own.clone() })
                .starts_with("Its memory is kept from its own user")
        );
        assert_eq!(first(&Tracee { traced_by: Some(9), ..own.clone() }), "process 9 is tracing it already");
        assert!(first(&Tracee { zombie: Some(false), ..own.clone() }).contains("is a zombie"));
        let root = Tracer { uid: Some(0), capable: true, scope: Some(1), ..Tracer::default() };
        assert!(own.obstacles(ME, &root).is_empty() && root.obstacles().is_empty());
        for (scope, capable, words) in
            [(1, false, "is 1: without"), (2, false, "is 2: only"), (3, true, "is 3: nobody")]
        {
            let said = Tracer { scope: Some(scope), capable, ..root.clone() }.obstacles();
            assert!(said.len() == 1 && said[0].contains(words), "{said:?}");
        }
        let filtered = Tracer { filtered: true, container: Some("docker"), ..root };
        assert!(filtered.obstacles()[0].contains("forbids ptrace here (docker)"));
    }

    #[test]
    fn this_process_and_nobody_are_read() {
        let me = Pid(std::process::id() as i32);
        let mine = Tracee::read(me).unwrap();
        assert!(
            mine.uids.len() == 4 && mine.open == Some(true) && !mine.kernel && mine.zombie.is_none(),
            "{mine:?}"
        );
        assert_eq!(Tracee::read(Pid(i32::MAX)), None);
        assert_eq!(Tracer::read().uid, mine.uids.get(1).copied());
    }
}
