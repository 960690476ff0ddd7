//! What a person or a key gets is never what `Debug` makes of a value: a renamed variant would change it,
//! and Rust does not promise its form.

use crate::support::testdata;
use fs_err as fs;
use std::path::{Path, PathBuf};
use syn::visit::{Visit, visit_item_impl, visit_item_mod};
use syn::{Attribute, ItemImpl, ItemMod, Macro, Meta};

/// The macros that panic: nobody but a developer reads that.
const PANIC: [&str; 5] = ["assert", "assert_eq", "assert_ne", "panic", "unreachable"];

#[test]
fn no_text_for_people_or_keys_is_made_by_debug() {
    let mut found = Vec::new();
    let folders = fs::read_dir(testdata("../crates")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let of_tests = |folder: &PathBuf| folder.ends_with("fuzz") || folder.ends_with("testkit");
    let crates: Vec<PathBuf> = folders.filter(|folder| !of_tests(folder)).collect();
    assert!(crates.len() > 5);
    for folder in crates.into_iter().chain([testdata("../cli")]) {
        for file in sources(&folder.join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            let texts = DebugTexts::of(&text).into_iter();
            found.extend(texts.map(|text| format!("{}: {text}", file.display())));
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_text_made_by_debug_is_found_wherever_it_stands() {
    let count = |text: &str| DebugTexts::of(text).len();
    assert_eq!(count(r#"fn f() { format!("{:?}", 1); }"#), 1);
    assert_eq!(
        count(r#"fn f() { other(vec![format!("{x:02x?} {y:#?}")]); }"#),
        1
    );
    assert_eq!(count(r#"fn f() { write!(f, "{0:?}", self.0) }"#), 1);
    assert_eq!(count(r#"enum E { #[error("no {0:?}")] No(u8) }"#), 1);
    for other in [
        r#"fn f() { format!("{} {x:>3}? {{:?}}", 1); panic!("{x:?}"); assert!(is, "{x:?}"); }"#,
        r#"impl fmt::Debug for E { fn fmt(&self) { write!(f, "{:?}", self.0) } }"#,
        r#"#[cfg(test)] mod tests { fn f() { format!("{x:?}"); } }"#,
    ] {
        assert_eq!(count(other), 0, "{other}");
    }
}

/// The texts of one file in which a value stands as `Debug` has it.
#[derive(Default)]
struct DebugTexts(Vec<String>);

impl DebugTexts {
    fn of(source: &str) -> Vec<String> {
        let mut texts = Self::default();
        texts.visit_file(&syn::parse_file(source).unwrap());
        texts.0
    }

    fn take(&mut self, tokens: &str) {
        let plain = tokens.replace("{{", "").replace("}}", "");
        // Also `{:#?}` and `{:02x?}`.
        let is_debug = plain
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .any(|(place, _)| {
                place
                    .split_once(':')
                    .is_some_and(|(_, form)| form.ends_with('?'))
            });
        if is_debug {
            self.0.push(tokens.to_owned());
        }
    }
}

impl Visit<'_> for DebugTexts {
    fn visit_macro(&mut self, used: &Macro) {
        let name = used.path.segments.last().unwrap().ident.to_string();
        if !PANIC.contains(&name.as_str()) {
            self.take(&used.tokens.to_string());
        }
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        if let Meta::List(list) = &attribute.meta
            && list.path.is_ident("error")
        {
            self.take(&list.tokens.to_string());
        }
    }

    fn visit_item_impl(&mut self, item: &ItemImpl) {
        let of_debug = item.trait_.as_ref().is_some_and(|(_, path, _)| {
            let last = path.segments.last();
            last.is_some_and(|last| last.ident == "Debug")
        });
        if !of_debug {
            visit_item_impl(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &ItemMod) {
        let is_test = |attribute: &Attribute| {
            let condition = attribute.parse_args::<syn::Ident>();
            attribute.path().is_ident("cfg") && condition.is_ok_and(|condition| condition == "test")
        };
        if !item.attrs.iter().any(is_test) {
            visit_item_mod(self, item);
        }
    }
}

/// Returns the Rust files below `folder` but for those of programs that only tests run.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("bin") {
                files.extend(sources(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            files.push(path);
        }
    }
    files
}
