use std::collections::BTreeMap;

/// Puts in the values of variables that are known: `$NAME`, `${NAME}`, `${NAME:-default}`.
pub(super) fn expanded(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut all = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        all.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (whole, name, default) = if let Some(braced) = after.strip_prefix('{') {
            let end = braced.find('}').unwrap_or(braced.len());
            let (name, default) = match braced[..end].split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (&braced[..end], None),
            };
            ((end + 2).min(after.len()), name, default)
        } else {
            let end = after.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
            let end = end.unwrap_or(after.len());
            (end, &after[..end], None)
        };
        match variables.get(name).map(String::as_str).or(default) {
            Some(value) => all.push_str(value),
            None => all.push_str(&rest[at..=at + whole]),
        }
        rest = &after[whole..];
    }
    all + rest
}

/// Splits as a shell does where nothing but quotes is special.
pub(super) fn words(text: &str) -> Vec<String> {
    let (mut all, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', None) => {
                // At the end of a line it joins the next one.
                match characters.next() {
                    None | Some('\n' | '\r') => {}
                    Some(next) => word.get_or_insert_default().push(next),
                }
            }
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (_, Some(open)) if character == open => quote = None,
            (_, None) if character.is_whitespace() => all.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    all.extend(word);
    all
}

/// Splits what a shell would run one after the other.
pub(super) fn commands(text: &str) -> Vec<Vec<String>> {
    let parts = text.split("&&").flat_map(|part| part.split(';'));
    let parts = parts.map(words);
    parts.filter(|words| !words.is_empty()).collect()
}

/// Writes a word so that a shell takes it as it is.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=,@+%{}".contains(it);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{commands, expanded, quoted, words};

    #[test]
    fn text_is_taken_apart_as_docker_and_a_shell_do() {
        let known = [("V".to_owned(), "10.0".to_owned())].into();
        for (text, want) in [
            ("a:$V", "a:10.0"),
            ("a:${V}-x", "a:10.0-x"),
            ("$W/${X:-y}", "$W/y"),
            ("${W", "${W"),
            ("100$", "100$"),
        ] {
            assert_eq!(expanded(text, &known), want);
        }
        assert_eq!(words("a \"b c\" d\\\n  'e'"), ["a", "b c", "d", "e"]);
        assert_eq!(commands("a b && c; d").len(), 3);
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("A=b"), "A=b");
    }
}
