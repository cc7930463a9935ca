//! The program, started, watched, and killed when it hangs.

use crate::hearing::hearing;
use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const GATEWAY: &str = env!("CARGO_BIN_EXE_nexus-gateway");

/// No process here takes a tenth of it, alone on its machine.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A process, and what it has written so far.
pub struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

/// One of its outputs, collected by a thread.
struct Output {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// Waits until `come` says so.
pub fn until(what: &str, mut come: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !come() {
        assert!(begun.elapsed() < LIMIT, "{what} did not come in {LIMIT:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// What a process left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let theirs = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = pipe.read(&mut buffer) {
                let part = String::from_utf8_lossy(&buffer[..n]);
                theirs.lock().unwrap().push_str(&part);
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.so_far()
    }
}

impl Process {
    /// Starts the program with `arguments`, words apart by spaces.
    pub fn start(arguments: &str) -> Self {
        let mut command = Command::new(GATEWAY);
        command.args(arguments.split_whitespace());
        Self::start_as(command)
    }

    /// Starts the program after `setting` was done in a shell.
    pub fn start_with(setting: &str, arguments: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{setting}; exec \"$0\" \"$@\""), GATEWAY]);
        command.args(arguments.split_whitespace());
        Self::start_as(command)
    }

    /// Starts the program in a network namespace.
    pub fn start_in(namespace: &str, arguments: &str) -> Self {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, GATEWAY]);
        command.args(arguments.split_whitespace());
        Self::start_as(command)
    }

    /// Starts `command`.
    pub fn start_as(mut command: Command) -> Self {
        let mut child = hearing(&mut command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = Output::of(child.stdout.take().unwrap());
        let stderr = Output::of(child.stderr.take().unwrap());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Starts a feed on a free port; returns it when it listens, and where.
    pub fn feed(arguments: &str) -> (Self, SocketAddr) {
        Self::feed_at("127.0.0.1:0", arguments)
    }

    /// Starts a feed at `address`.
    pub fn feed_at(address: &str, arguments: &str) -> (Self, SocketAddr) {
        Self::start(&format!("publish --listen {address} {arguments}")).listening()
    }

    /// Waits until a feed listens; returns it, and where.
    pub fn listening(self) -> (Self, SocketAddr) {
        let feed = self;
        let begin = "listening on ";
        let text = feed.wait_for(&feed.stdout, ": session ");
        let rest = text.strip_prefix(begin).expect("that is its first line");
        let (address, _) = rest.split_once(": ").unwrap();
        let address = address.parse().unwrap();
        (feed, address)
    }

    /// Waits for the first line of stdout; returns it without its end.
    pub fn first_line(self) -> (Self, String) {
        let text = self.wait_for(&self.stdout, "\n");
        let line = text.lines().next().unwrap_or_default().to_string();
        (self, line)
    }

    /// Waits until stderr contains `text`; returns all of it.
    pub fn says(&self, text: &str) -> String {
        self.wait_for(&self.stderr, text)
    }

    /// What it has written to stderr.
    pub fn so_far(&self) -> String {
        self.stderr.so_far()
    }

    fn wait_for(&self, output: &Output, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let so_far = output.so_far();
            if so_far.contains(text) {
                return so_far;
            }
            assert!(
                begun.elapsed() < LIMIT,
                "not a word of {text:?} in {LIMIT:?}:\n{so_far}\n{}",
                self.stderr.so_far()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends a signal, as `kill` names it.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Whether it is over.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it is over.
    pub fn end(mut self) -> Ran {
        let begun = Instant::now();
        while !self.is_over() {
            assert!(
                begun.elapsed() < LIMIT,
                "it hangs: killed after {LIMIT:?}\n{}\n{}",
                self.stdout.so_far(),
                self.stderr.so_far()
            );
            thread::sleep(Duration::from_millis(2));
        }
        Ran {
            code: self.child.wait().unwrap().code(),
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is over already, or it is not wanted any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ran {
    /// It must have succeeded.
    pub fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// It must have failed: the last line of stderr.
    pub fn error(&self) -> &str {
        let failed = matches!(self.code, Some(1..=7));
        assert!(failed, "{:?}\n{}\n{}", self.code, self.stdout, self.stderr);
        let last = self.stderr.lines().last().expect("an error is printed");
        last.strip_prefix("error: ")
            .expect("an error is the last line")
    }

    /// stdout must contain `text`.
    pub fn shows(&self, text: &str) -> &Self {
        assert!(
            self.stdout.contains(text),
            "no {text:?} in\n{}\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The number in front of `what` on stdout.
    pub fn count(&self, what: &str) -> u64 {
        let (before, _) = self
            .stdout
            .split_once(what)
            .unwrap_or_else(|| panic!("no {what:?} in\n{}", self.stdout));
        let word = before.split_whitespace().next_back().unwrap();
        word.replace(',', "").parse().unwrap()
    }
}
