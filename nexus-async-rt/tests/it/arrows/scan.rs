//! The sources, parsed: which names of the crate each file uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

/// A path from the root of the crate: `["ring", "spsc", "Ring"]`.
type Name = Vec<String>;

/// A use of a name of the crate.
pub struct Use {
    pub name: Name,
    pub line: usize,
}

/// One file of the crate, without its tests.
pub struct Source {
    /// Below `src/`.
    pub path: String,
    /// The module that it is.
    pub module: Name,
    pub text: String,
    pub uses: Vec<Use>,
    /// What it exports of its submodules, by the name that it has here.
    exports: BTreeMap<String, Name>,
}

impl Source {
    /// The file or folder below `src/` that it lies in.
    pub fn room(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap_or_default()
    }
}

/// All files that an ordinary build compiles.
pub fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    let mut tests = BTreeSet::new();
    let mut sources = Vec::new();
    for file in files {
        let path = file.strip_prefix(&src).unwrap().to_string_lossy();
        let text = fs::read_to_string(&file).expect("sources are text");
        let source = scan(&path, text, &mut tests);
        sources.push(source);
    }
    let for_tests = |module: &Name| tests.iter().any(|test| module.starts_with(test));
    sources.retain(|source| !for_tests(&source.module) && !is_model(&source.path));
    assert!(sources.len() > 20, "only {} sources", sources.len());
    sources
}

/// The models, and what is compiled in the place of a room for them.
fn is_model(path: &str) -> bool {
    ["/loom.rs", "/loom/", "/models.rs"]
        .iter()
        .any(|part| path.contains(part))
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

/// Parses one file; adds the modules that it declares for tests alone to `tests`.
pub fn scan(path: &str, text: String, tests: &mut BTreeSet<Name>) -> Source {
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("src/{path}: {error}"));
    let stem = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let module: Name = match stem {
        "lib" => Vec::new(),
        _ => stem.split('/').map(str::to_owned).collect(),
    };
    let mut found = Found {
        module: module.clone(),
        children: parsed
            .items
            .iter()
            .filter_map(|item| match item {
                syn::Item::Mod(item) => Some(item.ident.to_string()),
                _ => None,
            })
            .collect(),
        uses: Vec::new(),
        exports: BTreeMap::new(),
        tests,
    };
    found.visit_file(&parsed);
    Source {
        path: path.to_owned(),
        uses: found.uses,
        exports: found.exports,
        module,
        text,
    }
}

struct Found<'a> {
    /// Where the visitor is, inline modules included.
    module: Name,
    children: BTreeSet<String>,
    uses: Vec<Use>,
    exports: BTreeMap<String, Name>,
    tests: &'a mut BTreeSet<Name>,
}

impl Found<'_> {
    /// A path as it is written, from the root of the crate. `None`: of another crate,
    /// or a name of this file.
    fn absolute(&self, written: &[String]) -> Option<Name> {
        let mut module = self.module.clone();
        let mut rest = written;
        match rest.first()?.as_str() {
            "crate" => module.clear(),
            "self" => {}
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    module.pop()?;
                    rest = &rest[1..];
                }
                module.extend_from_slice(rest);
                return Some(module);
            }
            child if self.children.contains(child) => {
                module.extend_from_slice(rest);
                return Some(module);
            }
            _ => return None,
        }
        module.extend_from_slice(&rest[1..]);
        Some(module)
    }

    fn add(&mut self, written: &[String], line: usize) {
        if let Some(name) = self.absolute(written) {
            self.uses.push(Use { name, line });
        }
    }

    /// The names at the leaves of a `use`.
    fn leaves(&mut self, tree: &syn::UseTree, written: &mut Name, exported: bool) {
        match tree {
            syn::UseTree::Path(path) => {
                written.push(path.ident.to_string());
                self.leaves(&path.tree, written, exported);
                written.pop();
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.leaves(tree, written, exported);
                }
            }
            syn::UseTree::Glob(_) => self.add(written, tree.span().start().line),
            syn::UseTree::Name(_) | syn::UseTree::Rename(_) => {
                let (ident, name) = match tree {
                    syn::UseTree::Rename(rename) => (&rename.ident, &rename.rename),
                    syn::UseTree::Name(name) => (&name.ident, &name.ident),
                    _ => return,
                };
                let is_self = ident == "self";
                if !is_self {
                    written.push(ident.to_string());
                }
                let line = tree.span().start().line;
                match self.absolute(written) {
                    // What a file exports of its own submodules it does not use.
                    Some(path) if exported && path.starts_with(&self.module) => {
                        self.exports.insert(name.to_string(), path);
                    }
                    _ => self.add(written, line),
                }
                if !is_self {
                    written.pop();
                }
            }
        }
    }
}

