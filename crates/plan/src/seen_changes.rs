use crate::tree::{Node, Tree};
use crate::{Entry, Inputs, LastLooks, Look, MissReason, Sight};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The changes of files that a step saw, by path: the strongest sight of each.
type Changes = BTreeMap<String, (MissReason, Sight)>;

/// Returns what of all that is other in `now` than `earlier` the step looked up by `looks`, each file
/// with how it was seen.
///
/// # Errors
/// [`io::Error`] if a tree cannot be read.
pub(crate) fn seen_changes(
    earlier: &Inputs,
    now: &Inputs,
    looks: LastLooks,
) -> io::Result<Vec<MissReason>> {
    let mut reasons = Vec::new();
    let mut files = Changes::new();
    for reason in MissReason::between(earlier, now) {
        match reason.path().map(str::to_owned) {
            None => reasons.push(reason),
            // What is shown where it is lies on the machine.
            Some(path) if path.starts_with('/') => {
                if let Some(look) = looks.paths.machine.get(&path) {
                    files.insert(path, (reason, Sight::LookUp(*look)));
                }
            }
            Some(_) => {}
        }
    }
    let trees = Trees {
        earlier: &earlier.files,
        now: &now.files,
    };
    // Whether something asks git is known only once restore has run.
    let is_gits = |path: &str| path == ".git" || path.starts_with(".git/");
    let has_git = now.files.keys().any(|path| is_gits(path));
    for (path, look) in looks.paths.changed_sources(trees.earlier, trees.now)? {
        for (name, sight) in trees.differing(path, look)? {
            if !has_git && is_gits(&name) {
                continue;
            }
            let change = trees.change_of(&name)?;
            let change = change.unwrap_or_else(|| MissReason::Kind(name.clone()));
            let known = files.entry(name).or_insert((change, sight));
            known.1 = known.1.max(sight);
        }
    }
    let machine = looks.machine.filter(|(path, _)| !files.contains_key(path));
    let seen = |(change, sight)| MissReason::Seen(Box::new(change), sight);
    reasons.extend(files.into_values().map(seen));
    reasons.extend(machine.map(|(path, look)| MissReason::Machine(path, look)));
    Ok(reasons)
}

struct Trees<'a> {
    earlier: &'a dyn Tree,
    now: &'a dyn Tree,
}

