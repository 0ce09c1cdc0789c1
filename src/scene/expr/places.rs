//! Where in memory the value of an expression lies: every place that it is read from, as gdb's watchpoints want it.
//!
//! `p->next->x` is read from `p`, from the member `next` of what it points to, and from `x`. Of `s.array[2]` only the
//! element counts: the structure around it is not read (gdb 13.1, breakpoint.c, `update_watchpoint`).

use super::ExprError;
use super::ast::Expr;
use super::eval::Context;
use crate::addr::Span;
use crate::scene::registers;
use crate::scene::value::Place;
use crate::symbols::types::Kind;

/// What an expression is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The memory that it is read from.
    pub spans: Vec<Span>,
    /// Whether a part of it is in a register.
    pub in_register: bool,
    /// Whether a variable of a frame is a part of it.
    pub local: bool,
}

/// Where the value of an expression lies now. What cannot be reached, such as the target of a bad pointer, is left out.
///
/// # Errors
/// gdb's words for names that mean nothing.
pub fn places(expr: &Expr, context: &mut Context<'_>) -> Result<Places, ExprError> {
    let mut found = Places::default();
    match found.of(expr, context) {
        Ok(()) | Err(ExprError::Value(crate::scene::ValueError::Fault(_)) | ExprError::Fault(_)) => Ok(found),
        Err(error) => Err(error),
    }
}

impl Places {
    fn of(&mut self, expr: &Expr, context: &mut Context<'_>) -> Result<(), ExprError> {
        match expr {
            Expr::Name(_)
            | Expr::Scoped(..)
            | Expr::Dollar(_)
            | Expr::Deref(_)
            | Expr::At(..)
            | Expr::Member(..)
            | Expr::Index(..) => {
                self.on_the_way(expr, context)?;
                self.itself(expr, context)
            }
            // It never changes.
            Expr::AtEntry(_) => Ok(()),
            Expr::Cast(_, x) | Expr::Unary(_, x) => self.of(x, context),
            Expr::AddressOf(x) => self.on_the_way(x, context),
            Expr::Binary(_, a, b) => {
                self.of(a, context)?;
                self.of(b, context)
            }
            Expr::Choice(a, b, c) => [a, b, c].into_iter().try_for_each(|x| self.of(x, context)),
            Expr::Range(a, b, _) => [a, b].into_iter().flatten().try_for_each(|x| self.of(x, context)),
            Expr::Structure(_, fields) => fields.iter().try_for_each(|(_, x)| self.of(x, context)),
            Expr::Call(_, arguments) | Expr::Array(arguments) => {
                arguments.iter().try_for_each(|x| self.of(x, context))
            }
            Expr::Assign(..) | Expr::Step(..) => Err(ExprError::NotAssignable),
            Expr::Int(..)
            | Expr::Float(..)
            | Expr::Char(_)
            | Expr::Text(_)
            | Expr::Wide(_)
            | Expr::SizeOf(_)
            | Expr::SizeOfType(_)
            | Expr::Type(_) => Ok(()),
        }
    }

    /// What has to be read to know where a value is.
    fn on_the_way(&mut self, expr: &Expr, context: &mut Context<'_>) -> Result<(), ExprError> {
        match expr {
            Expr::Name(name) => {
                let local = |frame| context.scene.block_of(frame, name).is_some();
                self.local |= context.frame.is_some_and(local);
                Ok(())
            }
            Expr::Deref(x) | Expr::At(_, x) => self.of(x, context),
            Expr::Member(x, _, arrow) => {
                let through = *arrow || context.value(x)?.ty().is_pointer();
                if through { self.of(x, context) } else { self.on_the_way(x, context) }
            }
            Expr::Index(x, index) => {
                self.of(index, context)?;
                let inside = matches!(context.value(x)?.ty().kind(), Kind::Array(_));
                if inside { self.on_the_way(x, context) } else { self.of(x, context) }
            }
            Expr::Cast(_, x) => self.on_the_way(x, context),
            Expr::Scoped(..) | Expr::Dollar(_) => Ok(()),
            other => self.of(other, context),
        }
    }

    fn itself(&mut self, expr: &Expr, context: &mut Context<'_>) -> Result<(), ExprError> {
        let value = context.value(expr)?;
        if let Expr::Dollar(name) = expr {
            self.in_register |= registers::is_register(name);
        }
        match value.place() {
            Place::Memory(_) if value.ty().is_function() => {}
            Place::Memory(at) => self.spans.push(Span::sized(at, value.ty().size().max(1))),
            Place::Register(_) | Place::Scattered => self.in_register = true,
            Place::Nowhere => {}
        }
        Ok(())
    }
}
