//! Units that are not in a file's own `.debug_info`: split DWARF (DWARF 5, section 7.3.2, and gcc's way before it) and
//! the type units of DWARF 4.
//!
//! All units of a file have offsets in one space: what stands in `.debug_info` keeps its place, and each further section
//! gets a place behind everything before it. So an entry is known by one number, wherever it lies. Only this module
//! knows in which file that is, and how `.dwo` and `.dwp` files are found.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gimli::{
    AttributeValue, Dwarf, DwarfPackage, DwoId, Section, SectionId, UnitHeader, UnitSectionOffset, UnitType,
};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Slice;
use super::debugfile;
use super::sections;
use crate::source::Files;

/// Where units lie that are not in the file's own `.debug_info`.
pub(super) struct Home {
    /// The sections that they refer to.
    pub(super) dwarf: Arc<Dwarf<Slice>>,
    /// Where their `.debug_info` begins among all offsets.
    pub(super) base: usize,
    /// The unit of the program's file that has the addresses and lines of the one here.
    pub(super) skeleton: Option<UnitHeader<Slice>>,
}

/// Where the offsets of the dwz supplement begin: it is in no section of the file, and no file is this large.
pub(super) const SUPPLEMENT: usize = 1 << 40;

/// A unit, and where it is if it is elsewhere.
pub(super) type Placed = (UnitHeader<Slice>, Option<Arc<Home>>);

/// Where to look for files.
pub(super) struct Search<'a> {
    /// The program.
    pub(super) program: &'a Path,
    /// The file that has its debug info.
    pub(super) debug: &'a Path,
    /// Directories of separate debug files.
    pub(super) roots: &'a [PathBuf],
    pub(super) files: &'a (dyn Files + Send + Sync),
}

/// All units of a file, and what is missing of them, in gdb's words.
pub(super) fn units(dwarf: &Arc<Dwarf<Slice>>, search: Option<&Search<'_>>) -> (Vec<Placed>, Vec<String>) {
    let own = headers(dwarf);
    let mut end = dwarf.debug_info.reader().len();
    let types = place(dwarf, &mut end, &[], type_headers(dwarf));
    // Only what is split refers to addresses by their number, so this costs others nothing.
    let may_be_split = !dwarf.debug_addr.reader().is_empty();
    let skeletons: Vec<Skeleton> = match may_be_split {
        true => own.par_iter().filter_map(|header| Skeleton::read(dwarf, *header)).collect(),
        false => Vec::new(),
    };
    let (found, missing) = match search {
        Some(search) if !skeletons.is_empty() => {
            Finder { dwarf, search, package: Package::open(search), files: Vec::new() }
                .all(&skeletons, &mut end)
        }
        _ => (Vec::new(), Vec::new()),
    };
    let stands_for = |(_, home): &Placed| Some(home.as_ref()?.skeleton.as_ref()?.offset().0);
    let replaced: FxHashSet<usize> = found.iter().filter_map(stands_for).collect();
    let kept = own.into_iter().filter(|header| !replaced.contains(&header.offset().0));
    let mut all: Vec<Placed> = kept.map(|header| (header, None)).collect();
    all.extend(types);
    all.extend(found);
    all.extend(supplement(dwarf));
    (all, missing)
}

/// The units that dwz moved into a file that several programs share.
fn supplement(dwarf: &Dwarf<Slice>) -> Vec<Placed> {
    let Some(shared) = &dwarf.sup else { return Vec::new() };
    let home = Arc::new(Home { dwarf: Arc::clone(shared), base: SUPPLEMENT, skeleton: None });
    let moved = headers(shared).into_iter().filter_map(|header| moved(&header, SUPPLEMENT));
    moved.map(|header| (header, Some(Arc::clone(&home)))).collect()
}

/// Before what it may be referred to from: the supplement comes before the file.
pub(super) fn order(offset: usize) -> (bool, usize) {
    (offset < SUPPLEMENT, offset)
}

/// The offset of the entry that an attribute of the unit at `unit` refers to.
pub(super) fn referred(unit: usize, value: AttributeValue<Slice>) -> Option<usize> {
    Some(match value {
        AttributeValue::UnitRef(offset) => unit.wrapping_add(offset.0),
        AttributeValue::DebugInfoRef(offset) if unit >= SUPPLEMENT => SUPPLEMENT.wrapping_add(offset.0),
        AttributeValue::DebugInfoRef(offset) => offset.0,
        AttributeValue::DebugInfoRefSup(offset) => SUPPLEMENT.wrapping_add(offset.0),
        _ => return None,
    })
}

/// The units of `.debug_info`.
fn headers(dwarf: &Dwarf<Slice>) -> Vec<UnitHeader<Slice>> {
    let mut units = dwarf.units();
    std::iter::from_fn(|| units.next().ok().flatten()).collect()
}

