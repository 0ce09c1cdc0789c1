//! Debug files from debuginfod servers, by build-id, and the cache where they stay.
//!
//! Off until the user says otherwise: nothing here opens a connection before `set debuginfod enabled on` (or `ask` and a
//! yes). The cache is that of elfutils' client (debuginfod_find_debuginfo(3)), so that gdb, elfutils and brkwater
//! find one another's files: `ID/debuginfo`, and an empty file where a server said that there is none, which is
//! believed for ten minutes. A file gets its name there when it is whole, not before.
//!
//! Why ureq and not the program `debuginfod-find`: a child would have to be waited for beside the target, in a
//! process whose `waitpid` is in one place; its progress and its errors would have to be read back out of text; and
//! it is not installed where it is wanted most. Without TLS ureq brings eight crates that were not here before, four seconds
//! of compiling (twelve in release), so it is always built in. TLS brings twenty more with rustls and ring, fourteen
//! seconds (forty in release) and 2 MB of program; it is the cargo feature `debuginfod-tls`, and without it an https server is
//! refused with a sentence that says so.
//!
//! A server that does not answer is waited for once (five seconds, or `$DEBUGINFOD_TIMEOUT`) and then left alone for the
//! rest of the session: it must not hold up every library once more. Ctrl-C ends a download and turns all of it off.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::download::{self, Failure, Offer};
use super::files::MappedFiles;
use crate::source::{Fetch, Files};

/// How long it is believed that no server has a file, as elfutils does, unless `cache_miss_s` in the cache says otherwise.
const MISS: u64 = 600;
/// How long a server may say nothing.
const PATIENCE: u64 = 5;

/// Whether servers are asked.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Enabled {
    /// They are.
    On,
    /// They are not.
    #[default]
    Off,
    /// The user is asked before the first of them is.
    Ask,
}

/// How the user is spoken to in the midst of it.
pub trait Talk {
    /// Prints a line.
    fn tell(&self, line: &str);
    /// Asks a question whose answer is no when nobody can be asked.
    fn agrees(&self, question: &str) -> bool;
    /// Whether what is being done should end.
    fn cancelled(&self) -> bool;
}

struct State {
    enabled: Enabled,
    urls: String,
    verbose: u32,
    /// Servers that are left alone.
    silent: Vec<String>,
    talk: Option<Box<dyn Talk>>,
}

/// See the module.
pub struct Debuginfod {
    state: RefCell<State>,
    cache: Option<PathBuf>,
    patience: Duration,
}

impl Default for Debuginfod {
    fn default() -> Debuginfod {
        let number = |name: &str| std::env::var(name).ok()?.trim().parse::<u64>().ok();
        let state = State {
            enabled: Enabled::Off,
            urls: std::env::var("DEBUGINFOD_URLS").unwrap_or_default(),
            verbose: 1,
            silent: Vec::new(),
            talk: None,
        };
        let patience = number("DEBUGINFOD_TIMEOUT").filter(|seconds| *seconds > 0).unwrap_or(PATIENCE);
        Debuginfod {
            state: RefCell::new(state),
            cache: cache_path(),
            patience: Duration::from_secs(patience),
        }
    }
}

/// elfutils' order of places.
fn cache_path() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let below = |dir: PathBuf| dir.join("debuginfod_client");
    set("DEBUGINFOD_CACHE_PATH")
        .or_else(|| set("XDG_CACHE_HOME").map(below))
        .or_else(|| set("HOME").map(|home| below(home.join(".cache"))))
}

impl Debuginfod {
    /// Whether servers are asked.
    #[must_use]
    pub fn enabled(&self) -> Enabled {
        self.state.borrow().enabled
    }

    /// Says whether servers are asked; those that were silent get another chance.
    pub fn set_enabled(&self, enabled: Enabled) {
        let mut state = self.state.borrow_mut();
        (state.enabled, state.silent) = (enabled, Vec::new());
    }

    /// The servers, parted by blanks.
    #[must_use]
    pub fn urls(&self) -> String {
        self.state.borrow().urls.clone()
    }

