//! Calls into the target: `call`, and `print` where `set may-call-functions` allows it; `return`, `jump`.
//!
//! ```text
//! (gdb) call add(1, 2)
//! $1 = 3
//! ```
//!
//! The calls of an expression are made one after the other, the innermost first, before the rest is computed: what `&&`
//! or `?:` would leave out is called all the same. `strcmp` and its kin are computed and never called.

use super::error::{CommandError, Done};
use super::place;
use super::shell::Shell;
use super::stack::{self, Show};
use super::stops;
use super::table::{Entry, Takes};
use crate::addr::Addr;
use crate::memory::Memory;
use crate::scene::expr::{Context, Expr, ExprError, evaluate, is_computed};
use crate::scene::{Value, returns_in_memory};
use crate::session::{CallArgument, SessionError};
use crate::symbols::types::{Base, Encoding, Function, Kind, Type};

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["jump", "j", "ju"],
        run: jump,
        help: "Continue program being debugged at specified line or address.\n\nUsage: jump LOCATION\nNothing else changes: the stack stays as it is.",
        takes: Takes::Place,
    },
    Entry {
        names: &["return"],
        run: return_,
        help: "Make selected stack frame return to its caller.\n\nUsage: return [EXPRESSION]\nEXPRESSION is what the function returns.",
        takes: Takes::Expression,
    },
];

/// The names of convenience variables that hold results of calls while an expression is computed: no user can type them.
const HELD: &str = " result ";

/// Makes the calls of an expression, and puts their results where they stood.
///
/// # Errors
/// gdb's words for functions that cannot be called, and for calls that something stopped.
pub(super) fn carry_out(shell: &mut Shell, expr: &mut Expr) -> Done {
    let mut count = 0;
    replace(shell, expr, &mut count)
}

fn replace(shell: &mut Shell, expr: &mut Expr, count: &mut usize) -> Done {
    // `(long) f(3)` says what a function without debug info returns.
    let cast = match expr {
        Expr::Cast(ty, inner) if matches!(**inner, Expr::Call(..)) => Some(ty.clone()),
        _ => None,
    };
    let call = match (cast.is_some(), &mut *expr) {
        (true, Expr::Cast(_, inner)) => &mut **inner,
        (_, other) => other,
    };
    if let Expr::Call(function, arguments) = call
        && !is_computed(function)
    {
        for argument in arguments.iter_mut() {
            replace(shell, argument, count)?;
        }
        let cast = cast.map(|ty| shell.with_context(|context| context.type_named(&ty))).transpose()?;
        let value = call_one(shell, function, arguments, cast.as_ref())?;
        *count += 1;
        let name = format!("{HELD}{count}");
        shell.session.vars().set(&name, value);
        *call = Expr::Dollar(name);
        return Ok(());
    }
    for child in expr.children_mut() {
        replace(shell, child, count)?;
    }
    Ok(())
}

/// What is called.
struct Callee {
    name: String,
    at: Addr,
    ty: Type,
}

fn call_one(shell: &mut Shell, function: &Expr, arguments: &[Expr], cast: Option<&Type>) -> Done<Value> {
    if !shell.session.is_live() {
        return Err(CommandError::say("You can't do that without a process to debug."));
    }
    let (callee, arguments) = shell.with_context(|context| -> Done<_> {
        let callee = callee(function, context, cast)?;
        let arguments = passed(&callee, arguments, context)?;
        Ok((callee, arguments))
    })?;
    let tid = shell.session.selection().map(|selection| selection.tid);
    let ty = callee.ty.clone();
    let called = shell.session.call(callee.at, &arguments, |scene| {
        let regs = scene.source.frame_regs(tid?)?;
        let value = scene.return_value(&ty, &regs)?;
        Some(value.load(scene.memory()).unwrap_or(value))
    });
    match called {
        Ok(value) => Ok(value.unwrap_or_else(|| Value::from_bytes(Type::void(), Vec::new()))),
        Err(SessionError::CallStopped(stop)) => {
            let signaled = stops::is_signal(&stop);
            stops::report(shell, &stop, &stops::Before::elsewhere(shell))?;
            Err(CommandError::say(interrupted(&callee.name, signaled)))
        }
        Err(error) => Err(error.into()),
    }
}

