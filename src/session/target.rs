//! How targets come and go: program, launch, attach, fork, detach, kill, and the end of the session.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::breakpoint::Breakpoint;
use super::inbox::Wakes;
use super::process::{Role, Tracing};
use super::run::{Halt, Stop};
use super::tracer::{Happening, MEMORY_CALLS};
use super::{Program, Selection, Session, SessionError};
use crate::addr::{Pid, Tid};
use crate::event::{EventKind, StopReason};
use crate::kernel::affinity;
use crate::kernel::spawn::{self, Launch, LaunchError};
use crate::kernel::wait::{self, Status};
use crate::kernel::{Errno, permission, procfs, ptrace};
use crate::source::Files;
use crate::symbols::Modules;

impl Session {
    /// Names the program that `run` starts, and reads its symbols.
    ///
    /// # Errors
    /// When it is not there, not a program, or for another machine; in gdb's words.
    pub fn set_program(&mut self, path: &Path) -> Result<(), SessionError> {
        let name = path.to_string_lossy().into_owned();
        let failed = |error: &std::io::Error| SessionError::Program { path: name.clone(), why: words(error) };
        let found = find_in_path(path);
        let full = std::fs::canonicalize(&found).map_err(|error| failed(&error))?;
        if full.is_dir() {
            return Err(SessionError::Program { path: name, why: "Is a directory".into() });
        }
        let bytes = self.files.map(&full).map_err(|error| failed(&error))?;
        check_machine(bytes)
            .map_err(|why| SessionError::Format { path: full.to_string_lossy().into_owned(), why })?;
        let image = self.images.open(&full, &*self.files)?;
        let modules = Modules::of_program(&image, &full.to_string_lossy());
        self.program = Some(Program { runs: with_its_own_name(&found, &full), path: full, modules });
        self.resolve();
        Ok(())
    }

    /// Starts the program. It stands at its first instruction, with the breakpoints in that can be resolved;
    /// [`Session::resume`] lets it run.
    ///
    /// # Errors
    /// [`SessionError::NoProgram`], or why it cannot be executed.
    pub fn launch(&mut self) -> Result<(), SessionError> {
        self.close_core();
        if let Some(selection) = self.selection {
            return Err(SessionError::AlreadyRunning(selection.pid));
        }
        let path = self.program.as_ref().ok_or(SessionError::NoProgram)?.runs.clone();
        // The file may have been rebuilt since it was named.
        self.set_program(&path)?;
        let name = path.to_string_lossy().into_owned();
        let mode = std::fs::metadata(&path).map(|meta| meta.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o111 == 0) {
            return Err(SessionError::Launch {
                path: name,
                why: "Permission denied.\n  hint: chmod +x it.".into(),
            });
        }
        self.restart();
        let spec = self.launch_spec(&path);
        let through_shell = self.settings.words().is_none();
        let launched = spawn::launch(&spec).map_err(|error| SessionError::Launch {
            path: name,
            why: match error {
                LaunchError::Exec(errno) => format!("{}.", errno.desc()),
                other => format!("{other}."),
            },
        })?;
        let pid = launched.pid;
        let tracing = if spec.traced_calls.is_empty() { Tracing::Off } else { Tracing::Filter };
        self.enter(pid, &[Tid(pid.0)], true, tracing)?;
        if through_shell {
            self.wait_for_program(pid)?;
        }
        self.begin(pid, Tid(pid.0), false);
        if !through_shell {
            self.log_launch(&launched, &spec);
        }
        Ok(())
    }

    /// A new run begins: numbers and records start over.
    fn restart(&mut self) {
        self.recorder.restart();
        self.log_anew();
        self.stories = Default::default();
        self.last_exit = None;
        self.last_hit = None;
        self.pointers.clear();
        self.pretended.clear();
        self.announced.clear();
        self.numbers.clear();
        // A process that is only accompanied has no number that anybody sees.
        self.tracer.table.last_process_number = 0;
        self.tracer.table.last_thread_number = 0;
    }

    /// Names no program any more.
    pub fn forget_program(&mut self) {
        self.program = None;
        self.resolve();
    }

    fn launch_spec(&self, path: &Path) -> Launch {
        let settings = &self.settings;
        let name = path.to_string_lossy().into_owned();
        let text = &settings.args;
        let (path, argv) = match settings.words() {
            // As gdb: the shell replaces itself by the program, so redirections and patterns work.
            None => {
                let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".into());
                let line = format!("exec {} {text}", quote(&name));
                (PathBuf::from(&shell), vec![shell, "-c".into(), line])
            }
            Some(words) => (path.to_owned(), [vec![name], words].concat()),
        };
        Launch {
            path,
            argv,
            environment: settings.final_environment(),
            cwd: settings.cwd.clone(),
            tty: settings.tty.clone(),
            fixed_addresses: settings.disable_randomization,
            traced_calls: match (settings.memory_calls, settings.calls.is_empty()) {
                (false, true) => Vec::new(),
                (false, false) => settings.calls.ranges(&affinity::CALLS),
                (true, _) => {
                    let own: Vec<u32> = MEMORY_CALLS.into_iter().chain(affinity::CALLS).collect();
                    settings.calls.ranges(&own)
                }
            },
        }
    }

