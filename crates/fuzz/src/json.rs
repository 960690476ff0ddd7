use crate::bytes::{Bytes, NUMBERS, edited, edits};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// Makes up JSON near `seeds`, which is sound: members are removed, renamed, doubled or replaced by
/// values of other kinds, by `words`, by numbers at the edges and by what is nested deeply. One in
/// three has wrong bytes beside that.
///
/// # Panics
/// A seed is no JSON.
pub fn mutated_json(
    seeds: &[&[u8]],
    words: &'static [&'static str],
) -> impl Strategy<Value = Bytes> {
    let seed = |bytes: &&[u8]| serde_json::from_slice::<Value>(bytes).expect("a seed is JSON");
    let seeds: Vec<Value> = seeds.iter().map(seed).collect();
    let changes = proptest::collection::vec((any::<Index>(), change(words)), 0..6);
    let edits = prop_oneof![2 => Just(Vec::new()), 1 => edits(words)];
    (select(seeds), changes, edits).prop_map(|(mut json, changes, edits)| {
        for (place, change) in &changes {
            let mut left = place.index(count(&json));
            visit(&mut json, &mut left, change);
        }
        Bytes(edited(json.to_string().into_bytes(), &edits))
    })
}

/// `serde_json` gives up at 128.
const MOST_DEPTH: usize = 200;

#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Empty,
    Rename(String),
    Add(String, Value),
    Again(usize),
    Deep(usize),
}

fn change(words: &'static [&'static str]) -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => value(words).prop_map(Change::Replace),
        2 => Just(Change::Empty),
        1 => text(words).prop_map(Change::Rename),
        2 => (text(words), value(words)).prop_map(|(name, value)| Change::Add(name, value)),
        1 => (1..300_usize).prop_map(Change::Again),
        1 => (1..MOST_DEPTH).prop_map(Change::Deep),
    ]
}

fn text(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    let words = if words.is_empty() { &[""][..] } else { words };
    let word = || select(words.to_vec()).prop_map(str::to_owned);
    prop_oneof![
        4 => word(),
        2 => ".{0,12}",
        1 => "[\\x00-\\x20\\x7f\u{80}-\u{9f}\u{202a}-\u{202e}/.\\\\:@]{0,8}",
        1 => (word(), word()).prop_map(|(one, two)| one + &two),
        1 => (word(), 1..2_000_usize).prop_map(|(word, times)| word.repeat(times)),
    ]
}

fn value(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        select(NUMBERS.to_vec()).prop_map(|number| json!(number)),
        select(vec![-1_i64, i64::MIN]).prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        text(words).prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        let members = proptest::collection::vec((text(words), inner.clone()), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
            members.prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

fn count(json: &Value) -> usize {
    1 + match json {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// Walks to the node that is `left` further, and changes it; `true` once that is done.
fn visit(json: &mut Value, left: &mut usize, change: &Change) -> bool {
    if *left == 0 {
        change.apply(json);
        return true;
    }
    *left -= 1;
    match json {
        Value::Array(values) => values.iter_mut().any(|value| visit(value, left, change)),
        Value::Object(members) => members.values_mut().any(|value| visit(value, left, change)),
        _ => false,
    }
}

impl Change {
    fn apply(&self, json: &mut Value) {
        match (self, &mut *json) {
            (Self::Replace(value), _) => *json = value.clone(),
            (Self::Empty, Value::Array(values)) => drop(values.pop()),
            (Self::Empty, Value::Object(members)) => {
                let first = members.keys().next().cloned();
                drop(first.and_then(|name| members.remove(&name)));
            }
            (Self::Rename(name), Value::Object(members)) => {
                let last = members.keys().next_back().cloned();
                if let Some(value) = last.and_then(|last| members.remove(&last)) {
                    members.insert(name.clone(), value);
                }
            }
            (Self::Add(name, value), Value::Object(members)) => {
                members.insert(name.clone(), value.clone());
            }
            (Self::Add(_, value), Value::Array(values)) => values.push(value.clone()),
            (Self::Again(times), Value::Array(values)) => {
                if let Some(last) = values.last().cloned() {
                    values.extend(std::iter::repeat_n(last, *times));
                }
            }
            (Self::Deep(depth), _) => {
                for _ in 0..*depth {
                    *json = json!([json.take()]);
                }
            }
            _ => *json = Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, mutated_json};
    use crate::fuzz;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_member_of_another_kind_is_found() {
        let inputs = mutated_json(&[br#"{"a":{"size":1}}"#], &[]);
        let read = |bytes: Bytes| {
            if let Ok(json) = serde_json::from_slice::<serde_json::Value>(&bytes) {
                assert!(!json["a"]["size"].is_array(), "an array");
            }
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| fuzz("planted", &inputs, read)));
        assert!(outcome.is_err());
    }
}
