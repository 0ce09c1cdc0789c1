//! A terminal of the test's own: a pseudo-terminal with a screen behind it that answers what programs ask.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{Termios, tcgetattr};
use tui_term::vt100::Parser;

/// A program on a terminal of the test's own.
pub(crate) struct Terminal {
    child: Child,
    master: File,
    /// Kept open, so that the terminal's settings can be read when the program is gone.
    slave: OwnedFd,
    before: Termios,
    bytes: Receiver<Vec<u8>>,
    parser: Parser,
    /// Everything that was written, for messages and for what a screen does not keep.
    pub(crate) raw: Vec<u8>,
}

impl Terminal {
    /// Starts `program` with arguments on a terminal of this size, as its controlling terminal.
    pub(crate) fn start(
        program: &str,
        args: &[&str],
        (columns, rows): (u16, u16),
        env: &[(&str, &str)],
    ) -> Terminal {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(&size, None).unwrap();
        let before = tcgetattr(&pair.slave).unwrap();
        let end = || pair.slave.try_clone().unwrap();
        // setsid(1) makes the terminal the controlling one and then becomes the program: same pid.
        let child = Command::new("setsid")
            .args(["--ctty", program])
            .args(args)
            .envs(env.iter().copied())
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("COLORTERM")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("setsid(1) of util-linux starts the program on its terminal");
        let master = File::from(pair.master);
        let mut reader = master.try_clone().unwrap();
        let (send, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        let parser = Parser::new(rows, columns, 0);
        Terminal { child, master, slave: pair.slave, before, bytes, parser, raw: Vec::new() }
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Types.
    pub(crate) fn send(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// What the screen shows, a line a row, ends trimmed.
    pub(crate) fn screen(&self) -> String {
        let text = self.parser.screen().contents();
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// Whether the program left the alternate screen (or never entered it).
    pub(crate) fn is_on_main_screen(&self) -> bool {
        !self.parser.screen().alternate_screen()
    }

    /// Reads until `done` likes the screen; fails, showing it, when that takes longer than `seconds`.
    pub(crate) fn wait_for(&mut self, what: &str, seconds: u64, done: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + Duration::from_secs(seconds);
        while !done(&self.screen()) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never saw {what}; the screen is:\n{}\n---", self.screen());
            match self.bytes.recv_timeout(left.min(Duration::from_millis(200))) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the program is gone before {what}; the screen is:\n{}\n---", self.screen())
                }
            }
        }
        self.screen()
    }

    /// Waits until the screen shows `text`.
    pub(crate) fn wait_text(&mut self, text: &str) -> String {
        self.wait_for(&format!("{text:?}"), 30, |screen| screen.contains(text))
    }

    /// Waits for the program's end; its exit code, `None` for a signal.
    pub(crate) fn wait_exit(&mut self, seconds: u64) -> Option<i32> {
        let end = Instant::now() + Duration::from_secs(seconds);
        loop {
            while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(10)) {
                self.take(&bytes);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(50)) {
                    self.take(&bytes);
                }
                return status.code();
            }
            assert!(Instant::now() < end, "it does not end; the screen is:\n{}\n---", self.screen());
        }
    }

    /// Fails unless the terminal is as it was given: its modes, its main screen, its cursor shown.
    pub(crate) fn must_be_restored(&self) {
        let now = tcgetattr(self.slave.as_fd()).unwrap();
        assert_eq!(
            now.local_flags, self.before.local_flags,
            "local modes (echo, canonical) are not restored"
        );
        assert_eq!(now.input_flags, self.before.input_flags, "input modes are not restored");
        assert_eq!(now.output_flags, self.before.output_flags, "output modes are not restored");
        assert!(self.is_on_main_screen(), "the alternate screen was not left");
        assert!(!self.parser.screen().hide_cursor(), "the cursor stays hidden");
        let mouse = self.parser.screen().mouse_protocol_mode();
        assert_eq!(mouse, tui_term::vt100::MouseProtocolMode::None, "the mouse stays captured");
        assert!(!self.parser.screen().bracketed_paste(), "bracketed paste stays on");
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.parser.process(bytes);
        // What a terminal answers: where the cursor is, what kind of terminal it is, its background.
        for (question, answer) in [
            (&b"\x1b[6n"[..], format!("\x1b[{};{}R", self.cursor().0 + 1, self.cursor().1 + 1)),
            (b"\x1b[c", "\x1b[?62;22c".into()),
            (b"\x1b]11;?", "\x1b]11;rgb:1010/1010/1010\x1b\\".into()),
        ] {
            if bytes.windows(question.len()).any(|window| window == question) {
                let _ = self.master.write_all(answer.as_bytes());
            }
        }
    }

    fn cursor(&self) -> (u16, u16) {
        self.parser.screen().cursor_position()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