    /// The shell runs first; its exec is where the program begins.
    fn wait_for_program(&mut self, pid: Pid) -> Result<(), SessionError> {
        self.tracer.go(Tid(pid.0));
        loop {
            match self.tracer.next(&self.inbox) {
                Happening::Execed { .. } => return Ok(()),
                Happening::Exited { status, .. } => {
                    self.last_exit = Some(status);
                    let why = "During startup program exited.".to_owned();
                    return Err(SessionError::Launch { path: "the program through the shell".into(), why });
                }
                Happening::Entered { tid, nr } => {
                    // Of the shell's own calls, the last is the program's first.
                    if nr == super::logging::EXECVE {
                        self.log_entry(tid);
                    }
                    self.tracer.go(tid);
                }
                Happening::Returned { tid, .. }
                | Happening::Signal { tid, .. }
                | Happening::Stepped { tid }
                | Happening::Touched { tid, .. }
                | Happening::Halted { tid, .. }
                | Happening::Arrived { tid, .. }
                | Happening::ThreadStarted { tid, .. } => self.tracer.go(tid),
                Happening::Forked { tid, birth } => {
                    self.tracer.adopt(birth, false);
                    self.tracer.go(tid);
                }
                Happening::ThreadEnded { .. } => {}
                Happening::Woken(_) | Happening::Nothing => return Err(SessionError::NotRunning),
            }
        }
    }

    fn enter(
        &mut self,
        pid: Pid,
        tids: &[Tid],
        launched: bool,
        tracing: Tracing,
    ) -> Result<(), SessionError> {
        self.tracer.enter(pid, tids, launched, tracing).map_err(|error| SessionError::Attach {
            why: words(&error),
            hint: format!("/proc/{pid}/mem cannot be opened"),
        })
    }

    /// The first records of a process, and its breakpoints.
    fn begin(&mut self, pid: Pid, tid: Tid, attached: bool) {
        self.selection = Some(Selection { pid, tid, level: 0 });
        self.numbers.insert(pid, self.tracer.table.last_process_number);
        self.breakpoints.iter_mut().for_each(|breakpoint| {
            breakpoint.armed.clear();
            breakpoint.hits = 0;
            breakpoint.stages.iter_mut().for_each(|stage| {
                (stage.hits, stage.tests, stage.cost, stage.error) = (0, 0, Duration::ZERO, None);
                stage.locations.iter_mut().for_each(|location| location.hits = 0);
            });
        });
        let maps = procfs::mappings(pid);
        let heap = maps.iter().rfind(|mapping| mapping.path == "[heap]").map(|mapping| mapping.span.end);
        let mut args = procfs::command_line(pid);
        if !args.is_empty() {
            args.remove(0);
        }
        let program = procfs::executable(pid).map(|path| path.to_string_lossy().into_owned());
        // Without a [heap] the break never moved: then it is where it started.
        let brk = heap.filter(|_| attached).or_else(|| procfs::start_brk(pid));
        let kind = EventKind::Started {
            program: program.unwrap_or_default(),
            args,
            attached,
            core: false,
            brk,
            maps,
        };
        self.record(pid, tid, kind);
        self.libraries_changed(pid);
        self.watch_anew(pid);
    }