/// Whether an item is compiled for tests alone.
fn for_tests(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let syn::Meta::List(list) = &attr.meta else {
            return false;
        };
        let condition = list.tokens.to_string();
        list.path.is_ident("cfg")
            && (condition == "test" || condition.replace(' ', "").starts_with("all(test"))
    })
}

impl<'ast> Visit<'ast> for Found<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        if for_tests(&item.attrs) {
            // One with a path stands in the place of an ordinary one.
            if !item.attrs.iter().any(|attr| attr.path().is_ident("path")) {
                self.tests.insert(self.module.clone());
            }
        } else {
            visit::visit_item_mod(self, item);
        }
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !for_tests(&item.attrs) {
            let exported = !matches!(item.vis, syn::Visibility::Inherited);
            self.leaves(&item.tree, &mut Vec::new(), exported);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let written: Name = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        if ["crate", "super", "self"].contains(&written[0].as_str()) && written.len() > 1 {
            self.add(&written, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }
}

impl Found<'_> {
    /// Inside a macro there are only tokens: what follows `crate::` or `super::`.
    fn tokens(&mut self, tokens: proc_macro2::TokenStream) {
        use proc_macro2::TokenTree;
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(ident) if ident == "crate" || ident == "super" => {
                    let line = ident.span().start().line;
                    let mut written = vec![ident.to_string()];
                    while let [
                        TokenTree::Punct(a),
                        TokenTree::Punct(b),
                        TokenTree::Ident(next),
                    ] = &tokens[(at + 1).min(tokens.len())..(at + 4).min(tokens.len())]
                        && a.as_char() == ':'
                        && b.as_char() == ':'
                    {
                        written.push(next.to_string());
                        at += 3;
                    }
                    if written.len() > 1 {
                        self.add(&written, line);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

/// Which file uses which: the path of each, and those of the files that have the
/// items it names, wherever these are exported on the way.
pub fn graph(sources: &[Source]) -> BTreeMap<&str, BTreeSet<&str>> {
    let files: BTreeMap<&[String], &Source> = sources
        .iter()
        .map(|source| (source.module.as_slice(), source))
        .collect();
    sources
        .iter()
        .map(|source| {
            let used = source
                .uses
                .iter()
                .filter_map(|used| resolve(&files, used.name.clone(), 8))
                .filter(|path| *path != source.path && *path != "lib.rs")
                .collect();
            (source.path.as_str(), used)
        })
        .collect()
}

/// The file that an item is in.
fn resolve<'a>(
    files: &BTreeMap<&[String], &'a Source>,
    name: Name,
    exports: usize,
) -> Option<&'a str> {
    let (length, file) = (0..=name.len())
        .rev()
        .find_map(|length| Some((length, *files.get(&name[..length])?)))?;
    if exports > 0
        && let Some(item) = name.get(length)
        && let Some(target) = file.exports.get(item)
    {
        let mut target = target.clone();
        target.extend_from_slice(&name[length + 1..]);
        return resolve(files, target, exports - 1);
    }
    Some(&file.path)
}

/// The files that lead to each other, each group sorted.
pub fn cycles<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<Vec<&'a str>> {
    let reached = |from: &'a str| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            for &next in graph.get(at).into_iter().flatten() {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|file| (*file, reached(file))).collect();
    reach
        .iter()
        .filter(|(file, reached)| reached.contains(*file))
        .map(|(file, reached)| {
            reached
                .iter()
                .copied()
                .filter(|other| reach.get(other).is_some_and(|back| back.contains(file)))
                .collect()
        })
        .collect()
}
