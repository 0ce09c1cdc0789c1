//! Every process that we start is started here: targets, the engine, a shell for the user.
//!
//! A target is held on a pipe until it has been seized, so no `SIGSTOP` of ours ever reaches it and its first
//! stop is that of its exec.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::filter;
use super::ptrace::{self, Options};
use super::standing::{self, Standing};
use super::wait::{self, Status};
use crate::addr::{Pid, Tid};

/// How a target is launched.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// What exec gets as path.
    pub path: PathBuf,
    /// Its arguments, the program's name first.
    pub argv: Vec<String>,
    /// Its whole environment, `NAME=value`.
    pub environment: Vec<Vec<u8>>,
    /// Its working directory, when it is not ours.
    pub cwd: Option<PathBuf>,
    /// A terminal that becomes its controlling terminal, stdin, stdout and stderr.
    pub tty: Option<PathBuf>,
    /// Addresses do not vary from run to run (`ADDR_NO_RANDOMIZE`).
    pub fixed_addresses: bool,
    /// These system calls, ranges of numbers that ascend, stop for the tracer (`SECCOMP_RET_TRACE`); nothing is filtered
    /// when there are none. The filter stays for the life of the process and of its children, and without a tracer such calls fail
    /// with `ENOSYS`: only for what dies with us.
    pub traced_calls: Vec<(u32, u32)>,
}

/// A target that was launched.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Launched {
    /// The process.
    pub pid: Pid,
    /// Where its environment was when it executed the program: the third argument of execve(2).
    pub environment: u64,
}

/// Why a launch failed.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The kernel would not execute the program.
    #[error("{0}")]
    Exec(Errno),
    /// Something before that failed.
    #[error("{0} failed: {1}")]
    Setup(&'static str, io::Error),
}

/// Starts a target under ptrace. It stands at the first instruction of the new program (its exec stop has
/// been consumed).
///
/// # Errors
/// [`LaunchError::Exec`] with the errno of execve(2).
pub fn launch(spec: &Launch) -> Result<Launched, LaunchError> {
    let setup = |what| move |error: io::Error| LaunchError::Setup(what, error);
    let prepared = Prepared::new(spec).map_err(setup("preparing the arguments"))?;
    let (go_read, go_write) = pipe().map_err(setup("pipe"))?;
    let (mut error_read, error_write) = pipe().map_err(setup("pipe"))?;

    // SAFETY: the child calls nothing but async-signal-safe functions on memory prepared before the fork,
    // and ends in exec or _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: as above; this is the child.
        unsafe { prepared.become_target(go_read.as_raw_fd(), go_write.as_raw_fd(), error_write.as_raw_fd()) }
    }
    if child < 0 {
        return Err(LaunchError::Setup("fork", io::Error::last_os_error()));
    }
    drop((go_read, error_write));
    let tid = Tid(child);
    if let Err(error) = ptrace::seize(tid, Options { exit_kill: true }) {
        drop(go_write);
        let _ = wait::thread(tid, true);
        return Err(LaunchError::Setup("PTRACE_SEIZE", error.into()));
    }
    drop(go_write); // End of file is the word to go.
    loop {
        match wait::thread(tid, true) {
            Ok(Some((_, Status::Exec))) => {
                // The child's memory was a copy of ours.
                let environment = prepared.environment.raw.as_ptr() as u64;
                return Ok(Launched { pid: Pid(child), environment });
            }
            Ok(Some((_, Status::Exited(_)))) | Err(Errno::ECHILD) => break,
            Ok(Some((_, Status::Signal(signal)))) => {
                let _ = ptrace::resume(tid, ptrace::Go::Run, signal);
            }
            Ok(Some(_)) => {
                let _ = ptrace::resume(tid, ptrace::Go::Run, 0);
            }
            Ok(None) | Err(_) => {}
        }
    }
    let mut code = [0; 4];
    let errno = error_read
        .read_exact(&mut code)
        .map_or(Errno::UnknownErrno, |()| Errno::from_raw(i32::from_le_bytes(code)));
    Err(LaunchError::Exec(errno))
}

fn pipe() -> io::Result<(File, File)> {
    let mut fds = [0; 2];
    // SAFETY: `fds` has room for the two descriptors, which nobody else owns.
    unsafe {
        Errno::result(libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC))?;
        Ok((File::from_raw_fd(fds[0]), File::from_raw_fd(fds[1])))
    }
}

