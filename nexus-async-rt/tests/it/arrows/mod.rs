//! The sources keep to the architecture: which room imports which, where
//! atomics live.

mod scan;

use scan::{Source, cycles, graph, scan, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What names every room: `lib` re-exports them, the guides link to them.
const EVERYWHERE: [&str; 4] = ["lib", "coming_from_0_7", "coming_from_tokio", "patterns"];

/// The files that may name each other: a handle and its future.
const PAIRS: [[&str; 2]; 4] = [
    ["channel/bytes.rs", "channel/bytes_fut.rs"],
    ["channel/typed.rs", "channel/typed_fut.rs"],
    ["net/op.rs", "net/source.rs"],
    ["task/join.rs", "task/outcome.rs"],
];

/// The block `rooms` of ARCHITECTURE.md: a line for each room, `room -> those that it
/// knows`. `None` in the published package, which has no such page.
fn arrows() -> Option<BTreeMap<String, BTreeSet<String>>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let text = fs::read_to_string(page).ok()?;
    let block = text
        .split("```rooms\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("ARCHITECTURE.md has a block `rooms`");
    let arrows: BTreeMap<_, _> = block
        .lines()
        .map(|line| {
            let (room, known) = line
                .split_once("->")
                .unwrap_or_else(|| panic!("no arrow in the block `rooms`: {line}"));
            let known = known
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty());
            (room.trim().to_owned(), known.map(str::to_owned).collect())
        })
        .collect();
    assert!(
        arrows.len() > 10,
        "only {} rooms are in the map",
        arrows.len()
    );
    Some(arrows)
}

/// The first column of the table above that block: what lies in `src/`.
fn table() -> Option<BTreeSet<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let text = fs::read_to_string(page).ok()?;
    let rows = text.split("| room | ").nth(1)?.split("\n\n").next()?;
    let names = rows.lines().skip(2).filter_map(|row| {
        let cell = row.strip_prefix("| `")?.split('`').next()?;
        Some(cell.to_owned())
    });
    Some(names.collect())
}

/// Which foreign crates a room may name; `std` and `core` are everybody's.
const FOREIGN: &[(&str, &[&str])] = &[
    ("mio", &["reactor", "runtime/inbox/bell.rs", "net"]),
    (
        "libc",
        &[
            "reactor/poller.rs",
            "runtime/inbox/futex.rs",
            "runtime/pinning.rs",
            "net",
            "sync/asymmetric.rs",
        ],
    ),
    ("nexus_rt", &["runtime", "lib.rs"]),
    ("fastrand", &["time/backoff.rs"]),
    ("nix", &["runtime/signals.rs"]),
    ("socket2", &["net"]),
    ("futures_io", &["net"]),
    ("tokio", &["tokio_compat", "net"]),
    // The bell is what the models ring in the poller's place.
    ("loom", &["runtime/inbox/bell.rs", "runtime/inbox/futex.rs"]),
];

/// The lines of code, with their numbers: no comments, no documentation, and
/// no unit tests, which stand at the end of a file and use the whole crate.
fn code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let numbered = (1..).zip(source.text.lines());
    numbered
        .take_while(|(_, line)| !line.starts_with("mod tests"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Fails with every offending line.
#[track_caller]
fn none(offences: &[String], rule: &str) {
    assert!(offences.is_empty(), "{rule}:\n{}", offences.join("\n"));
}

#[test]
fn rooms_import_only_along_the_arrows() {
    let Some(arrows) = arrows() else {
        return println!("skipped: there is no ARCHITECTURE.md");
    };
    let mut offences = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources() {
        let room = source.room();
        if EVERYWHERE.contains(&room) {
            continue;
        }
        let Some(allowed) = arrows.get(room) else {
            offences.push(format!("{}: a room that is not in the map", source.path));
            continue;
        };
        for other in &source.uses {
            let Some(name) = other.name.first() else {
                continue;
            };
            used.insert((room.to_owned(), name.clone()));
            if name != room && !allowed.contains(name) {
                let (path, line) = (&source.path, other.line);
                offences.push(format!("src/{path}:{line}: {}", other.name.join("::")));
            }
        }
    }
    assert!(used.len() > 50, "only {used:?}: the scan is blind");
    for (room, known) in &arrows {
        for name in known {
            if !used.contains(&(room.clone(), name.clone())) {
                offences.push(format!("{room} knows {name}, but does not name it"));
            }
        }
    }
    none(&offences, "imports against the arrows");
}

#[test]
fn the_map_is_the_tree() {
    let (Some(arrows), Some(table)) = (arrows(), table()) else {
        return println!("skipped: there is no ARCHITECTURE.md");
    };
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries: Vec<_> = fs::read_dir(src)
        .expect("the sources are there")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    let mut tree = BTreeSet::new();
    for path in &entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let end = if path.is_dir() { "/" } else { "" };
        tree.insert(name + end);
    }
    assert_eq!(table, tree, "left: the table of rooms, right: src/");
    let rooms: BTreeSet<_> = tree
        .iter()
        .map(|name| name.trim_end_matches('/').trim_end_matches(".rs"))
        .filter(|room| !EVERYWHERE.contains(room))
        .collect();
    let drawn: BTreeSet<_> = arrows.keys().map(String::as_str).collect();
    assert_eq!(drawn, rooms, "left: the block `rooms`, right: src/");
}

#[test]
fn only_a_handle_and_its_future_name_each_other() {
    let sources = sources();
    let graph = graph(&sources);
    let edges: usize = graph.values().map(BTreeSet::len).sum();
    assert!(edges > 200, "only {edges} edges: the scan is blind");
    let found = cycles(&graph);
    let allowed = PAIRS.iter().map(|pair| pair.to_vec()).collect();
    assert_eq!(found, allowed, "left: the cycles of files, right: PAIRS");
}

#[test]
fn every_dependency_has_its_rooms() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let text = fs::read_to_string(manifest).expect("a package has a manifest");
    let mut in_table = false;
    let mut seen = 0;
    let mut offences = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            in_table = line.ends_with("dependencies]") && !line.contains("dev-");
        } else if in_table
            && !line.starts_with('#')
            && let Some((name, _)) = line.split_once(['=', '.'])
        {
            let name = name.trim().replace('-', "_");
            seen += 1;
            if !FOREIGN.iter().any(|(foreign, _)| *foreign == name) {
                offences.push(name);
            }
        }
    }
    assert!(seen > 3, "only {seen} dependencies were found");
    none(&offences, "dependencies without a room");
}