    /// Takes control of a running process and stops it.
    ///
    /// # Errors
    /// Why the kernel refuses, with what can be done about it.
    pub fn attach(&mut self, pid: Pid) -> Result<Stop, SessionError> {
        self.close_core();
        if let Some(selection) = self.selection {
            return Err(SessionError::AlreadyRunning(selection.pid));
        }
        let pid = procfs::thread_group(Tid(pid.0)).unwrap_or(pid);
        let options = ptrace::Options { exit_kill: false };
        let mut tids: Vec<Tid> = Vec::new();
        // Threads may make threads while we look: until a look finds no new one.
        loop {
            let new: Vec<Tid> = procfs::threads(pid).into_iter().filter(|tid| !tids.contains(tid)).collect();
            if new.is_empty() {
                break;
            }
            for tid in new {
                match ptrace::seize(tid, options) {
                    Ok(()) => tids.push(tid),
                    Err(Errno::ESRCH) if !tids.is_empty() => {}
                    // A thread made by one that we hold already is ours without asking.
                    Err(Errno::EPERM) if !tids.is_empty() => tids.push(tid),
                    Err(errno) => return Err(refused(pid, errno)),
                }
            }
        }
        if tids.is_empty() {
            return Err(refused(pid, Errno::ESRCH));
        }
        self.restart();
        let sees = self.settings.memory_calls || !self.settings.calls.is_empty();
        let tracing = if sees { Tracing::Every } else { Tracing::Off };
        self.enter(pid, &tids, false, tracing)?;
        for thread in self.tracer.table.threads.values_mut().filter(|thread| thread.pid == pid) {
            thread.running = true;
        }
        self.tracer.stop_all();
        if self.program.is_none()
            && let Ok(path) = procfs::executable(pid)
            && procfs::runs(pid, &path)
        {
            // Symbols come from the process itself; without a readable file they are fewer.
            let _ = self.set_program(&path);
        }
        let tid = Tid(pid.0);
        self.begin(pid, tid, true);
        self.settle(pid, tid, StopReason::Attached);
        Ok(Stop { pid, tid, what: Halt::Reason(StopReason::Attached) })
    }

    pub(super) fn clear_sites(&mut self, pid: Pid) {
        let Some(process) = self.tracer.table.processes.get(&pid) else { return };
        if let Some(space) = self.tracer.table.spaces.get_mut(&process.space) {
            let _ = space.set_sites(&[]);
        }
    }

    /// Lets the selected process run on without us: our bytes out, its signals delivered.
    ///
    /// # Errors
    /// [`SessionError::NotRunning`].
    pub fn detach(&mut self) -> Result<Pid, SessionError> {
        let selection = self.living()?;
        self.selection = None;
        self.sync_face();
        self.tracer.stop_all();
        self.tracer.settle_pending(selection.pid);
        self.tell_unfinished(None);
        self.abandon_calls(selection.pid);
        self.part_from_births(selection.pid);
        self.clear_sites(selection.pid);
        self.tracer.release(selection.pid);
        self.record(selection.pid, selection.tid, EventKind::Detached);
        self.after_parting(selection.pid);
        Ok(selection.pid)
    }

    /// Kills the selected process.
    ///
    /// # Errors
    /// [`SessionError::NotRunning`].
    pub fn kill(&mut self) -> Result<Pid, SessionError> {
        let selection = self.living()?;
        self.selection = None;
        self.kill_process(selection.pid);
        self.after_parting(selection.pid);
        Ok(selection.pid)
    }

    /// Kills one of the processes that are debugged.
    ///
    /// # Errors
    /// [`SessionError::NotRunning`] when it is not one of them.
    pub fn kill_one(&mut self, pid: Pid) -> Result<(), SessionError> {
        if !self.processes().iter().any(|(_, known, _)| *known == pid) {
            return Err(SessionError::NotRunning);
        }
        if self.selection.is_some_and(|selection| selection.pid == pid) {
            return self.kill().map(|_| ());
        }
        self.kill_process(pid);
        Ok(())
    }

    fn kill_process(&mut self, pid: Pid) {
        self.tracer.settle_pending(pid);
        // As in gdb, children that wait for their fate die with it.
        for birth in self.births.iter().filter(|birth| self.pid_of(birth.maker) == pid) {
            let _ = ptrace::signal_thread(birth.child().0, Tid(birth.child().0), 9);
        }
        self.part_from_births(pid);
        self.watch_no_more(pid);
        self.forget_calls(pid);
        let _ = ptrace::signal_thread(pid.0, Tid(pid.0), 9);
        // All its threads report their end, the leader last. There may be some that we have not heard of: born, but
        // not announced by a parent that died before it could.
        let mut done = vec![Tid(pid.0)];
        while self.tracer.table.processes.contains_key(&pid) {
            let known = self.tracer.table.threads_of(pid);
            let others = known.into_iter().chain(procfs::threads(pid)).find(|tid| !done.contains(tid));
            let tid = others.unwrap_or(Tid(pid.0));
            match wait::thread(tid, true) {
                Ok(Some((_, Status::Exited(status)))) => {
                    if tid.0 == pid.0 {
                        self.record(pid, tid, EventKind::Exited(status));
                    }
                    self.tracer.table.remove_thread(tid);
                    done.push(tid);
                }
                Ok(Some(_) | None) | Err(Errno::EINTR) => {}
                Err(_) => {
                    self.tracer.table.remove_thread(tid);
                    done.push(tid);
                }
            }
        }
    }

    fn after_parting(&mut self, pid: Pid) {
        self.breakpoints.iter_mut().for_each(|b: &mut Breakpoint| b.armed.retain(|armed| armed.pid != pid));
        if let Some(other) = self.tracer.table.followed().first().copied() {
            let pid = self.tracer.table.threads.get(&other).map_or(Pid(other.0), |thread| thread.pid);
            self.selection = Some(Selection { pid, tid: other, level: 0 });
        }
        self.look_back();
    }