/// Everything that the child needs, made before the fork, because it may not allocate.
struct Prepared {
    path: CString,
    argv: Pointers,
    environment: Pointers,
    cwd: Option<CString>,
    tty: Option<CString>,
    fixed_addresses: bool,
    filter: Vec<libc::sock_filter>,
    standing: Option<Standing>,
}

/// C strings and the null-terminated array of pointers to them.
struct Pointers {
    _owned: Vec<CString>,
    raw: Vec<*const libc::c_char>,
}

impl Pointers {
    fn new(words: impl Iterator<Item = Vec<u8>>) -> io::Result<Pointers> {
        let owned = words.map(CString::new).collect::<Result<Vec<_>, _>>()?;
        let raw = owned.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect();
        Ok(Pointers { _owned: owned, raw })
    }
}

impl Prepared {
    fn new(spec: &Launch) -> io::Result<Prepared> {
        let c_path = |path: &PathBuf| CString::new(path.as_os_str().as_bytes());
        Ok(Prepared {
            path: c_path(&spec.path)?,
            argv: Pointers::new(spec.argv.iter().map(|word| word.as_bytes().to_vec()))?,
            environment: Pointers::new(spec.environment.iter().cloned())?,
            cwd: spec.cwd.as_ref().map(c_path).transpose()?,
            tty: spec.tty.as_ref().map(c_path).transpose()?,
            fixed_addresses: spec.fixed_addresses,
            filter: if spec.traced_calls.is_empty() {
                Vec::new()
            } else {
                filter::stopping(&spec.traced_calls)
            },
            standing: standing::of_the_face(),
        })
    }

    /// # Safety
    /// Only in a freshly forked child.
    unsafe fn become_target(&self, go: RawFd, other_end: RawFd, errors: RawFd) -> ! {
        // SAFETY: plain system calls on prepared memory; see the caller.
        unsafe {
            libc::close(other_end);
            let mut byte = 0u8;
            while libc::read(go, (&raw mut byte).cast(), 1) < 0 && Errno::last() == Errno::EINTR {}
            let problem = self.arrange();
            if problem == 0 {
                libc::execve(self.path.as_ptr(), self.argv.raw.as_ptr(), self.environment.raw.as_ptr());
            }
            let code = if problem == 0 { Errno::last_raw() } else { problem };
            libc::write(errors, code.to_le_bytes().as_ptr().cast(), 4);
            libc::_exit(127)
        }
    }

    /// Everything between fork and exec; 0, or the errno of what failed.
    unsafe fn arrange(&self) -> i32 {
        // SAFETY: as `become_target`.
        unsafe {
            let mut empty: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut empty);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const empty, std::ptr::null_mut());
            // The engine ignores what the terminal sends; the target must not inherit that.
            for signal in [
                libc::SIGINT,
                libc::SIGQUIT,
                libc::SIGTSTP,
                libc::SIGTTOU,
                libc::SIGTTIN,
                libc::SIGPIPE,
                libc::SIGHUP,
            ] {
                libc::signal(signal, libc::SIG_DFL);
            }
            if let Some(standing) = &self.standing {
                standing.take_on();
            }
            if let Some(tty) = &self.tty {
                libc::setsid();
                let fd = libc::open(tty.as_ptr(), libc::O_RDWR);
                if fd < 0 {
                    return Errno::last_raw();
                }
                libc::ioctl(fd, libc::TIOCSCTTY, 0);
                for target in 0..3 {
                    libc::dup2(fd, target);
                }
                if fd > 2 {
                    libc::close(fd);
                }
            }
            if let Some(cwd) = &self.cwd
                && libc::chdir(cwd.as_ptr()) != 0
            {
                return Errno::last_raw();
            }
            if self.fixed_addresses {
                // Where this is forbidden (some containers) addresses vary: a nuisance, not a failure.
                libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
            }
            self.install_filter()
        }
    }

    unsafe fn install_filter(&self) -> i32 {
        if self.filter.is_empty() {
            return 0;
        }
        let program =
            libc::sock_fprog { len: self.filter.len() as u16, filter: self.filter.as_ptr().cast_mut() };
        // SAFETY: as `become_target`; the kernel copies the program.
        unsafe {
            let install =
                || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program, 0, 0);
            if install() == 0 {
                return 0;
            }
            // Without CAP_SYS_ADMIN the kernel wants this first; under ptrace set-uid bits do not count anyway.
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            if install() == 0 { 0 } else { Errno::last_raw() }
        }
    }
}

