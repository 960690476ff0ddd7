use serde::Serialize;
use serde_json::Value;

/// Writes `value` as the one byte string that stands for it: compact, object keys sorted bytewise,
/// UTF-8 unescaped.
///
/// Every manifest, index, config and record whose digest is taken is written here and nowhere else.
pub fn canonical_json(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes
}

// `serde_json::Map` sorts only until some crate of the build turns on `preserve_order`; then it keeps the order of
// insertion. So the names are sorted here, where they are written.
fn write(value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            to.push(b'{');
            for (place, (name, value)) in members.into_iter().enumerate() {
                if place > 0 {
                    to.push(b',');
                }
                write_scalar(name, to);
                to.push(b':');
                write(value, to);
            }
            to.push(b'}');
        }
        Value::Array(items) => {
            to.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    to.push(b',');
                }
                write(item, to);
            }
            to.push(b']');
        }
        scalar => write_scalar(scalar, to),
    }
}

fn write_scalar(scalar: &impl Serialize, to: &mut Vec<u8>) {
    serde_json::to_writer(to, scalar).expect("strings and numbers serialise");
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
