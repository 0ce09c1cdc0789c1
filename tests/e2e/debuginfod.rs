//! Debug files from a server: one on loopback, written here, that says what it was asked for.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::compare::differences;
use crate::common::process::Running;
use crate::common::{Debugger, Output, have, scratch};

/// What the server does with a request.
#[derive(Clone)]
enum Manner {
    Sends(Vec<u8>),
    /// Says how long the file is, and ends after half of it.
    BreaksOff(Vec<u8>),
    /// The same without saying it.
    BreaksOffSilently(Vec<u8>),
    HasNone,
    /// Says nothing.
    Hangs,
    /// Begins, and then says nothing.
    Stalls(Vec<u8>),
}

struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn that(manner: Manner) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        // Ends with the test's process.
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming().flatten() {
                let line = request(&stream);
                heard.lock().unwrap().push(line);
                let _ = answer(&stream, &manner);
                if matches!(manner, Manner::Hangs | Manner::Stalls(_)) {
                    open.push(stream);
                }
            }
        });
        Server { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn request(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.find(String::is_empty);
    first
}

fn answer(mut stream: &TcpStream, manner: &Manner) -> std::io::Result<()> {
    let head = |bytes: &[u8]| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len())
    };
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let all = match manner {
        Manner::Sends(bytes) => [head(bytes).into_bytes(), bytes.clone()].concat(),
        Manner::BreaksOff(bytes) | Manner::Stalls(bytes) => [head(bytes).into_bytes(), half(bytes)].concat(),
        Manner::BreaksOffSilently(bytes) => [b"HTTP/1.0 200 OK\r\n\r\n".to_vec(), half(bytes)].concat(),
        Manner::HasNone => {
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
        }
        Manner::Hangs => Vec::new(),
    };
    stream.write_all(&all)
}

/// A stripped program, its debug file's bytes, its build-id, and a place for a cache.
struct Case {
    program: String,
    debug: Vec<u8>,
    id: String,
    cache: PathBuf,
}

const PROGRAM: &str =
    "int inner(int n)\n{\n    return n * 2;\n}\nint main(void)\n{\n    return inner(21) - 42;\n}\n";

