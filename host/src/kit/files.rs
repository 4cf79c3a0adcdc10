//! The files that Interlock brings for authors of plugins.

include!(concat!(env!("OUT_DIR"), "/kit_files.rs"));

/// The text of one file; none if there is no such file.
pub(super) fn text(name: &str) -> Option<&'static str> {
    FILES.iter().find_map(|(file, text)| (*file == name).then_some(*text))
}

/// The files of a folder, whose name ends in `/`: the rest of their names, and their texts.
pub(super) fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().filter_map(move |(file, text)| Some((file.strip_prefix(folder)?, *text)))
}
