//! The line table of one unit (DWARF 5, section 6.2), as gdb 13.1 reads it.
//!
//! gdb drops rows that only repeat the line before them under another discriminator, and rows of line 0;
//! whether a pc "begins a line" depends on it, so the same is done here.

use std::sync::Arc;

use gimli::{AttributeValue, UnitRef};

use super::Slice;
use crate::addr::FileAddr;

/// The part of a line table that covers an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRow {
    /// Where it begins.
    pub start: FileAddr,
    /// Where the next one begins.
    pub end: FileAddr,
    /// The file, as debug info names it.
    pub file: Arc<str>,
    /// The directory that a relative name is relative to.
    pub directory: Arc<str>,
    /// The line.
    pub line: u32,
    /// Whether a breakpoint may be put at its start.
    pub is_stmt: bool,
    /// Whether the compiler says that the function's prologue ends here.
    pub prologue_end: bool,
}

#[derive(Copy, Clone, Debug)]
pub(super) struct Raw {
    pub(super) address: u64,
    pub(super) line: u32,
    pub(super) file: u32,
    pub(super) is_stmt: bool,
    pub(super) prologue_end: bool,
    /// Nothing follows: the end of a sequence.
    pub(super) end: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct LineTable {
    pub(super) rows: Vec<Raw>,
    files: Vec<Arc<str>>,
    directory: Arc<str>,
}

/// Rows of one unit that are believed.
const LIMIT: usize = 20_000_000;

impl LineTable {
    pub(super) fn read(unit: UnitRef<'_, Slice>) -> Option<LineTable> {
        let program = unit.line_program.clone()?;
        let directory = unit.comp_dir.map_or_else(String::new, |dir| dir.to_string_lossy().into_owned());
        let header = program.header();
        // Before DWARF 5 files are counted from 1.
        let first = usize::from(header.version() < 5);
        let count = header.file_names().len() + first;
        let files = (0..count as u64)
            .map(|index| header.file(index).map_or_else(|| "".into(), |file| file_name(unit, header, file)))
            .collect();
        let mut rows = Vec::new();
        let mut state = program.rows();
        let mut sequence = Sequence::default();
        while let Ok(Some((_, row))) = state.next_row() {
            if rows.len() > LIMIT {
                break;
            }
            sequence.push(row, &mut rows);
        }
        // Sequences come in any order; within one, rows ascend.
        sort_sequences(&mut rows);
        Some(LineTable { rows, files, directory: directory.into() })
    }

    /// The row that covers `pc`, with gdb's choice among several at one address (symtab.c,
    /// `find_pc_sect_line`): the last, or the nearest before it at the same address that begins a statement.
    pub(super) fn at(&self, pc: FileAddr) -> Option<LineRow> {
        let after = self.rows.partition_point(|row| row.address <= pc.0);
        let mut index = after.checked_sub(1)?;
        let address = self.rows.get(index)?.address;
        if self.rows[index].end {
            return None;
        }
        if !self.rows[index].is_stmt {
            let mut look = index;
            while look > 0 && self.rows[look - 1].address == address && !self.rows[look - 1].end {
                look -= 1;
                if self.rows[look].is_stmt {
                    index = look;
                    break;
                }
            }
        }
        self.row(index)
    }

    /// The row at an index, with its end.
    pub(super) fn row(&self, index: usize) -> Option<LineRow> {
        let row = self.rows.get(index)?;
        let end = self.rows[index..].iter().find(|next| next.address > row.address)?.address;
        Some(LineRow {
            start: FileAddr(row.address),
            end: FileAddr(end),
            file: self.file(row.file),
            directory: Arc::clone(&self.directory),
            line: row.line,
            is_stmt: row.is_stmt,
            prologue_end: row.prologue_end,
        })
    }

    pub(super) fn file(&self, index: u32) -> Arc<str> {
        self.files.get(index as usize).cloned().unwrap_or_else(|| "".into())
    }

    /// All files, by number.
    pub(super) fn files(&self) -> &[Arc<str>] {
        &self.files
    }

