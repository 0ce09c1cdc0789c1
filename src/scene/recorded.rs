//! Frames of a stack that was recorded: addresses with the names that they had then, and nothing else.
//!
//! No memory and no register goes with them, so they have no arguments and no variables; what they have is also there on a
//! machine that has none of the files.

use std::rc::Rc;

use super::Scene;
use super::frame::{Frame, Frames, Physical};
use super::view::FrameView;
use crate::addr::{Addr, Tid};

impl Scene<'_> {
    /// The frames of a recorded stack, at most `limit` of them.
    pub(super) fn recorded_frames(&self, tid: Tid, stack: &[Addr], limit: usize) -> Frames {
        let mut caller: Option<Rc<Physical>> = None;
        let mut chain: Vec<Rc<Physical>> = Vec::with_capacity(stack.len());
        for (level, at) in stack.iter().enumerate().rev() {
            let frame = Rc::new(Physical::recorded(*at, level == 0, caller.take()));
            caller = Some(frame.clone());
            chain.push(frame);
        }
        let mut all = Frames { frames: Vec::new(), more: false, stopped: None };
        for physical in chain.into_iter().rev() {
            for scope in 0..self.source.recorded_names(physical.pc()).len().max(1) {
                if all.frames.len() >= limit {
                    all.more = true;
                    return all;
                }
                let level = u32::try_from(all.frames.len()).unwrap_or(u32::MAX);
                let physical = Rc::clone(&physical);
                let name = self.source.recorded_names(physical.pc()).get(scope);
                let is_main = name.is_some_and(|name| name.function.as_deref() == Some("main"));
                all.frames.push(Frame { level, tid, physical, scope, signal_handler: false });
                if is_main && !self.caches.past_main.get() {
                    return all;
                }
            }
        }
        all
    }

    /// Fills in what was recorded of a frame; false where it is none of a recorded stack.
    pub(super) fn recorded_view(&self, frame: &Frame, view: &mut FrameView) -> bool {
        if self.source.recorded_stack(frame.tid).is_none() {
            return false;
        }
        let names = self.source.recorded_names(frame.pc());
        let Some(name) = names.get(frame.scope) else { return true };
        view.inlined = frame.scope + 1 < names.len();
        view.show_address = !view.inlined;
        view.function.clone_from(&name.function);
        view.module.clone_from(&name.module);
        view.has_debug_info = name.file.is_some();
        view.file.clone_from(&name.file);
        view.line = name.line;
        let program = self.modules.program().map(|program| program.path.as_str());
        if view.file.is_none() && name.module.as_deref() != program {
            view.from.clone_from(&name.module);
        }
        true
    }
}
