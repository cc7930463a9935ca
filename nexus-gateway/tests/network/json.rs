//! The reports as JSON: what the tables say, for programs.

use crate::process::{Process, Ran};
use nexus_testkit::within;
use serde_json::Value;
use std::time::Duration;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(120);

/// The objects on stdout, one a line.
fn objects(ran: &Ran) -> Vec<Value> {
    let lines = ran.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// The one object of a command.
fn object(arguments: &str) -> (Value, Ran) {
    let ran = Process::start(arguments).end();
    let objects = objects(&ran);
    assert_eq!(objects.len(), 1, "{ran:?}");
    let object = objects.into_iter().next().unwrap();
    assert_eq!(object["version"], 1);
    (object, ran)
}

/// What the README names of an object.
fn has(object: &Value, fields: &[&str]) {
    for field in fields {
        assert!(object.get(field).is_some(), "{field} is missing: {object}");
    }
}

#[test]
fn a_replay_and_its_archives() {
    within(LIMIT, || {
        let folder = TempDir::new().unwrap();
        let archive = folder.path().display();
        let (replay, ran) = object(&format!("--messages 3000 --archive {archive} --json"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(
            (&replay["command"], &replay["error"]),
            (&"replay".into(), &Value::Null)
        );
        assert_eq!(replay["messages"]["count"], 3000);
        let kinds = replay["messages"]["kinds"].as_array().unwrap();
        let sum: u64 = kinds
            .iter()
            .map(|kind| kind["count"].as_u64().unwrap())
            .sum();
        assert_eq!(sum, 3000);
        let stock = &replay["books"]["stocks"][0];
        assert_eq!(stock["stock"], "ALPHA");
        assert!(stock["bid"]["price"].as_u64() < stock["offer"]["price"].as_u64());
        has(
            &replay["books"],
            &["resting_orders", "remembered_trades", "anomalies"],
        );
        let runs = replay["runs"].as_array().unwrap();
        assert_eq!([&runs[0]["name"], &runs[1]["name"]], ["unpaced", "paced"]);
        assert!(runs[0]["latency"].is_null() && runs[0]["noise"].is_null());
        for percentiles in ["latency", "lateness", "noise"] {
            has(&runs[1][percentiles], &["p50", "p99", "p99.9", "max"]);
        }

        let (verify, ran) = object(&format!("verify {archive} --json"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let archives = verify["archives"].as_array().unwrap();
        assert_eq!(archives.len(), 2);
        for found in archives {
            assert_eq!(found["state"], "sure");
            let run = runs
                .iter()
                .find(|run| run["archive"]["path"] == found["path"]);
            let written = &run.expect("one run wrote it")["archive"];
            for same in ["records", "bytes", "crc32c"] {
                assert_eq!(found[same], written[same], "{same}");
            }
        }
    });
}

#[test]
fn both_ends_of_a_network() {
    within(LIMIT, || {
        let feed = "publish --listen 127.0.0.1:0 --messages 2000 --linger 1 --json";
        let (feed, listening) = Process::start(feed).first_line();
        let listening: Value = serde_json::from_str(&listening).unwrap();
        assert_eq!(listening["event"], "listening");
        assert_eq!(listening["messages"], 2000);
        let address = listening["address"].as_str().unwrap();

        let (received, ran) = object(&format!("receive --connect {address} --json"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(received["received"]["messages"], 2000);
        assert_eq!(received["received"]["end"], "complete");
        assert_eq!(received["received"]["tcp"]["connections"], 1);
        assert!(received["received"]["udp"].is_null());
        assert_eq!(received["archive"]["records"], 2000);
        assert_eq!(received["archive"]["kept"], false);

        let objects = objects(&feed.end());
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[1]["published"]["end"], "done");
        assert_eq!(objects[1]["published"]["finished"], 1);
        assert_eq!(objects[1]["ended"], "complete");
        assert!(objects[1].get("event").is_none());
    });
}

#[test]
fn an_error_stands_in_the_object_and_on_stderr() {
    within(LIMIT, || {
        let (lost, ran) = object("receive --connect nowhere.invalid:1 --give-up 1 --json");
        assert_eq!(ran.code, Some(4), "{ran:?}");
        assert_eq!(
            (&lost["error"]["exit"], &lost["ended"]),
            (&4.into(), &"error".into())
        );
        assert_eq!(lost["received"]["end"], "lost");
        let text = lost["error"]["text"].as_str().unwrap();
        assert_eq!(ran.stderr.lines().last(), Some(&*format!("error: {text}")));

        let (refused, ran) = object("verify no/such/folder --json");
        assert_eq!((ran.code, &refused["error"]["exit"]), (Some(3), &3.into()));

        let ran = Process::start("verify --json --no-such-flag").end();
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
    });
}

#[test]
fn a_signal_is_how_it_ended() {
    within(LIMIT, || {
        let feed = "publish --listen 127.0.0.1:0 --messages 2000 --json";
        let (feed, listening) = Process::start(feed).first_line();
        assert!(listening.contains("listening"), "{listening}");
        let (slow, at) = Process::feed("--rate 10");
        let run = Process::start(&format!("receive --connect {at} --json"));
        slow.says("logged in");
        run.signal("TERM");
        let ran = run.end();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let received = objects(&ran).remove(0);
        assert_eq!(
            (&received["ended"], &received["error"]),
            (&"signal".into(), &Value::Null)
        );
        assert_eq!(received["received"]["end"], "stopped");

        feed.signal("INT");
        let published = objects(&feed.end()).remove(1);
        assert_eq!(
            (&published["ended"], &published["published"]["end"]),
            (&"signal".into(), &"stopped".into())
        );
    });
}

/// What a peer sends is data: quoted, whatever it is.
#[test]
fn foreign_text_cannot_break_the_object() {
    within(LIMIT, || {
        let folder = TempDir::new().unwrap();
        let archive = folder.path().display();
        let ran = Process::start(&format!("--messages 22 --archive {archive}")).end();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let input = folder.path().join("unpaced.itch50");
        let mut bytes = std::fs::read(&input).unwrap();
        for message in [&[0xff, b'"', 0x1b, b'\n', b'}'][..], b"\""] {
            bytes.extend((message.len() as u16).to_be_bytes());
            bytes.extend(message);
        }
        let input = folder.path().join("odd.itch50");
        std::fs::write(&input, bytes).unwrap();
        let (replay, ran) = object(&format!("--input {} --json", input.display()));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(replay["messages"]["unknown"], 2);
        let kinds = replay["messages"]["kinds"].as_array().unwrap();
        let mut types: Vec<_> = kinds
            .iter()
            .filter(|kind| kind["name"] == "unknown")
            .map(|kind| kind["type"].as_str().unwrap())
            .collect();
        types.sort_unstable();
        assert_eq!(types, ["\\\"", "\\xff"]);
    });
}
