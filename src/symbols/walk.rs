//! A walk over the entries of units that passes most of them by: for scans of everything that a file holds.
//!
//! gimli reads attributes; what is ours is where the abbreviations live, in two vectors that serve one unit after the
//! other, and the step over an entry of fixed size. Each unit of libc has a table of its own: making them one by one
//! was a large part of a scan's profile.

use gimli::{
    Abbreviations, AttributeSpecification, DwAt, DwForm, DwTag, EntriesRaw, Error, Reader, Result,
    UnitHeader, UnitOffset, constants as dw,
};

use super::Slice;

/// What an abbreviation says of its entries.
#[derive(Copy, Clone, Debug)]
pub(super) struct Shape {
    code: u64,
    pub(super) tag: DwTag,
    pub(super) children: bool,
    /// Its attributes, from and to.
    attributes: (u32, u32),
    /// The size of all its attributes, where that does not depend on the entry.
    size: Option<usize>,
}

/// The abbreviations of one unit at a time.
#[derive(Default, Debug)]
pub(super) struct Shapes {
    shapes: Vec<Shape>,
    attributes: Vec<AttributeSpecification>,
    none: Abbreviations,
}

impl Shapes {
    /// Reads the abbreviations at the start of `table` (`.debug_abbrev` from the unit's offset on).
    pub(super) fn read(&mut self, mut table: Slice, header: &UnitHeader<Slice>) -> Result<()> {
        self.shapes.clear();
        self.attributes.clear();
        loop {
            let code = table.read_uleb128()?;
            if code == 0 {
                // They come in order; where they do not, they are still to be found quickly.
                self.shapes.sort_by_key(|shape| shape.code);
                return Ok(());
            }
            let tag = DwTag(table.read_uleb128_u16()?);
            let children = table.read_u8()? == dw::DW_CHILDREN_yes.0;
            let from = self.attributes.len();
            let mut size = Some(0);
            loop {
                let (name, form) = (DwAt(table.read_uleb128_u16()?), DwForm(table.read_uleb128_u16()?));
                if (name.0, form.0) == (0, 0) {
                    break;
                }
                let constant = form == dw::DW_FORM_implicit_const;
                let constant = if constant { Some(table.read_sleb128()?) } else { None };
                let attribute = AttributeSpecification::new(name, form, constant);
                size = size.zip(attribute.size(header)).map(|(all, one)| all + one);
                self.attributes.push(attribute);
            }
            let attributes = (from as u32, self.attributes.len() as u32);
            self.shapes.push(Shape { code, tag, children, attributes, size });
        }
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

    fn attributes(&self, shape: &Shape) -> &[AttributeSpecification] {
        self.attributes.get(shape.attributes.0 as usize..shape.attributes.1 as usize).unwrap_or_default()
    }
}

/// A place among the entries of a unit.
#[derive(Copy, Clone, Debug)]
pub(super) struct Walk<'a> {
    header: &'a UnitHeader<Slice>,
    shapes: &'a Shapes,
    rest: Slice,
    /// Where `rest` ends, from the start of the unit.
    end: usize,
    /// The depth of the next entry; the first has 0.
    pub(super) depth: isize,
}

impl<'a> Walk<'a> {
    /// Begins with the entry at `from`, which is at `depth`.
    pub(super) fn new(
        header: &'a UnitHeader<Slice>,
        shapes: &'a Shapes,
        from: UnitOffset,
        depth: isize,
    ) -> Result<Walk<'a>> {
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
            None => self.attributes(shape, |raw, all| raw.skip_attributes(all)),
        }
    }

    /// Reads the attributes: `read` has to consume all that it is given.
    pub(super) fn attributes(
        &mut self,
        shape: &Shape,
        read: impl FnOnce(&mut EntriesRaw<'_, Slice>, &[AttributeSpecification]) -> Result<()>,
    ) -> Result<()> {
        let (encoding, none) = (self.header.encoding(), &self.shapes.none);
        let mut raw = EntriesRaw::new(self.rest, encoding, none, UnitOffset(0));
        read(&mut raw, self.shapes.attributes(shape))?;
        self.rest.skip(raw.next_offset().0)
    }
}
