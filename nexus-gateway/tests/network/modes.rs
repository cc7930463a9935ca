//! Where a receiver begins, what it keeps, and what it does about a message that never
//! comes.

use crate::bench::{Bench, QUICK, free_udp};
use crate::process::{LIMIT, Process, Ran, until};
use nexus_gateway::archive::{inspect, verify};
use nexus_itch::binary_file::FrameReader;
use nexus_itch::mold::{Builder, Request};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// The feed from message `first` on.
fn from(bench: &Bench, first: u64) -> Vec<u8> {
    let all = bench.expected();
    let mut frames = FrameReader::new(&all[..]);
    for _ in 1..first {
        frames.next().unwrap().unwrap();
    }
    let at = frames.offset() as usize;
    all[at..].to_vec()
}

#[test]
fn from_a_number_on_the_archive_and_the_books_begin_there() {
    let bench = Bench::new(2_000);
    let ours = free_udp();
    for flags in [String::new(), format!("--udp {ours} {QUICK}")] {
        let to = match flags.is_empty() {
            true => String::new(),
            false => format!("--rate 20000 {flags}"),
        };
        let bench_here = Bench::new(2_000);
        let (_feed, address) = bench.feed(&to);
        let ran = bench_here
            .run(address, &format!("--from 1001 {flags}"))
            .end()
            .good();
        assert!(bench_here.archived() == from(&bench, 1_001));
        ran.shows("Top of book, INCOMPLETE: messages before 1,001 did not come\n");
        ran.shows("Received: 1,000 messages");
        let synced = inspect(&bench_here.archive()).unwrap().synced.unwrap();
        assert_eq!((synced.first, synced.records), (1_001, Some(1_000)));
        // It is continued, and its books stay what they are.
        let ran = bench_here.run(address, &flags).end().good();
        ran.shows("INCOMPLETE: messages before 1,001 did not come\n");
        ran.shows("Received: 0 messages");
    }
}

#[test]
fn an_archive_goes_on_with_no_other_message_than_its_next() {
    let bench = Bench::new(2_000);
    let (_feed, address) = bench.feed("");
    bench.run(address, "").end().good();
    for other in ["1", "2000", "2002", "now"] {
        let ran = bench.run(address, &format!("--from {other}")).end();
        assert_eq!(ran.code, Some(5), "{ran:?}");
        let expected = format!(
            "received.itch50: it holds 2000 records and goes on with message 2001, \
             --from {other} would leave a hole in it"
        );
        assert!(ran.error().ends_with(&expected), "{}", ran.error());
    }
    bench.complete(bench.run(address, "--from 2001").end());
}

/// Where an archive begins that joined a feed on its way.
fn joined(bench: &Bench, ran: &Ran) -> u64 {
    let found = verify(&bench.archive()).unwrap();
    let first = found.synced.unwrap().first;
    assert!(first > 1 && found.records > 0, "{ran:?}");
    assert!(from(bench, first).starts_with(&bench.archived()));
    ran.shows("Top of book, INCOMPLETE: messages before ");
    first
}

#[test]
fn from_now_on_is_whatever_comes_next() {
    let ours = free_udp();
    for flags in [String::new(), format!("--udp {ours} {QUICK}")] {
        let bench = Bench::new(4_000);
        let (_feed, address) = bench.feed(&format!("--rate 2000 {flags}"));
        // Some of it has gone.
        std::thread::sleep(Duration::from_millis(500));
        let ran = bench
            .run(address, &format!("--from now {flags}"))
            .end()
            .good();
        let first = joined(&bench, &ran);
        assert_eq!(ran.count(" messages in "), 4_001 - first);
        ran.shows("the session is over, and complete");
    }
}

#[test]
fn without_an_archive_there_is_none() {
    let bench = Bench::new(2_000);
    let (_feed, address) = bench.feed("");
    let temporary = bench.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let setting = format!("TMPDIR={}; export TMPDIR", temporary.display());
    let ran = Process::start_with(
        &setting,
        &format!("receive --connect {address} --no-archive"),
    )
    .end()
    .good();
    ran.shows("the session is over, and complete");
    ran.shows("Received: 2,000 messages");
    assert!(!ran.stdout.contains("Archive") && !ran.stdout.contains("INCOMPLETE"));
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}

/// A feed by hand, which sends packets and hears requests.
struct Feed {
    socket: UdpSocket,
    to: SocketAddr,
    builder: Builder,
}

