//! What can still be made out of a message that cannot be read: too long, too deep, or not JSON. Whoever waits for its
//! answer must not wait in vain.

use serde_json::{Value, from_slice};

/// Longest key, id or method that is looked at, in bytes.
const LONGEST: usize = 1024;

/// What a message would have been.
#[derive(Clone, Debug, PartialEq)]
pub enum Salvaged {
    /// A request with this id.
    Request(Value),
    /// The answer to the request with this id.
    Response(Value),
    /// Nobody can tell.
    Nothing,
}

/// Reads JSON byte by byte, in constant memory, for the members of the outermost object that tell what a message is. Does
/// not mind mistakes in what it passes over.
#[derive(Debug, Default)]
pub struct Salvage {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Between a key's begin and its colon.
    at_key: bool,
    over: bool,
    /// What stands at this place of the outermost object so far.
    token: Vec<u8>,
    key: Option<String>,
    id: Option<Value>,
    has_method: bool,
    has_outcome: bool,
}

impl Salvage {
    /// From a whole text.
    pub fn of(text: &[u8]) -> Salvaged {
        let mut salvage = Self::default();
        salvage.feed(text);
        salvage.end()
    }

    /// Takes in the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.over {
                return;
            }
            if self.in_string { self.within_string(*byte) } else { self.outside(*byte) }
        }
    }

    fn within_string(&mut self, byte: u8) {
        self.keep(byte);
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => {
                self.in_string = false;
                if self.depth == 1 && self.at_key {
                    self.key = from_slice(&std::mem::take(&mut self.token)).ok();
                }
            }
            _ => {}
        }
    }

    fn outside(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.in_string = true;
                self.keep(byte);
            }
            b'{' | b'[' => {
                // Only an object can be a message.
                self.over = self.depth == 0 && byte == b'[';
                self.depth += 1;
                self.at_key = self.depth == 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.member();
                    self.over = true;
                }
            }
            b',' if self.depth == 1 => {
                self.member();
                self.at_key = true;
            }
            b':' if self.depth == 1 => {
                self.at_key = false;
                self.token.clear();
            }
            byte if byte.is_ascii_whitespace() => {}
            byte => self.keep(byte),
        }
    }

    /// Nothing of inner values is kept: none that is looked at has an inside.
    fn keep(&mut self, byte: u8) {
        if self.depth == 1 && self.token.len() <= LONGEST {
            self.token.push(byte);
        }
    }

    /// A member of the outermost object is over.
    fn member(&mut self) {
        let (token, key) = (std::mem::take(&mut self.token), self.key.take());
        let read = || from_slice::<Value>(&token).ok();
        match key.as_deref() {
            Some("id") => self.id = read().filter(|id| id.is_string() || id.is_number()),
            Some("method") => self.has_method = read().is_some_and(|method| method.is_string()),
            Some("result" | "error") => self.has_outcome = true,
            Some(_) | None => {}
        }
    }

    /// What has been found.
    pub fn end(mut self) -> Salvaged {
        if self.depth == 1 && !self.over && !self.in_string {
            // It broke off here, or what follows is missing.
            self.member();
        }
        match self.id {
            Some(id) if self.has_method => Salvaged::Request(id),
            Some(id) if self.has_outcome => Salvaged::Response(id),
            Some(_) | None => Salvaged::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_tells_what_it_is_wherever_that_stands() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for (text, expected) in [
            (r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"id":8}}"#, Salvaged::Request(json!(7))),
            (
                &format!(r#"{{"method":"x","params":{deep},"jsonrpc":"2.0","id":"last"}}"#),
                Salvaged::Request(json!("last")),
            ),
            (r#"{"id":1,"method":"x","params":{broken"#, Salvaged::Request(json!(1))),
            (r#"{"method":"x","id":1"#, Salvaged::Request(json!(1))),
            (r#" { "id" : -1.5e3 , "method" : "\"}" } rest"#, Salvaged::Request(json!(-1500.0))),
            ("{\"\\u0069d\":\"a\\\"b\",\"method\":\"x\",\"p\":\"\u{0}\"}", Salvaged::Request(json!("a\"b"))),
            (r#"{"id":1,"id":2,"method":"x"}"#, Salvaged::Request(json!(2))),
            (r#"{"id":3,"result":{"method":"x"},"p":nonsense}"#, Salvaged::Response(json!(3))),
            (r#"{"error":1,"id":3"#, Salvaged::Response(json!(3))),
            (r#"{"id":1}"#, Salvaged::Nothing),
            (r#"{"method":"x","params":{"id":1}"#, Salvaged::Nothing),
            (r#"{"id":null,"method":"x"}"#, Salvaged::Nothing),
            (r#"{"id":[1],"method":"x"}"#, Salvaged::Nothing),
            (r#"{"id":{},"method":"x"}"#, Salvaged::Nothing),
            (r#"[{"id":1,"method":"x"}]"#, Salvaged::Nothing),
            (r#""id":1,"method":"x""#, Salvaged::Nothing),
            (r#"{"x":"id":1,"method":"#, Salvaged::Nothing),
            ("", Salvaged::Nothing),
        ] {
            assert_eq!(Salvage::of(text.as_bytes()), expected, "{text:.60}");
        }
    }

    #[test]
    fn what_is_kept_is_little() {
        let mut salvage = Salvage::default();
        salvage.feed(b"{\"id\":\"");
        for _ in 0..1000 {
            salvage.feed(&[b'x'; 1000]);
        }
        assert!(salvage.token.len() <= LONGEST + 1);
        salvage.feed(b"\",\"method\":\"x\"}");
        assert_eq!(salvage.end(), Salvaged::Nothing, "an id of a megabyte is none");
    }

    proptest! {
        #[test]
        fn of_whole_messages_it_says_what_a_parser_says(
            id in prop_oneof![Just(json!(null)), any::<i64>().prop_map(Value::from), ".*".prop_map(Value::from), Just(json!([1]))],
            extra in prop::collection::vec((".{0,8}", prop_oneof![
                Just(json!({"id": 1, "method": "x"})), Just(json!([])), any::<bool>().prop_map(Value::from), ".*".prop_map(Value::from),
            ]), 0..4),
            method in any::<bool>(), result in any::<bool>(), pretty in any::<bool>(), cut in any::<prop::sample::Index>(),
        ) {
            let mut object = serde_json::Map::new();
            for (key, value) in extra {
                if !["id", "method", "result", "error"].contains(&key.as_str()) {
                    object.insert(key, value);
                }
            }
            object.insert("id".to_owned(), id.clone());
            if method {
                object.insert("method".to_owned(), json!("x"));
            }
            if result {
                object.insert("result".to_owned(), json!({"id": 2}));
            }
            let value = Value::Object(object);
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            let known = id.is_number() || id.is_string() && id.to_string().len() <= LONGEST;
            let expected = match (known, method, result) {
                (true, true, _) => Salvaged::Request(id),
                (true, false, true) => Salvaged::Response(id),
                _ => Salvaged::Nothing,
            };
            prop_assert_eq!(Salvage::of(text.as_bytes()), expected);
            // In pieces, it says the same as at once.
            let (one, other) = text.as_bytes().split_at(cut.index(text.len()));
            let mut salvage = Salvage::default();
            salvage.feed(one);
            salvage.feed(other);
            prop_assert_eq!(salvage.end(), Salvage::of(text.as_bytes()));
        }
    }
}
