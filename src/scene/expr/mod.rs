//! gdb's expressions: `*(struct node *) $rdi`, `strcmp($arg1, "…") == 0`, `argv[0]@argc`.
//!
//! The text becomes an [`Expr`] once; evaluating it needs a [`Context`]. A [`Condition`] that only looks at
//! registers and memory is tested without one. Nothing here calls a function of the target: `strcmp` and its
//! kin are computed from the bytes that they would look at (law 2). Assignments to the target are returned as
//! an [`Effect`] for the session to carry out.

mod ast;
mod builtin;
mod classes;
mod condition;
mod describe;
mod eval;
mod lex;
mod names;
mod ops;
mod parse;
mod places;
mod print;
mod rusteval;
mod rustlex;
mod rustnames;
mod rustparse;
mod rustslices;
mod scopes;
mod vars;
mod wide;
mod written;

pub use ast::{Expr, TypeName};
pub use builtin::is_computed;
pub use condition::{Condition, FastContext, SlowContext};
pub use describe::{describe_type, real_type};
pub use eval::{Context, Effect, evaluate, evaluate_with_effect};
pub use parse::parse;
pub use places::{Places, places};
pub use print::{Printed, Printing, output_line, print_expr, print_line, read_print, shown};
pub use vars::Vars;

use thiserror::Error;

use super::value::ValueError;
use crate::addr::Addr;
use crate::memory::Fault;

/// Looks up a special variable (`$hits`, `$_exitcode`…) by its name without the dollar.
pub type Specials<'a> = &'a dyn Fn(&str) -> Option<i128>;

/// Why an expression has no value. The texts are gdb's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs)] // Each variant is its sentence.
pub enum ExprError {
    #[error("A syntax error in expression, near `{0}'.")]
    Syntax(String),
    #[error("Invalid character '{0}' in expression.")]
    Character(char),
    #[error("Unmatched single quote.")]
    SingleQuote,
    #[error("Unterminated string in expression.")]
    DoubleQuote,
    #[error("Invalid number \"{0}\".")]
    Number(String),
    #[error("Numeric constant too large.")]
    TooLarge,
    #[error("The expression is nested too deeply.")]
    TooDeep,
    #[error("Division by zero")]
    DivisionByZero,
    #[error("Argument required (starting display address).")]
    NoAddress,
    #[error("Size letters are meaningless in \"{0}\" command.")]
    SizeLetters(&'static str),
    #[error("Item count other than 1 is meaningless in \"{0}\" command.")]
    ItemCount(&'static str),
    #[error("Format letter \"{0}\" is meaningless in \"{1}\" command.")]
    FormatLetter(char, &'static str),
    #[error("Undefined output format \"{0}\".")]
    UndefinedFormat(char),
    /// An error behind what was written already.
    #[error("{0}")]
    Half(String),
    /// An error in the words that gdb has for Rust.
    #[error("{0}")]
    Rust(String),
    /// The same, of a text that may mean something in C; so many bytes of it were read.
    #[error("{0}")]
    RustSyntax(String, usize),
    #[error("No registers.")]
    NoRegisters,
    #[error("No symbol table is loaded.  Use the \"file\" command.")]
    NoSymbols,
    #[error("No struct type named {0}.")]
    NoStruct(String),
    #[error("No union type named {0}.")]
    NoUnion(String),
    #[error("No enum type named {0}.")]
    NoEnum(String),
    #[error("No type named {0}.")]
    NoTypeNamed(&'static str),
    #[error("This context has class, struct or enum {0}, not a union.")]
    NoUnionHere(String),
    #[error("There is no field named {0}")]
    NoField(String),
    #[error("no constant named \"{0}\" in enum \"{1}\"")]
    NoConstant(String, String),
    #[error("No symbol \"{0}\" in namespace \"{1}\".")]
    NotInNamespace(String, String),
    #[error("No type \"{0}\" within class or namespace \"{1}\".")]
    NoTypeWithin(String, String),
    #[error("Cannot reference non-static field \"{0}\"")]
    NonStatic(String),
    #[error("Attempt to use a type name as an expression")]
    TypeAsExpression,
    #[error("Undefined string concatenation.")]
    Concatenation,
    #[error("No symbol \"{0}\" in current context.")]
    NoSymbol(String),
    #[error("No symbol \"{0}\" in specified context.")]
    NotThere(String),
    #[error("No frame is currently executing in block {0}.")]
    NotExecuting(String),
    #[error("'{0}' has unknown type; cast it to its declared type")]
    UnknownType(String),
    #[error(
        "'{0}' has unknown return type; cast the call to its declared return type\n  hint: brkwater never calls into the target; strcmp, strlen and their kin work as they are."
    )]
    Call(String),
    #[error(
        "Cannot call functions in the program: {0} is called by \"call\" only.\n  hint: \"call {0}(...)\", or \"set may-call-functions on\"; strcmp, strlen and their kin are computed."
    )]
    NoCalls(String),
    #[error("Left operand of assignment is not an lvalue.")]
    NotAssignable,
    #[error("Invalid number of arguments to {0}.")]
    Arguments(String),
    #[error("Argument to arithmetic operation not a number or boolean.")]
    NotANumber,
    #[error("Can't take address of \"{0}\" which isn't an lvalue.")]
    NoLvalue(String),
    #[error("Unable to read siginfo")]
    NoSiginfo,
    #[error("Invalid regular expression: {0}")]
    Regex(String),
    #[error("Symbol \"{0}\" does not have any specific entry value")]
    NoEntryValue(String),
    #[error("@entry can be used only for function parameters, not for \"{0}\"")]
    NoParameter(String),
    #[error("DW_OP_entry_value resolving requires caller of {0} ({1})")]
    NoEntryCaller(Addr, String),
    #[error("Only values in memory can be extended with '@'.")]
    NotExtendable,
    #[error("Invalid number {0} of repetitions.")]
    Repetitions(i128),
    #[error("History has not yet reached ${0}.")]
    History(usize),
    #[error("The history is empty.")]
    NoHistory,
    #[error("History does not go back to $${0}.")]
    ShortHistory(usize),
    #[error("Address requested for identifier \"{0}\" which is in register ${1}")]
    InRegister(String, String),
    #[error("Argument to {0}")]
    Operand(&'static str),
    #[error("Integer-only operation on floating point number.")]
    IntegersOnly,
    #[error("Structure has no component named operator{0}.")]
    NoOperator(&'static str),
    #[error("Could not find operator{0}.")]
    NotFoundOperator(&'static str),
    #[error("There is no member or method named {0}.")]
    NoMemberOrMethod(String),
    #[error("Cannot reference virtual member function \"{0}\"")]
    VirtualMember(String),
    #[error("Invalid character constant.")]
    CharacterConstant,
    #[error("Empty character constant.")]
    EmptyCharacter,
    #[error("No frame selected.")]
    NoFrame,
    #[error("a string longer than {0} bytes")]
    StringTooLong(usize),
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error(transparent)]
    Fault(#[from] Fault),
}
