/// Decodes a project file as .NET does: by its byte order mark, else as UTF-8. What is not in that
/// encoding becomes U+FFFD.
pub fn project_text(bytes: &[u8]) -> String {
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        String::from_utf16_lossy(&units.collect::<Vec<_>>())
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::project_text;

    #[test]
    fn a_byte_order_mark_names_the_encoding() {
        assert_eq!(project_text(b"<a/>"), "<a/>");
        assert_eq!(project_text(b"\xef\xbb\xbf<a/>"), "<a/>");
        assert_eq!(project_text(b"\xff\xfe<\0a\0/\0>\0"), "<a/>");
        assert_eq!(project_text(b"\xfe\xff\0<\0a\0/\0>"), "<a/>");
        assert_eq!(project_text(b"\xff"), "\u{fffd}");
    }
}
