use serde_json::{Map, Value};

/// Writes `value` as the one byte string that stands for it: compact, object keys sorted bytewise,
/// UTF-8 unescaped.
///
/// Every manifest, index, config and record whose digest is taken is written here and nowhere else.
pub fn canonical_json(value: &Value) -> Vec<u8> {
    sorted(value).to_string().into_bytes()
}

// `serde_json::Map` sorts only until some crate of the build turns on `preserve_order`; then it keeps the order of
// insertion, and inserting in sorted order is what keeps the digest.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            let mut object = Map::new();
            for name in names {
                object.insert(name.clone(), sorted(&members[name]));
            }
            Value::Object(object)
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::canonical_json;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_at_every_depth_and_nothing_is_escaped_for_html() {
        let value = json!({"b": [{"z": 1, "a": "<ü>"}], "a": null, "B": true});
        assert_eq!(
            canonical_json(&value),
            r#"{"B":true,"a":null,"b":[{"a":"<ü>","z":1}]}"#.as_bytes()
        );
    }
}