/// gdb's words for a call that did not come back (gdb 13.1, infcall.c).
fn interrupted(name: &str, signaled: bool) -> String {
    let how = match signaled {
        true => {
            "The program being debugged was signaled while in a function called from GDB.\n\
             GDB remains in the frame where the signal was received.\n\
             To change this behavior use \"set unwindonsignal on\".\n"
        }
        false => "The program being debugged stopped while in a function called from GDB.\n",
    };
    format!(
        "{how}Evaluation of the expression containing the function\n({name}) will be abandoned.\n\
         When the function is done executing, GDB will silently stop."
    )
}

fn callee(function: &Expr, context: &mut Context<'_>, cast: Option<&Type>) -> Done<Callee> {
    let name = match function {
        Expr::Name(name) => name.clone(),
        _ => "function".to_owned(),
    };
    let value = evaluate(function, context)?;
    let memory = context.scene.memory();
    let (at, ty) = if value.ty().is_function() {
        (value.address().ok_or(ExprError::NotANumber)?, value.ty().clone())
    } else if let Some(target) = value.ty().target().filter(Type::is_function) {
        (Addr(value.as_u64(memory)?), target)
    } else {
        // A symbol without debug info: only a cast says what comes back.
        let at = value.address().ok_or(ExprError::NotANumber)?;
        let cast = cast.ok_or_else(|| ExprError::Call(name.clone()))?;
        (at, Type::function_returning(cast))
    };
    Ok(Callee { name, at, ty })
}

fn passed(callee: &Callee, arguments: &[Expr], context: &mut Context<'_>) -> Done<Vec<CallArgument>> {
    let stripped = callee.ty.strip();
    let Kind::Function(function) = stripped.kind() else {
        return Err(CommandError::say("Cannot call it: it is no function."));
    };
    if function.prototyped && arguments.len() < function.parameters.len() {
        return Err(CommandError::say("Too few arguments in function call."));
    }
    let mut all = Vec::new();
    let returns = function.returns.get();
    if returns_in_memory(&returns) {
        all.push(CallArgument::Room(returns.size()));
    }
    for (index, argument) in arguments.iter().enumerate() {
        all.push(match argument {
            Expr::Text(bytes) => CallArgument::Text(bytes.clone()),
            other => {
                let value = evaluate(other, context)?;
                argument_of(&value, parameter(function, index).as_ref(), context.scene.memory())?
            }
        });
    }
    Ok(all)
}

fn parameter(function: &Function, index: usize) -> Option<Type> {
    function.parameters.get(index).filter(|_| function.prototyped).map(crate::symbols::types::TypeRef::get)
}

fn argument_of(value: &Value, parameter: Option<&Type>, memory: &dyn Memory) -> Done<CallArgument> {
    // Arrays and functions stand for where they are.
    if value.ty().is_array() || value.ty().is_function() {
        return Ok(CallArgument::Word(value.as_u64(memory)?));
    }
    let value = match parameter {
        Some(ty) => value.cast(ty, memory)?,
        None => value.clone(),
    };
    let ty = value.ty().strip();
    match ty.kind() {
        Kind::Base(Base { encoding: Encoding::Float, .. }) => {
            let number = value.as_f64(memory)?;
            // Without a prototype a float is passed as a double (C11, 6.5.2.2).
            Ok(match (ty.size(), parameter) {
                (4, Some(_)) => CallArgument::Float(u64::from((number as f32).to_bits())),
                (4 | 8, _) => CallArgument::Float(number.to_bits()),
                _ => return Err(CommandError::say("brkwater passes no long double.")),
            })
        }
        Kind::Base(_) | Kind::Enum(_) | Kind::Pointer(_) => {
            Ok(CallArgument::Word(value.as_i128(memory)? as u64))
        }
        _ => Err(CommandError::say(
            "brkwater passes no structures by value.\n  hint: pass the address of one that the program has.",
        )),
    }
}

