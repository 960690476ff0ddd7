use fs_err as fs;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::visit::{Visit, visit_item_mod};
use syn::{Attribute, ItemMod, ItemUse, UseTree, Visibility};

/// Which modules of a crate name which others, each by its path below the crate: `ui::screen`. What is
/// named by a re-export counts as where it is, and what only tests name does not count.
pub(crate) type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Reads the arrows of the crate whose sources lie in `folder`.
pub(crate) fn arrows(folder: &Path) -> Arrows {
    let mut modules = BTreeMap::new();
    collect(folder, &[], &mut modules);
    let arrow = |(module, named): (&Vec<String>, &Named)| {
        let targets = named.paths.iter().filter_map(|path| {
            let target = resolve(&absolute(module, path, &modules)?, &modules)?;
            (target != *module).then(|| target.join("::"))
        });
        (module.join("::"), targets.collect())
    };
    modules.iter().map(arrow).collect()
}

/// Returns the modules that lie on circles, or between two of them.
pub(crate) fn circles(arrows: &Arrows) -> Vec<String> {
    let mut left: BTreeSet<&str> = arrows.keys().map(String::as_str).collect();
    loop {
        let ends: Vec<&str> = left
            .iter()
            .filter(|module| {
                let leads_on = arrows[**module].iter().any(|to| left.contains(to.as_str()));
                let is_named = left.iter().any(|from| arrows[*from].contains(**module));
                !leads_on || !is_named
            })
            .copied()
            .collect();
        if ends.is_empty() {
            return left.into_iter().map(str::to_owned).collect();
        }
        left.retain(|module| !ends.contains(module));
    }
}

/// What one module names.
#[derive(Default)]
struct Named {
    paths: BTreeSet<Vec<String>>,
    /// What others may find here although it is elsewhere: its name here, and its path.
    passed_on: BTreeMap<String, Vec<String>>,
}

type Modules = BTreeMap<Vec<String>, Named>;

fn collect(folder: &Path, parent: &[String], modules: &mut Modules) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let child = [parent, std::slice::from_ref(&stem)].concat();
        if path.is_dir() {
            collect(&path, &child, modules);
            continue;
        }
        let module = match stem.as_str() {
            "main" => continue,
            "lib" | "mod" => parent.to_vec(),
            _ => child,
        };
        let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut named = Named::default();
        named.visit_file(&file);
        modules.insert(module, named);
    }
}

impl Visit<'_> for Named {
    fn visit_item_use(&mut self, item: &ItemUse) {
        let is_passed_on = !matches!(item.vis, Visibility::Inherited);
        self.take(&item.tree, &[], is_passed_on);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let segments = path.segments.iter();
        self.paths
            .insert(segments.map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &ItemMod) {
        if !item.attrs.iter().any(is_for_tests) {
            visit_item_mod(self, item);
        }
    }

    // `pub(crate)` is not a path.
    fn visit_visibility(&mut self, _: &Visibility) {}
}

impl Named {
    fn take(&mut self, tree: &UseTree, before: &[String], is_passed_on: bool) {
        let (name, alias) = match tree {
            UseTree::Path(path) => {
                let before = [before, &[path.ident.to_string()]].concat();
                return self.take(&path.tree, &before, is_passed_on);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.take(tree, before, is_passed_on);
                }
                return;
            }
            UseTree::Glob(_) => {
                self.paths.insert(before.to_vec());
                return;
            }
            UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(rename) => (rename.ident.to_string(), rename.rename.to_string()),
        };
        let path = match name.as_str() {
            "self" => before.to_vec(),
            name => [before, &[name.to_owned()]].concat(),
        };
        if is_passed_on {
            self.passed_on.insert(alias, path.clone());
        }
        self.paths.insert(path);
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let cfg = attribute.path().is_ident("cfg");
    cfg && attribute
        .parse_args::<syn::Ident>()
        .is_ok_and(|condition| condition == "test")
}

/// Returns where a path of `module` begins at the crate; `None` if it is another crate's, or begins with
/// what the module has already named.
fn absolute(module: &[String], path: &[String], modules: &Modules) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => absolute(module, rest, modules),
        "super" => {
            let parent = &module[..module.len().checked_sub(1)?];
            match rest.first().map(String::as_str) {
                Some("super") => absolute(parent, rest, modules),
                _ => Some([parent, rest].concat()),
            }
        }
        _ => {
            let child = [module, &path[..1]].concat();
            modules
                .contains_key(&child)
                .then(|| [module, path].concat())
        }
    }
}

/// Returns the module that has what `path` names.
fn resolve(path: &[String], modules: &Modules) -> Option<Vec<String>> {
    let known = (0..=path.len()).rfind(|end| modules.contains_key(&path[..*end]))?;
    let module = &path[..known];
    let passed_on = path
        .get(known)
        .and_then(|name| modules[module].passed_on.get(name));
    match passed_on.and_then(|target| absolute(module, target, modules)) {
        Some(target) if target != path => resolve(&target, modules),
        _ => Some(module.to_vec()),
    }
}
