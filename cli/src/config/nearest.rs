/// Returns the known name that `name` is most likely a slip of; `None` if none is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // By the share of letters that stay: a measure that favours common beginnings takes `basis` for
    // `base-registry`.
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(name, known);
    let near = known.filter(|known| likeness(known) > 0.5);
    near.max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
}

/// Returns the unknown name in an error of the parser, and the known name that is nearest to it.
pub(super) fn slip(error: &str) -> Option<(&str, Option<&str>)> {
    let said = error.split_once("unknown ")?.1;
    let mut quoted = said.split('`').skip(1).step_by(2);
    let name = quoted.next()?;
    Some((name, nearest(name, quoted)))
}

#[cfg(test)]
mod tests {
    use super::{nearest, slip};

    #[test]
    fn a_slip_is_told_from_another_word() {
        let known = || ["base", "base-registry", "platform"].into_iter();
        assert_eq!(nearest("platfrom", known()), Some("platform"));
        assert_eq!(nearest("bas", known()), Some("base"));
        assert_eq!(nearest("basis", known()), Some("base"));
        assert_eq!(nearest("zebra", known()), None);
        let error = "TOML parse error\nunknown field `floatz`, expected one of `git`, `floats`\n";
        assert_eq!(slip(error), Some(("floatz", Some("floats"))));
        assert_eq!(slip("no such thing"), None);
    }
}
