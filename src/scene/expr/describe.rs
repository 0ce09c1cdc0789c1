//! `ptype` and `whatis`: a text is a type's name, or an expression that has a type.

use super::ExprError;
use super::ast::{Expr, TypeName};
use super::eval::{Context, evaluate};
use super::parse::parse_type;
use super::rustparse;
use crate::scene::print::{PrintOptions, Printer};
use crate::scene::value::ValueError;
use crate::symbols::Asked;
use crate::symbols::types::{Kind, Type};

/// What `ptype TEXT` (`whole`) or `whatis TEXT` writes.
///
/// # Errors
/// gdb's words.
pub fn describe_type(
    text: &str,
    context: &mut Context<'_>,
    whole: bool,
    asked: Asked,
) -> Result<String, ExprError> {
    let (ty, is_type) = match type_of(text, context) {
        Err(error) => match context.namespace(text.trim()) {
            Some(space) if whole => return Ok(format!("type = namespace {space}")),
            Some(space) => return Ok(format!("type = {space}")),
            None => return Err(error),
        },
        Ok(found) => found,
    };
    let rust = context.is_rust();
    if whole {
        let below = ty.unqualified().1;
        // A typedef is looked through where it gave the type its name.
        let named = match below.kind() {
            Kind::Typedef { of, name } if of.get().name() == **name => of.get(),
            _ => below,
        };
        let header = match named.kind() {
            Kind::Record(_) if asked.offsets => "/* offset      |    size */  ",
            _ => "",
        };
        let described = if rust { ty.describe_rust(asked) } else { ty.describe_as(asked) };
        return Ok(format!("{header}type = {described}"));
    }
    // Of a type's name gdb looks through one typedef, of a value's type through none.
    let ty = match ty.kind() {
        Kind::Typedef { of, .. } if is_type => of.get(),
        _ => ty,
    };
    Ok(format!("type = {}", if rust { ty.rust_name() } else { ty.short_name() }))
}

/// What an object of C++ really is, as `set print object on` has it told in front of its type.
#[must_use]
pub fn real_type(text: &str, context: &mut Context<'_>) -> Option<String> {
    let value = evaluate(&context.read(text).ok()?, context).ok()?;
    let options = PrintOptions::default();
    let printer = Printer { memory: context.memory(), names: context.scene, options: &options };
    printer.real_type(&value).map(|ty| ty.name())
}

/// The type, and whether the text named it.
fn type_of(text: &str, context: &mut Context<'_>) -> Result<(Type, bool), ExprError> {
    if context.is_rust() {
        return rust_type_of(text, context);
    }
    let expr = context.read(text);
    // `x *` is no expression, `struct s` and `point_t *` are types.
    let written = parse_type(text).filter(|written| match &expr {
        Ok(Expr::Name(_)) => false,
        Ok(Expr::Type(_)) | Err(_) => true,
        Ok(_) => !written.arrays.is_empty() && context.scene.variable(context.frame, &written.base).is_err(),
    });
    if let Some(written) = written {
        match (context.type_named(&written), expr) {
            (Ok(ty), _) => return Ok((ty, true)),
            // What looks like neither is told as an expression.
            (Err(ExprError::NoSymbol(_)), Err(error)) => return Err(error),
            (Err(error), _) => return Err(error),
        }
    }
    let expr = expr?;
    if let Expr::Name(name) = &expr
        && context.frame.is_none_or(|frame| !context.scene.is_local(frame, name))
        && let Some(ty) = context.unit_type(name)
    {
        return Ok((ty, true));
    }
    // gdb does not take a function for what a pointer points to where only the type is asked for.
    if let Expr::Deref(of) = &expr
        && evaluate(of, context).is_ok_and(|value| value.ty().is_function())
    {
        return Err(ValueError::NotAPointer.into());
    }
    match evaluate(&expr, context) {
        Ok(value) => Ok((value.ty().clone(), false)),
        // A name that is no variable may be a typedef.
        Err(error) => {
            let name = match &expr {
                Expr::Name(name)
                    if error == ExprError::NoSymbol(name.clone()) || error == ExprError::TypeAsExpression =>
                {
                    name.clone()
                }
                Expr::Scoped(scope, name) => format!("{scope}::{name}"),
                _ => return Err(error),
            };
            let written = TypeName { base: name, pointers: 0, arrays: Vec::new(), inner: 0 };
            match (context.type_named(&written), &expr) {
                (Ok(ty), _) => Ok((ty, true)),
                (Err(_), Expr::Scoped(..)) => Err(error),
                (Err(missing), _) => Err(missing),
            }
        }
    }
}

/// The same in Rust, where a type has a grammar of its own. gdb takes few of them where an expression may stand.
fn rust_type_of(text: &str, context: &mut Context<'_>) -> Result<(Type, bool), ExprError> {
    let written = rustparse::parse_type(text);
    let expr = context.read(text);
    if let Ok(Expr::Name(name)) = &expr
        && context.frame.is_none_or(|frame| !context.scene.is_local(frame, name))
        && let Some(ty) = context.unit_type(name)
    {
        return Ok((ty, true));
    }
    let error = match expr {
        Ok(Expr::Text(_)) => return Ok((context.type_called("&str")?, false)),
        Ok(expr) => match evaluate(&expr, context) {
            Ok(value) => return Ok((value.ty().clone(), matches!(expr, Expr::Type(_)))),
            Err(error) => error,
        },
        Err(error) => error,
    };
    let named = written.and_then(|written| context.type_named(&written).ok());
    named.map(|ty| (ty, true)).ok_or(error)
}
