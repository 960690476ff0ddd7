/// How much work the bytes of a member are worth; what it is depends on nothing else.
///
/// Told by how unevenly byte values occur in a sample: the search for repetitions is nearly all of
/// the time, and finds nothing in what is compressed already, little more in what is full of zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MemberEffort {
    /// Every value occurs as often as any other: images, archives, `.br` and `.gz` files.
    Probe,
    /// A few values are most of the bytes: tables, metadata.
    Less,
    /// Everything else.
    Usual,
}

/// So many pieces of a member are looked at, evenly spread.
const PIECES: usize = 4;
const PIECE_BYTES: usize = 4 << 10;
/// Below this they are called even; random bytes have 1,015.
const EVEN_THOUSANDTHS: u64 = 1_200;
/// From here on level 5 costs a seventh more than level 4 and gains half as much as elsewhere.
const UNEVEN_THOUSANDTHS: u64 = 22_000;

impl MemberEffort {
    pub(crate) fn of(member: &[u8]) -> Self {
        match unevenness_thousandths(member) {
            ..EVEN_THOUSANDTHS => Self::Probe,
            UNEVEN_THOUSANDTHS.. => Self::Less,
            _ => Self::Usual,
        }
    }
}

/// Returns how much likelier two bytes of the sample are the same than two of 256 equal chances, in
/// thousandths: 256,000 if all are the same.
fn unevenness_thousandths(member: &[u8]) -> u64 {
    let mut counts = [0u64; 256];
    let mut sampled = 0;
    for piece in 0..PIECES {
        let start = member.len() * piece / PIECES;
        let piece = &member[start..member.len().min(start + PIECE_BYTES)];
        sampled += piece.len() as u64;
        for byte in piece {
            counts[usize::from(*byte)] += 1;
        }
    }
    let same: u64 = counts.iter().map(|count| count * count).sum();
    same * 256_000 / (sampled * sampled).max(1)
}

#[cfg(test)]
mod tests {
    use super::MemberEffort;

    fn random(count: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn bytes_tell_how_much_work_they_are_worth() {
        let compressed = random(1 << 20);
        assert_eq!(MemberEffort::of(&compressed), MemberEffort::Probe);
        let mut table = compressed.clone();
        for word in table.chunks_exact_mut(3) {
            word[1..].fill(0);
        }
        assert_eq!(MemberEffort::of(&table), MemberEffort::Less);
        let text = include_bytes!("member_effort.rs");
        assert_eq!(MemberEffort::of(text), MemberEffort::Usual);
    }

    #[test]
    fn members_of_any_length_have_one() {
        for count in [0, 1, 3, 4096, 4097, 16_385] {
            MemberEffort::of(&random(count));
        }
    }
}
