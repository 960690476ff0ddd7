//! Edits of files, whatever they are to a build.

use crate::state::{Edit, State};
use crate::tree::{files, set_time};
use fs_err as fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

pub(crate) const FILE_EDITS: &[(&str, Edit)] = &[
    ("content", content),
    ("content of the same length at an old time", same_length),
    ("line ends", line_ends),
    ("add a source", add_source),
    ("delete a source", delete_source),
    ("rename a source", rename_source),
    ("mode", mode),
    ("link inside", link_inside),
    ("link outside", link_outside),
    ("target of the link outside", link_target),
    ("static file", static_file),
    ("settings", settings),
    ("documents", documents),
];

/// Returns one of the files that `wanted` says yes to.
pub(crate) fn any(state: &mut State, wanted: impl Fn(&str) -> bool) -> Option<String> {
    let found = files(&state.root, |path| {
        let is_leaving = path.contains("/obj/") || path.contains("csproj/bin");
        !is_leaving && !path.starts_with(".git/") && wanted(path)
    });
    state.random.choice(found)
}

pub(crate) fn is_text(path: &str) -> bool {
    [".cs", ".css", ".js", ".json", ".txt"]
        .iter()
        .any(|end| path.ends_with(end))
        && !path.ends_with("global.json")
}

fn ends_with(path: &str, wanted: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|extension| extension == wanted)
}

fn is_source(path: &str) -> bool {
    ends_with(path, "cs")
}

pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn content(state: &mut State) -> Option<String> {
    let file = any(state, |path| is_source(path) || ends_with(path, "css"))?;
    let path = state.root.join(&file);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{text}/* {} */\n", state.next())).unwrap();
    Some(file)
}

/// Changes letters between quotes (all of `site.css` else), by writing or by a rename, and gives the
/// file its old time or an older one: what a stat cache must see through.
fn same_length(state: &mut State) -> Option<String> {
    let file = any(state, is_text)?;
    let path = state.root.join(&file);
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let old = fs::read_to_string(&path).unwrap();
    let new = other_letters(state, &old)?;
    if state.random.bool() {
        fs::write(&path, new).unwrap();
    } else {
        let mode = fs::metadata(&path).unwrap().permissions();
        let beside = path.with_extension("new");
        fs::write(&beside, new).unwrap();
        fs::set_permissions(&beside, mode).unwrap();
        fs::rename(&beside, &path).unwrap();
    }
    if state.random.bool() {
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
    } else {
        set_time(&path, 1_000_000_000);
    }
    Some(file)
}

pub(crate) fn other_letters(state: &mut State, text: &str) -> Option<String> {
    let start = text.find('"').map_or(0, |quote| quote + 1);
    let length = text[start..].find(|letter: char| !letter.is_ascii_lowercase());
    let length = length.unwrap_or(text.len() - start);
    if length == 0 {
        return None;
    }
    let letters: String = (0..length).map(|_| state.random.lowercase()).collect();
    Some(format!(
        "{}{letters}{}",
        &text[..start],
        &text[start + length..]
    ))
}

fn line_ends(state: &mut State) -> Option<String> {
    let file = any(state, is_source)?;
    let path = state.root.join(&file);
    let text = fs::read_to_string(&path).unwrap();
    let has = text.contains('\r');
    let text = if has {
        text.replace('\r', "")
    } else {
        text.replace('\n', "\r\n")
    };
    fs::write(path, text).unwrap();
    Some(file)
}

fn add_source(state: &mut State) -> Option<String> {
    let folder = *state.random.choice(state.shape.sources)?;
    let number = state.next();
    let file = format!("{folder}/New{number}.cs");
    let text = format!("namespace New{number};\n/// <summary>New.</summary>\npublic class New;\n");
    write(&state.root.join(&file), &text);
    Some(file)
}

fn delete_source(state: &mut State) -> Option<String> {
    let file = any(state, |path| is_source(path) && path.contains("New"))?;
    fs::remove_file(state.root.join(&file)).unwrap();
    Some(file)
}