impl Feed {
    fn new(to: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let builder = Builder::new("S".parse().unwrap());
        Self {
            socket,
            to,
            builder,
        }
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    fn send(&mut self, sequence: u64) {
        self.builder.begin(sequence);
        assert!(self.builder.push(format!("message {sequence}").as_bytes()));
        self.socket
            .send_to(self.builder.datagram(), self.to)
            .unwrap();
    }

    fn end(&mut self, next: u64) {
        let end = self.builder.end(next).to_vec();
        self.socket.send_to(&end, self.to).unwrap();
    }

    /// The next request, if one has come.
    fn request(&self) -> Option<Request> {
        let mut bytes = [0; 64];
        let (n, _) = self.socket.recv_from(&mut bytes).ok()?;
        Some(Request::decode(&bytes[..n]).unwrap())
    }

    /// Answers nothing, and yet is heard.
    fn lives_until_the_end_of(&mut self, gateway: &mut Process) {
        until("the end", || {
            self.end(11);
            std::thread::sleep(Duration::from_millis(20));
            gateway.is_over()
        });
    }

    /// Sends `messages` and the end, until something of it is asked for: the gateway is
    /// there.
    fn begin(&mut self, messages: &[u64], end: u64) -> Request {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < LIMIT, "nothing was asked for");
            for &sequence in messages {
                self.send(sequence);
            }
            self.end(end);
            if let Some(request) = self.request() {
                return request;
            }
        }
    }
}

#[test]
fn a_gap_that_nobody_fills_ends_it_with_what_is_missing() {
    let bench = Bench::new(500);
    let ours = free_udp();
    let mut feed = Feed::new(ours);
    let flags = format!("--udp {ours} --give-up 1 {QUICK}");
    let mut gateway = bench.run(feed.address(), &flags);
    feed.begin(&[1, 4, 5, 8], 11);
    feed.lives_until_the_end_of(&mut gateway);
    let ran = gateway.end();
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(
        ran.error().starts_with("message 2 was lost and asked for "),
        "{ran:?}"
    );
    ran.shows(
        "  lost before message 2\n  missing: 2 to 3\n  missing: 6 to 7\n  missing: 9 to 10\n",
    );
    assert_eq!(inspect(&bench.archive()).unwrap().records, 1);
}

#[test]
fn books_without_an_archive_may_go_on_behind_a_gap() {
    let ours = free_udp();
    let mut feed = Feed::new(ours);
    let address = feed.address();
    let mut gateway = Process::start(&format!(
        "receive --connect {address} --udp {ours} --no-archive --on-gap skip --give-up 1 {QUICK} --json"
    ));
    feed.begin(&[1, 4, 5, 8], 11);
    feed.lives_until_the_end_of(&mut gateway);
    let ran = gateway.end();
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let books = &report["books"];
    assert_eq!(
        (&books["complete"], &books["missing"]),
        (&false.into(), &6.into())
    );
    let received = &report["received"];
    assert_eq!(
        (&received["messages"], &received["next"]),
        (&4.into(), &11.into())
    );
    let text = report["error"]["text"].as_str().unwrap();
    assert_eq!(
        text,
        "6 messages were lost and passed over: the books are incomplete"
    );
    for lost in ["2 to 3 skipped", "6 to 7 skipped", "9 to 10 skipped"] {
        assert!(ran.stderr.contains(lost), "{}", ran.stderr);
    }
    let refused = Process::start(&format!(
        "receive --connect {address} --udp {ours} --on-gap skip"
    ))
    .end();
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("--no-archive"),
        "{}",
        refused.stderr
    );
}

#[test]
fn behind_the_end_of_the_session_what_is_missing_is_asked_for() {
    let bench = Bench::new(500);
    let ours = free_udp();
    let mut feed = Feed::new(ours);
    let gateway = bench.run(feed.address(), &format!("--udp {ours} --give-up 60"));
    feed.begin(&[1, 2, 4], 6);
    // The feed has ended, and its server is away for a while.
    let away = Instant::now();
    while away.elapsed() < Duration::from_secs(2) {
        feed.request();
    }
    until("requests", || {
        if let Some(request) = feed.request() {
            for sequence in request.sequence..request.sequence + u64::from(request.count) {
                feed.send(sequence);
            }
        }
        inspect(&bench.archive()).is_ok_and(|found| found.records == 5)
    });
    gateway
        .end()
        .good()
        .shows("the session is over, and complete");
}
