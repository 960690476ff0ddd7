use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// More than any document of an image has: a thousand layers are ten thousand values.
const MOST_VALUES: usize = 100_000;

/// Checks that a document of a registry is JSON that can be held in memory: `[[],[]]` takes sixty
/// times its size.
///
/// # Errors
/// It is no JSON, is nested more than 127 deep, or has more than a hundred thousand names and
/// values.
pub(crate) fn check(json: &[u8]) -> Result<(), serde_json::Error> {
    let mut left = MOST_VALUES;
    let mut reader = serde_json::Deserializer::from_slice(json);
    Count(&mut left).deserialize(&mut reader)?;
    reader.end()
}

/// Reads a document that somebody else wrote, if it can be held in memory.
///
/// # Errors
/// It is no JSON, is nested more than 127 deep, or has more than a hundred thousand names and values.
pub fn parse_bounded(json: &[u8]) -> Result<Value, serde_json::Error> {
    check(json)?;
    serde_json::from_slice(json)
}

/// Reads a value and keeps nothing of it.
struct Count<'a>(&'a mut usize);

impl Count<'_> {
    fn one<E: Error>(&mut self) -> Result<(), E> {
        let left = self.0.checked_sub(1);
        *self.0 = left.ok_or_else(|| {
            Error::custom(format_args!(
                "it has more than {MOST_VALUES} names and values"
            ))
        })?;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        // As any value, for what is ignored may be as deep as it likes.
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(mut self) -> Result<(), E> {
        self.one()
    }

    fn visit_bool<E: Error>(mut self, _: bool) -> Result<(), E> {
        self.one()
    }

    fn visit_i64<E: Error>(mut self, _: i64) -> Result<(), E> {
        self.one()
    }

    fn visit_u64<E: Error>(mut self, _: u64) -> Result<(), E> {
        self.one()
    }

    fn visit_f64<E: Error>(mut self, _: f64) -> Result<(), E> {
        self.one()
    }

    fn visit_str<E: Error>(mut self, _: &str) -> Result<(), E> {
        self.one()
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut values: A) -> Result<(), A::Error> {
        self.one()?;
        while values.next_element_seed(Count(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        self.one()?;
        while members.next_key_seed(Count(self.0))?.is_some() {
            members.next_value_seed(Count(self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_small_text_that_is_large_in_memory_is_refused() {
        for sound in ["{\"a\":[1,-1,1.5,null,true,\"b\",{}]}", " [] "] {
            check(sound.as_bytes()).unwrap();
        }
        let wide = format!("[{}0]", "[],".repeat(100_000));
        let names: Vec<String> = (0..50_001).map(|name| format!("\"{name}\":0")).collect();
        let names = format!("{{{}}}", names.join(","));
        for (text, why) in [
            (wide.as_str(), "more than 100000"),
            (&names, "more than 100000"),
            (&("[".repeat(128) + &"]".repeat(128)), "recursion limit"),
            ("[] []", "trailing"),
            ("[", "EOF"),
        ] {
            let error = check(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
