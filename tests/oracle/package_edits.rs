//! Edits of the packages that projects ask for.

use crate::project_edits::{insert, project, property, toggle};
use crate::state::{Edit, State};
use crate::support::monorepo::package;
use fs_err as fs;
use std::path::PathBuf;

/// They need the packages of the generated workspace.
pub(crate) const PACKAGE_EDITS: &[(&str, Edit)] = &[
    ("a central version", central_version),
    ("a package reference", package_reference),
    ("a floating reference", floating_reference),
    FEED_GAINS,
];

/// They need its projects, too.
pub(crate) const GRAPH_EDITS: &[(&str, Edit)] = &[
    ("a package that a file asks for", wanted_package),
    ("an import of an odd name", odd_import),
];

/// Publishes a newer version of the package that floats.
pub(crate) const FEED_GAINS: (&str, Edit) = ("the feed gains a version", feed_gains);

fn version(state: &mut State) -> &'static str {
    state.random.choice(["1.0.0", "1.1.0"]).unwrap()
}

fn central_version(state: &mut State) -> Option<String> {
    let path = state.root.join("Directory.Packages.props");
    let text = fs::read_to_string(&path).unwrap();
    let [one, two] =
        ["1.0.0", "1.1.0"].map(|version| format!("\"Acme.Text\" Version=\"{version}\""));
    let new = if text.contains(&one) {
        text.replace(&one, &two)
    } else {
        text.replace(&two, &one)
    };
    fs::write(path, new).unwrap();
    Some("Acme.Text".to_owned())
}

/// Adds the reference, or takes it away.
fn package_reference(state: &mut State) -> Option<String> {
    let file = project(state);
    let path = state.root.join(file);
    let text = fs::read_to_string(&path).unwrap();
    let reference = "<ItemGroup><PackageReference Include=\"Acme.Text\" /></ItemGroup>";
    if text.contains(reference) {
        fs::write(&path, text.replace(reference, "")).unwrap();
        return Some(format!("{} without", path.display()));
    }
    insert(&path, reference);
    Some(format!("{} with", path.display()))
}

/// What a project says that floats: what it gets may be another package at any time, so that restore
/// runs for as long as it is said.
const FLOATING: &str = "<ItemGroup><PackageReference Include=\"Acme.Float\" /></ItemGroup>";

/// Returns the projects that have a floating reference.
pub(crate) fn floating(state: &State) -> Vec<PathBuf> {
    let projects = state
        .shape
        .projects
        .iter()
        .map(|file| state.root.join(file));
    let floats = |path: &PathBuf| fs::read_to_string(path).unwrap().contains(FLOATING);
    projects.filter(floats).collect()
}

fn floating_reference(state: &mut State) -> Option<String> {
    let file = project(state);
    let path = state.root.join(file);
    if !floating(state).is_empty() {
        return None;
    }
    insert(&path, FLOATING);
    Some(path.display().to_string())
}

/// Takes what floats away again.
pub(crate) fn settle(state: &mut State) -> Option<String> {
    let floating = floating(state);
    for path in &floating {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text.replace(FLOATING, "")).unwrap();
    }
    (!floating.is_empty()).then(|| format!("{} projects", floating.len()))
}

/// A version in a file that restore's key has not: `Lib.csproj` asks whether it is there.
fn wanted_package(state: &mut State) -> Option<String> {
    let version = version(state);
    toggle(state, "src/Lib/wanted", &format!("{version}\n"))
}

/// The same by an import that is no `.props` and no `.targets`.
fn odd_import(state: &mut State) -> Option<String> {
    let version = version(state);
    let reference =
        format!("<PackageReference Include=\"Acme.More\" VersionOverride=\"{version}\" />");
    let number = property("Copyright", state.next());
    let text = match state.random.u8(..3) {
        0 => "<Project></Project>\n".to_owned(),
        1 => format!("<Project><ItemGroup>{reference}</ItemGroup></Project>\n"),
        _ => format!("<Project>{number}</Project>\n"),
    };
    fs::write(state.root.join("eng/versions.inc"), &text).unwrap();
    Some(text)
}

fn feed_gains(state: &mut State) -> Option<String> {
    let version = format!("1.{}.0", state.next());
    package(&state.feed, "Acme.Float", &version);
    Some(version)
}
