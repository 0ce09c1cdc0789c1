//! What `set print …` decides about the text of values.

use std::sync::Arc;

use super::pretty::OwnPrinter;

/// What `set print …` decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrintOptions {
    /// `elements`: how many elements of an array or characters of a string are shown; 0 is no limit.
    pub elements: usize,
    /// `repeats`: longer runs of equal elements are folded; 0 is no limit.
    pub repeats: usize,
    /// `null-stop`: a string in an array ends at its first NUL.
    pub null_stop: bool,
    /// `pretty`: each member of a struct on a line of its own.
    pub pretty: bool,
    /// `address`: whether addresses are shown at all.
    pub address: bool,
    /// `symbol`: `<symbol>` behind pointers to data.
    pub symbol: bool,
    /// `union`: unions inside of structs are spelled out.
    pub unions: bool,
    /// `frame-arguments`.
    pub frame_arguments: FrameArguments,
    /// `entry-values`.
    pub entry_values: bool,
    /// Characters beyond ASCII are shown as such when they are valid UTF-8; octal otherwise.
    pub utf8: bool,
    /// The letter of `print/x` and its like.
    pub format: Option<char>,
    /// `array`: each element of an array on a line of its own.
    pub arrays: bool,
    /// `array-indexes`.
    pub array_indexes: bool,
    /// `static-members`: those of a class are shown with each object.
    pub static_members: bool,
    /// `object`: objects are shown as what they really are.
    pub object: bool,
    /// `raw-values` and `print/r`: values as they are built, not as printers show them.
    pub raw: bool,
    /// Values that are no numbers are left out, and of containers what they hold: a frame's arguments.
    pub summary: bool,
    /// Values are written as in Rust.
    pub rust: bool,
    /// The printers that the user described.
    pub own: Arc<Vec<OwnPrinter>>,
}

/// Which arguments of a frame are shown with their values.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum FrameArguments {
    /// All of them.
    All,
    /// Numbers, pointers and the like; `...` for structs, unions and arrays.
    Scalars,
    /// None: `...` for each.
    None,
    /// Not even the names.
    Presence,
}

impl Default for PrintOptions {
    fn default() -> PrintOptions {
        PrintOptions {
            elements: 200,
            repeats: 10,
            null_stop: false,
            pretty: false,
            address: true,
            symbol: true,
            unions: true,
            frame_arguments: FrameArguments::Scalars,
            entry_values: true,
            utf8: false,
            format: None,
            arrays: false,
            array_indexes: false,
            static_members: true,
            object: false,
            raw: false,
            summary: false,
            rust: false,
            own: Arc::new(OwnPrinter::usual()),
        }
    }
}
