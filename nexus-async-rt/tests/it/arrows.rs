//! The sources keep to the architecture: who may import whom, where atomics
//! live.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What names every room: `lib` re-exports them, the guides link to them.
const EVERYWHERE: [&str; 4] = ["lib", "coming_from_0_7", "coming_from_tokio", "patterns"];

/// The code map of ARCHITECTURE.md: which rooms of the crate each room knows.
/// `None` in the published package, which has no such page.
fn arrows() -> Option<BTreeMap<String, BTreeSet<String>>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let text = fs::read_to_string(page).ok()?;
    let name = |cell: &str| {
        let cell = cell.trim().strip_prefix('`')?.strip_suffix('`')?;
        Some(
            cell.trim_end_matches('/')
                .trim_end_matches(".rs")
                .to_owned(),
        )
    };
    let map = text
        .split("## Code map")
        .nth(1)
        .expect("there is a code map");
    let map = map.split("\n## ").next().expect("split gives one part");
    let rows = map.lines().filter_map(|line| {
        let mut cells = line.strip_prefix('|')?.trim_end_matches('|').split('|');
        let (room, knows) = (name(cells.next()?)?, cells.next_back()?);
        let known = knows.split([',', ';']).map(|word| word.trim().to_owned());
        Some((room, known.collect()))
    });
    let mut arrows: BTreeMap<_, BTreeSet<_>> = rows.collect();
    let rooms: BTreeSet<_> = arrows.keys().cloned().collect();
    assert!(
        rooms.len() > 10,
        "only {} rooms are in the code map",
        rooms.len()
    );
    for known in arrows.values_mut() {
        known.retain(|word| rooms.contains(word));
    }
    Some(arrows)
}

/// Which foreign crates a room may name; `std` and `core` are everybody's.
const FOREIGN: &[(&str, &[&str])] = &[
    ("mio", &["reactor", "runtime/inbox/bell.rs", "net"]),
    (
        "libc",
        &[
            "reactor/poller.rs",
            "runtime/inbox/futex.rs",
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
    ("loom", &["sync.rs", "runtime/inbox/bell.rs", "runtime/inbox/futex.rs"]),
];

struct Source {
    /// Below `src/`.
    path: String,
    room: String,
    lines: Vec<String>,
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    assert!(files.len() > 20, "only {} sources were found", files.len());
    files
        .into_iter()
        .map(|file| {
            let path = file
                .strip_prefix(&src)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let room = path.split(['/', '.']).next().unwrap().to_owned();
            let text = fs::read_to_string(&file).expect("sources are text");
            let lines = text.lines().map(str::to_owned).collect();
            Source { path, room, lines }
        })
        .collect()
}

/// The lines of code, with their numbers: no comments, no documentation, and
/// no unit tests, which stand at the end of a file and use the whole crate.
fn code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let numbered = (1..).zip(source.lines.iter().map(String::as_str));
    numbered
        .take_while(|(_, line)| !line.starts_with("mod tests"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The names behind each `crate::` of a line, a group in braces included.
fn named(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &line[at + "crate::".len()..];
        let (rest, end) = match rest.strip_prefix('{') {
            Some(group) => (group, '}'),
            None => (rest, '\0'),
        };
        for part in rest.split([end, ';']).next().unwrap_or(rest).split(", ") {
            let name: String = part
                .trim_start()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            names.push(name);
            if end == '\0' {
                break;
            }
        }
    }
    names
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
    let mut seen = 0;
    let mut used = BTreeSet::new();
    for source in sources() {
        if EVERYWHERE.contains(&source.room.as_str()) {
            continue;
        }
        let Some(allowed) = arrows.get(&source.room) else {
            offences.push(format!("{}: a room that is not in the map", source.path));
            continue;
        };
        for (number, line) in code(&source) {
            for name in named(line) {
                seen += 1;
                used.insert((source.room.clone(), name.clone()));
                if name != source.room && !allowed.contains(&name) {
                    offences.push(format!("src/{}:{number}: {}", source.path, line.trim()));
                }
            }
        }
    }
    assert!(
        seen > 50,
        "only {seen} imports were found: the scan is blind"
    );
    for (room, known) in &arrows {
        for name in known {
            if !used.contains(&(room.clone(), name.clone())) && !EVERYWHERE.contains(&&**room) {
                offences.push(format!("{room} knows {name}, but does not name it"));
            }
        }
    }
    none(&offences, "imports against the arrows");
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
                let is_model = source.path.ends_with("loom.rs");
                let allowed = rooms.iter().any(|room| source.path.starts_with(room));
                if names && !allowed && !(is_model && *foreign == "loom") {
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
        // Models keep their own bookkeeping outside what they check.
        if source.path == "sync.rs" || source.path.ends_with("loom.rs") {
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
        for (number, line) in (1..).zip(&source.lines) {
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
    assert_eq!(named("use crate::ring::Ring;"), ["ring"]);
    assert_eq!(
        named("use crate::{thread, wait::list};"),
        ["thread", "wait"]
    );
    assert_eq!(named("crate::a::b(crate::c::d())"), ["a", "c"]);
    assert!(named("pub(crate) use real::*;").is_empty());
    assert!(named("my_crate::ring").is_empty());
}
