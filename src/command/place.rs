//! (to be written)
use super::{
    error::{CommandError, Done},
    shell::Shell,
};
use crate::symbols::Linespec;
pub(super) fn linespec(_: &mut Shell, text: &str) -> Done<Linespec> {
    Linespec::parse(text).ok_or_else(|| CommandError::say(format!("Function \"{text}\" not defined.")))
}
