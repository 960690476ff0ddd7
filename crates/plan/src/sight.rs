use crate::tree::{Lookup, Node};
use crate::{Look, PathSet, Tree};
use std::collections::BTreeMap;
use std::fmt;
use std::io;

/// How a step came to see a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sight {
    /// As one of the names in a folder that it listed.
    InListing,
    /// By a look-up of its own.
    LookUp(Look),
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InListing => f.write_str("its folder was listed"),
            Self::LookUp(look) => look.fmt(f),
        }
    }
}

impl PathSet {
    /// Returns how `path` of the workspace was seen: looked up by this name, or by one that leads there
    /// over the links of `sources`; the strongest of all. `None` if it was not.
    ///
    /// # Errors
    /// [`io::Error`] if a path is there and cannot be read.
    pub fn sight_of_source(&self, path: &str, sources: &dyn Tree) -> io::Result<Option<Sight>> {
        sight(&self.sources, path, sources)
    }

    /// Returns how `path` of the machine, absolute, was seen.
    ///
    /// # Errors
    /// As [`sight_of_source`](Self::sight_of_source).
    pub fn sight_on_machine(&self, path: &str, machine: &dyn Tree) -> io::Result<Option<Sight>> {
        sight(&self.machine, path, machine)
    }
}

fn sight(paths: &BTreeMap<String, Look>, path: &str, tree: &dyn Tree) -> io::Result<Option<Sight>> {
    let path = path.trim_start_matches('/');
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut strongest = None;
    for (name, look) in paths {
        if name.trim_start_matches('/') == path {
            strongest = strongest.max(Some(Sight::LookUp(*look)));
            continue;
        }
        let found = tree.look_up(name)?;
        let seen = if whole(&found) == path || found.end == path {
            Some(Sight::LookUp(*look))
        } else if found.links.iter().any(|(link, _)| link == path) {
            Some(Sight::LookUp(Look::Read))
        } else {
            None
        };
        strongest = strongest.max(seen);
        let is_listed = *look == Look::Listed && found.node == Node::Folder;
        if is_listed && found.end == folder && !path.is_empty() {
            strongest = strongest.max(Some(Sight::InListing));
        }
    }
    Ok(strongest)
}

/// Returns the path that was meant, links followed, also where its way ended before.
fn whole(found: &Lookup) -> String {
    match (found.end.as_str(), found.rest.as_str()) {
        (end, "") => end.to_owned(),
        ("", rest) => rest.to_owned(),
        (end, rest) => format!("{end}/{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Sight;
    use crate::{FileInput, Look, PathSet, SourceTree};
    use mizzen_oci::Digest;
    use std::collections::BTreeMap;

    #[test]
    fn a_path_is_seen_by_its_name_by_a_link_to_it_and_in_a_listing() {
        let file = || FileInput::File(Digest::of(b""));
        let files: BTreeMap<String, FileInput> = [
            ("api/api.csproj", file()),
            ("api/shared", FileInput::Link("../lib/content".to_owned())),
            ("lib/content/a.txt", file()),
            ("lib/content/b.txt", file()),
            ("lib/other.txt", file()),
        ]
        .map(|(path, fact)| (path.to_owned(), fact))
        .into();
        let mut set = PathSet::default();
        set.add_source("api", Look::Listed);
        set.add_source("api/api.csproj", Look::Probed);
        set.add_source("api/shared/a.txt", Look::Read);
        set.add_source("api/shared/none/x.txt", Look::Probed);
        let tree = SourceTree::new(files.clone());
        let probed = Some(Sight::LookUp(Look::Probed));
        let read = Some(Sight::LookUp(Look::Read));
        for (path, want) in [
            ("api", Some(Sight::LookUp(Look::Listed))),
            ("api/api.csproj", probed),
            ("api/new.cs", Some(Sight::InListing)),
            ("api/below/new.cs", None),
            ("api/shared", read),
            ("lib/content/a.txt", read),
            ("lib/content/b.txt", None),
            ("lib/content/none", probed),
            ("lib/content/none/x.txt", probed),
            ("lib/other.txt", None),
        ] {
            assert_eq!(set.sight_of_source(path, &tree).unwrap(), want, "{path}");
        }
        assert_eq!(set.sight_on_machine("/api", &tree).unwrap(), None);
    }
}
