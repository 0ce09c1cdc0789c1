//! (to be written)

use super::table::Entry;

pub(super) const COMMANDS: &[Entry] = &[];
pub(super) const INFO: &[Entry] = &[];

/// What `x` and `display` remember.
#[derive(Default)]
pub(super) struct DataState {}
use super::{error::Done, shell::Shell};
pub(super) fn assign(_: &mut Shell, _: &str) -> Done {
    Ok(())
}
pub(super) fn show_displays(_: &mut Shell) {}
pub(super) fn undisplay(_: &mut Shell, _: &str) -> Done {
    Ok(())
}
pub(super) fn switch_displays(_: &mut Shell, _: &str, _: bool) -> Done {
    Ok(())
}
pub(super) fn integer(shell: &mut Shell, text: &str) -> Done<i64> {
    let expr = crate::scene::expr::parse(text)?;
    shell.with_context(|context| {
        let value = crate::scene::expr::evaluate(&expr, context)?;
        Ok(value.as_i128(context.scene.memory())? as i64)
    })
}
