//! What is played, what is kept, and which books are shown.

use super::{Bench, GATEWAY, gateway, run};
use nexus_itch::binary_file::encode_frame;
use nexus_itch::itch::{Event, Message, Side, Stock};
use std::process::Command;

const LITTLE: [&str; 4] = ["--messages", "5000", "--seed", "2"];

#[test]
fn one_run_may_be_played_alone() {
    let ran = gateway(&[&LITTLE[..], &["--only", "unpaced"]].concat()).good();
    assert!(ran.stdout.contains("Unpaced run: 5,000") && !ran.stdout.contains("Paced run"));
    let ran = gateway(&[&LITTLE[..], &["--only", "paced", "--rate", "50000"]].concat()).good();
    assert!(ran.stdout.contains("Paced run: 5,000") && !ran.stdout.contains("Unpaced run"));
    ran.shows("Messages by type");
    ran.shows("Latency, from when");
    let ran = gateway(&[&LITTLE[..], &["--only", "paced"]].concat());
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--rate <N>"), "{}", ran.stderr);
}

#[test]
fn without_an_archive_nothing_is_written() {
    let bench = Bench::new();
    let mut command = Command::new(GATEWAY);
    command.env("TMPDIR", bench.folder.path());
    command.args(LITTLE).arg("--no-archive");
    let ran = run(command).good();
    ran.shows("Paced run: 5,000");
    assert!(!ran.stdout.contains("Archive"), "{}", ran.stdout);
    let left = std::fs::read_dir(bench.folder.path()).unwrap().count();
    assert_eq!(left, 0);
    let ran = gateway(&["--no-archive", "--archive", "x"]);
    assert_eq!(ran.code, Some(2));
}

/// A feed of 25 stocks: the first is halted, the second locked, the third crossed.
fn market() -> Vec<u8> {
    let mut frames = Vec::new();
    let mut push = |locate, event| {
        let message = Message {
            timestamp: 1,
            locate,
            event,
        };
        encode_frame(&message, &mut frames);
    };
    for locate in 1..=25 {
        let stock = Stock::new(&format!("S{locate}"));
        let mut add = |order, side, price| {
            let event = Event::Add {
                order: u64::from(locate) * 100 + order,
                side,
                shares: 10,
                stock,
                price,
                attribution: None,
            };
            push(locate, event);
        };
        add(1, Side::Buy, 10_000);
        add(2, Side::Buy, 9_900);
        add(3, Side::Buy, 9_900);
        match locate {
            2 => add(4, Side::Sell, 10_000),
            3 => add(4, Side::Sell, 9_950),
            _ => add(4, Side::Sell, 10_100),
        }
        if locate == 1 {
            push(locate, Event::Trading { stock, state: b'H' });
        }
    }
    frames
}

#[test]
fn stocks_are_chosen_and_shown_as_deep_as_is_asked() {
    let bench = Bench::new();
    let ran = bench.play(&market(), &["--only", "unpaced"]).good();
    ran.shows("S20 ");
    ran.shows("  and 5 stocks more\n");
    assert!(!ran.stdout.contains("S21"), "{}", ran.stdout);
    ran.shows("  trading was halted 1 times; halted now: S1\n");
    ran.shows("  books became locked 1 times; locked now: S2\n");
    ran.shows("  books became crossed 1 times; crossed now: S3\n");

    let ran = bench
        .play(&market(), &["--only", "unpaced", "--all-stocks"])
        .good();
    ran.shows("S25 ");
    let chosen = [
        "--only", "unpaced", "--stock", "S24", "--stock", "NONE", "--depth", "2",
    ];
    let ran = bench.play(&market(), &chosen).good();
    ran.shows("  NONE is not in the feed\n");
    assert!(!ran.stdout.contains("S23") && !ran.stdout.contains("stocks more"));
    ran.shows(
        "Depth of S24\n\
         \x20 orders  shares     bid   offer  shares  orders\n\
         \x20      1      10  1.0000  1.0100      10       1\n\
         \x20      2      20  0.9900       -       -       -\n",
    );

    let json = [&chosen[..], &["--json"]].concat();
    let report: serde_json::Value =
        serde_json::from_str(&bench.play(&market(), &json).good().stdout).unwrap();
    let stocks = report["books"]["stocks"].as_array().unwrap();
    assert_eq!(stocks.len(), 1);
    assert_eq!(stocks[0]["bids"][1]["orders"], 2);
    assert_eq!(stocks[0]["offers"].as_array().unwrap().len(), 1);
    for (flags, part) in [
        (["--stock", "TOOLONGSYM"], "1 to 8 printable"),
        (["--stock", ""], "1 to 8 printable"),
        (["--depth", "1001"], "1..=1000"),
        (["--depth", "0"], "1..=1000"),
    ] {
        let ran = gateway(&flags);
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
}
