//! A server that runs while a suite is run against it.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, bail};

/// A child that serves MCP over HTTP; killed when dropped.
pub(super) struct Running {
    child: Child,
    url: String,
}

impl Running {
    /// Starts it, and waits for the line that tells its URL after these words: on standard output, or on standard error
    /// if there are words.
    ///
    /// # Errors
    /// It cannot be started, or ends before it tells its URL; the error has what it said.
    pub(super) fn start(command: &mut Command, words: &str) -> Result<Self> {
        let on_errors = !words.is_empty();
        if on_errors {
            command.stderr(Stdio::piped()).stdout(Stdio::null());
        } else {
            command.stdout(Stdio::piped());
        }
        let program = command.get_program().display().to_string();
        let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
        let said: Option<Box<dyn Read + Send>> = if on_errors {
            child.stderr.take().map(|errors| Box::new(errors) as _)
        } else {
            child.stdout.take().map(|out| Box::new(out) as _)
        };
        let mut lines = BufReader::new(said.context("no pipe")?).lines();
        let mut before = String::new();
        for line in lines.by_ref() {
            let line = line?;
            match line.strip_prefix(words) {
                Some(url) => {
                    let url = url.to_owned();
                    // Read on, so that it never waits for room.
                    thread::spawn(move || lines.for_each(drop));
                    return Ok(Self { child, url });
                }
                None => before.push_str(&format!("{line}\n")),
            }
        }
        bail!("{program} does not serve: {before}")
    }

    /// Where it serves.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Gives it a line of input, if it was started with a pipe for that.
    ///
    /// # Errors
    /// It does not read.
    pub(super) fn tell(&mut self, line: &str) -> Result<()> {
        writeln!(self.child.stdin.as_mut().context("no pipe")?, "{line}").context("a server does not read")
    }

    /// Asks it to end, and waits for it.
    ///
    /// # Errors
    /// It cannot be asked.
    pub(super) fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        if !asked.success() {
            bail!("a server ended before it was told to");
        }
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
