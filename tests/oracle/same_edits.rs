//! Edits after which a build has nothing to do, or nothing that was not done before.

use crate::file_edits::{any, is_text, other_letters, write};
use crate::state::{Edit, State};
use crate::tree::{self, files, set_time};
use fs_err as fs;

pub(crate) const SAME_EDITS: &[(&str, Edit)] = &[
    ("nothing", |_| Some("nothing".to_owned())),
    ("changed and changed back", changed_back),
    ("written again", written_again),
    ("another folder", another_folder),
    ("times", times),
    ("leavings of builds", leavings),
    ("git", git),
    ("environment", environment),
    ("empty folder", empty_folder),
    ("the tree before", |state| back_to(state, 1)),
    ("an earlier tree", back),
    ("an earlier tree, switched to", switched),
    ("an earlier tree at an old time", back_in_time),
];

/// Builds see the same bytes by another time, and perhaps within the same tick of the clock.
fn changed_back(state: &mut State) -> Option<String> {
    let file = any(state, is_text)?;
    let path = state.root.join(&file);
    let old = fs::read_to_string(&path).unwrap();
    fs::write(&path, other_letters(state, &old)?).unwrap();
    fs::write(&path, old).unwrap();
    Some(file)
}

/// Each file is a new one, as in a new clone.
fn written_again(state: &mut State) -> Option<String> {
    tree::write(&state.root, &tree::read(&state.root));
    Some("everything".to_owned())
}

/// The workspace moves, with what its files know of their times.
fn another_folder(state: &mut State) -> Option<String> {
    let name = format!("work{}", state.next());
    let root = state.root.with_file_name(name);
    fs::rename(&state.root, &root).unwrap();
    state.root = root;
    Some(state.root.display().to_string())
}

fn times(state: &mut State) -> Option<String> {
    let seconds = state.random.u64(1..2_000_000_000);
    for file in files(&state.root, |_| true) {
        set_time(&state.root.join(file), seconds);
    }
    Some(seconds.to_string())
}

/// Leaves what a build in the tree would leave, and what a plain build would read.
fn leavings(state: &mut State) -> Option<String> {
    let (number, project) = (state.next(), state.random.choice(state.shape.projects)?);
    let (folder, name) = project.rsplit_once('/').unwrap();
    let props = format!(
        "<Project><PropertyGroup><Company>Leaving {number}</Company></PropertyGroup></Project>"
    );
    let root = state.root.join(folder);
    write(&root.join(format!("obj/{name}.left.props")), &props);
    write(&root.join("obj/Left.cs"), "class Left { broken }");
    write(&root.join("bin/Release/net10.0/left.dll"), &props);
    Some(folder.to_owned())
}

fn git(state: &mut State) -> Option<String> {
    let commit = format!("{:040x}\n", state.next());
    write(&state.root.join(".git/HEAD"), &commit);
    write(
        &state.root.join(".git/config"),
        "[remote \"origin\"]\nurl = https://example.com/a.git\n",
    );
    Some(commit)
}

/// Sets or unsets a variable that a plain build would take for a property, or speak another language
/// for.
fn environment(state: &mut State) -> Option<String> {
    let number = state.next();
    let name = state.random.choice([
        "Company",
        "AssemblyName",
        "VERSION",
        "Platform",
        "TZ",
        "LANG",
        "CI",
        "DOTNET_CLI_UI_LANGUAGE",
    ])?;
    if state.environment.remove(name).is_some() {
        return Some(format!("{name} unset"));
    }
    let value = match name {
        "TZ" => "Asia/Tokyo".to_owned(),
        "LANG" => "tr_TR.UTF-8".to_owned(),
        "DOTNET_CLI_UI_LANGUAGE" => "de".to_owned(),
        _ => format!("hijack{number}"),
    };
    let told = format!("{name}={value}");
    state.environment.insert(name.to_owned(), value);
    Some(told)
}

fn empty_folder(state: &mut State) -> Option<String> {
    let folder = state.random.choice(state.shape.sources)?;
    let folder = format!("{folder}/Empty{}", state.next());
    fs::create_dir_all(state.root.join(&folder)).unwrap();
    Some(folder)
}

fn back(state: &mut State) -> Option<String> {
    let which = state.random.usize(..state.earlier.len());
    back_to(state, which)
}

/// What is the same in both trees keeps its time, and the rest is new.
fn switched(state: &mut State) -> Option<String> {
    let which = state.random.usize(..state.earlier.len());
    let (snapshot, options) = state.earlier[which].clone();
    tree::switch(&state.root, &snapshot);
    state.options = options;
    Some(format!("{which} trees"))
}

/// Files of another content come at the time of those before.
fn back_in_time(state: &mut State) -> Option<String> {
    let told = back(state)?;
    for file in files(&state.root, |_| true) {
        set_time(&state.root.join(file), 1_000_000_000);
    }
    Some(told)
}

fn back_to(state: &mut State, which: usize) -> Option<String> {
    if which >= state.earlier.len() {
        return None;
    }
    state.back(which);
    Some(format!("{which} trees"))
}