/// Runs `body` in a process of its own, joined to this one by a socket; returns our end and its pid.
///
/// The engine lives there: a face that is killed, panics or loses its terminal then costs the target nothing,
/// because the process that calls ptrace sees the end of the socket and leaves in good order. Call it before
/// any thread exists.
///
/// # Errors
/// Those of socketpair(2) and fork(2).
pub fn engine(body: impl FnOnce(UnixStream) -> i32) -> io::Result<(UnixStream, Pid)> {
    let (ours, theirs) = UnixStream::pair()?;
    // SAFETY: no other thread exists, so the child may do what the parent may.
    match unsafe { libc::fork() } {
        0 => {
            drop(ours);
            for signal in
                [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP, libc::SIGTTOU, libc::SIGTTIN, libc::SIGHUP]
            {
                let _ = super::signals::ignore(signal);
            }
            let _ = super::signals::hush_stops();
            let _ = super::signals::outlive_file_limit();
            standing::step_aside();
            std::process::exit(body(theirs))
        }
        -1 => Err(io::Error::last_os_error()),
        child => Ok((ours, Pid(child))),
    }
}

/// Waits for the engine and says with which status it ended; `None` when a signal ended it.
#[must_use]
pub fn wait_for_engine(engine: Pid) -> Option<i32> {
    loop {
        match wait::thread(Tid(engine.0), true) {
            Ok(Some((_, Status::Exited(crate::event::ExitStatus::Code(code))))) => return Some(code),
            Ok(Some((_, Status::Exited(_)))) | Err(Errno::ECHILD) => return None,
            _ => {}
        }
    }
}

/// Another run of this program, that nobody types to.
#[derive(Clone, Debug)]
pub struct Another {
    /// Its arguments, without its name.
    pub arguments: Vec<String>,
    /// Its whole environment, `NAME=value`.
    pub environment: Vec<Vec<u8>>,
    /// When it is interrupted, as by Ctrl-C; it may still say what it knows.
    pub limit: Duration,
}

/// What it said.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Its standard output and errors.
    pub text: Vec<u8>,
    /// Whether it was not left to come to its end.
    pub cancelled: bool,
}

/// Runs this very program once more, with other arguments, and waits for it. `cancelled` is asked ten times a second.
///
/// # Errors
/// Those of starting it, and of reading what it says.
#[allow(clippy::disallowed_methods)]
pub fn ourselves(another: &Another, cancelled: &dyn Fn() -> bool) -> io::Result<Said> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    /// How long it may take to say its last after an interrupt.
    const GRACE: Duration = Duration::from_secs(10);
    let (mut from, to) = io::pipe()?;
    let mut command = std::process::Command::new("/proc/self/exe");
    command.args(&another.arguments).env_clear().stdin(std::process::Stdio::null());
    for variable in &another.environment {
        if let Some(at) = variable.iter().position(|byte| *byte == b'=') {
            command.env(OsStr::from_bytes(&variable[..at]), OsStr::from_bytes(&variable[at + 1..]));
        }
    }
    let mut child = command.stdout(to.try_clone()?).stderr(to).spawn()?;
    // The command holds our copies of the end that it writes to.
    drop(command);
    let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    let (mut said, mut deadline, mut asked) = (Said::default(), Instant::now() + another.limit, false);
    loop {
        let mut fds = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut fds, PollTimeout::from(100_u8));
        if ready.is_ok_and(|ready| ready > 0) {
            let mut bytes = [0; 4096];
            match from.read(&mut bytes)? {
                0 => break,
                count => said.text.extend_from_slice(&bytes[..count]),
            }
        }
        said.cancelled |= cancelled();
        let over = Instant::now() >= deadline;
        if asked && over {
            // It lets go of its own target when it is ended.
            _ = nix::sys::signal::kill(id, nix::sys::signal::SIGTERM);
            break;
        }
        if !asked && (said.cancelled || over) {
            _ = nix::sys::signal::kill(id, nix::sys::signal::SIGINT);
            (asked, deadline) = (true, Instant::now() + GRACE);
        }
    }
    child.wait()?;
    Ok(said)
}