fn rename_source(state: &mut State) -> Option<String> {
    let file = any(state, is_source)?;
    // Only the case, at times: two names that some file systems take for one.
    let (folder, name) = file.rsplit_once('/').unwrap();
    let new = if state.random.bool() {
        name.to_lowercase()
    } else {
        format!("R{}.cs", state.next())
    };
    if new == name {
        return None;
    }
    fs::rename(state.root.join(&file), state.root.join(folder).join(&new)).unwrap();
    Some(format!("{file} to {new}"))
}

fn mode(state: &mut State) -> Option<String> {
    let file = any(state, |_| true)?;
    let path = state.root.join(&file);
    let mode = fs::metadata(&path).unwrap().permissions().mode() ^ 0o111;
    fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    Some(format!("{file} {mode:o}"))
}

/// Makes a file a link to a copy of it beside.
fn link_inside(state: &mut State) -> Option<String> {
    let file = any(state, |path| path.contains("wwwroot") || is_source(path))?;
    let path = state.root.join(&file);
    let (stem, end) = file.rsplit_once('/').unwrap().1.rsplit_once('.').unwrap();
    let target = format!("{stem}{}.{end}", state.next());
    // A source would be compiled twice.
    let target = if end == "cs" {
        format!("{target}.txt")
    } else {
        target
    };
    fs::rename(&path, path.with_file_name(&target)).unwrap();
    symlink(&target, &path).unwrap();
    Some(format!("{file} to {target}"))
}

/// Returns the file outside the workspace that links lead to.
pub(crate) fn outside(state: &State) -> PathBuf {
    state.feed.with_file_name("outside.css")
}

/// Makes a static file a link to a file outside the workspace, which `mizzen.toml` names.
fn link_outside(state: &mut State) -> Option<String> {
    let (app, number) = (state.shape.app, state.next());
    let outside = outside(state);
    if !outside.exists() {
        fs::write(&outside, "b { color: blue }\n").unwrap();
    }
    let path = format!("{app}/wwwroot/linked{number}.css");
    let link = state.root.join(&path);
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    let config = format!("[inputs]\nextra = [\"{}\"]\n", outside.display());
    fs::write(state.root.join("mizzen.toml"), config).unwrap();
    symlink(outside, link).unwrap();
    Some(path)
}

fn link_target(state: &mut State) -> Option<String> {
    let outside = outside(state);
    let is_linked = crate::tree::read(&state.root)
        .keys()
        .any(|path| path.contains("linked"));
    if !is_linked || !outside.exists() {
        return None;
    }
    let text = format!("i {{ z-index: {} }}\n", state.next());
    fs::write(outside, &text).unwrap();
    Some(text)
}

fn static_file(state: &mut State) -> Option<String> {
    let number = state.next();
    let name = state
        .random
        .choice(["a.css", "b.js", "vendor/bin/y.js", "obj/z.js", "c.html"])?;
    let file = format!("{}/wwwroot/{name}", state.shape.app);
    let path = state.root.join(&file);
    if path.exists() && state.random.bool() {
        fs::remove_file(path).unwrap();
        return Some(format!("{file} deleted"));
    }
    write(&path, &format!("/* {number} */\n"));
    Some(file)
}

fn settings(state: &mut State) -> Option<String> {
    let name = state
        .random
        .choice(["appsettings.json", "appsettings.Production.json"])?;
    let file = format!("{}/{name}", state.shape.app);
    let text = format!("{{ \"number\": \"{}\" }}\n", state.next());
    fs::write(state.root.join(&file), &text).unwrap();
    Some(file)
}

fn documents(state: &mut State) -> Option<String> {
    let number = state.next();
    let name = state
        .random
        .choice(["README.md", "docs/a.md", ".github/x.yml", "Dockerfile"])?;
    write(&state.root.join(name), &format!("# {number}\n"));
    Some(name.to_owned())
}