    /// Says which servers there are.
    pub fn set_urls(&self, urls: &str) {
        let mut state = self.state.borrow_mut();
        (state.urls, state.silent) = (urls.trim().to_owned(), Vec::new());
    }

    /// How much is told; at 0 nothing but that something was cancelled.
    #[must_use]
    pub fn verbose(&self) -> u32 {
        self.state.borrow().verbose
    }

    /// Says how much is told.
    pub fn set_verbose(&self, verbose: u32) {
        self.state.borrow_mut().verbose = verbose;
    }

    /// Says how the user is spoken to from now on.
    pub fn talk_through(&self, talk: Box<dyn Talk>) {
        self.state.borrow_mut().talk = Some(talk);
    }

    fn tell(&self, line: &str) {
        if let Some(talk) = &self.state.borrow().talk {
            talk.tell(line);
        }
    }

    /// What is told unless `verbose` is 0.
    fn note(&self, line: &str) {
        if self.verbose() > 0 {
            self.tell(line);
        }
    }

    fn cancelled(&self) -> bool {
        self.state.borrow().talk.as_ref().is_some_and(|talk| talk.cancelled())
    }

    /// Whether servers may be asked, where need be by the user's word, which counts for all that follow.
    fn allowed(&self) -> bool {
        let urls = self.urls();
        if urls.is_empty() || self.enabled() != Enabled::Ask {
            return !urls.is_empty() && self.enabled() == Enabled::On;
        }
        let mut servers = String::new();
        urls.split_whitespace().for_each(|url| servers.push_str(&format!("\n  <{url}>")));
        self.tell(&format!(
            "\nbrkwater supports auto-downloading debuginfo from the following URLs:{servers}"
        ));
        let yes = self
            .state
            .borrow()
            .talk
            .as_ref()
            .is_some_and(|talk| talk.agrees("Enable debuginfod for this session? "));
        let (enabled, word, setting) =
            if yes { (Enabled::On, "enabled", "on") } else { (Enabled::Off, "disabled", "off") };
        self.set_enabled(enabled);
        self.tell(&format!(
            "Debuginfod has been {word}.\nTo make this setting permanent, add 'set debuginfod enabled {setting}' to .gdbinit."
        ));
        yes
    }

    /// The file of a build-id in the cache, fetched if it is not there.
    fn find(&self, id: &str, of: &Path) -> Option<PathBuf> {
        let entry = self.cache.as_deref()?.join(id).join("debuginfo");
        match known(&entry) {
            Known::Here => return Some(entry),
            Known::Nowhere => return None,
            Known::Not => {}
        }
        let name = of.display();
        let (mut begun, mut missed, mut why) = (false, false, None);
        for server in self.urls().split_whitespace() {
            if self.state.borrow().silent.iter().any(|silent| silent == server) {
                continue;
            }
            if !std::mem::replace(&mut begun, true) {
                self.note(&format!("Downloading separate debug info for {name}..."));
            }
            let url = format!("{}/buildid/{id}/debuginfo", server.trim_end_matches('/'));
            match self.fetch(&url, &entry) {
                Ok(()) => return Some(entry),
                Err(Failure::Missing) => missed = true,
                Err(Failure::Cancelled) => {
                    self.tell(&format!(
                        "Cancelling download of separate debug info {name}...\n  debuginfod is off now; \"set debuginfod enabled on\" asks servers again."
                    ));
                    self.set_enabled(Enabled::Off);
                    return None;
                }
                Err(Failure::Silent(words)) => {
                    self.note(&format!("  {server}: {words}; it is not asked again in this session."));
                    self.state.borrow_mut().silent.push(server.to_owned());
                    why = Some(words);
                }
                Err(Failure::Other(words)) => why = Some(words),
            }
        }
        match why {
            Some(words) => self.note(&format!(
                "Download failed: {words}.  Continuing without separate debug info for {name}."
            )),
            // Only when all servers said so it is known that none has it.
            None if missed => _ = remember_miss(&entry),
            _ => {}
        }
        None
    }

