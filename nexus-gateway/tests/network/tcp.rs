//! A feed over TCP: whole, cut off, continued, refused.

use crate::bench::{Bench, QUICK};
use crate::peer::subscribe;
use crate::process::Process;
use crate::tcp_relay::TcpRelay;
use nexus_testkit::{scaled, seed};
use std::fs;
use std::net::TcpListener;
use tempfile::TempDir;

#[test]
fn a_feed_is_archived_byte_for_byte() {
    let bench = Bench::new(50_000);
    let (feed, address) = bench.feed("--linger 2 --session DAY7");
    let ran = bench.run(address, "--session DAY7").end();
    let ran = bench.complete(ran);
    ran.shows("Received: 50,000 messages in ");
    ran.shows("TCP: 1 connections, 0 lost or not made\n");
    let feed = feed.end().good();
    assert_eq!(feed.count(" sent everything"), 1, "{feed:?}");
    assert_eq!(feed.count(" dropped"), 0, "{feed:?}");
}

#[test]
fn a_feed_with_a_pace_keeps_it() {
    let bench = Bench::new(2_000);
    let (_feed, address) = bench.feed("--rate 4000");
    let ran = bench.complete(bench.run(address, QUICK).end());
    // Half a second at that rate; the subscriber came a little later.
    let (_, rest) = ran.stdout.split_once("messages in ").unwrap();
    let (seconds, _) = rest.split_once(' ').unwrap();
    let seconds: f64 = seconds.parse().unwrap();
    assert!((0.2..30.0).contains(&seconds), "{seconds}");
}

#[test]
fn a_recorded_file_is_played_over_and_over() {
    let bench = Bench::new(3_000);
    let input = bench.path("input");
    fs::write(&input, bench.expected()).unwrap();
    let played = format!("--input {} --repeat 3", input.display());
    let (_feed, address) = Process::feed(&played);
    bench.run(address, "").end().good();
    let archived = bench.archived();
    assert_eq!(archived.len(), 3 * bench.expected().len());
    assert!(archived.starts_with(&bench.expected()));
    assert!(subscribe(address, 1) == archived);
}

#[test]
fn a_subscriber_is_sent_what_it_asks_for() {
    let bench = Bench::new(5_000);
    let (_feed, address) = bench.feed("");
    let whole = bench.expected();
    assert!(subscribe(address, 1) == whole);
    // The last message is a system event: 14 bytes in its frame.
    assert!(subscribe(address, 5_000) == whole[whole.len() - 14..]);
    assert!(subscribe(address, 5_001).is_empty());
    assert!(subscribe(address, 0) == whole[whole.len() - 14..]);
}

#[test]
fn a_connection_that_fails_is_resumed() {
    let first = seed::printed();
    for seed in (0..scaled(4) as u64).map(|n| first.wrapping_add(n)) {
        let bench = Bench::new(20_000);
        let (_feed, address) = bench.feed(QUICK);
        let relay = TcpRelay::start(address, seed, 6, 100_000);
        let ran = bench.run(relay.address, QUICK).end();
        assert_eq!(ran.code, Some(0), "seed {seed}: {ran:?}");
        bench.complete(ran);
        assert!(relay.connections() > 1, "seed {seed}: nothing was tested");
    }
}

#[test]
fn a_feed_that_comes_back_is_gone_on_with() {
    let bench = Bench::new(20_000);
    let (feed, address) = bench.feed("--rate 10000");
    let gateway = bench.run(address, QUICK);
    gateway.says("logged in at");
    bench.some();
    drop(feed);
    gateway.says("cannot connect to");
    let listen = address.to_string();
    let (_feed, _) = Process::feed_at(&listen, &bench.played(""));
    let ran = bench.complete(gateway.end());
    assert!(ran.count(" connections, ") >= 2, "{ran:?}");
}

#[test]
fn a_gateway_started_again_goes_on_with_its_archive() {
    let bench = Bench::new(20_000);
    let (_feed, address) = bench.feed("--rate 20000 --session ONE");
    let gateway = bench.run(address, "--sync 5");
    bench.some();
    gateway.signal("TERM");
    let ran = gateway.end().good();
    let there = bench.partial(&ran);
    assert!((1..20_000).contains(&there), "{there}");
    ran.shows("stopped by a signal before message ");

    let (_other, other) = bench.feed("--session TWO");
    let refused = bench.run(other, "").end();
    assert!(
        refused
            .error()
            .ends_with("dropped, login rejected: S, no such session, or no such message in it"),
        "{}",
        refused.error()
    );
    let refused = bench.run(address, "--session TWO").end();
    assert!(
        refused
            .error()
            .ends_with("it holds session ONE, TWO is wanted"),
        "{}",
        refused.error()
    );

    let ran = bench.complete(bench.run(address, "").end());
    // The books are those of the whole session.
    let mut rows = ran.stdout.lines();
    assert!(rows.any(|row| row.split_whitespace().eq(["all", "20,000"])));
    let messages = ran.count(" messages in ");
    assert_eq!(messages, 20_000 - there);
}