fn case(name: &str) -> Case {
    let directory = scratch(name);
    fs::write(directory.join("it.c"), PROGRAM).unwrap();
    let done = |command: &str| {
        let done = Command::new("sh").args(["-c", command]).current_dir(&directory).output().unwrap();
        assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    done(
        "cc -g -O0 -Wl,--build-id it.c -o full && objcopy --only-keep-debug full it.debug && strip full -o it",
    );
    let notes = done("readelf -n it");
    let id = notes.lines().find_map(|line| line.trim().strip_prefix("Build ID: ")).unwrap().to_owned();
    let program = directory.join("it").to_str().unwrap().to_owned();
    Case { program, debug: fs::read(directory.join("it.debug")).unwrap(), id, cache: directory.join("cache") }
}

impl Case {
    fn entry(&self) -> PathBuf {
        self.cache.join(&self.id).join("debuginfo")
    }

    /// What is in the cache, by name.
    fn cached(&self) -> Vec<String> {
        let list = |dir: &Path| -> Vec<PathBuf> {
            fs::read_dir(dir).map(|all| all.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
        };
        let all = list(&self.cache).iter().flat_map(|dir| list(dir)).collect::<Vec<_>>();
        all.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    fn prepared(&self, debugger: Debugger, servers: &[&str], on: &str) -> Debugger {
        let mut debugger = debugger.env("DEBUGINFOD_CACHE_PATH", self.cache.to_str().unwrap());
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            debugger = debugger.env(name, "");
        }
        debugger = debugger.env("NO_PROXY", "127.0.0.1").env("DEBUGINFOD_TIMEOUT", "1");
        for line in [format!("set debuginfod urls {}", servers.join(" ")), on.to_owned()] {
            debugger = debugger.flag("-iex").flag(&line);
        }
        debugger
    }

    fn run(&self, servers: &[&Server], on: &str) -> Output {
        let urls: Vec<&str> = servers.iter().map(|server| server.url.as_str()).collect();
        let mut debugger = self.prepared(Debugger::brkwater(), &urls, on);
        for command in ["break inner", "run", "bt", "info args"] {
            debugger = debugger.ex(command);
        }
        let output = debugger.plain(&[&self.program]);
        output.must_not_have("panicked at");
        output
    }

    fn named(&self, output: &Output) {
        output
            .must_have("#0  inner (n=21) at it.c:3\n")
            .must_have(" in main () at it.c:7\n")
            .must_have("n = 21\n");
    }

    fn nameless(&self, output: &Output) {
        output.must_not_have("it.c").must_not_have("n = 21");
    }
}

const ON: &str = "set debuginfod enabled on";

#[test]
fn no_server_is_asked_unless_the_user_says_so() {
    let case = case("debuginfod_off");
    let server = Server::that(Manner::Sends(case.debug.clone()));
    for on in ["set debuginfod enabled off", "set confirm off", "set debuginfod enabled ask"] {
        let output = case.run(&[&server], on);
        case.nameless(&output);
        assert_eq!((server.asked(), case.cached()), (vec![], vec![]), "{on}");
    }
}

#[test]
fn names_and_lines_come_from_a_server_and_then_from_the_cache() {
    let case = case("debuginfod_on");
    let server = Server::that(Manner::Sends(case.debug.clone()));
    let output = case.run(&[&server], ON);
    case.named(&output);
    output.must_have(&format!("Downloading separate debug info for {}...\n", case.program));
    let ours = format!("GET /buildid/{}/debuginfo HTTP/1.1", case.id);
    assert_eq!(server.asked().iter().filter(|asked| **asked == ours).count(), 1, "{:?}", server.asked());
    assert_eq!(fs::read(case.entry()).unwrap(), case.debug);
    let before = server.asked().len();
    let output = case.run(&[&server], ON);
    case.named(&output);
    output.must_not_have("Downloading separate debug info for ");
    assert_eq!(server.asked().len(), before, "{:?}", server.asked());
}

#[test]
fn what_no_server_has_is_not_asked_for_again_at_once() {
    let case = case("debuginfod_404");
    let server = Server::that(Manner::HasNone);
    let output = case.run(&[&server], ON);
    case.nameless(&output);
    output.must_not_have("Download failed");
    let entry = fs::metadata(case.entry()).unwrap();
    assert_eq!((entry.len(), entry.permissions().mode() & 0o777), (0, 0));
    let before = server.asked().len();
    case.nameless(&case.run(&[&server], ON));
    assert_eq!(server.asked().len(), before, "{:?}", server.asked());
    // Another server may have it all the same; a file that breaks off is no miss.
    fs::remove_file(case.entry()).unwrap();
    let other = Server::that(Manner::Sends(case.debug.clone()));
    case.named(&case.run(&[&server, &other], ON));
}

#[test]
fn a_server_that_says_nothing_is_left_alone() {
    let case = case("debuginfod_hangs");
    for manner in [Manner::Hangs, Manner::Stalls(case.debug.clone())] {
        let server = Server::that(manner);
        let output = case.run(&[&server], ON);
        case.nameless(&output);
        output
            .must_have(&format!(
                "  {}: no answer for 1 s; it is not asked again in this session.\n",
                server.url
            ))
            .must_have(&format!(
                "Download failed: no answer for 1 s.  Continuing without separate debug info for {}.\n",
                case.program
            ));
        assert_eq!((server.asked().len(), case.cached()), (1, vec![]));
        // What it holds up is held up once, and the next server is asked.
        let good = Server::that(Manner::Sends(case.debug.clone()));
        case.named(&case.run(&[&server, &good], ON));
        fs::remove_file(case.entry()).unwrap();
    }
}

#[test]
fn a_file_that_breaks_off_does_not_come_into_the_cache() {
    let case = case("debuginfod_half");
    let noise = vec![7; 100_000];
    for manner in [
        Manner::BreaksOff(case.debug.clone()),
        Manner::BreaksOffSilently(case.debug.clone()),
        Manner::Sends(noise),
        Manner::Sends(Vec::new()),
    ] {
        let server = Server::that(manner);
        let output = case.run(&[&server], ON);
        case.nameless(&output);
        output.must_have("Download failed: ").must_have(&format!("info for {}.\n", case.program));
        assert!(!server.asked().is_empty());
        assert_eq!(case.cached(), Vec::<String>::new());
    }
}

/// The server would be waited for much longer than the test may take.
#[test]
fn ctrl_c_ends_a_download_and_asks_no_more() {
    let case = case("debuginfod_cancel");
    let server = Server::that(Manner::Stalls(case.debug.clone()));
    let mut command = Command::new(crate::common::brkwater_path());
    command.args(["-nx", "-batch", "-iex", &format!("set debuginfod urls {}", server.url), "-iex", ON]);
    command.args(["-ex", "echo it goes on\\n", "-ex", "show debuginfod enabled", &case.program]);
    command.env("DEBUGINFOD_CACHE_PATH", &case.cache).env("DEBUGINFOD_TIMEOUT", "600");
    command.env("NO_PROXY", "127.0.0.1");
    let running = Running::start(command);
    assert!(running.line().starts_with("Downloading separate debug info for "));
    // Whether it has come to the first bytes or not.
    while server.asked().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let interrupt = Command::new("kill").args(["-INT", &running.pid().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let said: Vec<String> = std::iter::from_fn(|| Some(running.line())).take(4).collect();
    assert_eq!(said[0], format!("Cancelling download of separate debug info {}...", case.program));
    assert_eq!(&said[2..], ["it goes on", "Debuginfod functionality is currently set to \"off\"."]);
    assert_eq!(case.cached(), Vec::<String>::new());
}

/// A file that is whole and another's.
#[test]
fn the_debug_file_of_another_program_is_not_believed() {
    let (case, other) = (case("debuginfod_wrong"), case("debuginfod_wrong_other"));
    let directory = Path::new(&other.program).parent().unwrap();
    fs::write(directory.join("it.c"), PROGRAM.replace("n * 2", "n * 3")).unwrap();
    let command = "cc -g -O0 -Wl,--build-id it.c -o full && objcopy --only-keep-debug full it.debug";
    assert!(Command::new("sh").args(["-c", command]).current_dir(directory).status().unwrap().success());
    let server = Server::that(Manner::Sends(fs::read(directory.join("it.debug")).unwrap()));
    case.nameless(&case.run(&[&server], ON));
}

#[test]
fn a_server_that_cannot_be_asked_is_named() {
    let case = case("debuginfod_urls");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    for (url, words) in [
        (url.as_str(), "Connection refused"),
        ("file:///tmp", "neither http nor https"),
        ("http://", "Download failed: "),
    ] {
        let debugger = case.prepared(Debugger::brkwater(), &[url], ON).ex("info line inner");
        debugger.plain(&[&case.program]).must_have(words).must_not_have("panicked at");
    }
}

/// gdb finds what brkwater put into the cache, and the settings read as gdb's.
#[test]
fn gdb_shares_the_cache_and_the_words() {
    if !have("gdb") {
        return;
    }
    let case = case("debuginfod_gdb");
    let server = Server::that(Manner::Sends(case.debug.clone()));
    case.named(&case.run(&[&server], ON));
    let before = server.asked().len();
    let script = [
        "info line inner",
        "show debuginfod enabled",
        "show debuginfod urls",
        "show debuginfod verbose",
        "set debuginfod enabled",
        "set debuginfod enabled x",
        "set debuginfod enabled o",
        "set debuginfod enabled ask",
        "show debuginfod enabled",
        "set debuginfod verbose 0",
        "show debuginfod verbose",
        "set debuginfod verbose",
        "set debuginfod urls",
        "show debuginfod urls",
    ];
    let said = |debugger: Debugger| {
        case.prepared(debugger, &[&server.url], ON).blocks(&script).plain(&[&case.program])
    };
    let (ours, theirs) = (said(Debugger::brkwater()), said(Debugger::gdb()));
    for (index, command) in script.iter().enumerate() {
        let found = differences(ours.block(index), theirs.block(index));
        assert!(found.is_empty(), "{command}: {found:#?}");
    }
    theirs.must_have("Line 2 of \"it.c\" starts at address");
    assert_eq!(server.asked().len(), before, "{:?}", server.asked());
}
