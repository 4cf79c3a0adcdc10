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

/// Microseconds until 4 KiB written to a file in this folder are on disk: what a durable admission cannot undercut.
pub(crate) fn disk(folder: &Path) -> Result<f64> {
    let mut file = File::create(folder.join("disk"))?;
    let (page, mut samples) = ([7; 4096], Samples::default());
    for _ in 0..300 {
        let start = Instant::now();
        // In place, as a database's log is once it has its size.
        if samples.len() % 100 == 0 {
            file.rewind()?;
        }
        file.write_all(&page)?;
        file.sync_data()?;
        samples.push(micros(start.elapsed()));
    }
    Ok(samples.median())
}
