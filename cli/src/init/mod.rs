//! What `mizzen init` finds in a repository, and the files that it writes for it.

mod ci;
mod config_text;
mod found;
mod new_file;

pub(crate) use ci::Ci;
pub(crate) use found::Found;

use new_file::NewFile;

/// Returns the files for what was found.
pub(crate) fn files(found: &Found, ci: Option<Ci>) -> Vec<NewFile> {
    let config = NewFile {
        path: "mizzen.toml".into(),
        text: config_text::config_text(found),
        note: None,
    };
    let ci = ci.map(|ci| ci.file(found));
    std::iter::once(config).chain(ci).collect()
}