    /// The numbers of files whose name ends in `name`, counted in whole path components.
    pub(super) fn files_named(&self, name: &str) -> Vec<u32> {
        let matches = |file: &str| same_file(file, &self.directory, name);
        (0..self.files.len() as u32).filter(|index| matches(&self.files[*index as usize])).collect()
    }
}

/// Whether debug info's `file` (relative to `directory`) is what the user calls `name`.
pub(super) fn same_file(file: &str, directory: &str, name: &str) -> bool {
    let ends = |path: &str| {
        path.strip_suffix(name)
            .is_some_and(|head| head.is_empty() || head.ends_with('/') || name.starts_with('/'))
    };
    ends(file) || (!file.starts_with('/') && ends(&format!("{directory}/{file}")))
}

/// What gdb remembers between rows.
#[derive(Default)]
struct Sequence {
    last: Option<(u32, u32)>,
    discriminator: bool,
    /// The address of the row before, and whether a statement begins there.
    at: (u64, bool),
}

impl Sequence {
    fn push(&mut self, row: &gimli::LineRow, rows: &mut Vec<Raw>) {
        let line = row.line().map_or(0, |line| u32::try_from(line.get()).unwrap_or(u32::MAX));
        let file = row.file_index() as u32;
        let raw = |end| Raw {
            address: row.address(),
            line,
            file,
            is_stmt: row.is_stmt(),
            prologue_end: row.prologue_end(),
            end,
        };
        if row.end_sequence() {
            rows.push(raw(true));
            *self = Sequence::default();
            return;
        }
        let (at, stmt_here) = std::mem::replace(&mut self.at, (row.address(), row.is_stmt()));
        let here = at == row.address();
        self.at.1 |= here && stmt_here;
        let left = self.last.map(|(file, _)| file).filter(|last| *last != file);
        // gdb ends a file's lines where another's begin, and forgets those that begin right there; so it does not
        // go back to a file for what is no statement (dwarf2/read.c, `lnp_state_machine::record_line`).
        if left.is_some() && here && stmt_here && !row.is_stmt() {
            return;
        }
        let same = self.last == Some((file, line));
        if !same {
            self.discriminator = false;
        }
        self.discriminator |= row.discriminator() != 0;
        if line == 0 || (same && self.discriminator) {
            return;
        }
        self.last = Some((file, line));
        if let Some(left) = left {
            let from =
                rows.iter().rposition(|row| row.address != self.at.0 || row.end).map_or(0, |at| at + 1);
            let mut index = from;
            while index < rows.len() {
                if rows[index].file == left {
                    rows.remove(index);
                } else {
                    index += 1;
                }
            }
        }
        rows.push(raw(false));
    }
}

/// Sorts by sequence, keeping the order inside each: an end comes before a beginning at the same address.
fn sort_sequences(rows: &mut Vec<Raw>) {
    let mut sequences: Vec<Vec<Raw>> = Vec::new();
    let mut current = Vec::new();
    for row in rows.drain(..) {
        current.push(row);
        if row.end {
            sequences.push(std::mem::take(&mut current));
        }
    }
    // A sequence without an end is damaged; one at address 0 belongs to code that the linker dropped.
    sequences.retain(|sequence| sequence.first().is_some_and(|row| row.address != 0));
    sequences.sort_by_key(|sequence| sequence.first().map_or(0, |row| row.address));
    for sequence in sequences {
        let from = rows.len();
        rows.extend(sequence);
        // Hostile tables may run backwards; lookups need order.
        rows[from..].sort_by_key(|row| row.address);
    }
    rows.sort_by_key(|row| row.address);
}

/// A file's name as gdb 13.1 has it (dwarf2/read.c, `dwarf2_start_subfile`): joined with its directory, but the unit's
/// own file is called what the unit is called. Which file that is, is told by whole paths: a unit whose
/// directory is relative (`./malloc`) and joined twice is not met again.
fn file_name(
    unit: UnitRef<'_, Slice>,
    header: &gimli::LineProgramHeader<Slice>,
    file: &gimli::FileEntry<Slice>,
) -> Arc<str> {
    let text = |value: AttributeValue<Slice>| {
        unit.attr_string(value).map_or_else(|_| String::new(), |name| name.to_string_lossy().into_owned())
    };
    let own =
        |value: Option<Slice>| value.map_or_else(String::new, |text| text.to_string_lossy().into_owned());
    let name = text(file.path_name());
    // Before DWARF 5 directory 0 is not in the table.
    let listed = header.version() >= 5 || file.directory_index() != 0;
    let joined = match file.directory(header) {
        Some(directory) if listed => join(&text(directory), &name),
        _ => name,
    };
    let (unit_name, directory) = (own(unit.name), own(unit.comp_dir));
    if unit_name.is_empty() && file.directory(header).is_some_and(|of| text(of) == directory) {
        // A skeleton whose other half is missing: what lies in its directory is known by the name alone.
        return text(file.path_name()).into();
    }
    if join(&directory, &joined) == join(&directory, &unit_name) {
        return unit_name.into();
    }
    joined.into()
}

fn join(directory: &str, name: &str) -> String {
    if name.starts_with('/') || directory.is_empty() {
        return name.to_owned();
    }
    format!("{}/{name}", directory.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_matched_by_whole_components() {
        assert!(same_file("src/core/nginx.c", "/b", "nginx.c"));
        assert!(same_file("src/core/nginx.c", "/b", "core/nginx.c"));
        assert!(same_file("t.c", "/b/x", "/b/x/t.c"));
        assert!(same_file("t.c", "/b/x", "x/t.c"));
        assert!(!same_file("src/core/nginx.c", "/b", "inx.c"));
        assert!(!same_file("nginx.c", "/b", "core/nginx.c"));
    }
}
