//! The public methods of the sending ends, read off the list of the public API: each is
//! a row of the table of forms, or is said to send nothing.

use crate::forms::{BYTE_OTHERS, TYPED_OTHERS, bytes, typed};
use nexus_async_rt::channel::Spsc;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The public methods of the type `name` of `channel` that are no trait's.
fn methods(list: &str, name: &str) -> BTreeSet<String> {
    let owner = format!("nexus_async_rt::channel::{name}<");
    let mut found = BTreeSet::new();
    let mut inside = false;
    for line in list.lines() {
        if line.starts_with("impl") {
            inside = line.contains(&owner) && !line.contains(" for ");
        }
        let method = line
            .strip_prefix("pub fn ")
            .or_else(|| line.strip_prefix("pub async fn "))
            .and_then(|path| path.strip_prefix(&owner))
            .and_then(|path| path.split_once(">::"));
        if let Some((_, method)) = method.filter(|_| inside) {
            let end = method.find(['(', '<']).expect("a method has parameters");
            found.insert(method[..end].to_owned());
        }
    }
    assert!(!found.is_empty(), "no method of `{name}` was found");
    found
}

fn all<'a>(rows: impl Iterator<Item = &'a str>, others: &[&'a str]) -> BTreeSet<String> {
    rows.filter(|name| !name.is_empty())
        .chain(others.iter().copied())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_way_to_send_is_in_the_race() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/public-api.txt");
    let Ok(list) = fs::read_to_string(path) else {
        return println!("skipped: there is no docs/public-api.txt");
    };
    let rows = typed::<Spsc>();
    let listed = all(rows.iter().map(|row| row.method), TYPED_OTHERS);
    assert_eq!(methods(&list, "Sender"), listed);

    let rows = bytes::<Spsc>();
    let calls = rows.iter().flat_map(|row| [row.method, row.then]);
    let listed = all(calls.filter(|call| !call.contains(' ')), BYTE_OTHERS);
    let mut found = methods(&list, "ByteSender");
    found.extend(methods(&list, "WriteClaim"));
    assert_eq!(found, listed);
}
