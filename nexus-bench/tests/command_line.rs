//! The program as the README shows it.

use serde_json::Value;
use std::process::{Command, Output};

fn bench(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nexus-bench"))
        .args(args)
        .output()
        .expect("the program can be started")
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("it prints text")
}

const SHORT: [&str; 4] = ["--samples", "1", "--millis", "1"];

#[test]
fn a_workload_and_a_filter_choose_the_lines_of_the_table() {
    let output = bench(&[&["spawn", "slab, 1000"], &SHORT[..]].concat());
    let text = stdout(&output);
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| spawn and join"))
        .collect();
    assert_eq!(rows.len(), 4, "{text}");
    assert!(rows.iter().all(|row| row.contains("slab, 1000")), "{text}");
    assert!(text.contains("(family "), "{text}");
}

#[test]
fn json_has_every_side_and_names_the_machine() {
    let output = bench(&[&["dispatch", "64 tasks", "--json"], &SHORT[..]].concat());
    let report: Value = serde_json::from_str(&stdout(&output)).expect("it is JSON");
    assert!(report["machine"]["family"].is_string());
    assert_eq!(report["unit"], "ns");
    let results = report["results"].as_array().expect("a list");
    let ours = |result: &&Value| result["side"] == "ours" && result["line"] == "dispatch, 64 tasks";
    let ours = results.iter().find(ours).expect("our side was measured");
    let figure = |name: &str| ours[name].as_f64().expect("a figure");
    assert!(figure("least") > 0.0 && figure("least") <= figure("median"));
    assert_eq!(ours["samples"], 1);
}

#[test]
fn wrong_usage_is_named_and_ends_with_2() {
    for (args, part) in [
        (&["typo"][..], "dispatch, spawn"),
        (&["spawn", "no such line"][..], "no such line"),
        (&["--sampels", "3"][..], "--sampels"),
    ] {
        let output = bench(args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(part), "{error}");
    }
}
