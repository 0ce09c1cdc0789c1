//! A walk over the entries of units that passes most of them by: for scans of everything that a file holds.
//!
//! gimli reads attributes; what is ours is where the abbreviations live, in vectors that serve one unit after the
//! other, and the step over what is not wanted: sizes that do not depend on the entry are added up once. Each unit of
//! libc has a table of its own: making them one by one was a large part of a scan's profile.

use gimli::{
    Abbreviations, AttributeSpecification, AttributeValue, DebugStrOffset, DwAt, DwForm, DwTag, EntriesRaw,
    Error, Reader, Result, UnitHeader, UnitOffset, constants as dw,
};

use super::Slice;

/// Bytes of a section that may not be whole yet.
pub(super) type Bytes<'d> = gimli::EndianSlice<'d, gimli::LittleEndian>;

/// References that may leave the unit.
const FAR: [DwForm; 4] =
    [dw::DW_FORM_ref_addr, dw::DW_FORM_ref_sup4, dw::DW_FORM_ref_sup8, dw::DW_FORM_GNU_ref_alt];

/// What an abbreviation says of its entries.
#[derive(Copy, Clone, Debug)]
pub(super) struct Shape {
    code: u64,
    pub(super) tag: DwTag,
    pub(super) children: bool,
    /// Whether each of its entries only declares something that is defined elsewhere.
    pub(super) declaration: bool,
    /// How to go over its attributes, from and to.
    steps: (u32, u32),
    /// The size of all its attributes, where that does not depend on the entry.
    size: Option<usize>,
}

/// One step over attributes.
#[derive(Copy, Clone, Debug)]
enum Step {
    /// Bytes of attributes that nobody wants.
    Skip(usize),
    /// An attribute that nobody wants, of a size that the entry says.
    Pass(AttributeSpecification),
    /// An attribute to read.
    Read(AttributeSpecification),
}

/// The abbreviations of one unit at a time.
#[derive(Debug)]
pub(super) struct Shapes {
    wanted: &'static [DwAt],
    shapes: Vec<Shape>,
    steps: Vec<Step>,
    none: Abbreviations,
    /// Whether an entry may refer to one of another unit.
    pub(super) far: bool,
}

impl Shapes {
    /// For walks that read the attributes `wanted`.
    pub(super) fn new(wanted: &'static [DwAt]) -> Shapes {
        Shapes { wanted, shapes: Vec::new(), steps: Vec::new(), none: Abbreviations::default(), far: false }
    }

    /// Reads the abbreviations at the start of `table` (`.debug_abbrev` from the unit's offset on).
    pub(super) fn read(&mut self, mut table: Slice, header: &UnitHeader<Bytes<'_>>) -> Result<()> {
        self.shapes.clear();
        self.steps.clear();
        self.far = false;
        loop {
            let code = table.read_uleb128()?;
            if code == 0 {
                // They come in order; where they do not, they are still to be found quickly.
                self.shapes.sort_by_key(|shape| shape.code);
                return Ok(());
            }
            let tag = DwTag(table.read_uleb128_u16()?);
            let children = table.read_u8()? == dw::DW_CHILDREN_yes.0;
            let from = self.steps.len();
            let (mut size, mut declaration) = (Some(0), false);
            loop {
                let (name, form) = (DwAt(table.read_uleb128_u16()?), DwForm(table.read_uleb128_u16()?));
                if (name.0, form.0) == (0, 0) {
                    break;
                }
                let constant = form == dw::DW_FORM_implicit_const;
                let constant = if constant { Some(table.read_sleb128()?) } else { None };
                let attribute = AttributeSpecification::new(name, form, constant);
                size = size.zip(attribute.size(header)).map(|(all, one)| all + one);
                declaration |= (name, form) == (dw::DW_AT_declaration, dw::DW_FORM_flag_present);
                self.far |= FAR.contains(&form);
                self.step(from, attribute, attribute.size(header));
            }
            let steps = (from as u32, self.steps.len() as u32);
            self.shapes.push(Shape { code, tag, children, declaration, steps, size });
        }
    }

    /// Adds the step over one attribute to those from `from` on.
    fn step(&mut self, from: usize, attribute: AttributeSpecification, size: Option<usize>) {
        let step = match size {
            _ if self.wanted.contains(&attribute.name()) => Step::Read(attribute),
            Some(size) => {
                if let Some(Step::Skip(before)) = self.steps[from..].last_mut() {
                    *before += size;
                    return;
                }
                Step::Skip(size)
            }
            None => Step::Pass(attribute),
        };
        self.steps.push(step);
    }

