//! Targets that are compiled once, run (here or in another root) until they are ready, and read from outside.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use brkwater::addr::{Addr, Tid};
use brkwater::heap::{self, Anchors, State, Survey};
use brkwater::maps::{self, Mapping};
use brkwater::memory::Memory;

pub(crate) const PIE: &[&str] = &["-pie", "-fPIE"];
pub(crate) const NO_PIE: &[&str] = &["-no-pie"];
pub(crate) const STATIC: &[&str] = &["-static", "-DSTATIC"];
pub(crate) const STATIC_PIE: &[&str] = &["-static-pie", "-DSTATIC"];
pub(crate) const BIG_TLS: &[&str] = &["-DBIG_TLS"];

/// `/proc/PID/mem` of a child, read-only.
pub(crate) struct ProcMemory(File);

impl Memory for ProcMemory {
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buf.len() {
            match self.0.read_at(&mut buf[done..], at.0.wrapping_add(done as u64)) {
                Ok(n) if n > 0 => done += n,
                _ => break,
            }
        }
        done
    }
}

/// The root that targets run in, if it is not this machine's own (`tests/heap/roots.sh`).
pub(crate) fn root() -> Option<PathBuf> {
    std::env::var_os("BRKWATER_ROOT").map(PathBuf::from)
}

/// Compiles `tests/targets/NAME.c`; the path as the root that it runs in knows it. What was compiled before from
/// the same sources with the same flags is used again.
pub(crate) fn compile(name: &str, flags: &[&str]) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/targets");
    let file = sources.join(format!("{name}.c"));
    let mut hasher = DefaultHasher::new();
    (fs::read(&file).unwrap(), fs::read(sources.join("heap.h")).unwrap(), flags).hash(&mut hasher);
    let own = format!("{name}-{:016x}", hasher.finish());
    let Some(root) = root() else {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("heap");
        return build(Command::new("gcc"), &dir, &sources, &dir, &own, name, flags);
    };
    // A static program needs the libc of its root; a dynamic one is made for the oldest and runs on each.
    let oldest = std::env::var_os("BRKWATER_COMPILE_ROOT").map(PathBuf::from);
    let home = oldest.filter(|_| !flags.contains(&"-DSTATIC")).unwrap_or_else(|| root.clone());
    let dir = home.join("brkwater");
    fs::create_dir_all(&dir).unwrap();
    for source in [file, sources.join("heap.h")] {
        let copy = dir.join(source.file_name().unwrap());
        if fs::read(&copy).ok() != Some(fs::read(&source).unwrap()) {
            replace(&source, &copy);
        }
    }
    let mut gcc = Command::new("chroot");
    gcc.arg(&home).arg("gcc");
    let inside = Path::new("/brkwater");
    let program = build(gcc, &dir, inside, inside, &own, name, flags);
    let here = root.join("brkwater").join(&own);
    if !here.exists() {
        fs::create_dir_all(root.join("brkwater")).unwrap();
        replace(&dir.join(&own), &here);
    }
    program
}

/// Tests run at the same time: a finished file appears all at once.
fn replace(from: &Path, to: &Path) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let unfinished = to.with_extension(format!("{}-{count}", std::process::id()));
    fs::copy(from, &unfinished).unwrap();
    fs::rename(unfinished, to).unwrap();
}

