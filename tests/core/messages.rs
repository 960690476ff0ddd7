//! What people read is written down in tests/core/messages.txt, so that a change of it is seen.
//! What `mizzen help` says is in docs/reference/cli.md.

use crate::support::{is_set, testdata};
use fs_err as fs;
use proc_macro2::{TokenStream, TokenTree};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, ExprMethodCall, ItemFn, ItemImpl, ItemMod, LitStr, Macro};

const HEAD: &str = "\
Every text of mizzen's sources that people may read: errors, hints, progress, warnings.
Made by a test. After a change, and after a conflict in this file:

    UPDATE_MESSAGES=1 cargo test -p mizzen --test core -- messages

Read the difference as somebody who has never seen the code.
";

/// Crates that only tests use.
const FOR_TESTS: [&str; 2] = ["fuzz", "testkit"];

/// Macros whose texts reach nobody, or only who looks for a bug.
const UNSEEN: [&str; 9] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "debug",
    "debug_assert",
    "debug_span",
    "matches",
    "panic",
    "unreachable",
];

#[test]
fn what_people_read_is_as_it_is_written_down() {
    let root = testdata("..");
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join("crates")).unwrap() {
        let entry = entry.unwrap();
        if !FOR_TESTS.contains(&entry.file_name().to_str().unwrap()) {
            sources(&entry.path().join("src"), &mut files);
        }
    }
    sources(&root.join("cli/src"), &mut files);
    files.sort_unstable();
    let mut text = HEAD.to_owned();
    let mut for_tests = Vec::new();
    let found = files.iter().map(|file| {
        let source = fs::read_to_string(file).unwrap();
        let (messages, tests) = messages(&source);
        let folder = folder_of_modules(file);
        for_tests.extend(tests.iter().map(|name| folder.join(name)));
        messages
    });
    let found: Vec<_> = found.collect();
    for (file, messages) in files.iter().zip(found) {
        let module = file.with_extension("");
        if messages.is_empty() || for_tests.iter().any(|tests| module.starts_with(tests)) {
            continue;
        }
        let name = file.strip_prefix(&root).unwrap().display();
        write!(text, "\n{name}\n").unwrap();
        for message in messages {
            writeln!(text, "    {}", message.replace('\n', "\\n")).unwrap();
        }
    }
    let file = root.join("tests/core/messages.txt");
    if is_set("UPDATE_MESSAGES") {
        fs::write(&file, &text).unwrap();
    }
    let written = fs::read_to_string(file).unwrap();
    let is_new = |line: &&str| !written.lines().any(|other| other == *line);
    let new: Vec<&str> = text.lines().filter(is_new).collect();
    assert!(
        text == written,
        "tests/core/messages.txt says otherwise; its head says how to write it anew. New:\n{}",
        new.join("\n")
    );
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().unwrap() == "rs" {
            files.push(path);
        }
    }
}

/// Returns the folder with the modules of a source file.
fn folder_of_modules(file: &Path) -> PathBuf {
    let is_root = ["lib.rs", "main.rs", "mod.rs"]
        .iter()
        .any(|name| file.ends_with(name));
    if is_root {
        file.parent().unwrap().to_owned()
    } else {
        file.with_extension("")
    }
}

/// Returns what reads like a sentence in a source file, in its order, each once; and which modules
/// beside it are for tests.
fn messages(source: &str) -> (Vec<String>, Vec<String>) {
    let mut found = Messages::default();
    found.visit_file(&syn::parse_file(source).unwrap());
    (found.messages, found.for_tests)
}

#[derive(Default)]
struct Messages {
    messages: Vec<String>,
    for_tests: Vec<String>,
}

impl Messages {
    fn take(&mut self, text: String) {
        let is_word =
            |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_sentence = text.trim().contains(' ') && text.split([' ', ',', ':']).any(is_word);
        let is_markup = text.trim_start().starts_with('<');
        if is_sentence && !is_markup && !self.messages.contains(&text) {
            self.messages.push(text);
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let mut is_expect = false;
        for token in tokens {
            match &token {
                TokenTree::Group(group) if !is_expect => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<LitStr>(&literal.to_string()) {
                        self.take(text.value());
                    }
                }
                _ => {}
            }
            is_expect = matches!(&token, TokenTree::Ident(name) if name == "expect");
        }
    }
}

impl Visit<'_> for Messages {
    fn visit_lit_str(&mut self, text: &LitStr) {
        self.take(text.value());
    }

    fn visit_macro(&mut self, called: &Macro) {
        let name = called.path.segments.last().unwrap().ident.to_string();
        if !UNSEEN.contains(&name.as_str()) {
            self.tokens(called.tokens.clone());
        }
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        if attribute.path().is_ident("error")
            && let Ok(list) = attribute.meta.require_list()
        {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_expr_method_call(&mut self, call: &ExprMethodCall) {
        if call.method == "expect" {
            self.visit_expr(&call.receiver);
        } else {
            visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_item_mod(&mut self, item: &ItemMod) {
        if !item.attrs.iter().any(is_for_tests) {
            visit::visit_item_mod(self, item);
        } else if item.content.is_none() {
            self.for_tests.push(item.ident.to_string());
        }
    }

    fn visit_item_fn(&mut self, item: &ItemFn) {
        if !item.attrs.iter().any(is_for_tests) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &ItemImpl) {
        if !item.attrs.iter().any(is_for_tests) {
            visit::visit_item_impl(self, item);
        }
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let test = attribute.parse_args::<syn::Ident>();
    attribute.path().is_ident("cfg") && test.is_ok_and(|condition| condition == "test")
}

#[test]
fn sentences_are_found_wherever_they_stand_and_what_nobody_reads_is_left_out() {
    let source = r#"
        /// A comment is for who reads the code.
        #[derive(thiserror::Error)]
        enum Error {
            #[error("`{0}` is no layer: it has {n} bytes", n = 1)]
            Layer(String),
        }
        const HINT: &str = "look at \
                            it again";
        fn said(name: &str) -> String {
            let word = "hidden";
            let cause = opened(name).expect("it is never closed");
            assert!(cause, "a claim that holds");
            say!(name, format!("not {name} but {}", word.expect("a word is there")));
            cause.hinted("ask for another one").unwrap_or_else(|| unreachable!("not at all"))
        }
        #[cfg(test)]
        mod tests { const TEXT: &str = "only tests say this"; }
        #[cfg(test)]
        mod bench;
    "#;
    let want = [
        "`{0}` is no layer: it has {n} bytes",
        "look at it again",
        "not {name} but {}",
        "ask for another one",
    ];
    assert_eq!(
        messages(source),
        (want.map(str::to_owned).into(), vec!["bench".to_owned()])
    );
}
