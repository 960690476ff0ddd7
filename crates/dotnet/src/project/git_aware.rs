use crate::project::project_xml::{Element, ProjectXml};
use serde::{Deserialize, Serialize};

/// How much of git's files a package reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GitReads {
    /// The commit, what leads to it, and the tags.
    History,
    /// Whatever there is: other branches, the index, how many objects there are.
    Everything,
}

/// Packages that ask git, in lower case.
///
/// `MinVer` walks from the commit to the nearest tag; Nerdbank.GitVersioning counts commits, and cuts
/// ids to a fixed length. `GitVersion` looks at all branches and for uncommitted changes; `GitInfo` for
/// those, too, and has git shorten ids, which looks at every object.
const GIT_AWARE: [(&str, GitReads); 12] = [
    ("minver", GitReads::History),
    ("nerdbank.gitversioning", GitReads::History),
    ("microsoft.build.tasks.git", GitReads::History),
    ("microsoft.sourcelink.github", GitReads::History),
    ("microsoft.sourcelink.gitlab", GitReads::History),
    ("microsoft.sourcelink.azurerepos.git", GitReads::History),
    ("microsoft.sourcelink.bitbucket.git", GitReads::History),
    ("microsoft.sourcelink.gitea", GitReads::History),
    ("microsoft.sourcelink.common", GitReads::History),
    ("gitversion.msbuild", GitReads::Everything),
    ("gitversiontask", GitReads::Everything),
    ("gitinfo", GitReads::Everything),
];

/// Returns how much a package reads that is known to ask git.
pub fn known_to_ask_git(id: &str) -> Option<GitReads> {
    let is_it = |(known, _): &&(&str, GitReads)| id.eq_ignore_ascii_case(known);
    GIT_AWARE.iter().find(is_it).map(|(_, reads)| *reads)
}

/// Returns whether the text of a props or targets file speaks of git, so that it may well ask it: the
/// word by itself, or at the beginning of a name (`GitRoot`). Hosts and comments are not meant, nor is
/// what a project says of the kind of its repository.
pub fn may_ask_git(text: &str) -> bool {
    let xml = ProjectXml::read(text);
    // MSBuild will say that it is no XML; until then it may be anything.
    xml.elements().any(of_element) || xml.error().is_some() && speaks_of_git(text)
}

/// Returns whether a file of a package is a library that reads repositories.
pub fn is_git_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    ["libgit2", "git2-", "microsoft.build.tasks.git."]
        .iter()
        .any(|library| name.contains(library))
}

fn of_element(element: &Element) -> bool {
    let mut attributes = element.attributes();
    speaks_of_git(element.name())
        || attributes.any(|(_, value)| speaks_of_git(value))
        || !element.is("RepositoryType") && speaks_of_git(element.text())
}

fn speaks_of_git(text: &str) -> bool {
    let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.any(|word| {
        let Some((git, rest)) = word.split_at_checked(3) else {
            return false;
        };
        let is_name = rest.starts_with(|letter: char| letter.is_ascii_uppercase());
        let is_host = ["Hub", "Lab"].iter().any(|host| rest.starts_with(host));
        git.eq_ignore_ascii_case("git") && (rest.is_empty() || is_name && !is_host)
    })
}

#[cfg(test)]
mod tests {
    use super::{GitReads, is_git_library, known_to_ask_git, may_ask_git};

    #[test]
    fn packages_are_known_whatever_the_case_of_their_ids() {
        assert_eq!(known_to_ask_git("MinVer"), Some(GitReads::History));
        assert_eq!(known_to_ask_git("gitinfo"), Some(GitReads::Everything));
        assert_eq!(known_to_ask_git("Serilog"), None);
    }

    #[test]
    fn targets_that_speak_of_git_may_ask_it() {
        for inside in [
            "<Exec Command=\"git describe\" />",
            "<Exec Command=\"&quot;/usr/bin/git&quot; log\" />",
            "<X Condition=\"Exists('$(Root)/.git/HEAD')\" />",
            "<P><GitRoot>x</GitRoot></P>",
            "<P><X>$([MSBuild]::GetDirectoryNameOfFileAbove('.', '.git'))</X></P>",
            "<Code><![CDATA[ Process.Start(\"git\"); ]]></Code>",
            "<P>git</P",
        ] {
            assert!(
                may_ask_git(&format!("<Project>{inside}</Project>")),
                "{inside}"
            );
        }
        for inside in [
            "<!-- git describe -->",
            "<X Url=\"https://github.com/x/y\" />",
            "<P><GitHubToken>x</GitHubToken><Digits>legit</Digits></P>",
            "<P><RepositoryType>git</RepositoryType></P>",
            "<P><X>Gitter</X></P>",
        ] {
            assert!(
                !may_ask_git(&format!("<Project>{inside}</Project>")),
                "{inside}"
            );
        }
    }

    #[test]
    fn libraries_that_read_repositories_are_told_by_their_names() {
        assert!(is_git_library("tools/net8.0/LibGit2Sharp.dll"));
        assert!(is_git_library(
            "runtimes/linux-x64/native/libgit2-a418d9d.so"
        ));
        assert!(!is_git_library("lib/net8.0/Legit.dll"));
    }
}
