use mizzen_builder::GitRepository;
use std::path::Path;

/// Returns where the sources of `workspace` are, as its git repository says.
pub(crate) fn source(workspace: &Path) -> Option<String> {
    let config = GitRepository::at_home(workspace)?.common.join("config");
    source_url(&fs_err::read_to_string(config).ok()?)
}

/// Returns where the sources are, as an https URL without credentials, from the text of a
/// `.git/config`: the remote `origin`, else the first.
///
/// `None` if there is no remote, or its URL names no public place (a local folder).
fn source_url(git_config: &str) -> Option<String> {
    let mut remotes = Vec::new();
    let mut remote = None;
    for line in git_config.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            remote = section
                .strip_prefix("remote \"")
                .and_then(|rest| rest.strip_suffix("\"]"));
        } else if let (Some(name), Some((key, value))) = (remote, line.split_once('='))
            && key.trim() == "url"
        {
            remotes.push((name, value.trim()));
        }
    }
    let origin = remotes
        .iter()
        .find(|(name, _)| *name == "origin")
        .or(remotes.first());
    https_form(origin?.1)
}

// `git@host:path` is git's short form of ssh; the port of an ssh URL says nothing about https.
pub(super) fn https_form(url: &str) -> Option<String> {
    let (host, path) = match url.split_once("://") {
        Some(("https" | "http", rest)) => {
            let (authority, path) = rest.split_once('/')?;
            (authority.rsplit('@').next()?, path)
        }
        Some(("ssh" | "git", rest)) => {
            let (authority, path) = rest.split_once('/')?;
            (authority.rsplit('@').next()?.split(':').next()?, path)
        }
        Some(_) => return None,
        None => {
            let (authority, path) = url.split_once(':')?;
            if authority.contains('/') {
                return None;
            }
            (authority.rsplit('@').next()?, path.trim_start_matches('/'))
        }
    };
    let path = path.split(['?', '#']).next()?.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && !path.is_empty()).then(|| format!("https://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::source_url;

    #[test]
    fn every_form_of_a_remote_becomes_https_without_credentials() {
        for url in [
            "https://github.com/acme/shop.git",
            "https://user:secret@github.com/acme/shop",
            "git@github.com:acme/shop.git",
            "ssh://git@github.com:22/acme/shop.git/",
            "http://token@github.com/acme/shop.git?x=secret",
        ] {
            let config = format!(
                "[core]\n\turl = no\n[remote \"origin\"]\n\turl = {url}\n\tfetch = +refs/*\n"
            );
            assert_eq!(
                source_url(&config).as_deref(),
                Some("https://github.com/acme/shop"),
                "{url}"
            );
        }
    }

    #[test]
    fn a_local_remote_or_none_is_no_source() {
        assert_eq!(
            source_url("[remote \"origin\"]\nurl = /srv/git/shop.git\n"),
            None
        );
        assert_eq!(
            source_url("[remote \"origin\"]\nurl = file:///srv/git/shop.git\n"),
            None
        );
        assert_eq!(source_url("[core]\n"), None);
    }

    #[test]
    fn origin_is_preferred() {
        let config =
            "[remote \"fork\"]\nurl=https://a/b/c\n[remote \"origin\"]\nurl=https://d/e/f\n";
        assert_eq!(source_url(config).as_deref(), Some("https://d/e/f"));
    }
}
