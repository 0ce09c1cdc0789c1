//! What units say of themselves: their source file, their language, and how they were made.

use rayon::prelude::*;

use super::Slice;
use super::debug::DebugInfo;

/// How a unit was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The directory that its names are relative to.
    pub directory: Option<String>,
    /// The compiler, with its version and flags.
    pub producer: Option<String>,
    /// The version of DWARF.
    pub version: u16,
    /// Whether it describes macros.
    pub macros: bool,
}

impl DebugInfo {
    /// The units whose source file is called `file`.
    #[must_use]
    pub fn units_called(&self, file: &str) -> Vec<usize> {
        let called = |index: &usize| {
            let Some(unit) = self.unit(*index) else { return false };
            let text = |text: Option<Slice>| {
                text.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
            };
            super::lines::same_file(&text(unit.name), &text(unit.comp_dir), file)
        };
        (0..self.unit_count()).into_par_iter().filter(called).collect()
    }

    /// The language of a unit, as gdb calls it.
    #[must_use]
    pub fn language(&self, index: usize) -> Option<&'static str> {
        let unit = self.unit(index)?;
        let root = unit.entry(unit.header.root_offset()).ok()?;
        match root.attr_value(gimli::DW_AT_language)? {
            gimli::AttributeValue::Language(language) => Some(language_name(language)),
            _ => None,
        }
    }

    /// What a unit says of how it was made: its directory, the compiler, the version of DWARF.
    #[must_use]
    pub fn origin(&self, index: usize) -> Option<Origin> {
        let unit = self.unit(index)?;
        let root = unit.entry(unit.header.root_offset()).ok()?;
        let producer = root.attr_value(gimli::DW_AT_producer).and_then(|value| unit.attr_string(value).ok());
        let text = |text: Option<Slice>| text.map(|text| text.to_string_lossy().into_owned());
        Some(Origin {
            directory: text(unit.comp_dir),
            producer: text(producer),
            version: unit.header.version(),
            macros: root
                .attr_value(gimli::DW_AT_macros)
                .or_else(|| root.attr_value(gimli::DW_AT_macro_info))
                .is_some(),
        })
    }
}

fn language_name(language: gimli::DwLang) -> &'static str {
    match language {
        gimli::DW_LANG_C | gimli::DW_LANG_C89 | gimli::DW_LANG_C99 | gimli::DW_LANG_C11 => "c",
        gimli::DW_LANG_C_plus_plus
        | gimli::DW_LANG_C_plus_plus_03
        | gimli::DW_LANG_C_plus_plus_11
        | gimli::DW_LANG_C_plus_plus_14
        | gimli::DW_LANG_C_plus_plus_17
        | gimli::DW_LANG_C_plus_plus_20 => "c++",
        gimli::DW_LANG_Rust => "rust",
        gimli::DW_LANG_D => "d",
        gimli::DW_LANG_Go => "go",
        gimli::DW_LANG_ObjC => "objective-c",
        gimli::DW_LANG_Fortran77
        | gimli::DW_LANG_Fortran90
        | gimli::DW_LANG_Fortran95
        | gimli::DW_LANG_Fortran03
        | gimli::DW_LANG_Fortran08 => "fortran",
        gimli::DW_LANG_Pascal83 => "pascal",
        gimli::DW_LANG_Ada83 | gimli::DW_LANG_Ada95 => "ada",
        gimli::DW_LANG_Modula2 => "modula-2",
        gimli::DW_LANG_Mips_Assembler => "asm",
        _ => "minimal",
    }
}