impl Trees<'_> {
    /// Returns what makes a look-up of `path` come out otherwise: a link on the way, what it leads to, the
    /// names in it.
    fn differing(&self, path: &str, look: Look) -> io::Result<Vec<(String, Sight)>> {
        let (before, after) = (self.earlier.look_up(path)?, self.now.look_up(path)?);
        if before.links != after.links {
            let same = before.links.iter().zip(&after.links);
            let same = same.take_while(|(one, other)| one == other).count();
            let link = before.links.get(same).or(after.links.get(same));
            let link = link.map_or_else(|| path.to_owned(), |(link, _)| link.clone());
            return Ok(vec![(link, Sight::LookUp(look))]);
        }
        if (&before.node, &after.node) != (&Node::Folder, &Node::Folder) {
            // Of a way that ended, the first step that was not there.
            let end = if after.node == Node::Absent {
                after.end
            } else {
                before.end
            };
            return Ok(vec![(end, Sight::LookUp(look))]);
        }
        let names = |tree: &dyn Tree, end: &str| -> io::Result<BTreeSet<_>> {
            Ok(tree.names(end)?.into_iter().collect())
        };
        let earlier = names(self.earlier, &before.end)?;
        let now = names(self.now, &after.end)?;
        let differing: BTreeSet<&String> = earlier
            .symmetric_difference(&now)
            .map(|(name, _)| name)
            .collect();
        let below = |name: &&String| match before.end.as_str() {
            "" => (*name).clone(),
            folder => format!("{folder}/{name}"),
        };
        let differing = differing.iter().map(below);
        Ok(differing.map(|name| (name, Sight::InListing)).collect())
    }

    /// Returns what became of `path` itself.
    fn change_of(&self, path: &str) -> io::Result<Option<MissReason>> {
        let (before, now) = (self.earlier.entry(path)?, self.now.entry(path)?);
        let path = path.to_owned();
        let absent = Entry::Node(Node::Absent);
        Ok(match (before, now) {
            (before, now) if before == now => None,
            (before, _) if before == absent => Some(MissReason::Added(path)),
            (_, now) if now == absent => Some(MissReason::Removed(path)),
            (
                Entry::Node(Node::File { executable, .. }),
                Entry::Node(Node::File {
                    executable: now, ..
                }),
            ) if executable == now => Some(MissReason::Content(path)),
            _ => Some(MissReason::Kind(path)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::seen_changes;
    use crate::{FileInput, Inputs, LastLooks, Look, PathSet, RECIPE, ToolchainInput};
    use mizzen_oci::Digest;
    use std::collections::BTreeMap;

    fn inputs(files: &[(&str, &str)]) -> Inputs {
        let fact = |text: &str| match text.strip_prefix("-> ") {
            Some(target) => FileInput::Link(target.to_owned()),
            None => FileInput::File(Digest::of(text.as_bytes())),
        };
        let files = files.iter();
        Inputs {
            recipe: RECIPE,
            project: "api/api.csproj".to_owned(),
            stage: "/stage".to_owned(),
            toolchain: ToolchainInput {
                id: Digest::of(b"sdk"),
                root: "/sdk".to_owned(),
                sdk: "/sdk/sdk/10.0.100".to_owned(),
                version: "10.0.100".to_owned(),
            },
            host: BTreeMap::new(),
            commands: BTreeMap::new(),
            environment: BTreeMap::new(),
            passed: BTreeMap::new(),
            injected: BTreeMap::new(),
            layers: BTreeMap::new(),
            files: files
                .map(|(path, text)| ((*path).to_owned(), fact(text)))
                .collect(),
        }
    }

    const BEFORE: &[(&str, &str)] = &[
        ("api/api.csproj", "project"),
        ("api/gone.cs", "gone"),
        ("api/program.cs", "program"),
        ("api/shared", "-> ../lib"),
        ("lib/a.txt", "a"),
        ("lib/b.txt", "b"),
        ("readme.md", "read me"),
    ];

    fn named(now: &[(&str, &str)]) -> Vec<String> {
        let mut paths = PathSet::default();
        for (path, look) in [
            ("api", Look::Listed),
            ("api/gone.cs", Look::Read),
            ("api/program.cs", Look::Read),
            ("api/shared/a.txt", Look::Read),
            ("api/wwwroot/css", Look::Probed),
            ("directory.build.props", Look::Probed),
        ] {
            paths.add_source(path, look);
        }
        paths.add_machine("/opt/tool", Look::Read);
        let looks = LastLooks {
            paths,
            machine: None,
        };
        let reasons = seen_changes(&inputs(BEFORE), &inputs(now), looks).unwrap();
        reasons.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_change_that_was_seen_is_named_with_how_and_no_other() {
        assert_eq!(named(BEFORE), [""; 0]);
        let mut now = BEFORE.to_vec();
        now.remove(1);
        now[1].1 = "edited";
        now.extend([
            ("api/new.cs", ""),
            ("directory.build.props", ""),
            ("lib/c.txt", ""),
        ]);
        assert_eq!(
            named(&now),
            [
                "- api/gone.cs (read)",
                "+ api/new.cs (its folder was listed)",
                "~ api/program.cs (content, read)",
                "+ directory.build.props (looked for)",
            ]
        );
    }

    #[test]
    fn a_change_behind_a_link_and_one_of_a_link_are_named_where_they_are() {
        let edited = |path: &str, text: &'static str| {
            let mut now = BEFORE.to_vec();
            let place = now.iter().position(|(name, _)| *name == path).unwrap();
            now[place].1 = text;
            named(&now)
        };
        assert_eq!(edited("lib/a.txt", "A"), ["~ lib/a.txt (content, read)"]);
        assert_eq!(edited("lib/b.txt", "B"), [""; 0]);
        assert_eq!(
            edited("api/shared", "-> ../other"),
            ["~ api/shared (mode or kind, read)"]
        );
    }

    #[test]
    fn a_folder_that_appears_on_a_way_is_named_and_what_is_in_it_is_not() {
        let mut now = BEFORE.to_vec();
        now.push(("api/wwwroot/site.js", ""));
        // Its parent was listed, and a path below it looked for.
        assert_eq!(named(&now), ["+ api/wwwroot (its folder was listed)"]);
        now.push(("api/wwwroot/css/site.css", ""));
        assert_eq!(named(&now), ["+ api/wwwroot (looked for)"]);
    }

    #[test]
    fn what_is_shown_where_it_is_is_named_if_it_was_looked_up() {
        let mut now = BEFORE.to_vec();
        now.extend([("/opt/other", ""), ("/opt/tool", "")]);
        assert_eq!(named(&now), ["+ /opt/tool (read)"]);
    }
}
