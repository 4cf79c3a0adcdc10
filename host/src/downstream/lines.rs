//! Lines of bounded length from a stream: one JSON-RPC message each. For stdio, on both sides.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use super::salvage::{Salvage, Salvaged};

/// Longest line that is skipped, in bytes. A longer one is no message, and nobody waits for its end.
const LONGEST_SKIPPED: usize = 256 << 20;

/// What was read.
#[derive(Debug, PartialEq)]
pub enum Heard {
    /// A line, without its end.
    Line,
    /// A line longer than allowed. It was skipped; this is what it would have been.
    TooLong(Salvaged),
    /// The other end has hung up.
    End,
}

/// Reads a line into `line`, in place of what is there. The last line of all needs no end.
///
/// # Errors
/// If the stream fails, or a line never ends.
pub async fn read_line(input: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>, most: usize) -> io::Result<Heard> {
    line.clear();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    if (&mut *input).take(limit).read_until(b'\n', line).await? == 0 {
        return Ok(Heard::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Heard::Line);
    }
    if line.len() <= most {
        return Ok(Heard::Line);
    }
    let mut salvage = Salvage::default();
    salvage.feed(line);
    // The room that it took is not needed again soon.
    *line = Vec::new();
    let mut skipped = 0;
    while skipped < LONGEST_SKIPPED {
        let buffered = input.fill_buf().await?;
        let (used, done) = match buffered.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (buffered.len(), buffered.is_empty()),
        };
        salvage.feed(buffered.get(..used).unwrap_or_default());
        input.consume(used);
        skipped += used;
        if done {
            return Ok(Heard::TooLong(salvage.end()));
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line is longer than {LONGEST_SKIPPED} bytes")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::BufReader;

    use super::*;

    #[tokio::test]
    async fn a_line_is_as_long_as_allowed_or_skipped_and_told_what_it_was() {
        let long = format!(r#"{{"method":"x","params":"{}","id":9}}"#, "y".repeat(1000));
        let text = format!("12345\n123456\n\n{long}\n1234");
        let mut input = BufReader::with_capacity(7, text.as_bytes());
        let mut line = Vec::new();
        let mut heard = Vec::new();
        loop {
            match read_line(&mut input, &mut line, 5).await.unwrap() {
                Heard::Line => heard.push(String::from_utf8(line.clone()).unwrap()),
                Heard::TooLong(what) => heard.push(format!("{what:?}")),
                Heard::End => break,
            }
        }
        let request = format!("{:?}", Salvaged::Request(json!(9)));
        assert_eq!(heard, ["12345", "Nothing", "", &request, "1234"]);
    }
}
