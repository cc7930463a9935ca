//! The program as a user meets it: arguments in; tables, archives, errors and
//! an exit code out.

#[path = "../support/hearing.rs"]
mod hearing;
mod inputs;
mod modes;
mod outcome;

use hearing::hearing;
use nexus_gateway::archive::{Archive, inspect, verify};
use nexus_gateway::feed::{Feed, SessionPlan, session};
use nexus_itch::binary_file::{FrameReader, encode_frame, push_frame};
use nexus_itch::itch::{Event, Message};
use nexus_testkit::within;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const GATEWAY: &str = env!("CARGO_BIN_EXE_nexus-gateway");

/// No run here takes a tenth of it.
const LIMIT: Duration = Duration::from_secs(120);

/// What a run left behind.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// A run that must succeed.
    fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The error of a run that must fail: the last line of stderr.
    fn error(&self) -> &str {
        let failed = matches!(self.code, Some(1..=7));
        assert!(failed, "{:?}\n{}\n{}", self.code, self.stdout, self.stderr);
        let last = self.stderr.lines().last().expect("an error is printed");
        last.strip_prefix("error: ")
            .expect("an error is the last line")
    }

    /// How many messages of `kind` the table shows.
    fn count(&self, kind: char) -> u64 {
        let table = self.stdout.split("Top of book").next().unwrap();
        let rows = table
            .lines()
            .map(|row| row.split_whitespace().collect::<Vec<_>>());
        for row in rows {
            // Type, name, count, share and a percent sign.
            if let [first, .., count, _, "%"] = row[..]
                && first == kind.to_string()
            {
                return count.replace(',', "").parse().unwrap();
            }
        }
        0
    }

    fn shows(&self, text: &str) {
        assert!(
            self.stdout.contains(text),
            "no {text:?} in\n{}",
            self.stdout
        );
    }
}

/// Runs `command` and kills it when it hangs.
fn run(mut command: Command) -> Ran {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    finish(child)
}

