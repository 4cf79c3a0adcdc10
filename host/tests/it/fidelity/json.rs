//! JSON as it stands in a text: members in their order, numbers as written. Two are equal if nothing that a reader could
//! tell is different.

use std::fmt;

/// A JSON value.
#[derive(Clone, Debug)]
pub(super) enum Json {
    /// `null`, `true` or `false`.
    Word(String),
    /// A number, as it is written.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text that is one JSON value.
    pub(super) fn read(text: &str) -> Self {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value();
        reader.skip();
        assert_eq!(reader.at, text.len(), "more than one value: {text}");
        value
    }

    /// A member of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn members(&self) -> &[(String, Self)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    /// A member of an object, to be changed; made at the end if there is none.
    pub(super) fn at(&mut self, key: &str) -> &mut Self {
        let Self::Object(members) = self else { panic!("not an object: {self}") };
        let at = members.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
            members.push((key.to_owned(), Self::Object(Vec::new())));
            members.len() - 1
        });
        &mut members[at].1
    }

    /// Puts a member where it was, or at the end.
    pub(super) fn put(&mut self, key: &str, value: Self) {
        *self.at(key) = value;
    }

    /// Takes a member out.
    pub(super) fn take(&mut self, key: &str) -> Option<Self> {
        let Self::Object(members) = self else { panic!("not an object: {self}") };
        let at = members.iter().position(|(name, _)| name == key)?;
        Some(members.remove(at).1)
    }

    /// What stands here and there where the two first differ.
    pub(super) fn difference(&self, other: &Self) -> String {
        let (one, two) = (self.to_string(), other.to_string());
        let same = one.chars().zip(two.chars()).take_while(|(one, two)| one == two).count();
        let near = |text: &str| text.chars().skip(same.saturating_sub(60)).take(260).collect::<String>();
        format!("expected …{}\n     got …{}", near(&one), near(&two))
    }

    pub(super) fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { panic!("not a text: {self}") }
    }

    pub(super) fn items(&self) -> &[Self] {
        if let Self::Array(items) = self { items } else { panic!("not an array: {self}") }
    }

    pub(super) fn items_mut(&mut self) -> &mut [Self] {
        if let Self::Array(items) = self { items } else { panic!("not an array: {self}") }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => same_number(one, two),
            (Self::Word(one), Self::Word(two)) | (Self::Text(one), Self::Text(two)) => one == two,
            (Self::Array(one), Self::Array(two)) => one == two,
            (Self::Object(one), Self::Object(two)) => one == two,
            _ => false,
        }
    }
}

/// Integers of 64 bits digit by digit; all others as the doubles that are nearest, which is what JSON promises (RFC 8259,
/// section 6).
fn same_number(one: &str, two: &str) -> bool {
    // `-0` is the double: no integer has that sign.
    let whole = |text: &str| {
        text.parse::<u64>()
            .map(i128::from)
            .or_else(|_| text.parse::<i64>().map(i128::from))
            .ok()
            .filter(|_| text != "-0")
    };
    match (whole(one), whole(two)) {
        (Some(one), Some(two)) => one == two,
        (None, None) => one.parse::<f64>().unwrap().to_bits() == two.parse::<f64>().unwrap().to_bits(),
        // An integer that has become a fraction, or the reverse, is another thing to many readers.
        _ => false,
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separated = |f: &mut fmt::Formatter<'_>, at| if at > 0 { f.write_str(",") } else { Ok(()) };
        let quoted = |text: &String| serde_json::Value::from(text.as_str());
        match self {
            Self::Word(text) | Self::Number(text) => f.write_str(text),
            Self::Text(text) => write!(f, "{}", quoted(text)),
            Self::Array(items) => {
                f.write_str("[")?;
                items.iter().enumerate().try_for_each(|(at, item)| {
                    separated(f, at)?;
                    write!(f, "{item}")
                })?;
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                members.iter().enumerate().try_for_each(|(at, (key, value))| {
                    separated(f, at)?;
                    write!(f, "{}:{value}", quoted(key))
                })?;
                f.write_str("}")
            }
        }
    }
}

/// Reads values one after the other. What is not JSON ends the test.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Json {
        self.skip();
        match self.byte() {
            b'{' => Json::Object(self.list(b'}', |reader| {
                let key = reader.string();
                reader.skip();
                assert_eq!(reader.byte(), b':', "at byte {} of {}", reader.at, reader.text);
                reader.at += 1;
                (key, reader.value())
            })),
            b'[' => Json::Array(self.list(b']', Self::value)),
            b'"' => Json::Text(self.string()),
            first => {
                let rest = &self.text[self.at..];
                let word = &rest[..rest.find(|c| ",]} \t\r\n".contains(c)).unwrap_or(rest.len())];
                // Is it a number, or one of the three words?
                serde_json::from_str::<serde_json::Value>(word).unwrap_or_else(|error| panic!("{error}: `{word}`"));
                self.at += word.len();
                if first.is_ascii_alphabetic() { Json::Word(word.to_owned()) } else { Json::Number(word.to_owned()) }
            }
        }
    }

    fn byte(&self) -> u8 {
        *self.text.as_bytes().get(self.at).unwrap_or_else(|| panic!("broken off: {}", self.text))
    }

    fn skip(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_ascii_start().len();
    }

    fn list<T>(&mut self, end: u8, item: impl Fn(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        loop {
            self.at += 1;
            self.skip();
            if items.is_empty() && self.byte() == end {
                break;
            }
            items.push(item(self));
            self.skip();
            match self.byte() {
                b',' => {}
                byte if byte == end => break,
                _ => panic!("at byte {} of {}", self.at, self.text),
            }
        }
        self.at += 1;
        items
    }

    fn string(&mut self) -> String {
        self.skip();
        let mut escaped = false;
        let length = self.text[self.at + 1..].bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let start = self.at;
        self.at += length.unwrap_or_else(|| panic!("broken off: {}", self.text)) + 2;
        let string = &self.text[start..self.at];
        serde_json::from_str(string).unwrap_or_else(|error| panic!("{error}: {string}"))
    }
}

#[test]
fn only_what_a_reader_cannot_tell_apart_is_equal() {
    let same = |one, two| Json::read(one) == Json::read(two);
    assert!(same(r#"{"a": [1e30, 1.50, "\u0041"]}"#, r#"{"a":[1E+30,1.5,"A"]}"#));
    assert!(same("123456789012345678901234567890", "1.2345678901234568e29"));
    assert!(same("-0", "-0.0"));
    for (one, two) in [
        ("9007199254740993", "9007199254740992"),
        ("0.1", "0.10000000000000002"),
        ("1", "1.0"),
        ("0.0", "-0.0"),
        (r#"{"a": 1, "b": 2}"#, r#"{"b": 2, "a": 1}"#),
        ("null", "false"),
        (r#"{"a": null}"#, "{}"),
        ("[]", "{}"),
    ] {
        assert!(!same(one, two), "{one} {two}");
    }
    let text = r#"{"a":[1e30,18446744073709551616,"é\"\n"],"b":{"c":null}}"#;
    assert_eq!(Json::read(text).to_string(), text);
}
