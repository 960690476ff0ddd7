/// The folders of a machine that a stage shows whole.
const SYSTEM: [&str; 8] = ["bin", "etc", "lib", "lib32", "lib64", "sbin", "sys", "usr"];

/// What stands between two paths, or before one, in a project file or on a command line.
const BETWEEN: [char; 13] = [
    '"', '\'', '`', ';', ',', ':', '|', '<', '>', '(', '=', '@', '!',
];

/// Returns whether `path`, absolute, lies in a folder that a stage shows though it is not an input.
pub fn is_in_system_folder(path: &str) -> bool {
    let mut names = path.split('/').skip(1);
    names.next().is_some_and(|first| SYSTEM.contains(&first))
}

/// Returns the absolute paths that `text` names, each as far as it is written out: `/usr/share/x` for
/// `/usr/share/x/**/*.proto`. Those of folders at the root are none, for many words look like them.
pub fn machine_paths(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| letter.is_whitespace() || BETWEEN.contains(&letter));
    let paths = words.filter_map(|word| {
        let word = ["-I", "-L"]
            .iter()
            .find_map(|option| word.strip_prefix(option))
            .unwrap_or(word);
        let path = match word.find(['*', '?', '$', '%']) {
            Some(end) => word[..end].rsplit_once('/')?.0,
            None => word,
        };
        let path = path.trim_end_matches('/');
        let (first, below) = path.strip_prefix('/')?.split_once('/')?;
        (!first.is_empty() && !below.is_empty()).then(|| path.to_owned())
    });
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::{is_in_system_folder, machine_paths};

    #[test]
    fn absolute_paths_are_found_as_far_as_they_are_written_out() {
        for (text, want) in [
            ("/usr/lib/cli/Foo.dll", &["/usr/lib/cli/Foo.dll"][..]),
            (
                " /etc/os-release;/usr/share/b/**/*.proto ",
                &["/etc/os-release", "/usr/share/b"],
            ),
            (
                "protoc -I/usr/include --x=/usr/y 'z'",
                &["/usr/include", "/usr/y"],
            ),
            (
                "Exists('/usr/local/share/a.props')",
                &["/usr/local/share/a.props"],
            ),
            ("/usr/share/a/$(Name)/x", &["/usr/share/a"]),
            (
                "$(Root)/usr/share/x ../usr/x usr/x /usr/ /usr /usr/$(X)",
                &[],
            ),
            ("https://example.com/usr/share //a/b /opt/x", &["/opt/x"]),
        ] {
            assert_eq!(machine_paths(text), want, "{text}");
        }
        assert!(is_in_system_folder("/usr/share/a") && !is_in_system_folder("/opt/usr/a"));
    }
}