/// Runs a command line of the user's in `/bin/sh`, on our own terminal, and waits for it.
///
/// # Errors
/// Those of starting the shell.
#[allow(clippy::disallowed_methods)]
pub fn shell(line: &str, input: Option<&[u8]>) -> io::Result<std::process::ExitStatus> {
    use std::os::unix::process::CommandExt;
    let mut command = std::process::Command::new("/bin/sh");
    command.arg("-c").arg(line);
    if let Some(standing) = standing::of_the_face() {
        // SAFETY: it calls nothing but what is async-signal-safe.
        unsafe {
            command.pre_exec(move || {
                standing.take_on();
                Ok(())
            });
        }
    }
    let Some(input) = input else { return command.status() };
    let mut child = command.stdin(std::process::Stdio::piped()).spawn()?;
    if let Some(mut to) = child.stdin.take() {
        // One that does not read all of it has its reasons (`head`).
        match io::Write::write_all(&mut to, input) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    child.wait()
}

/// Opens a pseudo-terminal of this size for a target: our end, and the path of the target's.
///
/// # Errors
/// Those of posix_openpt(3) and its kin.
pub fn open_terminal(columns: u16, rows: u16) -> io::Result<(File, PathBuf)> {
    // SAFETY: each call gets a descriptor that we own, and buffers of our own.
    unsafe {
        let fd = Errno::result(libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC))?;
        let master = OwnedFd::from_raw_fd(fd);
        Errno::result(libc::grantpt(fd))?;
        Errno::result(libc::unlockpt(fd))?;
        let mut name = [0u8; 64];
        let failed = libc::ptsname_r(fd, name.as_mut_ptr().cast(), name.len());
        if failed != 0 {
            return Err(io::Error::from_raw_os_error(failed));
        }
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        libc::ioctl(fd, libc::TIOCSWINSZ, &raw const size);
        let path = name.split(|b| *b == 0).next().unwrap_or_default();
        Ok((File::from(master), Path::new(OsStr::from_bytes(path)).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(path: &str, argv: &[&str]) -> Launch {
        Launch {
            path: path.into(),
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
            fixed_addresses: true,
            ..Launch::default()
        }
    }

    #[test]
    fn a_target_stands_at_its_first_instruction() {
        let pid = launch(&spec("/bin/true", &["true"])).unwrap().pid;
        let tid = Tid(pid.0);
        let regs = ptrace::registers(tid).unwrap();
        assert!(
            crate::kernel::procfs::mappings(pid)
                .iter()
                .any(|m| m.span.contains(crate::addr::Addr(regs.rip())))
        );
        ptrace::resume(tid, ptrace::Go::Run, 0).unwrap();
        let end = Some((tid, Status::Exited(crate::event::ExitStatus::Code(0))));
        assert_eq!(wait::thread(tid, true).unwrap(), end);
    }

    #[test]
    fn what_cannot_be_executed_says_why() {
        let error = |path: &str| match launch(&spec(path, &["x"])) {
            Err(LaunchError::Exec(errno)) => errno,
            other => panic!("{other:?}"),
        };
        assert_eq!(error("/nonexistent"), Errno::ENOENT);
        assert_eq!(error("/etc/passwd"), Errno::EACCES);
    }

    #[test]
    fn the_filter_stops_only_what_it_lists() {
        let mut spec = spec("/bin/true", &["true"]);
        let calls = [libc::SYS_munmap, libc::SYS_brk].map(|nr| (nr as u32, nr as u32));
        spec.traced_calls = calls.to_vec();
        let pid = launch(&spec).unwrap().pid;
        let tid = Tid(pid.0);
        let mut seen = Vec::new();
        loop {
            ptrace::resume(tid, ptrace::Go::Run, 0).unwrap();
            match wait::thread(tid, true).unwrap() {
                Some((_, Status::Seccomp)) => match ptrace::syscall_info(tid).unwrap() {
                    ptrace::SyscallInfo::Seccomp { nr, .. } => seen.push(nr as i64),
                    other => panic!("{other:?}"),
                },
                Some((_, Status::Exited(status))) => {
                    assert_eq!(status, crate::event::ExitStatus::Code(0));
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen.first(), Some(&libc::SYS_brk), "ld.so asks for the break first");
        assert!(seen.iter().all(|nr| [libc::SYS_brk, libc::SYS_munmap].contains(nr)), "{seen:?}");
    }

    #[test]
    fn a_terminal_can_be_opened() {
        let (_master, path) = open_terminal(80, 24).unwrap();
        assert!(path.starts_with("/dev/pts"));
    }
}