/// The units of `.debug_types`.
fn type_headers(dwarf: &Dwarf<Slice>) -> Vec<UnitHeader<Slice>> {
    let mut units = dwarf.type_units();
    std::iter::from_fn(|| units.next().ok().flatten()).collect()
}

/// Gives the units of one section a place behind all others; `skeletons` tells by their offsets who stands for them.
/// Units of code that nobody stands for are not part of the program.
fn place(
    dwarf: &Arc<Dwarf<Slice>>,
    end: &mut usize,
    skeletons: &[(usize, UnitHeader<Slice>)],
    headers: Vec<UnitHeader<Slice>>,
) -> Vec<Placed> {
    let base = *end;
    let home = |skeleton| Arc::new(Home { dwarf: Arc::clone(dwarf), base, skeleton });
    let plain = home(None);
    let mut placed = Vec::with_capacity(headers.len());
    for header in headers {
        let skeleton = skeletons.iter().find(|(at, _)| *at == header.offset().0);
        let is_type = matches!(header.type_(), UnitType::Type { .. } | UnitType::SplitType { .. });
        let home = match skeleton {
            Some((_, skeleton)) => home(Some(*skeleton)),
            None if is_type => Arc::clone(&plain),
            None => continue,
        };
        let Some(moved) = moved(&header, base) else { continue };
        *end = (*end).max(moved.offset().0.saturating_add(moved.length_including_self()));
        placed.push((moved, Some(home)));
    }
    placed
}

/// The same unit, `base` bytes further on, as if all sections were one.
fn moved(header: &UnitHeader<Slice>, base: usize) -> Option<UnitHeader<Slice>> {
    Some(UnitHeader::new(
        header.encoding(),
        header.unit_length(),
        header.type_(),
        header.debug_abbrev_offset(),
        SectionId::DebugInfo,
        UnitSectionOffset(header.offset().0.checked_add(base)?),
        header.range_from(header.root_offset()..).ok()?,
    ))
}

/// A unit that only stands for another one, in another file.
struct Skeleton {
    header: UnitHeader<Slice>,
    id: DwoId,
    name: String,
    directory: String,
}

impl Skeleton {
    fn read(dwarf: &Dwarf<Slice>, header: UnitHeader<Slice>) -> Option<Skeleton> {
        if header.version() >= 5 && !matches!(header.type_(), UnitType::Skeleton(_)) {
            return None;
        }
        let unit = dwarf.unit(header).ok()?;
        let text = |text: Slice| text.to_string_lossy().into_owned();
        let name = text(dwarf.attr_string(&unit, unit.dwo_name().ok()??).ok()?);
        Some(Skeleton {
            header,
            id: unit.dwo_id?,
            name,
            directory: unit.comp_dir.map(text).unwrap_or_default(),
        })
    }
}

/// A `.dwp`, which has the units of many `.dwo` files.
struct Package(DwarfPackage<Slice>);

impl Package {
    /// gdb's places: behind the name of the program, and of its debug file.
    fn open(search: &Search<'_>) -> Option<Package> {
        let places = [search.program, search.debug].map(|path| {
            let mut name = path.as_os_str().to_owned();
            name.push(".dwp");
            PathBuf::from(name)
        });
        places.iter().find_map(|place| {
            let opened = debugfile::open(place, search.files)?;
            let load = |id: SectionId| {
                id.dwo_name().map_or(Slice::default(), |name| sections::joined(&opened.elf, name))
            };
            DwarfPackage::load(|id| Ok::<_, gimli::Error>(load(id)), Slice::default()).ok().map(Package)
        })
    }

    /// The units of types that it has.
    fn types(&self, parent: &Dwarf<Slice>, end: &mut usize) -> Vec<Placed> {
        let mut all = Vec::new();
        for row in 1..=self.0.tu_index.unit_count() {
            let Ok(dwarf) = self.0.tu_sections(row, parent) else { continue };
            let dwarf = Arc::new(dwarf);
            for list in [headers(&dwarf), type_headers(&dwarf)] {
                all.extend(place(&dwarf, end, &[], list));
            }
        }
        all
    }
}

/// A `.dwo`, and which of its units stand for which of the program's.
struct Loose {
    path: PathBuf,
    dwarf: Option<Arc<Dwarf<Slice>>>,
    units: Vec<(usize, UnitHeader<Slice>)>,
}

struct Finder<'a> {
    dwarf: &'a Arc<Dwarf<Slice>>,
    search: &'a Search<'a>,
    package: Option<Package>,
    files: Vec<Loose>,
}

