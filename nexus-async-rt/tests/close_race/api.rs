//! The public methods of the sending ends, read off their source: each is a row
//! of the table of forms, or is said to send nothing.

use crate::forms::{BYTE_OTHERS, TYPED_OTHERS, bytes, typed};
use nexus_async_rt::channel::Spsc;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The public methods of the type `name` in `source`.
fn methods(source: &str, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut inside = false;
    for line in source.lines() {
        if line.starts_with("impl") {
            // An inherent block: no `for`.
            inside = line.contains(&format!(" {name}<")) && !line.contains(" for ");
        } else if line == "}" {
            inside = false;
        }
        let method = line
            .strip_prefix("    pub fn ")
            .or_else(|| line.strip_prefix("    pub async fn "));
        if let Some(method) = method.filter(|_| inside) {
            let end = method.find(['(', '<']).expect("a method has parameters");
            found.insert(method[..end].to_owned());
        }
    }
    assert!(!found.is_empty(), "no method of `{name}` was found");
    found
}

fn source(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/channel")
        .join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn all<'a>(rows: impl Iterator<Item = &'a str>, others: &[&'a str]) -> BTreeSet<String> {
    rows.filter(|name| !name.is_empty())
        .chain(others.iter().copied())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_way_to_send_is_in_the_race() {
    let rows = typed::<Spsc>();
    let listed = all(rows.iter().map(|row| row.method), TYPED_OTHERS);
    assert_eq!(methods(&source("typed.rs"), "Sender"), listed);

    let rows = bytes::<Spsc>();
    let calls = rows.iter().flat_map(|row| [row.method, row.then]);
    let listed = all(calls.filter(|call| !call.contains(' ')), BYTE_OTHERS);
    let file = source("bytes.rs");
    let mut found = methods(&file, "ByteSender");
    found.extend(methods(&file, "WriteClaim"));
    assert_eq!(found, listed);
}