#[test]
fn a_password_comes_from_a_file_or_the_environment_too() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("password");
    fs::write(&path, "secret\nnot this\n").unwrap();
    let path = path.display();
    let export = "export NEXUS_PASSWORD=secret";
    let publish = "publish --listen 127.0.0.1:0 --messages 100 --user nexus";
    let from_file = Process::start(&format!("{publish} --password-file {path}")).listening();
    let from_environment = Process::start_with(export, publish).listening();
    for (_feed, address) in [&from_file, &from_environment] {
        let receive = format!("receive --connect {address} --user nexus");
        for run in [
            Process::start(&format!("{receive} --password secret")),
            Process::start(&format!("{receive} --password-file {path}")),
            Process::start_with(export, &receive),
        ] {
            let ran = run.end();
            assert_eq!(ran.code, Some(0), "{ran:?}");
        }
        let ran = Process::start_with(export, &format!("{receive} --password other")).end();
        assert_eq!(ran.code, Some(7), "the command line comes first: {ran:?}");
    }
    for (setting, more, expected) in [
        ("true", "--password-file no/such/file", "No such file"),
        (
            "true",
            "--password-file /dev/null --password x",
            "cannot be used with",
        ),
        (
            "export NEXUS_PASSWORD='two words'",
            "",
            "NEXUS_PASSWORD holds no password",
        ),
        (
            "true",
            "--udp 127.0.0.1:0 --password-file /dev/null",
            "cannot be used with --udp",
        ),
    ] {
        let ran = Process::start_with(setting, &format!("receive --connect h:1 {more}")).end();
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
        assert!(!ran.stderr.contains("two words"), "a secret: {ran:?}");
    }
}

#[test]
fn a_wrong_login_is_refused_with_the_reason() {
    let bench = Bench::new(500);
    let (feed, address) = bench.feed("--session ONE --user nexus --password secret");
    let known = "--user nexus --password secret";
    for (more, reason) in [
        ("", "A, user or password is not known"),
        (
            "--user nexus --password other",
            "A, user or password is not known",
        ),
        (
            &format!("--session TWO {known}"),
            "S, no such session, or no such message in it",
        ),
    ] {
        let ran = bench.run(address, more).end();
        let expected = format!("{address} dropped, login rejected: {reason}");
        assert_eq!(ran.error(), expected);
        ran.shows("Received: 0 messages\n  lost before message 1\n");
    }
    bench.complete(bench.run(address, known).end());
    feed.says("dropped, rejected: asked for session TWO, ONE is played");
    feed.says("dropped, rejected: wrong user or password");

    // The archive holds more than this feed has: no such message.
    let (shorter, address) = Process::feed("--messages 100 --session ONE");
    let ran = bench.run(address, "").end();
    assert!(ran.error().contains("login rejected: S"), "{}", ran.error());
    shorter.says("dropped, rejected: asked for message 501, the next one is 101");
    assert!(bench.archived() == bench.expected(), "it is left alone");
}

#[test]
fn a_feed_that_is_nowhere_is_given_up() {
    let bench = Bench::new(500);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let ran = bench.run(address, "--give-up 1").end();
    let expected =
        format!("gave up after 1s, the limit; the last error was: cannot connect to {address}: ");
    assert!(ran.error().starts_with(&expected), "{}", ran.error());
    ran.shows("TCP: 0 connections, ");

    let ran = Process::start("receive --connect nowhere.invalid:1 --give-up 1").end();
    assert!(ran.error().contains("nowhere.invalid"), "{}", ran.error());
}

#[test]
fn a_disk_that_fills_up_ends_the_gateway_with_an_error() {
    let bench = Bench::new(100_000);
    let (_feed, address) = bench.feed("");
    let archive = bench.path("archive");
    let arguments = format!(
        "receive --connect {address} --archive {} --sync 5",
        archive.display()
    );
    // No file may become longer than 200 blocks of 512 bytes.
    let full = Process::start_with("trap '' XFSZ; ulimit -f 200", &arguments);
    let ran = full.end();
    let expected = format!("archive {}: cannot write it: ", bench.archive().display());
    assert!(ran.error().starts_with(&expected), "{}", ran.error());
    assert!(bench.expected().starts_with(&bench.archived()));
    // With room again, it continues.
    bench.complete(bench.run(address, "").end());
}

