//! What stands on stderr: log lines, their levels, and the text of others in them.

use crate::bench::Bench;
use crate::peer::Peer;
use crate::process::{Process, Ran};
use nexus_itch::itch::{Event, Message, Stock, encode};
use nexus_itch::session::SessionName;
use nexus_itch::soup::{Packet, Rejection};
use std::net::{SocketAddr, TcpListener};

/// Ends a line, moves the cursor, sets a title, is no UTF-8, closes tags and quotes.
const HOSTILE: &[u8] = b"\r\n\x1b[2J\x1b]0;x\x07\x7f\x9b1m\xff<script>\"'\\\0";

fn directory(stock: [u8; 8]) -> Vec<u8> {
    let mut message = Vec::new();
    let event = Event::Directory {
        stock: Stock(stock),
        round_lot: 100,
    };
    encode(
        &Message {
            timestamp: 1,
            locate: 1,
            event,
        },
        &mut message,
    );
    message
}

/// Nothing but lines of printable characters.
fn assert_is_plain(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let bad = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(bad, None, "{text:?}");
        assert!(
            !text.contains("x\u{9b}") && !text.contains('\u{fffd}'),
            "{text}"
        );
    }
}

/// A gateway that a hostile server serves.
fn served(flags: &str) -> Ran {
    let bench = Bench::new(500);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = bench.run(address, flags);
    let mut peer = Peer::accept(&listener);
    peer.read(49);
    peer.send(Packet::Debug(HOSTILE));
    let mut session = [b' '; 10];
    session.copy_from_slice(&HOSTILE[..10]);
    peer.send(Packet::Accepted {
        session: SessionName::from_bytes(session),
        sequence: 1,
    });
    let mut stock = [0; 8];
    stock.copy_from_slice(&HOSTILE[2..10]);
    peer.send(Packet::Sequenced(&directory(stock)));
    peer.send(Packet::Sequenced(HOSTILE));
    // No packet: the connection is given up, and made again.
    peer.say(&[0, 30, b'\x1b']);
    peer.say(HOSTILE);
    drop(peer);
    let mut peer = Peer::accept(&listener);
    peer.read(49);
    peer.send(Packet::Rejected(Rejection::Other(0x1b)));
    peer.read_out();
    gateway.end()
}

#[test]
fn the_text_of_others_moves_no_cursor_and_ends_no_line() {
    for flags in ["-v", "-v --log json", "-v --json"] {
        let ran = served(flags);
        assert_eq!(ran.code, Some(7), "{ran:?}");
        assert_is_plain(&ran);
        let said = match flags.contains("log") {
            true => r"says: \\r\\n\\x1b[2J",
            false => r"says: \r\n\x1b[2J",
        };
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

/// A gateway that nobody serves.
fn refused(flags: &str) -> Ran {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = closed.local_addr().unwrap();
    drop(closed);
    Process::start(&format!("receive --connect {address} --give-up 1 {flags}")).end()
}

#[test]
fn a_log_line_has_time_level_and_a_sentence() {
    let ran = refused("");
    let line = ran.stderr.lines().next().unwrap();
    let mut words = line.split_ascii_whitespace();
    let time = words.next().unwrap();
    humantime::parse_rfc3339(time).unwrap();
    assert_eq!(words.next(), Some("WARN"), "{line}");
    assert!(line.contains("WARN cannot connect to 127.0.0.1:"), "{line}");
    assert!(
        ran.error().starts_with("gave up after 1s"),
        "{}",
        ran.error()
    );
}

#[test]
fn quiet_leaves_the_error_alone() {
    let ran = refused("-q");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(
        ran.error().starts_with("gave up after 1s"),
        "{}",
        ran.error()
    );
}

#[test]
fn as_json_each_line_is_an_object_the_error_too() {
    let ran = refused("--log json");
    let lines: Vec<serde_json::Value> = ran
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (last, before) = lines.split_last().unwrap();
    assert!(!before.is_empty(), "{}", ran.stderr);
    for line in before {
        assert_eq!(line["level"], "WARN");
        humantime::parse_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();
    }
    assert_eq!(last["level"], "ERROR");
    let text = last["message"].as_str().unwrap();
    assert!(text.starts_with("gave up after 1s"), "{text}");
}

#[test]
fn where_stderr_is_no_terminal_there_is_no_progress() {
    let ran = Process::start("--messages 20000").end().good();
    assert_eq!(ran.stderr, "");
}

/// Runs the program in a terminal of 80 columns.
fn in_a_terminal(arguments: &str) -> Option<Ran> {
    let program = env!("CARGO_BIN_EXE_nexus-gateway");
    let command = format!("stty cols 80 rows 24; exec {program} {arguments}");
    let mut script = std::process::Command::new("script");
    script.args(["-q", "-e", "-f", "-c", &command, "/dev/null"]);
    if which("script").is_none() {
        eprintln!("skipped: there is no `script` that makes a terminal");
        return None;
    }
    Some(Process::start_as(script).end().good())
}

fn which(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

#[test]
fn in_a_terminal_a_bar_moves_and_log_lines_stand_above_it() {
    let Some(ran) = in_a_terminal("--messages 3000000") else {
        return;
    };
    // What the terminal shows at any moment is between two erasures.
    let mut shown = ran
        .stdout
        .split(['\r', '\n'])
        .flat_map(|part| part.split("\x1b[2K"));
    let bars: Vec<_> = shown
        .clone()
        .filter(|part| part.contains(" ETA "))
        .collect();
    assert!(bars.len() > 2, "{}", ran.stdout);
    for bar in bars {
        assert!(bar.chars().count() <= 80, "{bar:?}");
        assert!(bar.contains("paced 00:0") && bar.contains("/s"), "{bar:?}");
    }
    assert!(
        shown.all(|part| part.chars().count() <= 80),
        "{}",
        ran.stdout
    );
}