/// Waits for `child`; returns what it left behind.
fn finish(child: Child) -> Ran {
    let output = ended(child);
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Waits for `child`, and kills it when it hangs.
fn ended(child: Child) -> Output {
    let id = child.id().to_string();
    let waiter = std::thread::spawn(move || child.wait_with_output().unwrap());
    let begun = Instant::now();
    while !waiter.is_finished() {
        if begun.elapsed() > LIMIT {
            let _ = Command::new("kill").args(["-9", &id]).status();
            panic!("the gateway hangs: killed after {LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    waiter.join().unwrap()
}

fn gateway<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ran {
    let mut command = Command::new(GATEWAY);
    command.args(arguments);
    run(command)
}

/// A folder for input and archives.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn archive(&self, name: &str) -> PathBuf {
        self.path("archive").join(format!("{name}.itch50"))
    }

    fn archived(&self, name: &str) -> Vec<u8> {
        fs::read(self.archive(name)).unwrap()
    }

    /// Plays `bytes` from a file, as fast as the paced run can.
    fn play(&self, bytes: &[u8], more: &[&str]) -> Ran {
        fs::write(self.path("input"), bytes).unwrap();
        self.play_file(&self.path("input"), more)
    }

    fn play_file(&self, input: &Path, more: &[&str]) -> Ran {
        let mut command = Command::new(GATEWAY);
        command.arg("--input").arg(input);
        command.arg("--archive").arg(self.path("archive"));
        command.args(["--rate", "100000"]).args(more);
        run(command)
    }
}

const SMALL: SessionPlan = SessionPlan {
    messages: 5_000,
    seed: 2,
};

#[test]
fn a_generated_session_goes_through_and_is_archived_byte_for_byte() {
    let bench = Bench::new();
    let archive = bench.path("archive").display().to_string();
    let ran = gateway(&["--messages", "20000", "--archive", &archive]).good();
    let expected = session(SessionPlan {
        messages: 20_000,
        seed: 1,
    });
    for (name, title) in [
        ("unpaced", "Unpaced run: 20,000"),
        ("paced", "Paced run: 20,000"),
    ] {
        ran.shows(title);
        assert!(bench.archived(name) == expected, "{name}");
        let found = verify(&bench.archive(name)).unwrap();
        assert_eq!(found.records, 20_000);
        ran.shows(&format!("CRC-32C {:08x}, verified", found.crc));
    }
    let kinds = "SRHAFECXDUP".chars();
    assert_eq!(kinds.map(|kind| ran.count(kind)).sum::<u64>(), 20_000);
    assert_eq!((ran.count('S'), ran.count('R'), ran.count('H')), (6, 8, 8));
    ran.shows("20,000 second copies dropped\n");
    ran.shows("  0 messages named an unknown order\n");
    for row in [
        "from feed to book",
        "the sender's lateness",
        "the machine alone",
    ] {
        let row = ran.stdout.lines().find(|line| line.contains(row)).unwrap();
        let words = row.split_whitespace();
        let units = words.filter(|word| ["ns", "µs", "ms", "s"].contains(word));
        assert_eq!(units.count(), 4, "{row}");
    }
    for stock in ["ALPHA", "HOTEL"] {
        ran.shows(stock);
    }
}

#[test]
fn without_a_folder_the_archives_leave_nothing_behind() {
    let bench = Bench::new();
    let mut command = Command::new(GATEWAY);
    command.args(["--messages", "1000", "--rate", "100000"]);
    command.env("TMPDIR", bench.folder.path());
    let ran = run(command).good();
    ran.shows("  removed now; --archive keeps it");
    assert_eq!(fs::read_dir(bench.folder.path()).unwrap().count(), 0);
}

#[test]
fn a_signal_ends_the_default_run_in_order_and_leaves_no_folder() {
    for (signal, more) in [
        (Signal::SIGINT, &["--messages", "1000000"][..]),
        (Signal::SIGTERM, &["--messages", "20000", "--rate", "2000"]),
        (Signal::SIGHUP, &["--messages", "1000000"]),
    ] {
        let bench = Bench::new();
        let mut command = Command::new(GATEWAY);
        command.args(more).env("TMPDIR", bench.folder.path());
        let child = hearing(&mut command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let id = Pid::from_raw(child.id() as i32);
        // Until the second archive, where the first run takes no time.
        let paced = more.contains(&"--rate");
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < LIMIT, "{signal}: no archive in {LIMIT:?}");
            let archives = fs::read_dir(bench.folder.path()).unwrap().flatten();
            let mut archives = archives.filter_map(|folder| fs::read_dir(folder.path()).ok());
            let name = if paced {
                "paced.itch50"
            } else {
                "unpaced.itch50"
            };
            if archives.any(|mut files| files.any(|file| file.unwrap().file_name() == name)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        kill(id, signal).unwrap();
        let ran = finish(child).good();
        ran.shows("Messages by type");
        ran.shows(", verified\n");
        ran.shows("Stopped by a signal");
        assert_eq!(fs::read_dir(bench.folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn the_sample_has_its_authors_counts() {
    let Some(path) = std::env::var_os("NEXUS_ITCH_SAMPLE").map(PathBuf::from) else {
        eprintln!("skipped: NEXUS_ITCH_SAMPLE is not set");
        return;
    };
    if !path.exists() {
        eprintln!(
            "skipped: NEXUS_ITCH_SAMPLE names {}, which is absent",
            path.display()
        );
        return;
    }
    let bench = Bench::new();
    let ran = bench.play_file(&path, &[]).good();
    for (kind, count) in [
        ('S', 6),
        ('R', 3),
        ('H', 3),
        ('A', 4997),
        ('F', 3),
        ('E', 198),
        ('X', 45),
        ('D', 1745),
        ('U', 12),
        ('P', 5000),
    ] {
        assert_eq!(ran.count(kind), count, "{kind}");
    }
    let sample = fs::read(&path).unwrap();
    for name in ["unpaced", "paced"] {
        assert!(bench.archived(name) == sample, "{name}");
    }
    for stock in ["ALC", "BOB", "CHAR"] {
        ran.shows(stock);
    }
    let three = Bench::new();
    let ran = three.play_file(&path, &["--repeat", "3"]).good();
    assert_eq!(ran.count('A'), 3 * 4997);
    assert_eq!(three.archived("paced").len(), 3 * sample.len());
}

#[test]
fn repeating_moves_timestamps_on_and_archives_all_passes() {
    let bench = Bench::new();
    let bytes = session(SMALL);
    let ran = bench.play(&bytes, &["--repeat", "3"]).good();
    ran.shows("Unpaced run: 15,000 messages");
    let feed = Feed::open(&bench.path("input"), &[], 3).unwrap();
    for name in ["unpaced", "paced"] {
        let archived = bench.archived(name);
        assert_eq!(archived.len(), 3 * bytes.len());
        assert!(archived[..bytes.len()] == bytes);
        assert!(archived[bytes.len()..2 * bytes.len()] != bytes);
        let mut copy = FrameReader::new(&archived[..]);
        assert_eq!(feed.first_difference(&mut copy).unwrap(), None);
    }
    // Each pass begins a new day: nothing is left over from the one before.
    ran.shows("  0 messages named an unknown order\n");
    assert!(!ran.stdout.contains("reused a reference"));
}

/// Plays damaged bytes: the error is as expected, and what lies before the
/// damage is archived.
fn damaged(bytes: &[u8], good: usize, expected: &str) {
    let bench = Bench::new();
    let ran = bench.play(bytes, &[]);
    let input = bench.path("input");
    let expected = format!(
        "input {}: {expected}; what lies before it was played and archived",
        input.display()
    );
    assert_eq!(ran.error(), expected);
    ran.shows("Messages by type");
    assert!(bench.archived("unpaced") == bytes[..good]);
    verify(&bench.archive("unpaced")).unwrap();
}

#[test]
fn a_damaged_file_is_archived_up_to_the_damage() {
    let bytes = session(SMALL);
    let mut frames = FrameReader::new(&bytes[..]);
    for _ in 0..3_000 {
        frames.next().unwrap().unwrap();
    }
    let at = frames.offset() as usize;
    let len = usize::from(bytes[at + 1]);

    let expected = format!("byte {at}: truncated: 9 bytes of a frame of {}", len + 2);
    damaged(&bytes[..at + 9], at, &expected);
    let expected = format!("byte {at}: truncated: 1 bytes of a frame of 2");
    damaged(&bytes[..=at], at, &expected);

    let mut wrong = bytes[..at + 1_000].to_vec();
    wrong[at] = 0xff;
    wrong[at + 1] = 0xff;
    let expected = format!("byte {at}: truncated: 1000 bytes of a frame of 65537");
    damaged(&wrong, at, &expected);
    wrong[at..at + 2].fill(0);
    let expected = format!("byte {at}: length 0 (the end of a session), but more follows");
    damaged(&wrong, at, &expected);
}

#[test]
fn messages_that_itch_does_not_have_are_archived_and_counted() {
    let bytes = session(SMALL);
    let mut frames = FrameReader::new(&bytes[..]);
    for _ in 0..3_000 {
        frames.next().unwrap().unwrap();
    }
    let (before, after) = bytes.split_at(frames.offset() as usize);
    let mut played = before.to_vec();
    push_frame(&[b'z'; 30], &mut played);
    push_frame(&[b'I'; 52], &mut played);
    push_frame(&[b'z'; 30], &mut played);
    push_frame(&vec![0xff; 65_535], &mut played);
    played.extend_from_slice(after);

    let bench = Bench::new();
    let ran = bench.play(&played, &["--repeat", "2"]).good();
    assert!(bench.archived("unpaced").starts_with(&played));
    verify(&bench.archive("unpaced")).unwrap();
    for row in [
        "z     unknown, 30 bytes",
        "I     unknown, 52 bytes",
        "unknown, 65,535 bytes",
    ] {
        ran.shows(row);
    }
    let said = format!(
        "4 messages are none of ITCH 5.0; the first, at byte {}: \
         unknown message type 'z' (0x7a), 30 bytes",
        before.len()
    );
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
}

#[test]
fn a_file_with_nothing_to_play_is_refused() {
    let bench = Bench::new();
    let input = bench.path("input").display().to_string();
    let ran = bench.play(b"", &[]);
    let expected = format!("input {input}: byte 0: no message, the stream is empty");
    assert_eq!(ran.error(), expected);
    let ran = bench.play(b"\0\x24A123", &[]);
    let expected = format!("input {input}: byte 0: truncated: 6 bytes of a frame of 38");
    assert_eq!(ran.error(), expected);
    assert_eq!(ran.stdout, "");

    let ran = bench.play_file(&bench.path("nowhere"), &[]);
    let expected = format!("cannot open input {}: ", bench.path("nowhere").display());
    assert!(ran.error().starts_with(&expected), "{}", ran.error());
    let ran = bench.play_file(bench.folder.path(), &[]);
    assert!(ran.error().ends_with(" is a folder"), "{}", ran.error());
}

#[test]
fn arguments_out_of_range_name_the_value_and_the_limit() {
    for (arguments, value, limit) in [
        (&["--messages", "21"][..], "'21'", "22..=50000000"),
        (&["--repeat", "0"], "'0'", "1..=1000000"),
        (&["--rate", "0"], "'0'", "1..=100000000"),
        (&["--sync", "60001"], "'60001'", "from 1ms to 1m"),
        (&["--seed", "x"], "'x'", "--seed"),
        (&["--pace", "3"], "'--pace'", ""),
        (
            &["--input", "a", "--messages", "100"],
            "--input",
            "--messages",
        ),
    ] {
        let ran = gateway(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}");
        let named = ran.stderr.contains(value) && ran.stderr.contains(limit);
        assert!(named && ran.stderr.starts_with("error: "), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    for flag in ["--help", "--version"] {
        let ran = gateway(&[flag]).good();
        ran.shows("nexus-gateway");
    }
    gateway(&["--help"]).shows("Examples:");
}

#[test]
fn an_archive_that_cannot_be_written_is_an_error() {
    let bench = Bench::new();
    let bytes = session(SMALL);
    fs::write(bench.path("archive"), b"a file, no folder").unwrap();
    let ran = bench.play(&bytes, &[]);
    let expected = format!(
        "cannot use archive folder {}: ",
        bench.path("archive").display()
    );
    assert!(ran.error().starts_with(&expected), "{}", ran.error());
    fs::remove_file(bench.path("archive")).unwrap();

    // A folder where the archive belongs: not even the superuser can write it.
    fs::create_dir_all(bench.archive("unpaced")).unwrap();
    let ran = bench.play(&bytes, &[]);
    let expected = format!(
        "archive {}: cannot open it: ",
        bench.archive("unpaced").display()
    );
    assert!(ran.error().starts_with(&expected), "{}", ran.error());
    fs::remove_dir(bench.archive("unpaced")).unwrap();

    let writer = Archive::open(&bench.archive("unpaced")).unwrap();
    let ran = bench.play(&bytes, &[]);
    assert!(
        ran.error().ends_with("another program is writing it"),
        "{}",
        ran.error()
    );
    drop(writer);
    bench.play(&bytes, &[]).good();
}

#[test]
fn a_disk_that_fills_up_ends_the_run_with_an_error() {
    let bench = Bench::new();
    let archive = bench.path("archive");
    // No file may become longer than 200 blocks of 512 bytes: a write beyond
    // them fails, as on a full disk, and the signal that comes with it is
    // ignored.
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\"",
        GATEWAY,
    ]);
    command
        .args(["--messages", "400000", "--sync", "5", "--archive"])
        .arg(&archive);
    let ran = run(command);
    let expected = format!(
        "archive {}: cannot write it: ",
        bench.archive("unpaced").display()
    );
    assert!(ran.error().starts_with(&expected), "{}", ran.error());

    // What was synced until then is there, and it is the feed's beginning.
    let found = inspect(&bench.archive("unpaced")).unwrap();
    let kept = bench.archived("unpaced");
    let feed = session(SessionPlan {
        messages: 400_000,
        seed: 1,
    });
    assert!(found.synced.unwrap().length <= found.whole);
    assert!(kept.len() <= 200 * 512 && feed.starts_with(&kept));
}

#[test]
fn orders_that_do_not_exist_are_counted_and_shown() {
    let mut bytes = session(SMALL);
    let mut append = |event| {
        let message = Message {
            timestamp: 0,
            locate: 1,
            event,
        };
        encode_frame(&message, &mut bytes);
    };
    let order = u64::MAX;
    append(Event::Delete { order });
    append(Event::Delete { order });
    append(Event::Cancel { order, shares: 1 });
    append(Event::Malformed { kind: b'A' });
    append(Event::Other { kind: b'I' });
    let bench = Bench::new();
    let ran = bench.play(&bytes, &[]).good();
    ran.shows("  3 messages named an unknown order (X 1, D 2)\n");
    ran.shows("  1 orders or trades were on neither side\n");
    assert_eq!(ran.count('I'), 1);
    assert!(bench.archived("paced") == bytes);
}

#[test]
fn an_archive_that_is_there_is_appended_to() {
    let bench = Bench::new();
    let bytes = session(SMALL);
    bench.play(&bytes, &[]).good();
    let mut torn = bench.archived("paced");
    torn.extend_from_slice(b"\0\x24A12");
    fs::write(bench.archive("paced"), &torn).unwrap();
    let ran = bench.play(&bytes, &[]).good();
    ran.shows("  reopened: 5,000 records were there, 0 bytes of a torn tail were cut\n");
    ran.shows("  reopened: 5,000 records were there, 5 bytes of a torn tail were cut\n");
    for name in ["unpaced", "paced"] {
        assert!(
            bench.archived(name) == [&bytes[..], &bytes].concat(),
            "{name}"
        );
    }
}

#[test]
fn a_killed_gateway_leaves_an_archive_that_opens() {
    within(LIMIT, || {
        let bench = Bench::new();
        let mut child = Command::new(GATEWAY)
            .args(["--messages", "200000", "--sync", "5", "--archive"])
            .arg(bench.path("archive"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let path = bench.archive("unpaced");
        let synced = || inspect(&path).ok()?.synced.map(|record| record.length);
        while synced().unwrap_or(0) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let claimed = synced().expect("what was synced is there");
        let archive = Archive::open(&path).unwrap();
        assert!(archive.bytes() >= claimed && claimed > 0);
        drop(archive);
        let feed = session(SessionPlan {
            messages: 200_000,
            seed: 1,
        });
        assert!(feed.starts_with(&bench.archived("unpaced")));
    });
}
