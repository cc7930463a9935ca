//! Inputs as they come: packed, from a pipe, and captured by other programs.
//!
//! `tests/data/captures.py` made the captures, with scapy.

use super::{Bench, GATEWAY, Ran, SMALL, finish, run};
use nexus_gateway::feed::session;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn feed() -> Vec<u8> {
    fs::read(data("feed.itch50")).unwrap()
}

/// Plays standard input, which `feed` writes.
fn piped(bench: &Bench, bytes: &[u8]) -> Ran {
    let mut child = Command::new(GATEWAY)
        .args(["--input", "-", "--rate", "100000", "--archive"])
        .arg(bench.path("archive"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    finish(child)
}

fn packed(with: &str, bytes: &[u8]) -> Vec<u8> {
    match with {
        "gzip" => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "zstd" => zstd::encode_all(bytes, 1).unwrap(),
        _ => bytes.to_vec(),
    }
}

#[test]
fn standard_input_is_played_plain_and_packed() {
    let plain = session(SMALL);
    for with in ["nothing", "gzip", "zstd"] {
        let bench = Bench::new();
        piped(&bench, &packed(with, &plain)).good();
        for run in ["unpaced", "paced"] {
            assert!(bench.archived(run) == plain, "{with}");
        }
    }
}

#[test]
fn a_pipe_by_name_and_a_packed_file_are_played_and_repeated() {
    let plain = session(SMALL);
    let bench = Bench::new();
    fs::write(bench.path("packed"), packed("zstd", &plain)).unwrap();
    let fifo = bench.path("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let writer = {
        let (fifo, plain) = (fifo.clone(), plain.clone());
        std::thread::spawn(move || File::create(fifo).unwrap().write_all(&plain).unwrap())
    };
    let ran = bench.play_file(&fifo, &[]).good();
    writer.join().unwrap();
    assert!(bench.archived("paced") == plain, "{ran:?}");
    let bench = Bench::new();
    fs::write(bench.path("packed"), packed("zstd", &plain)).unwrap();
    let ran = bench
        .play_file(&bench.path("packed"), &["--repeat", "3"])
        .good();
    ran.shows("Unpaced run: 15,000 messages");
}

#[test]
fn a_packed_file_that_is_cut_is_played_up_to_there() {
    let plain = session(SMALL);
    let bench = Bench::new();
    let mut packed = packed("gzip", &plain);
    packed.truncate(packed.len() / 2);
    let ran = bench.play(&packed, &[]);
    assert_eq!(ran.code, Some(3));
    let found = bench.archived("unpaced");
    assert!(plain.starts_with(&found) && !found.is_empty());
    let offset = format!("byte {}: cannot read: gzip stream, behind ", found.len());
    assert!(ran.error().contains(&offset), "{}", ran.error());
    let kept = "; what lies before it was played and archived";
    assert!(ran.error().ends_with(kept), "{}", ran.error());
}

#[test]
fn captures_of_every_kind_are_the_feed_that_was_captured() {
    let expected = feed();
    for name in [
        "micro_little.pcap",
        "micro_big.pcap",
        "nano_little.pcap",
        "nano_big.pcap",
        "vlan.pcap",
        "cooked.pcap",
        "raw.pcap",
        "options.pcap",
        "ipv6.pcap",
        "interfaces.pcapng",
    ] {
        let bench = Bench::new();
        let ran = bench.play_file(&data(name), &[]).good();
        assert!(bench.archived("paced") == expected, "{name}");
        ran.shows("Capture: session DAY 1, messages 1 to 60\n");
        ran.shows(":9001: 12 packets, 55 first copies\n    0 second copies");
        ran.shows(":9002: 12 packets, 5 first copies\n    50 second copies");
        ran.shows("left out: 0 fragments, 0 cut, 0 malformed\n    0 of other sessions, 1 others");
    }
}

#[test]
fn what_a_capture_lacks_is_named_and_has_an_exit_code() {
    let expected = feed();
    for (name, counts, range) in [
        ("lost.pcap", "0 fragments, 0 cut", "11 to 15"),
        ("fragments.pcap", "3 fragments, 0 cut", "21 to 25"),
        ("cut.pcap", "0 fragments, 1 cut", "21 to 25"),
    ] {
        let bench = Bench::new();
        let ran = bench.play_file(&data(name), &[]);
        assert_eq!(ran.code, Some(4), "{name}");
        ran.shows(&format!("left out: {counts}, 0 malformed"));
        ran.shows(&format!("on no line: 5 messages\n    {range}\n"));
        let end = format!("{name}: 5 messages are on no line, the first is {range}");
        assert!(ran.error().ends_with(&end), "{}", ran.error());
        let found = bench.archived("paced");
        assert!(found.len() < expected.len() && found.len() > expected.len() * 3 / 4);
    }
}

#[test]
fn lines_of_a_capture_are_chosen_and_a_packed_one_is_unpacked() {
    let bench = Bench::new();
    let bytes = fs::read(data("nano_big.pcap")).unwrap();
    let packed = packed("gzip", &bytes);
    let ran = bench.play(&packed, &["--udp", "239.1.1.2:9002", "--json"]);
    // Line B alone lacks its sixth packet.
    assert_eq!(ran.code, Some(4));
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let capture = &report["capture"];
    assert_eq!(capture["lost_ranges"], serde_json::json!([[26, 30]]));
    assert_eq!(
        (&capture["first"], &capture["last"]),
        (&1.into(), &60.into())
    );
    assert_eq!(capture["lines"][0]["to"], "239.1.1.2:9002");
    assert_eq!(report["messages"]["count"], 55);
}

#[test]
fn a_capture_is_published() {
    let mut command = Command::new(GATEWAY);
    command.args([
        "publish",
        "--listen",
        "127.0.0.1:0",
        "--linger",
        "0",
        "--input",
    ]);
    command.arg(data("interfaces.pcapng"));
    run(command).good().shows(": session NEXUS, 60 messages");
    let mut command = Command::new(GATEWAY);
    command.args(["publish", "--listen", "127.0.0.1:0", "--input"]);
    command.arg(data("lost.pcap"));
    let ran = run(command);
    assert_eq!(ran.code, Some(4));
    let end = "lost.pcap: 5 messages are on no line; nothing was sent";
    assert!(ran.error().ends_with(end), "{}", ran.error());
}