    /// Serves processes that were let go but need our company, until something else wants attention.
    pub(super) fn accompany(&mut self) {
        let waited = self.inbox.while_blocked(Wakes::Request, || wait::any(true));
        if let Some(Ok(Some((tid, status)))) = waited {
            self.tracer.pass_on(tid, status);
        }
    }

    /// The end: what was launched is killed, what was attached to is let go; then processes that carry our
    /// filter are accompanied to their end, because their memory calls would fail without us.
    pub fn finish(mut self) {
        self.close_core();
        for (_, pid, _) in self.processes() {
            let launched = self.tracer.table.processes.get(&pid).is_some_and(|process| process.launched);
            if launched {
                self.kill_process(pid);
            } else {
                self.tracer.stop_all();
                self.tracer.settle_pending(pid);
                self.abandon_calls(pid);
                self.part_from_births(pid);
                self.clear_sites(pid);
                self.tracer.release(pid);
            }
        }
        // Whoever waits for us finds it whole.
        self.end_recording();
        self.outbox.drain(Duration::from_secs(2));
        self.outbox.close();
        while self.tracer.has_company() {
            match wait::any(true) {
                Ok(Some((tid, status))) => self.tracer.pass_on(tid, status),
                Err(Errno::ECHILD) => break,
                _ => {}
            }
        }
        // The process ends now: what was read of symbols need not be given back piece by piece.
        std::mem::forget(self);
    }

    /// Whether a process is debugged that is not the selected one's role to be killed at the end.
    #[must_use]
    pub fn was_launched(&self, pid: Pid) -> bool {
        self.tracer.table.processes.get(&pid).is_some_and(|p| p.launched && p.role == Role::Followed)
    }
}

/// Why the kernel refuses to let us attach, and what can be done.
fn refused(pid: Pid, errno: Errno) -> SessionError {
    let hint = match errno {
        Errno::ESRCH => "there is no such process; it may have ended just now".to_owned(),
        _ => permission::hint(pid),
    };
    let why = match errno {
        Errno::ESRCH => "No such process".to_owned(),
        Errno::EPERM => "Operation not permitted".to_owned(),
        other => other.desc().to_owned(),
    };
    SessionError::Attach { why, hint }
}

/// The error's words without Rust's `(os error N)`.
pub(super) fn words(error: &std::io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |code| Errno::from_raw(code).desc().to_owned())
}

/// A program named without a slash is looked up in `PATH`, as gdb does when it is not here.
fn find_in_path(path: &Path) -> PathBuf {
    if path.components().count() > 1 || path.exists() {
        return path.to_owned();
    }
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&dirs)
        .map(|dir| dir.join(path))
        .find(|full| full.is_file())
        .unwrap_or_else(|| path.to_owned())
}

/// What exec gets: as in gdb, directories are those that links lead to, and the file's own name stays, for programs look at
/// it that have several.
fn with_its_own_name(found: &Path, full: &Path) -> PathBuf {
    let parent = found.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (std::fs::canonicalize(parent), found.file_name()) {
        (Ok(parent), Some(name)) => parent.join(name),
        _ => full.to_owned(),
    }
}

/// Refuses what is no ELF program for x86-64 (ELF header: e_ident at 0, e_machine at 18).
fn check_machine(bytes: &[u8]) -> Result<(), String> {
    let machine = |at: usize| bytes.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    match bytes {
        [0x7f, b'E', b'L', b'F', class, ..] => match (class, machine(18)) {
            (2, Some(62)) if bytes.len() >= 64 => Ok(()),
            (2, Some(62)) | (_, None) => Err("file truncated".into()),
            (1, _) => Err("it is a 32-bit program".into()),
            (_, Some(other)) => Err(format!("it is for another machine (ELF e_machine {other})")),
        },
        _ => Err("file format not recognized".into()),
    }
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_files_are_named() {
        let mut elf = vec![0u8; 64];
        elf[..5].copy_from_slice(b"\x7fELF\x02");
        elf[18] = 62;
        assert_eq!(check_machine(&elf), Ok(()));
        assert_eq!(check_machine(&elf[..30]), Err("file truncated".into()));
        elf[18] = 183;
        assert_eq!(check_machine(&elf), Err("it is for another machine (ELF e_machine 183)".into()));
        assert_eq!(check_machine(b"#!/bin/sh\n"), Err("file format not recognized".into()));
    }

    #[test]
    fn a_word_survives_the_shell() {
        assert_eq!(quote("it's"), r"'it'\''s'");
    }
}
