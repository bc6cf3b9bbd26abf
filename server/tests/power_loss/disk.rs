//! What a disk holds after the power fails: all that was synced, and of the rest any sectors in any order. Pure.

use std::collections::BTreeMap;

use crate::trace::{Call, Kind};

/// A disk writes this much at once or not at all.
const SECTOR: usize = 512;

/// splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// A change of a file's bytes.
enum Change<'a> {
    Write(usize, &'a [u8]),
    Truncate(usize),
}

/// A file, whatever its names.
#[derive(Default)]
struct File<'a> {
    changes: Vec<(&'a Call, Change<'a>)>,
    syncs: Vec<&'a Call>,
    length: usize,
}

/// A change of a directory.
enum Entry {
    Add(String, usize),
    Remove(String),
}

/// Directories and files with their bytes, as they are found when the power fails on a line of the trace.
pub(crate) struct Disk {
    pub(crate) directories: Vec<String>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// The disk after a power loss on the line `at`. Everything under `root` was made by these calls.
#[expect(
    clippy::too_many_lines,
    reason = "one pass over the calls, then what is kept"
)]
pub(crate) fn cut(calls: &[Call], root: &str, at: usize, random: &mut Random) -> Disk {
    let mut files: Vec<File<'_>> = Vec::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut entries: Vec<(&Call, Entry)> = Vec::new();
    let mut directories: Vec<(&Call, String)> = Vec::new();
    let mut syncs: Vec<(&Call, &String)> = Vec::new();
    for call in calls.iter().filter(|call| call.begin < at) {
        match &call.kind {
            Kind::Directory(path) if path.starts_with(root) => {
                directories.push((call, path.clone()));
            }
            Kind::Create(path) if path.starts_with(root) && !names.contains_key(path) => {
                names.insert(path.clone(), files.len());
                entries.push((call, Entry::Add(path.clone(), files.len())));
                files.push(File::default());
            }
            Kind::Write { path, offset, data } => {
                let Some(file) = names.get(path).map(|file| &mut files[*file]) else {
                    continue;
                };
                let offset = offset.unwrap_or(file.length);
                file.length = file.length.max(offset + data.len());
                file.changes.push((call, Change::Write(offset, data)));
            }
            Kind::Truncate { path, length } => {
                let Some(file) = names.get(path).map(|file| &mut files[*file]) else {
                    continue;
                };
                file.length = *length;
                file.changes.push((call, Change::Truncate(*length)));
            }
            Kind::Sync(path) => match names.get(path) {
                Some(file) => files[*file].syncs.push(call),
                None => syncs.push((call, path)),
            },
            Kind::Link { from, to } | Kind::Rename { from, to } => {
                let Some(file) = names.get(from).copied() else {
                    continue;
                };
                names.insert(to.clone(), file);
                entries.push((call, Entry::Add(to.clone(), file)));
                if matches!(call.kind, Kind::Rename { .. }) {
                    names.remove(from);
                    entries.push((call, Entry::Remove(from.clone())));
                }
            }
            Kind::Unlink(path) => {
                names.remove(path);
                entries.push((call, Entry::Remove(path.clone())));
            }
            _ => {}
        }
    }
    let mut is_kept = |call: &Call, path: &str| {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let synced = syncs
            .iter()
            .any(|(sync, path)| *path == parent && sync.begin > call.end && sync.end < at);
        synced || random.coin()
    };
    let mut kept_directories = vec![root.to_owned()];
    for (call, path) in &directories {
        if is_kept(call, path) {
            kept_directories.push(path.clone());
        }
    }
    let mut kept = BTreeMap::new();
    for (call, entry) in &entries {
        match entry {
            Entry::Add(path, file) if is_kept(call, path) => drop(kept.insert(path.clone(), *file)),
            Entry::Remove(path) if is_kept(call, path) => drop(kept.remove(path)),
            _ => {}
        }
    }
    // A directory whose own entry is lost takes everything in it along.
    let parents_are_kept = |path: &str| {
        directories.iter().all(|(_, directory)| {
            !path.starts_with(&format!("{directory}/")) || kept_directories.contains(directory)
        })
    };
    kept.retain(|path, _| parents_are_kept(path));
    let directories = kept_directories
        .iter()
        .filter(|path| parents_are_kept(path))
        .cloned()
        .collect();
    let files = kept
        .into_iter()
        .map(|(path, file)| (path, files[file].content(at, random)))
        .collect();
    Disk { directories, files }
}

impl File<'_> {
    #[expect(clippy::excessive_nesting, reason = "each sector of each loose write")]
    fn content(&self, at: usize, random: &mut Random) -> Vec<u8> {
        let mut bytes = Vec::new();
        let is_synced = |call: &Call| {
            self.syncs
                .iter()
                .any(|sync| sync.begin > call.end && sync.end < at)
        };
        let (safe, mut loose): (Vec<_>, Vec<_>) =
            self.changes.iter().partition(|(call, _)| is_synced(call));
        for (_, change) in safe {
            match change {
                Change::Write(offset, data) => put(&mut bytes, *offset, data),
                Change::Truncate(length) => bytes.resize(*length, 0),
            }
        }
        while !loose.is_empty() {
            match &loose.swap_remove(random.below(loose.len())).1 {
                Change::Write(offset, data) => {
                    for (number, sector) in data.chunks(SECTOR).enumerate() {
                        if random.coin() {
                            put(&mut bytes, offset + number * SECTOR, sector);
                        }
                    }
                }
                Change::Truncate(length) if random.coin() => bytes.resize(*length, 0),
                Change::Truncate(_) => {}
            }
        }
        bytes
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(data);
}
