/// No file of ours needs more; the parser takes a hundred bytes of the stack and more for each.
const MOST: usize = 128;

/// What is wrong with a text that is nested too deeply.
pub(crate) const TOO_DEEP: &str = "its tables and arrays are nested too deeply";

/// Returns whether so many brackets of a text are open at once that its parser could run out of stack.
///
/// The parser has a limit of its own, which a text that is no TOML gets around. Brackets in strings count,
/// too: where such a text has strings is the parser's guess.
pub(crate) fn is_too_deep(text: &str) -> bool {
    let mut open = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'{' | b'[' => open += 1,
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
        open > MOST
    })
}

#[cfg(test)]
mod tests {
    use super::is_too_deep;

    #[test]
    fn what_is_open_at_once_counts() {
        assert!(!is_too_deep(&"a = [{ b = 1 }]\n".repeat(1000)));
        assert!(!is_too_deep(&"[".repeat(128)));
        assert!(is_too_deep(&"[".repeat(129)));
    }
}
