//! What the servers say that has reached them: the one over HTTP, and the processes on standard streams, which add to a
//! file.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use super::{
    super::server::Server,
    tokens::{Fact, Tokens},
};

/// Reads on in the servers' records.
pub(super) struct Arrivals {
    path: PathBuf,
    file: Option<BufReader<File>>,
    /// The beginning of a line whose end is not there yet.
    rest: String,
}

impl Arrivals {
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: folder.join("arrived"), file: None, rest: String::new() }
    }

    /// Takes what has arrived since; what arrives twice ends the test.
    pub(super) fn read(&mut self, server: &Server, tokens: &Tokens) {
        for (tool, arguments) in server.take() {
            let token = arguments["token"].as_u64().unwrap_or_else(|| panic!("{tool} {arguments} has no token"));
            assert!(tokens.note(token, Fact::Arrived), "{tool} {arguments} was sent twice");
        }
        if self.file.is_none() {
            self.file = File::open(&self.path).ok().map(BufReader::new);
        }
        let Some(file) = &mut self.file else { return };
        while file.read_line(&mut self.rest).unwrap() > 0 && self.rest.ends_with('\n') {
            let token = self.rest.trim().parse().unwrap();
            assert!(tokens.note(token, Fact::Arrived), "the call with token {token} was sent twice");
            self.rest.clear();
        }
    }
}