    fn get(&self, code: u64) -> Result<Shape> {
        // Compilers count from one.
        let dense = usize::try_from(code).ok().and_then(|code| self.shapes.get(code.wrapping_sub(1)));
        let searched = || {
            let at = self.shapes.binary_search_by_key(&code, |shape| shape.code).ok()?;
            self.shapes.get(at)
        };
        let found = dense.filter(|shape| shape.code == code).or_else(searched);
        found.copied().ok_or(Error::InvalidAbbreviationCode(code))
    }

    fn steps(&self, shape: &Shape) -> &[Step] {
        self.steps.get(shape.steps.0 as usize..shape.steps.1 as usize).unwrap_or_default()
    }
}

/// A place among the entries of a unit.
#[derive(Copy, Clone, Debug)]
pub(super) struct Walk<'a, 'd> {
    header: &'a UnitHeader<Bytes<'d>>,
    shapes: &'a Shapes,
    rest: Bytes<'d>,
    /// Where `rest` ends, from the start of the unit.
    end: usize,
    /// The depth of the next entry; the first has 0.
    pub(super) depth: isize,
}

impl<'a, 'd> Walk<'a, 'd> {
    /// Begins with the entry at `from`, which is at `depth`.
    pub(super) fn new(
        header: &'a UnitHeader<Bytes<'d>>,
        shapes: &'a Shapes,
        from: UnitOffset,
        depth: isize,
    ) -> Result<Walk<'a, 'd>> {
        let rest = header.range_from(from..)?;
        Ok(Walk { header, shapes, rest, end: from.0 + rest.len(), depth })
    }

    /// Where the next entry begins.
    pub(super) fn offset(&self) -> UnitOffset {
        UnitOffset(self.end - self.rest.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Begins an entry, whose attributes have to be read or skipped next; `None` at the end of a list of children.
    pub(super) fn entry(&mut self) -> Result<Option<Shape>> {
        let code = self.rest.read_uleb128()?;
        if code == 0 {
            self.depth -= 1;
            return Ok(None);
        }
        let shape = self.shapes.get(code)?;
        self.depth += isize::from(shape.children);
        Ok(Some(shape))
    }

    /// Passes the attributes by.
    pub(super) fn skip(&mut self, shape: &Shape) -> Result<()> {
        match shape.size {
            Some(size) => self.rest.skip(size),
            None => self.attributes(shape, |_, _| {}),
        }
    }

    /// Gives the wanted attributes to `take`, and passes the others by.
    pub(super) fn attributes(
        &mut self,
        shape: &Shape,
        mut take: impl FnMut(DwAt, AttributeValue<Bytes<'d>>),
    ) -> Result<()> {
        for step in self.shapes.steps(shape) {
            match step {
                Step::Skip(size) => self.rest.skip(*size)?,
                Step::Pass(one) => self.by_gimli(|raw| raw.skip_attributes(&[*one]))?,
                Step::Read(one) => {
                    let value = self.value(*one)?;
                    take(one.name(), value);
                }
            }
        }
        Ok(())
    }

    /// Reads an attribute; the few forms that nearly all of them have are read here.
    fn value(&mut self, one: AttributeSpecification) -> Result<AttributeValue<Bytes<'d>>> {
        let format = self.header.format();
        Ok(match one.form() {
            dw::DW_FORM_strp => AttributeValue::DebugStrRef(DebugStrOffset(self.rest.read_offset(format)?)),
            dw::DW_FORM_ref4 => AttributeValue::UnitRef(UnitOffset(self.rest.read_u32()? as usize)),
            _ => self.by_gimli(|raw| Ok(raw.read_attribute(one)?.value()))?,
        })
    }

    /// Lets gimli read something of what comes next.
    fn by_gimli<T>(&mut self, read: impl FnOnce(&mut EntriesRaw<'_, Bytes<'d>>) -> Result<T>) -> Result<T> {
        let mut raw = EntriesRaw::new(self.rest, self.header.encoding(), &self.shapes.none, UnitOffset(0));
        let read = read(&mut raw)?;
        self.rest.skip(raw.next_offset().0)?;
        Ok(read)
    }
}
