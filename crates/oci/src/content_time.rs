use crate::Digest;

/// The modification time of a file as a function of its content: between 1980 and November 1995,
/// UTC.
///
/// A constant time would be wrong: ASP.NET's `ETag` of a static file is its time and its length, so
/// a same-length edit was answered with 304; a warm compiler took a replaced library for the one it
/// knew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContentTime {
    /// Whole seconds since 1970; all that a layer keeps.
    pub seconds: u64,
    /// The rest, for file systems that keep it: below 10^9.
    pub nanoseconds: u32,
}

/// 1980-01-01T00:00:00Z: the earliest that ZIP and its readers can say.
const FIRST_SECOND: u64 = 315_532_800;
/// Just under 16 years, so that no file is younger than any tool that asks.
const SECONDS: u64 = 500_000_000;
const NANOSECONDS: u64 = 1_000_000_000;

impl ContentTime {
    /// The time of what has no content to be named by: directories, symbolic links.
    pub const CONSTANT: Self = Self {
        seconds: FIRST_SECOND,
        nanoseconds: 0,
    };

    /// Returns the time of a file whose bytes have this digest.
    ///
    /// Seconds from the first eight bytes of the digest, nanoseconds from the next eight, both
    /// big-endian.
    pub fn of(content: &Digest) -> Self {
        let word = |from: usize| {
            let bytes = content.as_bytes()[from..from + 8].try_into();
            u64::from_be_bytes(bytes.expect("a range of eight bytes"))
        };
        let nanoseconds = u32::try_from(word(8) % NANOSECONDS);
        Self {
            seconds: FIRST_SECOND + word(0) % SECONDS,
            nanoseconds: nanoseconds.expect("less than 10^9"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ContentTime;
    use crate::Digest;

    #[test]
    fn the_time_of_known_content_is_pinned() {
        // sha256("") starts e3b0c44298fc1c14 9afbf4c8996fb924.
        assert_eq!(
            ContentTime::of(&Digest::of(b"")),
            ContentTime {
                seconds: 639_794_452,
                nanoseconds: 400_149_284,
            }
        );
    }

    #[test]
    fn a_same_length_edit_moves_the_time() {
        let time = |text: &str| ContentTime::of(&Digest::of(text.as_bytes())).seconds;
        assert_ne!(time("color: red "), time("color: blue"));
    }
}
