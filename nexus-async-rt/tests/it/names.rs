//! The crate's face: the list of the public API, the table of names in ARCHITECTURE.md,
//! and the names of futures agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A page of the repository; `None` in the published package, which has none.
fn page(path: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).ok()
}

/// One public item: `module::Type::name` without the crate, and the line that lists it.
struct Item<'a> {
    path: Vec<&'a str>,
    line: &'a str,
}

fn items(list: &str) -> Vec<Item<'_>> {
    let kinds = [
        "struct", "enum", "trait", "fn", "const", "type", "use", "static",
    ];
    list.lines()
        .filter(|line| {
            line.split(' ')
                .skip_while(|word| *word != "pub")
                .skip(1)
                .find(|word| !["unsafe", "async"].contains(word))
                .is_some_and(|word| kinds.contains(&word))
        })
        .filter_map(|line| {
            let rest = line.split_once("nexus_async_rt::")?.1;
            Some(Item {
                path: segments(rest),
                line,
            })
        })
        .collect()
}

/// The segments of the path at the beginning of `text`, without parameters.
fn segments(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        found.push(&rest[..end]);
        rest = &rest[end..];
        if rest.starts_with('<') {
            let mut depth = 0;
            let close = rest.find(|c| {
                depth += i32::from(c == '<') - i32::from(c == '>');
                depth == 0
            });
            rest = &rest[close.map_or(rest.len(), |at| at + 1)..];
        }
        match rest.strip_prefix("::") {
            Some(more) => rest = more,
            None => return found,
        }
    }
}

fn is_module(segment: &str) -> bool {
    segment.starts_with(char::is_lowercase)
}

#[test]
fn the_table_of_names_is_the_public_api() {
    let (Some(list), Some(page)) = (page("docs/public-api.txt"), page("ARCHITECTURE.md")) else {
        return;
    };
    let mut listed: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for item in items(&list) {
        let (module, name) = match item.path[..] {
            [name] => ("the root", name),
            [module, name] if is_module(module) => (module, name),
            _ => continue,
        };
        listed.entry(module.to_owned()).or_default().insert(name);
    }
    let root = listed["the root"].clone();
    assert!(root.len() <= 26, "{} names are at the root", root.len());
    for (module, names) in &mut listed {
        if module != "the root" {
            names.retain(|name| !root.contains(name));
        }
    }

    let section = page.split("## Names").nth(1).expect("there is a section");
    let section = section.split("\n## ").next().unwrap_or(section);
    let table: BTreeMap<String, BTreeSet<&str>> = section
        .lines()
        .filter_map(|line| {
            let (module, names) = line.strip_prefix("| ")?.split_once(" | ")?;
            let names = names.split('`').skip(1).step_by(2).collect();
            Some((module.trim_matches('`').to_owned(), names))
        })
        .filter(|(module, _)| module != "module")
        .collect();
    assert_eq!(table, listed, "left: ARCHITECTURE.md, right: the list");
}

#[test]
fn every_future_is_named_after_a_function_that_returns_it() {
    let Some(list) = page("docs/public-api.txt") else {
        return;
    };
    let futures: BTreeSet<&str> = list
        .lines()
        .filter_map(|line| line.split_once(" core::future::future::Future for nexus_async_rt::"))
        .filter_map(|(_, path)| segments(path).pop())
        .filter(|name| !name.ends_with("Handle"))
        .collect();
    assert!(futures.len() > 15, "only {futures:?} are futures");
    let items = items(&list);
    for future in futures {
        let returning = items
            .iter()
            .filter(|item| item.line.contains(" fn "))
            .filter(|item| {
                let signature = item.line.split(" where ").next();
                signature
                    .and_then(|signature| signature.rsplit_once(" -> "))
                    .is_some_and(|(_, output)| segments(output).contains(&future))
            });
        let expected: Vec<String> = returning
            .filter_map(|item| match item.path[..] {
                [.., owner, name] if !is_module(owner) => Some(camel(name) + "Fut"),
                [.., name] => Some(camel(name)),
                [] => None,
            })
            .collect();
        assert!(
            expected
                .iter()
                .any(|name| future == name || future.strip_prefix("Byte") == Some(name)),
            "{future} is returned by functions whose futures are called {expected:?}"
        );
    }
}

fn camel(name: &str) -> String {
    name.split('_')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}