    /// One server's file, put into the cache when it is whole.
    fn fetch(&self, url: &str, entry: &Path) -> Result<(), Failure> {
        let local = |error: io::Error| Failure::Other(format!("{}: {error}", entry.display()));
        let offer = Offer::ask(url, self.patience, &|| self.cancelled())?;
        let folder = entry.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(local)?;
        let draft = folder.join(format!("debuginfo.{}", std::process::id()));
        let _ = fs::remove_file(&draft);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
        let mut told = 0;
        let mut progress = |got: u64, all: Option<u64>| {
            // Every 16 MB a line.
            if got >> 24 > told {
                told = got >> 24;
                let megabytes = |bytes: u64| bytes as f64 / 1e6;
                let all = all.map(|all| format!(" of {:.1}", megabytes(all))).unwrap_or_default();
                self.note(&format!("  {:.1}{all} MB", megabytes(got)));
            }
        };
        let done = file.map_err(local).and_then(|mut file| {
            offer.write(&mut file, &|| self.cancelled(), &mut progress)?;
            file.set_permissions(fs::Permissions::from_mode(0o400)).map_err(local)
        });
        let done = done.and_then(|()| match download::is_whole_elf(&draft) {
            true => fs::rename(&draft, entry).map_err(local),
            false => Err(Failure::Other(format!("{url} is no whole ELF file"))),
        });
        if done.is_err() {
            let _ = fs::remove_file(&draft);
            // Stays when something else is in it.
            let _ = fs::remove_dir(folder);
        }
        done
    }
}

impl Fetch for Debuginfod {
    fn debug_file(&self, id: &str, of: &Path) -> Option<(PathBuf, &'static [u8])> {
        let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !plain || !self.allowed() {
            return None;
        }
        let path = self.find(id, of)?;
        let bytes = MappedFiles::default().map(&path).ok()?;
        Some((path, bytes))
    }
}

/// What the cache knows of a file.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    Here,
    /// No server has it.
    Nowhere,
    Not,
}

fn known(entry: &Path) -> Known {
    let Ok(meta) = fs::metadata(entry) else { return Known::Not };
    if meta.len() > 0 {
        return Known::Here;
    }
    let setting = entry.ancestors().nth(2).map(|cache| cache.join("cache_miss_s"));
    let setting = setting.and_then(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    let age = meta.modified().ok().and_then(|then| SystemTime::now().duration_since(then).ok());
    match age {
        Some(age) if age.as_secs() < setting.unwrap_or(MISS) => Known::Nowhere,
        _ => {
            let _ = fs::remove_file(entry);
            Known::Not
        }
    }
}

/// An empty file that nobody may read says that there is none.
fn remember_miss(entry: &Path) -> io::Result<()> {
    entry.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o000).open(entry).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_server_has_is_known_for_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let entry = dir.path().join("ab/debuginfo");
        assert_eq!(known(&entry), Known::Not);
        remember_miss(&entry).unwrap();
        assert_eq!(fs::metadata(&entry).unwrap().permissions().mode() & 0o777, 0);
        assert_eq!(known(&entry), Known::Nowhere);
        fs::write(dir.path().join("cache_miss_s"), "0\n").unwrap();
        assert_eq!((known(&entry), entry.exists()), (Known::Not, false));
        fs::write(&entry, "ELF").unwrap();
        assert_eq!(known(&entry), Known::Here);
    }

    #[test]
    fn nothing_is_asked_unless_it_is_on() {
        let debuginfod = Debuginfod::default();
        debuginfod.set_urls("http://127.0.0.1:1");
        assert_eq!(debuginfod.enabled(), Enabled::Off);
        assert!(!debuginfod.allowed());
        debuginfod.set_enabled(Enabled::Ask);
        assert!(!debuginfod.allowed(), "nobody can be asked");
        assert_eq!(debuginfod.enabled(), Enabled::Off);
        debuginfod.set_enabled(Enabled::On);
        assert!(debuginfod.allowed());
        debuginfod.set_urls("");
        assert!(!debuginfod.allowed());
        assert!(debuginfod.debug_file("../etc", Path::new("x")).is_none());
    }
}
