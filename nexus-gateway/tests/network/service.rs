//! What a service manager and an operator meet: readiness, a pinned loop, completions and
//! pages of the manual.

use crate::bench::Bench;
use crate::process::{LIMIT, Process, until};
use std::fs;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

/// The socket of a service manager, and how a shell names it.
fn manager(bench: &Bench) -> (UnixDatagram, String) {
    let path = bench.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let setting = format!("NOTIFY_SOCKET={}; export NOTIFY_SOCKET", path.display());
    (socket, setting)
}

fn told(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 512];
    let n = socket.recv(&mut bytes).unwrap();
    String::from_utf8(bytes[..n].to_vec()).unwrap()
}

#[test]
fn a_service_manager_hears_when_data_flows_how_far_it_is_and_the_end() {
    let bench = Bench::new(3_000);
    let (_feed, address) = bench.feed("--rate 2000");
    let (socket, setting) = manager(&bench);
    let gateway = Process::start_with(
        &setting,
        &format!("receive --connect {address} --no-archive"),
    );
    assert_eq!(
        told(&socket),
        "READY=1\nSTATUS=session NEXUS, from message 1\n"
    );
    let mut statuses = 0;
    loop {
        let text = told(&socket);
        if text == "STOPPING=1\n" {
            break;
        }
        let count = text
            .strip_prefix("STATUS=received: ")
            .unwrap_or_else(|| panic!("{text}"));
        count.trim().replace(',', "").parse::<u64>().unwrap();
        statuses += 1;
    }
    assert!(statuses > 0);
    gateway.end().good();
}

#[test]
fn one_that_publishes_is_ready_when_it_listens() {
    let bench = Bench::new(500);
    let (socket, setting) = manager(&bench);
    let played = bench.played("--listen 127.0.0.1:0 --linger 0");
    let feed = Process::start_with(&setting, &format!("publish {played}"));
    assert_eq!(
        told(&socket),
        "READY=1\nSTATUS=session NEXUS, 500 messages\n"
    );
    assert_eq!(told(&socket), "STOPPING=1\n");
    feed.end().good();
}

#[test]
fn nobody_at_the_socket_is_no_reason_to_end() {
    let bench = Bench::new(500);
    let (_feed, address) = bench.feed("");
    let setting = "NOTIFY_SOCKET=/nowhere/at.all; export NOTIFY_SOCKET";
    Process::start_with(
        setting,
        &format!("receive --connect {address} --no-archive"),
    )
    .end()
    .good();
}

/// The cores that the threads of a process may use, by their names.
fn cores(id: u32) -> Vec<(String, String)> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let each = tasks.filter_map(|task| {
        let path = task.ok()?.path();
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let status = fs::read_to_string(path.join("status")).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        Some((name.trim().to_string(), line.trim().to_string()))
    });
    each.collect()
}

#[test]
fn the_loop_is_pinned_and_no_other_thread() {
    if std::thread::available_parallelism().unwrap().get() < 2 {
        eprintln!("skipped: there is one core");
        return;
    }
    let bench = Bench::new(2_000);
    let (feed, address) = bench.feed("--rate 100 --pin 0");
    let gateway = bench.run(address, "--pin 1");
    bench.some();
    let of = |name: &str| {
        let all = cores(gateway.id());
        let found = all.iter().find(|(thread, _)| thread == name);
        found
            .unwrap_or_else(|| panic!("no {name} in {all:?}"))
            .1
            .clone()
    };
    until("a pinned loop", || of("nexus-gateway") == "1");
    assert_ne!(of("archive"), "1");
    assert!(cores(feed.id()).contains(&("nexus-gateway".to_string(), "0".to_string())));
    for flags in [
        "receive --connect 127.0.0.1:1",
        "publish --listen 127.0.0.1:0",
        "replay",
    ] {
        let ran = Process::start(&format!("{flags} --pin 9999")).end();
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(
            ran.error().starts_with("cannot make the loop: "),
            "{}",
            ran.error()
        );
        assert!(ran.error().contains("9999"), "{}", ran.error());
    }
    Process::start("--messages 5000 --pin 1")
        .end()
        .good()
        .shows("Paced run: 5,000");
}

#[test]
fn shells_and_readers_get_their_pages() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = Process::start(&format!("completions {shell}")).end().good();
        assert!(
            ran.stdout.contains("on-gap") && ran.stdout.contains("replay"),
            "{shell}"
        );
        if shell == "bash" {
            let mut checked = Command::new("bash")
                .arg("-n")
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let bytes = ran.stdout.into_bytes();
            checked.stdin.take().unwrap().write_all(&bytes).unwrap();
            assert!(checked.wait().unwrap().success());
        }
    }
    let ran = Process::start("man").end().good();
    assert!(ran.stdout.contains(".TH nexus-gateway 1"), "{}", ran.stdout);
    for command in ["replay", "publish", "receive", "verify"] {
        let ran = Process::start(&format!("man {command}")).end().good();
        assert!(
            ran.stdout
                .contains(&format!(".TH nexus-gateway-{command} 1")),
            "{}",
            ran.stdout
        );
        assert!(ran.stdout.contains(".SH OPTIONS"), "{}", ran.stdout);
    }
    let refused = Process::start("man everything").end();
    assert_eq!(refused.code, Some(2));
}