fn jump(shell: &mut Shell, args: &str) -> Done {
    let selection = shell.must_run()?;
    if args.trim().is_empty() {
        return Err(CommandError::say("Argument required (starting address)."));
    }
    let sites = place::resolve_place(shell, args)?;
    let [site] = sites.as_slice() else {
        return Err(CommandError::say(format!(
            "Unreasonable jump request: {} places are called so.",
            sites.len()
        )));
    };
    let (here, there) = shell.session.with_scene(|scene, _| {
        let pc = scene.source.regs(selection.tid).map(|regs| Addr(regs.rip()));
        let start = |at: Addr| scene.modules.function_at(at).map(|span| span.start);
        let name = pc.and_then(|pc| scene.modules.frames_of(pc).pop()).and_then(|frame| frame.function);
        (pc.and_then(start).zip(name), start(site.address))
    });
    if let Some((function, name)) = here
        && there != Some(function)
    {
        let what = site.line.map_or_else(|| args.trim().to_owned(), |line| format!("Line {line}"));
        let question = format!("{what} is not in `{name}'.  Jump anyway? ");
        if !shell.confirm(&question) {
            return Err(CommandError::say("Not confirmed."));
        }
    }
    if shell.options.interactive {
        shell.say(format!("Continuing at {}.", site.address));
    }
    let before = stops::Before::elsewhere(shell);
    let stop = shell.session.jump(site.address)?;
    stops::report(shell, &stop, &before)
}

fn return_(shell: &mut Shell, args: &str) -> Done {
    let selection = shell.must_run()?;
    let function = shell.with_frame("No selected frame.", |_, frame, _| {
        (frame.function().and_then(|scope| scope.name.as_deref().map(str::to_owned)), frame.function_type())
    })?;
    let (name, ty) = function;
    let result = match args.trim() {
        "" => None,
        text => {
            let mut expr = shell.with_context(|context| context.read(text))?;
            carry_out(shell, &mut expr)?;
            Some(shell.with_context(|context| returned(&expr, ty.as_ref(), context))?)
        }
    };
    if shell.options.interactive {
        let what = name.unwrap_or_else(|| "selected stack frame".to_owned());
        if !shell.confirm(&format!("Make {what} return now? ")) {
            return Err(CommandError::say("Not confirmed"));
        }
    }
    shell.session.pop_frame(selection.level, result)?;
    if shell.options.interactive {
        stack::show_frame(shell, Show::Frame)?;
    }
    Ok(())
}

/// The bytes that a function leaves for its caller.
fn returned(expr: &Expr, function: Option<&Type>, context: &mut Context<'_>) -> Done<Vec<u8>> {
    let value = evaluate(expr, context)?;
    let memory = context.scene.memory();
    let returns = function.and_then(|function| match function.strip().kind() {
        Kind::Function(function) => Some(function.returns.get()),
        _ => None,
    });
    let value = match &returns {
        Some(ty) => value.cast(ty, memory)?,
        None => value,
    };
    let integral = matches!(value.ty().strip().kind(), Kind::Base(Base { encoding, .. }) if *encoding != Encoding::Float)
        || matches!(value.ty().strip().kind(), Kind::Enum(_) | Kind::Pointer(_));
    if !integral {
        return Err(CommandError::say(
            "brkwater returns integers and pointers only.\n  hint: \"return\" without a value, then set the registers.",
        ));
    }
    Ok((value.as_i128(memory)? as u64).to_le_bytes().to_vec())
}