#[test]
fn foreign_crates_stay_in_their_rooms() {
    let mut offences = Vec::new();
    for source in sources() {
        for (number, line) in code(&source) {
            for (foreign, rooms) in FOREIGN {
                let names = line.match_indices(&format!("{foreign}::")).any(|(at, _)| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c))
                        || line[..at].ends_with("use ::")
                });
                let allowed = rooms.iter().any(|room| source.path.starts_with(room));
                if names && !allowed {
                    offences.push(format!("src/{}:{number}: {}", source.path, line.trim()));
                }
            }
        }
    }
    none(&offences, "foreign crates outside their rooms");
}

#[test]
fn atomics_and_cells_come_through_one_door() {
    let mut offences = Vec::new();
    for source in sources() {
        // Models, which are not among the sources, keep their own bookkeeping.
        if source.room() == "sync" {
            continue;
        }
        for (number, line) in code(&source) {
            let names = [
                "std::sync::atomic",
                "core::sync::atomic",
                "std::cell::UnsafeCell",
                "core::cell::UnsafeCell",
            ];
            let in_group = line.contains("use std::cell::{") && line.contains("UnsafeCell");
            if in_group || names.iter().any(|name| line.contains(name)) {
                offences.push(format!("src/{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    none(&offences, "atomics or cells that do not come from `sync`");
}

#[test]
fn every_example_runs() {
    let mut offences = Vec::new();
    for source in sources() {
        for (number, line) in (1..).zip(source.text.lines()) {
            let text = line.trim_start();
            let doc = text
                .strip_prefix("///")
                .or_else(|| text.strip_prefix("//!"));
            let fence = doc.and_then(|doc| doc.trim_start().strip_prefix("```"));
            if fence.is_some_and(|fence| fence.split(',').any(|word| word.trim() == "ignore")) {
                offences.push(format!("src/{}:{number}: {text}", source.path));
            }
        }
    }
    none(&offences, "examples that are ignored");
}

#[test]
fn the_scan_sees_what_it_looks_for() {
    let text = "
        use crate::ring::Ring;
        use crate::{thread, wait::list::{self, Node}};
        pub use inner::Face;
        pub(crate) use real::*;
        use my_crate::ring;
        mod inner { use super::sibling; }
        mod real {}
        #[cfg(test)] mod tests { use crate::unseen; }
        #[cfg(all(test, nexus_loom))] mod loom;
        #[cfg(not(all(test, nexus_loom)))] use super::above::Seen;
        fn f() { crate::a::b(super::c::d(), macro_call!(crate::e::f)); }
    ";
    let mut tests = BTreeSet::new();
    let source = scan("room/file.rs", text.to_owned(), &mut tests);
    let names: BTreeSet<_> = source
        .uses
        .iter()
        .map(|used| used.name.join("::"))
        .collect();
    let expected = [
        "a::b",
        "e::f",
        "ring::Ring",
        "room::above::Seen",
        "room::c::d",
        "room::file::real",
        "room::file::sibling",
        "thread",
        "wait::list",
        "wait::list::Node",
    ];
    assert_eq!(
        names.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
    let tests: Vec<_> = tests.iter().map(|name| name.join("::")).collect();
    assert_eq!(tests, ["room::file::loom", "room::file::tests"]);
}

#[test]
fn the_search_finds_a_circle_through_an_export() {
    let mut tests = BTreeSet::new();
    let mut file = |path: &str, text: &str| scan(path, text.to_owned(), &mut tests);
    let files = [
        file(
            "room/mod.rs",
            "mod one; mod two; mod three; pub use two::Two;",
        ),
        file("room/one.rs", "use super::Two;"),
        file("room/two.rs", "use crate::room::three::Three;"),
        file("room/three.rs", "use super::one::One;"),
        file("other.rs", "use crate::room::Two;"),
    ];
    let circle = vec!["room/one.rs", "room/three.rs", "room/two.rs"];
    assert_eq!(cycles(&graph(&files)), BTreeSet::from([circle]));
}
