//! The parts of a JSON text that somebody wants to see. All else is checked and passed over: nothing is built of it.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::cursor::{Cursor, Malformed, Scalar};
use super::{Map, Number, Value};

/// The names that are wanted of a JSON text, and those within them. Those who write programs choose what is in it, so its hash
/// needs no secret.
#[derive(Debug, Clone, Default)]
pub struct Outline(HashMap<Box<str>, Outline, FixedState>);

impl Outline {
    /// Adds the member that lies at these names, from the outermost inwards. Lists have no place among them: what is wanted of
    /// a list is wanted of each of its elements.
    pub fn add<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        let mut at = self;
        for name in names {
            at = at.0.entry(name.into()).or_default();
        }
    }

    /// The value of a JSON text without the members that are not wanted: scalars as they are, lists with all their elements,
    /// maps with the members that are wanted, so that one of which nothing is wanted is empty. Of a repeated name the last
    /// value counts.
    ///
    /// None when the text is no JSON, or begins with a byte order mark, over which [`Value::from_json`] passes. It takes no text
    /// that is refused there, where also is said what is wrong with it.
    #[must_use]
    pub fn read(&self, text: &[u8]) -> Option<Value> {
        self.read_all(text).ok()
    }

    fn read_all(&self, text: &[u8]) -> Result<Value, Malformed> {
        let mut cursor = Cursor::new(text)?;
        let value = self.value(&mut cursor)?;
        cursor.end()?;
        Ok(value)
    }

    fn value(&self, cursor: &mut Cursor<'_>) -> Result<Value, Malformed> {
        match cursor.peek() {
            b'{' if self.0.is_empty() => cursor.skip().map(|()| Value::map(Map::new())),
            b'{' => self.map(cursor),
            b'[' => self.list(cursor),
            _ => Ok(match cursor.scalar()? {
                Scalar::Null => Value::Null,
                Scalar::Bool(bool) => Value::Bool(bool),
                Scalar::Number(literal) => Value::Number(Number::parse(literal).ok_or(Malformed)?),
                Scalar::Text(text) => Value::text(&*text),
            }),
        }
    }

    fn map(&self, cursor: &mut Cursor<'_>) -> Result<Value, Malformed> {
        let mut members = Map::new();
        let mut more = cursor.enter(b'}')?;
        while more {
            let name = cursor.name()?;
            match self.0.get(&*name) {
                Some(inner) => drop(members.insert(name.into_owned(), inner.value(cursor)?)),
                None => cursor.skip()?,
            }
            more = cursor.more(b'}')?;
        }
        Ok(Value::map(members))
    }

    fn list(&self, cursor: &mut Cursor<'_>) -> Result<Value, Malformed> {
        let mut elements = Vec::new();
        let mut more = cursor.enter(b']')?;
        while more {
            elements.push(self.value(cursor)?);
            more = cursor.more(b']')?;
        }
        Ok(Value::list(elements))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is left of a value, in the plainest way.
    fn pruned(value: &Value, outline: &Outline) -> Value {
        match value {
            Value::Map(members) => {
                let wanted =
                    members.iter().filter_map(|(name, value)| Some((name, value, outline.0.get(name.as_str())?)));
                Value::map(wanted.map(|(name, value, inner)| (name.clone(), pruned(value, inner))).collect())
            }
            Value::List(elements) => Value::list(elements.iter().map(|element| pruned(element, outline)).collect()),
            scalar => scalar.clone(),
        }
    }

    fn outline(paths: &[&[&str]]) -> Outline {
        let mut outline = Outline::default();
        for path in paths {
            outline.add(path.iter().copied());
        }
        outline
    }

    fn agrees(text: &[u8]) {
        let outline = outline(&[&["a", "b"], &["a", "c", "a"], &["c"], &["é\n"]]);
        let whole = Value::from_json(text).ok();
        let expected = whole.as_ref().map(|value| pruned(value, &outline));
        assert_eq!(outline.read(text), expected, "{:?}", String::from_utf8_lossy(text));
    }

    #[test]
    fn what_is_wanted_is_read_and_the_rest_is_left_out() {
        let text = br#"{"x":{"b":1},"a":[{"b":1.50,"x":2},3,{"c":{"a":{"deep":[1]},"b":2}}],"c":{"x":1},"a\u0062":4}"#;
        let read = outline(&[&["a", "b"], &["a", "c", "a"], &["c"]]).read(text).unwrap();
        assert_eq!(read.to_json(), r#"{"a":[{"b":1.5},3,{"c":{"a":{}}}],"c":{}}"#);
        agrees(text);
    }

    #[test]
    fn of_a_repeated_name_the_last_value_counts() {
        agrees(br#"{"a":{"b":1,"c":{"a":1}},"c":1,"a":{"b":2,"\u0062":3},"c":null}"#);
        agrees(br#"{"a":{"b":1},"a":7}"#);
    }

    #[test]
    fn depth_is_counted_as_elsewhere() {
        for depth in [126, 127, 128, 129] {
            agrees(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes());
            agrees(format!("{{\"c\":{}1{}}}", "{\"a\":".repeat(depth), "}".repeat(depth)).as_bytes());
            agrees(format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth)).as_bytes());
        }
        agrees(b"{\"a\":\"\xff\"}");
        agrees(b"{\"x\":\"\xff\"}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn it_is_the_pruned_value_of_every_text_and_none_where_there_is_none(
            text in "([\\[\\]{}:, ]|\\{\"a\":|\\{\"c\":|,\"b\":|,\"\\\\u0062\":|\"x\":|\"é\\\\n\":|\"a\"|1|-0|2\\.5e3|1e|true|null|\\}){0,14}"
        ) {
            agrees(text.as_bytes());
        }

        #[test]
        fn a_text_that_was_damaged_is_refused_as_elsewhere(at in 0_usize..110, byte: u8) {
            let mut text = br#"{"x":{"b":1},"a":[{"b":1.50,"x":"\ud83d\ude00"},3,{"c":{"a":{"deep":[true]},"b":2}}],"c":{"x":-1e5},"q":null}"#.to_vec();
            if let Some(place) = text.get_mut(at) {
                *place = byte;
            }
            agrees(&text);
        }
    }
}
