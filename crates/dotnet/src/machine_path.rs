/// The folders of a machine that a stage shows whole.
const SYSTEM: [&str; 8] = ["bin", "etc", "lib", "lib32", "lib64", "sbin", "sys", "usr"];

/// What stands between two paths, or before one, in a project file or on a command line.
const BETWEEN: [char; 13] = [
    '"', '\'', '`', ';', ',', ':', '|', '<', '>', '(', '=', '@', '!',
];

/// Returns the paths that `text` names in folders which a stage shows though they are no input, each as
/// far as it is written out: `/usr/share/x` for `/usr/share/x/**/*.proto`.
pub fn machine_paths(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| letter.is_whitespace() || BETWEEN.contains(&letter));
    let paths = words.filter_map(|word| {
        let word = ["-I", "-L"]
            .iter()
            .find_map(|option| word.strip_prefix(option))
            .unwrap_or(word);
        let below = word.strip_prefix('/')?.split_once('/')?;
        if !SYSTEM.contains(&below.0) || below.1.is_empty() {
            return None;
        }
        let path = match word.find(['*', '?', '$', '%']) {
            Some(end) => word[..end].rsplit_once('/')?.0,
            None => word,
        };
        Some(path.trim_end_matches('/').to_owned())
    });
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::machine_paths;

    #[test]
    fn paths_in_system_folders_are_found_as_far_as_they_are_written_out() {
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
            ("/usr/share/$(Name)/x", &["/usr/share"]),
            (
                "$(Root)/usr/share/x ../usr/x usr/x /usr/ /usr /home/a/b",
                &[],
            ),
            ("https://example.com/usr/share /optional/x /opt/x", &[]),
        ] {
            assert_eq!(machine_paths(text), want, "{text}");
        }
    }
}