#[test]
fn a_damaged_file_is_not_played() {
    let bench = Bench::new(500);
    let input = bench.path("input");
    let whole = bench.expected();
    fs::write(&input, &whole[..whole.len() - 1]).unwrap();
    let path = input.display();
    let ran = Process::start(&format!("publish --listen 127.0.0.1:0 --input {path}")).end();
    let at = whole.len() - 14;
    let expected =
        format!("input {path}: byte {at}: truncated: 13 bytes of a frame of 14; nothing was sent");
    assert_eq!(ran.error(), expected);
}

#[test]
fn an_address_in_use_is_an_error() {
    let bench = Bench::new(500);
    let (_feed, address) = bench.feed("");
    let ran = Process::start(&format!("publish --listen {address}")).end();
    let expected = format!("cannot listen on {address}: ");
    assert!(ran.error().starts_with(&expected), "{}", ran.error());
    let ran = Process::start("publish --listen nowhere.invalid:1").end();
    assert!(
        ran.error().starts_with("cannot find nowhere.invalid:1: "),
        "{}",
        ran.error()
    );
    let ran = Process::start("publish --listen 127.0.0.1:0 --input /nowhere/at.all").end();
    assert!(
        ran.error()
            .starts_with("cannot open input /nowhere/at.all: ")
    );
}

/// A gateway with an archive that can hold 200 blocks of 512 bytes: a write beyond them
/// fails, as on a full disk, and the signal that comes with it is ignored.
fn on_a_full_disk(bench: &Bench, more: &str) -> crate::process::Ran {
    let (_feed, address) = bench.feed("");
    let archive = bench.path("archive").display().to_string();
    let arguments = format!("receive --connect {address} --archive {archive} --sync 5 {more}");
    Process::start_with("trap '' XFSZ; ulimit -f 200", &arguments).end()
}

#[test]
fn an_archive_that_fails_costs_neither_tables_nor_what_is_on_disk() {
    let bench = Bench::new(200_000);
    let ran = on_a_full_disk(&bench, "");
    assert!(ran.error().contains("cannot write it: "), "{}", ran.error());
    ran.shows("Messages by type")
        .shows("Top of book")
        .shows("  lost before message ");
    ran.shows("  it failed; ");
    let received = ran.count(" messages were received, ");
    let kept = ran.count(" records can be read back");
    assert!(
        kept > 0 && kept <= received && received < 200_000,
        "{kept} of {received}"
    );
    assert!(bench.expected().starts_with(&bench.archived()));
}

#[test]
fn books_go_on_without_the_archive_if_that_is_asked() {
    let bench = Bench::new(200_000);
    let ran = on_a_full_disk(&bench, "--on-archive-error books");
    assert!(ran.error().contains("cannot write it: "), "{}", ran.error());
    assert!(
        ran.stderr.contains("books go on without it"),
        "{}",
        ran.stderr
    );
    ran.shows("the session is over, and complete");
    assert_eq!(ran.count(" messages were received, "), 200_000);
}

#[test]
fn exit_codes_tell_a_refused_login_from_a_lost_feed_and_a_full_disk() {
    let bench = Bench::new(200_000);
    assert_eq!(on_a_full_disk(&bench, "").code, Some(5));
    let bench = Bench::new(500);
    let (_feed, address) = bench.feed("--session DAY1 --password right");
    for login in ["--password wrong", "--password right --session DAY2"] {
        assert_eq!(bench.run(address, login).end().code, Some(7), "{login}");
    }
    bench.complete(bench.run(address, "--password right").end());
    let ran = bench.run(address, "--password right --session DAY2").end();
    assert_eq!(ran.code, Some(5), "the archive holds another session");
}

#[test]
fn the_names_that_the_commands_had_still_do() {
    let bench = Bench::new(500);
    let arguments = bench.played("--linger 1");
    let feed = Process::start(&format!("feed --listen 127.0.0.1:0 {arguments}"));
    let (feed, address) = feed.listening();
    let archive = bench.path("archive").display().to_string();
    let gateway = Process::start(&format!("run --connect {address} --archive {archive}"));
    bench.complete(gateway.end());
    feed.end().good();
    assert!(
        !Process::start("--help")
            .end()
            .good()
            .stdout
            .contains("  feed")
    );
}