/// Runs the compiler; `sources` and `out` are what it sees, `dir` is `out` from here.
fn build(
    mut gcc: Command,
    dir: &Path,
    sources: &Path,
    out: &Path,
    own: &str,
    name: &str,
    flags: &[&str],
) -> PathBuf {
    if !dir.join(own).exists() {
        fs::create_dir_all(dir).unwrap();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unfinished = format!("{own}.{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        gcc.args(["-O1", "-Wall", "-pthread"]).args(flags);
        gcc.arg("-o").arg(out.join(&unfinished)).arg(sources.join(format!("{name}.c"))).arg("-ldl");
        assert!(gcc.status().unwrap().success(), "{name} {flags:?}");
        fs::rename(dir.join(unfinished), dir.join(own)).unwrap();
    }
    out.join(own)
}

/// How a target is started, with these variables in its environment.
pub(crate) fn command(program: &Path, env: &[(&str, &str)]) -> Command {
    let mut command = Command::new("chroot");
    match root() {
        Some(root) => command.arg(root).arg("env"),
        None => {
            command = Command::new("env");
            &mut command
        }
    };
    command.args(env.iter().map(|(name, value)| format!("{name}={value}"))).arg(program);
    command
}

/// A target that has said `ready` and waits; ends with the test.
pub(crate) struct Target {
    child: Child,
    /// The process to read: the child, or a child of its.
    pub(crate) pid: u32,
    pub(crate) memory: ProcMemory,
    pub(crate) maps: Vec<Mapping>,
    /// Its lines, in words.
    pub(crate) said: Vec<Vec<String>>,
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.pid != self.child.id() {
            let _ = Command::new("kill").args(["-9", &self.pid.to_string()]).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `heap_truth` with these compiler flags and arguments.
pub(crate) fn launch(flags: &[&str], args: &[&str]) -> Target {
    launch_with(&compile("heap_truth", flags), args, &[])
}

pub(crate) fn launch_with(program: &Path, args: &[&str], env: &[(&str, &str)]) -> Target {
    let mut command = command(program, env);
    command.args(args).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut ready = false;
    let said: Vec<Vec<String>> = lines
        .take_while(|line| {
            ready = line == "ready";
            !ready
        })
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect();
    assert!(ready, "{args:?} ended without being ready: {:?}", child.wait());
    let other = said.iter().find(|line| line.first().is_some_and(|word| word == "pid"));
    let pid = other.map_or(child.id(), |line| line[1].parse().unwrap());
    let memory = ProcMemory(File::open(format!("/proc/{pid}/mem")).unwrap());
    let maps = maps::parse(&fs::read_to_string(format!("/proc/{pid}/maps")).unwrap());
    Target { child, pid, memory, maps, said }
}

impl Target {
    /// The numbers of each line that begins with `word`.
    pub(crate) fn values(&self, word: &str) -> impl Iterator<Item = Vec<u64>> {
        let number = |text: &String| match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).unwrap(),
            None => text.parse().unwrap(),
        };
        self.said
            .iter()
            .filter(move |said| said.first().is_some_and(|first| first == word))
            .map(move |said| said[1..].iter().map(number).collect())
    }

    /// The number behind the point of its glibc's version: 36.
    pub(crate) fn glibc(&self) -> u32 {
        let line = self.said.iter().find(|line| line.first().is_some_and(|word| word == "glibc")).unwrap();
        line[1].strip_prefix("2.").unwrap().parse().unwrap()
    }

    /// What can be known without any symbol.
    pub(crate) fn anchors(&self) -> Anchors {
        let thread = |said: Vec<u64>| (Tid(said[0] as i32), Addr(said[1]));
        let mut threads: Vec<(Tid, Addr)> = self.values("thread").map(thread).collect();
        if self.pid != self.child.id() {
            // A fork has one thread, whichever lines its parent printed.
            threads.retain(|(tid, _)| tid.0 as u32 == self.pid);
        }
        Anchors { libc_data: heap::libc_data(&self.maps), threads, ..Anchors::default() }
    }

    pub(crate) fn survey(&self) -> Survey {
        heap::survey(&self.memory, &self.maps, &self.anchors())
    }

    /// Every chunk of the survey, by address.
    pub(crate) fn chunks(&self, survey: &Survey) -> BTreeMap<u64, (u64, State)> {
        let mut all = BTreeMap::new();
        for arena in &survey.arenas {
            for region in &arena.regions {
                survey.for_each_chunk(&self.memory, arena, region, &mut |chunk| {
                    all.insert(chunk.address.0, (chunk.size, chunk.state));
                });
            }
        }
        all
    }
}
