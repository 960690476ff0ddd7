use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{Index, select};
use std::fmt;
use std::ops::Deref;

/// Bytes that are shown as text where a target fails.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Deref for Bytes {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// Makes up bytes near `seeds`, which are sound: some are changed, put in, taken away, said again,
/// or replaced by `words` and by numbers at the edges of what numbers can be. One in eight is noise.
pub fn mutated(
    seeds: Vec<Vec<u8>>,
    words: &'static [&'static str],
) -> impl Strategy<Value = Bytes> {
    let noise = proptest::collection::vec(any::<u8>(), 0..400);
    let near = (select(seeds), edits(words)).prop_map(|(seed, edits)| edited(seed, &edits));
    prop_oneof![1 => noise, 7 => near].prop_map(Bytes)
}

pub(crate) fn edits(words: &'static [&'static str]) -> impl Strategy<Value = Vec<Edit>> {
    proptest::collection::vec(edit(words), 0..8)
}

pub(crate) fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        edit.apply(&mut bytes);
        // A few edits that say things again would make more than memory holds.
        bytes.truncate(MOST_BYTES);
    }
    bytes
}

const MOST_BYTES: usize = 4 << 20;
const MOST_COPIES: usize = 1_000;

/// Numbers at the edges, as text and as bytes.
pub(crate) const NUMBERS: [u64; 12] = [
    0,
    1,
    127,
    255,
    256,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 32,
    1 << 62,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX,
];

#[derive(Clone)]
pub(crate) struct Edit {
    place: Index,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Insert(Vec<u8>),
    Word(&'static str),
    Remove(usize),
    Repeat { bytes: usize, copies: usize },
    Number { number: u64, width: usize },
    Digits(u64),
    Cut,
}

fn edit(words: &'static [&'static str]) -> impl Strategy<Value = Edit> {
    let words = if words.is_empty() { &[""][..] } else { words };
    let number = || select(NUMBERS.to_vec());
    let width = select(vec![1, 2, 4, 8]);
    let change = prop_oneof![
        4 => any::<u8>().prop_map(Change::Set),
        2 => proptest::collection::vec(any::<u8>(), 1..8).prop_map(Change::Insert),
        4 => select(words.to_vec()).prop_map(Change::Word),
        3 => (1..64_usize).prop_map(Change::Remove),
        2 => (1..64_usize, 1..MOST_COPIES)
            .prop_map(|(bytes, copies)| Change::Repeat { bytes, copies }),
        3 => (number(), width).prop_map(|(number, width)| Change::Number { number, width }),
        2 => number().prop_map(Change::Digits),
        1 => Just(Change::Cut),
    ];
    (any::<Index>(), change).prop_map(|(place, change)| Edit { place, change })
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = self.place.index(bytes.len() + 1);
        let left = bytes.len() - place;
        match &self.change {
            Change::Set(byte) => {
                if let Some(old) = bytes.get_mut(place) {
                    *old = *byte;
                }
            }
            Change::Insert(new) => drop(bytes.splice(place..place, new.iter().copied())),
            Change::Word(word) => drop(bytes.splice(place..place, word.bytes())),
            Change::Remove(count) => drop(bytes.drain(place..place + left.min(*count))),
            Change::Repeat {
                bytes: count,
                copies,
            } => {
                let again = bytes[place..place + left.min(*count)].repeat(*copies);
                drop(bytes.splice(place..place, again));
            }
            Change::Number { number, width } => {
                let number = &number.to_le_bytes()[..*width.min(&left)];
                bytes[place..place + number.len()].copy_from_slice(number);
            }
            Change::Digits(number) => {
                let digits =
                    |bytes: &[u8]| bytes.iter().take_while(|it| it.is_ascii_digit()).count();
                let Some(skipped) = bytes[place..].iter().position(u8::is_ascii_digit) else {
                    return;
                };
                let start = place + skipped;
                let end = start + digits(&bytes[start..]);
                drop(bytes.splice(start..end, number.to_string().into_bytes()));
            }
            Change::Cut => bytes.truncate(place),
        }
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}", self.change, self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, mutated};
    use crate::fuzz;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn found(read: impl Fn(Bytes)) -> String {
        let inputs = mutated(vec![b"size: 12; name: x".to_vec()], &["bomb"]);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            // What is planted lies one edit from the seed, but not each of a few hundred is that.
            for _ in 0..100 {
                fuzz("planted", &inputs, &read);
            }
        }));
        *outcome.unwrap_err().downcast::<String>().unwrap()
    }

    #[test]
    fn a_panic_a_greedy_allocation_and_a_word_that_noise_never_spells_are_found() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let panics = found(|bytes| assert!(!text(&bytes).contains("name: bomb"), "boom"));
        assert!(panics.contains("boom"), "{panics}");
        let greedy = found(|bytes| {
            let text = text(&bytes);
            let size = text
                .strip_prefix("size: ")
                .and_then(|rest| rest.split(';').next());
            if let Some(Ok(size)) = size.map(str::parse::<u32>) {
                drop(Vec::<u8>::with_capacity(size as usize));
            }
        });
        assert!(greedy.contains("bytes of memory"), "{greedy}");
    }
}
