//! Timing: short batches, taken in turns, of which the median counts, so that what else the machine does falls out.

use std::{
    fs::File,
    io::{Seek as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;

/// Microseconds that one of so many runs takes.
pub(crate) async fn batch(runs: u32, mut run: impl AsyncFnMut() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    for _ in 0..runs {
        run().await?;
    }
    Ok(micros(start.elapsed()) / f64::from(runs))
}

/// A duration in microseconds.
pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Figures of one kind.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, sample: f64) {
        self.0.push(sample);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn median(&mut self) -> f64 {
        self.percentile(50.0)
    }

    /// The sample that so many percent do not exceed; 0 if there is none.
    pub(crate) fn percentile(&mut self, percent: f64) -> f64 {
        self.0.sort_unstable_by(f64::total_cmp);
        let at = (self.0.len() as f64 * percent / 100.0) as usize;
        self.0.get(at.min(self.0.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// A file that is written to as a database's log is: in place, a page at a time, each put on disk.
pub(crate) struct Disk {
    file: File,
    written: u32,
}

impl Disk {
    const PAGE: [u8; 4096] = [7; 4096];
    const PAGES: u32 = 256;

    /// A file of its full size.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let mut file = File::create(folder.join("disk"))?;
        for _ in 0..Self::PAGES {
            file.write_all(&Self::PAGE)?;
        }
        file.sync_all()?;
        Ok(Self { file, written: 0 })
    }

    /// Microseconds until one page is on disk: what a durable admission cannot undercut.
    pub(crate) fn write(&mut self) -> Result<f64> {
        let start = Instant::now();
        if self.written.is_multiple_of(Self::PAGES) {
            self.file.rewind()?;
        }
        self.file.write_all(&Self::PAGE)?;
        self.file.sync_data()?;
        self.written += 1;
        Ok(micros(start.elapsed()))
    }
}
