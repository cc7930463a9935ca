//! The rows of docs/defects.md and the tests that bear their numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The numbers of the tests called `uNN_...` in the files below `folder`, each with one of
/// their names.
fn tests(folder: &Path, found: &mut BTreeMap<u32, String>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("sources are text");
            for line in text.lines() {
                let name = line.split_once("fn u").map(|(_, rest)| rest);
                let Some((number, _)) = name.and_then(|name| name.split_once('_')) else {
                    continue;
                };
                if let Ok(number) = number.parse() {
                    found.insert(number, line.trim().to_owned());
                }
            }
        }
    }
}

#[test]
fn every_row_has_a_test_and_every_number_a_row() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(page) = fs::read_to_string(package.join("../docs/defects.md")) else {
        return println!("skipped: there is no docs/defects.md");
    };
    let rows: Vec<Vec<u32>> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .map(|cell| cell.split(", ").map_while(|no| no.parse().ok()).collect())
        .filter(|numbers: &Vec<u32>| !numbers.is_empty())
        .collect();
    assert!(rows.len() > 40, "only {} rows were read", rows.len());
    let mut found = BTreeMap::new();
    tests(&package.join("tests"), &mut found);
    for numbers in &rows {
        assert!(
            numbers.iter().any(|number| found.contains_key(number)),
            "row {numbers:?} of docs/defects.md has no test"
        );
    }
    let listed: BTreeSet<_> = rows.iter().flatten().collect();
    for (number, test) in &found {
        assert!(listed.contains(number), "no row {number}, for {test}");
    }
}