impl Finder<'_> {
    fn all(mut self, skeletons: &[Skeleton], end: &mut usize) -> (Vec<Placed>, Vec<String>) {
        let mut all = Vec::new();
        let mut missing = Vec::new();
        for skeleton in skeletons {
            let package = self.package.as_ref();
            let packed =
                package.and_then(|package| package.0.find_cu(skeleton.id, self.dwarf).ok()?).map(Arc::new);
            let packed = packed.and_then(|dwarf| Some((unit_of(&dwarf, skeleton.id)?, dwarf)));
            if let Some((at, dwarf)) = packed {
                all.extend(place(&dwarf, end, &[(at, skeleton.header)], headers(&dwarf)));
            } else if !self.loose(skeleton) {
                missing.push(self.complaint(skeleton));
            }
        }
        for file in self.files {
            let Some(dwarf) = file.dwarf else { continue };
            all.extend(place(&dwarf, end, &file.units, headers(&dwarf)));
            all.extend(place(&dwarf, end, &[], type_headers(&dwarf)));
        }
        if let Some(package) = &self.package {
            all.extend(package.types(self.dwarf, end));
        }
        (all, missing)
    }

    /// Looks for the unit in a `.dwo` of its own.
    fn loose(&mut self, skeleton: &Skeleton) -> bool {
        let name = Path::new(&skeleton.name);
        // gdb looks for the name alone in its own directory and in those of debug files.
        let places = std::iter::once(Path::new(&skeleton.directory).join(name))
            .chain(self.search.roots.iter().map(|root| root.join(name)))
            .chain([name.to_owned()]);
        for place in places {
            // Files of one compilation come one after the other.
            let known = self.files.iter().rposition(|file| file.path == place);
            let index = known.unwrap_or_else(|| {
                let dwarf = self.open(&place);
                self.files.push(Loose { path: place, dwarf, units: Vec::new() });
                self.files.len() - 1
            });
            let file = &mut self.files[index];
            if let Some(at) = file.dwarf.as_ref().and_then(|dwarf| unit_of(dwarf, skeleton.id)) {
                file.units.push((at, skeleton.header));
                return true;
            }
        }
        false
    }

    fn open(&self, path: &Path) -> Option<Arc<Dwarf<Slice>>> {
        let opened = debugfile::open(path, self.search.files)?;
        let mut dwarf = sections::dwarf(&opened.elf, SectionId::dwo_name)?;
        dwarf.make_dwo(self.dwarf);
        Some(Arc::new(dwarf))
    }

    fn complaint(&self, skeleton: &Skeleton) -> String {
        format!(
            "warning: Could not find DWO CU {}({:#x}) referenced by CU at offset {:#x} [in module {}]",
            skeleton.name,
            skeleton.id.0,
            skeleton.header.offset().0,
            self.search.debug.display()
        )
    }
}

/// The offset of the unit with this id.
fn unit_of(dwarf: &Dwarf<Slice>, id: DwoId) -> Option<usize> {
    let is_it = |header: &UnitHeader<Slice>| match header.type_() {
        UnitType::SplitCompilation(own) => own == id,
        UnitType::Compilation => dwarf.unit(*header).is_ok_and(|unit| unit.dwo_id == Some(id)),
        _ => false,
    };
    headers(dwarf).iter().find(|header| is_it(header)).map(|header| header.offset().0)
}

/// The sections of one unit alone, for those who take the first unit of a file to be the one.
/// `base` is where their `.debug_info` begins among all offsets.
pub(super) fn alone(all: &Dwarf<Slice>, base: usize, header: &UnitHeader<Slice>) -> Option<Dwarf<Slice>> {
    let from = header.offset().0.checked_sub(base)?;
    let bytes = all.debug_info.reader().slice().get(from..)?.get(..header.length_including_self())?;
    Some(Dwarf {
        debug_abbrev: all.debug_abbrev,
        debug_addr: all.debug_addr,
        debug_info: gimli::DebugInfo::new(bytes, gimli::LittleEndian),
        debug_line: all.debug_line,
        debug_line_str: all.debug_line_str,
        debug_str: all.debug_str,
        debug_str_offsets: all.debug_str_offsets,
        locations: all.locations,
        ranges: all.ranges,
        file_type: all.file_type,
        sup: all.sup.clone(),
        ..Dwarf::default()
    })
}

/// The type that an entry's signature names, by the offsets of the types in units that have nothing else.
pub(super) fn signatures<'a>(headers: impl Iterator<Item = &'a UnitHeader<Slice>>) -> FxHashMap<u64, usize> {
    let mut all = FxHashMap::default();
    for header in headers {
        if let UnitType::Type { type_signature, type_offset }
        | UnitType::SplitType { type_signature, type_offset } = header.type_()
        {
            let at = header.offset().0.saturating_add(type_offset.0);
            all.entry(type_signature.0).or_insert(at);
        }
    }
    all
}
