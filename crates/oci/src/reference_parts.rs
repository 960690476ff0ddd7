//! The grammar of each part of a reference, and what is wrong with one that breaks it.

pub(crate) const MAX_TAG: usize = 128;

/// Says what is wrong with a tag: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`.
pub(crate) fn wrong_tag(text: &str) -> Option<String> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let is_allowed = |letter: char| is_word(letter) || ".-".contains(letter);
    let Some(first) = text.chars().next() else {
        return Some("no tag follows the colon".to_owned());
    };
    if let Some(wrong) = text.chars().find(|letter| !is_allowed(*letter)) {
        return Some(format!("`{wrong}` is not allowed in a tag"));
    }
    if !is_word(first) {
        return Some(format!("a tag cannot begin with `{first}`"));
    }
    (text.len() > MAX_TAG).then(|| {
        format!(
            "the tag has {} characters, at most {MAX_TAG} are allowed",
            text.len()
        )
    })
}

/// Returns the name before a tag with a slash, which reads as a host with a port: `app:feature/login`.
pub(crate) fn slashed_tag(host: &str) -> Option<&str> {
    let (name, start) = host.split_once(':')?;
    let is_port = start.starts_with(|letter: char| letter.is_ascii_digit());
    (!is_port && !name.contains('[')).then_some(name)
}

/// Says what is wrong with the name of a registry.
pub(crate) fn wrong_host(host: &str) -> String {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || ".-:[]".contains(letter);
    match host.chars().find(|letter| !is_allowed(*letter)) {
        Some(wrong) => format!("`{wrong}` is not allowed in the name of a registry"),
        None => "the registry is not a host, or its port is not a number".to_owned(),
    }
}

/// Says what is wrong with the name of a repository.
pub(crate) fn wrong_name(name: &str) -> String {
    let is_allowed = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || "._-/".contains(letter)
    };
    match name.chars().find(|letter| !is_allowed(*letter)) {
        Some(wrong) if wrong.is_uppercase() => {
            format!("`{wrong}` is not allowed in a repository, which is in lower case")
        }
        Some(wrong) => format!("`{wrong}` is not allowed in a repository"),
        None if name.is_empty() => "no repository is named".to_owned(),
        None => {
            "a repository is made of letters and digits, with `/` and single `.` `_` `-` between them"
                .to_owned()
        }
    }
}

/// Returns whether a registry can have this name: labels of letters, digits and inner hyphens, joined by dots, or an IPv6 address in brackets, and a
/// port.
pub(crate) fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (text, None),
    };
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let is_label = |label: &str| {
        let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        alphanumeric(bytes.first())
            && alphanumeric(bytes.last())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.split('.').all(is_label),
    };
    is_name && port.is_none_or(is_port)
}

/// Returns whether a part of a repository can have this name: lower-case letters and digits, with one `.`, one or two `_`, or any number of `-` between.
pub(crate) fn is_name_part(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separators = text
        .split(|letter: char| u8::try_from(letter).is_ok_and(is_word))
        .peekable();
    // What stands before the first word and after the last must be nothing.
    let first = separators.next().unwrap_or_default();
    let mut last = first;
    let mut inner = true;
    while let Some(separator) = separators.next() {
        last = separator;
        let is_last = separators.peek().is_none();
        inner &= is_last
            || matches!(separator, "" | "." | "_" | "__")
            || separator.bytes().all(|byte| byte == b'-');
    }
    let has_word = text.bytes().any(is_word);
    has_word && first.is_empty() && last.is_empty() && inner
}
