//! Where the debug info of a file is: in it, under its build-id, or behind its debug link; and its dwz supplement.
//!
//! The places are gdb's ("Separate Debug Files" in its manual). A file found there counts only if it is the
//! right one: its build-id, or its checksum, must be the one asked for.

use std::path::{Path, PathBuf};

use object::{Object, ObjectSection};

use crate::source::{Fetch, Files};

/// Where distributions put separate debug files.
pub(super) const DEBUG_FILE_DIRECTORY: &str = "/usr/lib/debug";

pub(super) type Elf = object::File<'static, &'static [u8]>;

/// An ELF file and its bytes.
pub(super) struct Opened {
    pub(super) elf: Elf,
    pub(super) path: PathBuf,
}

/// Opens an ELF file of ours.
pub(super) fn open(path: &Path, files: &dyn Files) -> Option<Opened> {
    let bytes = files.map(path).ok()?;
    let elf = object::File::parse(bytes).ok()?;
    Some(Opened { elf, path: path.to_owned() })
}

/// The file that holds the debug info of `elf` at `path`, when it is another one; `roots` are the directories of
/// separate debug files.
pub(super) fn separate(elf: &Elf, path: &Path, roots: &[PathBuf], files: &dyn Files) -> Option<Opened> {
    by_build_id(elf.build_id().ok()?, roots, files).or_else(|| by_link(elf, path, roots, files))
}

/// The same from elsewhere.
pub(super) fn fetched(elf: &Elf, path: &Path, fetch: &dyn Fetch) -> Option<Opened> {
    let id = elf.build_id().ok()??;
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let (path, bytes) = fetch.debug_file(&hex, path)?;
    let elf: Elf = object::File::parse(bytes).ok()?;
    (elf.build_id().ok()? == Some(id)).then_some(Opened { elf, path })
}

fn by_build_id(id: Option<&[u8]>, roots: &[PathBuf], files: &dyn Files) -> Option<Opened> {
    let inside = build_id_path(id?)?;
    roots.iter().find_map(|root| {
        let found = open(&root.join(&inside), files)?;
        (found.elf.build_id().ok()? == id).then_some(found)
    })
}

/// Below a directory of separate debug files.
fn build_id_path(id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = id.split_first()?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(PathBuf::from(format!(".build-id/{first:02x}/{rest}.debug")))
}

fn by_link(elf: &Elf, path: &Path, roots: &[PathBuf], files: &dyn Files) -> Option<Opened> {
    let (name, checksum) = elf.gnu_debuglink().ok()??;
    let name = std::str::from_utf8(name).ok()?;
    let dir = path.parent()?;
    let inside = dir.strip_prefix("/").unwrap_or(dir);
    let mut places = vec![dir.join(name), dir.join(".debug").join(name)];
    places.extend(roots.iter().map(|root| root.join(inside).join(name)));
    places.iter().filter(|place| *place != path).find_map(|place| {
        let bytes = files.map(place).ok()?;
        // The checksum of the whole file is what ties the two together.
        (crc32(bytes) == checksum).then(|| open(place, files)).flatten()
    })
}

/// The dwz supplement that a debug file shares with others (`.gnu_debugaltlink`).
pub(super) fn supplement(debug: &Elf, path: &Path, roots: &[PathBuf], files: &dyn Files) -> Option<Opened> {
    let (name, id) = debug.gnu_debugaltlink().ok()??;
    let name = Path::new(std::str::from_utf8(name).ok()?);
    let beside = path.parent().and_then(|dir| {
        let found = open(&dir.join(name), files)?;
        (found.elf.build_id().ok()? == Some(id)).then_some(found)
    });
    beside.or_else(|| by_build_id(Some(id), roots, files))
}

/// Whether a file has debug info of its own.
pub(super) fn has_dwarf(elf: &Elf) -> bool {
    elf.section_by_name(".debug_info").is_some_and(|section| section.size() > 0)
}

/// CRC-32 as `.gnu_debuglink` uses it (the polynomial of zlib and gzip).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_are_those_of_the_distributions() {
        let path = build_id_path(&[0xab, 0xcd, 0x01]).unwrap();
        assert_eq!(path, Path::new(".build-id/ab/cd01.debug"));
        assert_eq!(build_id_path(&[]), None);
    }

    #[test]
    fn the_checksum_is_that_of_gzip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
