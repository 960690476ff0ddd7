/// Returns what a stage shows of a `.git/config`: how the repository is laid out, and where its
/// remotes are, without credentials. Anything else is a person's or a machine's, and tokens are kept
/// there, too.
///
/// Source: git-config(1), "Syntax".
pub(crate) fn shown_config(text: &str) -> String {
    let mut shown = String::new();
    let mut section = String::new();
    let mut header = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            let name = name.split(']').next().unwrap_or_default();
            section = name
                .split([' ', '"'])
                .next()
                .unwrap_or_default()
                .to_lowercase();
            header = Some(format!("[{name}]\n"));
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let (key, value) = (key.trim().to_lowercase(), value.trim());
        let value = match (section.as_str(), key.as_str()) {
            ("core", "repositoryformatversion" | "filemode" | "ignorecase" | "symlinks")
            | ("extensions", "objectformat" | "compatobjectformat" | "partialclone") => {
                value.to_owned()
            }
            ("remote", "url") => without_credentials(value),
            _ => continue,
        };
        shown.extend(header.take());
        shown.extend(["\t", &key, " = ", &value, "\n"]);
    }
    shown
}

/// Returns whether references are kept in a form that only git itself reads.
pub(crate) fn has_reftables(text: &str) -> bool {
    let lines = text.lines().map(|line| line.trim().to_lowercase());
    let mut values = lines.filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "refstorage").then(|| value.trim().to_owned())
    });
    values.any(|value| value.starts_with("reftable"))
}

fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (rest, String::new()),
    };
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::{has_reftables, shown_config};

    #[test]
    fn the_layout_and_the_remotes_are_shown_and_no_token() {
        let config = "[core]\n\trepositoryformatversion = 1\n\thooksPath = /x\n\
            [remote \"origin\"]\n\turl = https://user:token@github.com/acme/shop.git?t=token\n\
            \tfetch = +refs/heads/*:refs/remotes/origin/*\n\
            [http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic token\n\
            [user]\n\tname = Somebody\n[extensions]\n\tobjectFormat = sha256\n";
        assert_eq!(
            shown_config(config),
            "[core]\n\trepositoryformatversion = 1\n[remote \"origin\"]\n\
             \turl = https://github.com/acme/shop.git\n[extensions]\n\tobjectformat = sha256\n"
        );
        assert!(has_reftables("[extensions]\n\trefStorage = reftable\n"));
        assert!(!has_reftables(config));
    }
}
