use super::git_remote;
use crate::Process;
use mizzen_builder::GitRepository;
use std::path::Path;

/// Where the sources of an image are, and which state of them it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct GitLabels {
    pub(crate) source: Option<String>,
    pub(crate) revision: Option<String>,
}

/// What CI systems call the commit that they build.
const COMMITS: [&str; 6] = [
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
    "BUILD_SOURCEVERSION",
    "BITBUCKET_COMMIT",
    "CIRCLE_SHA1",
    "GIT_COMMIT",
];
/// What they call the repository.
const REPOSITORIES: [&str; 5] = [
    "CI_PROJECT_URL",
    "BUILD_REPOSITORY_URI",
    "BITBUCKET_GIT_HTTP_ORIGIN",
    "CIRCLE_REPOSITORY_URL",
    "GIT_URL",
];

impl GitLabels {
    /// Reads them of the repository around `workspace`; the commit, and what a CI system's variables say
    /// where there is no repository, only if it is `asked` for: another commit is another digest.
    pub(crate) fn of(workspace: Option<&Path>, asked: bool, process: &Process) -> Self {
        let source = workspace.and_then(git_remote::source);
        if !asked {
            return Self {
                source,
                revision: None,
            };
        }
        let head = workspace.and_then(|root| GitRepository::at_home(root)?.head());
        let commit = COMMITS.iter().find_map(|name| process.variable(name));
        Self {
            source: source.or_else(|| of_ci(process)),
            revision: head.or_else(|| commit.map(str::to_owned)),
        }
    }
}

fn of_ci(process: &Process) -> Option<String> {
    let github = process.variable("GITHUB_REPOSITORY").map(|repository| {
        let server = process.variable("GITHUB_SERVER_URL");
        format!("{}/{repository}", server.unwrap_or("https://github.com"))
    });
    let mut others = REPOSITORIES.iter();
    let url = github.or_else(|| {
        others
            .find_map(|name| process.variable(name))
            .map(str::to_owned)
    });
    git_remote::https_form(&url?)
}

#[cfg(test)]
mod tests {
    use super::GitLabels;
    use crate::Process;

    #[test]
    fn a_ci_systems_variables_stand_in_for_a_repository_that_is_not_there() {
        let of = |variables: &[(&str, &str)], asked| {
            let mut process = Process::in_folder("/");
            let variables = variables.iter();
            process.environment = variables
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let GitLabels { source, revision } = GitLabels::of(None, asked, &process);
            (source.unwrap_or_default(), revision.unwrap_or_default())
        };
        let github = [("GITHUB_REPOSITORY", "acme/shop"), ("GITHUB_SHA", "1f")];
        let told = |url: &str, commit: &str| (url.to_owned(), commit.to_owned());
        assert_eq!(
            of(&github, true),
            told("https://github.com/acme/shop", "1f")
        );
        assert_eq!(of(&github, false), told("", ""));
        let gitlab = [
            ("CI_PROJECT_URL", "https://gitlab.example/acme/shop"),
            ("CI_COMMIT_SHA", "2f"),
        ];
        assert_eq!(
            of(&gitlab, true),
            told("https://gitlab.example/acme/shop", "2f")
        );
        let azure = [(
            "BUILD_REPOSITORY_URI",
            "https://user@dev.azure.com/acme/_git/shop",
        )];
        assert_eq!(
            of(&azure, true),
            told("https://dev.azure.com/acme/_git/shop", "")
        );
    }
}
