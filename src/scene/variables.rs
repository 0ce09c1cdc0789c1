//! Variables as values: a frame's arguments and locals, statics and globals by name, results of functions.
//!
//! Where the debug info says nothing about a place, the value says so itself (`<optimized out>`): a variable that is
//! known by name always has an answer.

use crate::addr::{Addr, FileAddr};
use crate::regs::FrameRegs;
use crate::symbols::location::{self, At, Gap, LocationError, Piece, Surroundings, assemble};
use crate::symbols::qualified;
use crate::symbols::scopes::FunctionScope;
use crate::symbols::types::{Array, Bound, Count, DieRef, Kind, Type};
use crate::symbols::vars::{self, Variable, Whereabouts, variable_at, variables_in};
use crate::symbols::{Module, SymbolKind};

use super::Scene;
use super::context::FrameContext;
use super::debug::ModuleDebug;
use super::frame::{Frame, MAX_FRAMES};
use super::value::{Place, Value, ValueError};

/// A frame's argument.
#[derive(Clone, Debug)]
pub struct Argument {
    /// The parameter's name.
    pub name: String,
    /// What it holds now.
    pub value: Value,
    /// What it held when the function was entered, where the caller's debug info tells.
    pub at_entry: Option<Value>,
}

/// The block that declares a local variable, with the blocks around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The function first, the block itself last.
    chain: Vec<DieRef>,
}

impl Block {
    /// Whether it is this block, or inside of it.
    #[must_use]
    pub fn is_inside(&self, other: &Block) -> bool {
        other.chain.last().is_some_and(|at| self.chain.contains(at))
    }
}

impl Frame {
    /// The blocks around its pc, of the functions that it was inlined into as well, outermost first.
    fn blocks(&self) -> Vec<DieRef> {
        let scopes = self.physical.scopes.iter().skip(self.scope).rev();
        scopes.flat_map(|scope| std::iter::once(scope.die).chain(scope.blocks.iter().copied())).collect()
    }

    /// Whether its pc is inside of a block.
    #[must_use]
    pub fn is_inside(&self, block: &Block) -> bool {
        block.chain.last().is_some_and(|at| self.blocks().contains(at))
    }
}

impl Scene<'_> {
    /// The block that declares the local variable `name` of a frame.
    #[must_use]
    pub fn block_of(&self, frame: &Frame, name: &str) -> Option<Block> {
        let (scope, debug) = (frame.function()?, frame.physical.debug.as_ref()?);
        let declares =
            |block: &DieRef| variables_in(&debug.table, *block).iter().any(|known| &*known.name == name);
        let at = *scope.blocks.iter().rev().chain([&scope.die]).find(|block| declares(block))?;
        let mut chain = frame.blocks();
        let end = chain.iter().position(|block| *block == at)?;
        chain.truncate(end + 1);
        Some(Block { chain })
    }

    /// The arguments of a frame's function, in the order of its parameters.
    #[must_use]
    pub fn arguments(&self, frame: &Frame) -> Vec<Argument> {
        let (Some(scope), Some(debug)) = (frame.function(), &frame.physical.debug) else { return Vec::new() };
        let parameters =
            variables_in(&debug.table, scope.die).into_iter().filter(|variable| variable.parameter);
        let argument = |variable: Variable| {
            let value = self.value_of(debug, frame, &variable);
            // What a reference referred to is compared, and the callers do not say what that was (gdb 13.1,
            // stack.c, `read_frame_arg`).
            let compared =
                !matches!(value.ty().strip().kind(), Kind::Reference { .. }) || value.is_optimized_out();
            let at_entry = compared.then(|| self.value_at_entry(debug, frame, scope, &variable)).flatten();
            Argument { value, at_entry, name: variable.name.into() }
        };
        parameters.map(argument).collect()
    }

    /// The local variables of a frame, those of the innermost block first, as gdb's `info locals` lists them.
    #[must_use]
    pub fn locals(&self, frame: &Frame) -> Vec<(String, Value)> {
        let (Some(scope), Some(debug)) = (frame.function(), &frame.physical.debug) else { return Vec::new() };
        let blocks = scope.blocks.iter().rev().chain([&scope.die]).chain(&scope.loose);
        let shown = |variable: &Variable| {
            // gdb does not list constants that are no numbers (LOC_CONST_BYTES).
            !variable.parameter && !vars::is_constant_of_bytes(debug.dies(), variable.die)
        };
        let locals = vars::variables_of(&debug.table, blocks.copied()).into_iter().filter(shown);
        locals.map(|local| (local.name.to_string(), self.value_of(debug, frame, &local))).collect()
    }

    /// The variable that `name` means in a frame: a local of the innermost block first, then outwards, then the
    /// statics of the unit, then the globals of all modules. Functions are values too.
    ///
    /// # Errors
    /// [`ValueError::NoSymbol`].
    pub fn variable(&self, frame: Option<&Frame>, name: &str) -> Result<Value, ValueError> {
        if let Some(value) = frame.and_then(|frame| self.local(frame, name)) {
            return Ok(value);
        }
        if let Some(value) = frame.and_then(|frame| self.member_of_this(frame, name)) {
            return Ok(value);
        }
        let names = frame.map_or_else(|| vec![name.to_owned()], |frame| frame.scopes_of(name));
        let find = |name: String| {
            let pointer = frame.map(|frame| frame.physical.regs.fs_base);
            frame.and_then(|frame| self.unit_static(frame, &name)).or_else(|| self.global_of(&name, pointer))
        };
        let found = names.into_iter().find_map(find);
        let brought = || self.brought(frame?, name).into_iter().find_map(find);
        let found = found.or_else(brought);
        found.ok_or_else(|| ValueError::NoSymbol(name.to_owned()))
    }

    /// Whether code at `at` may use `name`: a variable or argument of the function there, or anything global. For
    /// conditions, which are checked before any frame of the function exists.
    #[must_use]
    pub fn knows_at(&self, at: Addr, name: &str) -> bool {
        let local = || {
            let module = self.modules.at(at)?;
            let debug = self.caches.debug(module)?;
            let scopes = debug.scopes.at(FileAddr(at.0.wrapping_sub(module.bias)));
            let scope = scopes.first()?;
            let mut blocks = scope.blocks.iter().chain([&scope.die]).chain(&scope.loose);
            Some(blocks.any(|block| variables_in(&debug.table, *block).iter().any(|v| &*v.name == name)))
        };
        let symbol = || {
            let mut images = self.modules.iter().filter_map(|module| module.image.as_ref());
            images.any(|image| image.symbols_named(name).next().is_some())
        };
        local().unwrap_or(false) || self.global(name).is_some() || symbol()
    }

    /// The type of the function that begins at an address.
    #[must_use]
    pub fn function_type(&self, at: Addr) -> Option<Type> {
        let module = self.modules.at(at)?;
        let debug = self.caches.debug(module)?;
        let here = FileAddr(at.0.wrapping_sub(module.bias));
        let function =
            debug.scopes.at(here).last().filter(|scope| scope.entry == here).map(|scope| scope.die)?;
        Some(debug.table.get(function))
    }

    /// The type that some unit declares for a variable which none of them defines.
    #[must_use]
    pub fn declared_type(&self, name: &str) -> Option<Type> {
        self.modules.iter().find_map(|module| {
            let debug = self.caches.debug(module)?;
            let at = debug.declared(name)?;
            variable_at(&debug.table, at).map(|variable| variable.ty.get())
        })
    }

    /// The variable of a source file's own; `None` when no unit is called so, `Some(None)` when it has no such
    /// variable.
    #[must_use]
    pub fn variable_in_file(&self, file: &str, name: &str) -> Option<Option<Value>> {
        let mut known = None;
        for module in self.modules.iter() {
            let Some(debug) = self.caches.debug(module) else { continue };
            let units = debug.dies().units_called(file);
            if units.is_empty() {
                continue;
            }
            known = Some(None);
            let mut entries = debug.named_in(name, true, |unit| units.contains(&unit));
            let found = entries.find_map(|at| self.entry_value_of(&debug, (module.bias, None), at, name));
            if found.is_some() {
                return Some(found);
            }
        }
        known
    }

    /// The type of the function that begins at an address, and whether other files can call it.
    #[must_use]
    pub fn function_with_linkage(&self, at: Addr) -> Option<(Type, bool)> {
        let module = self.modules.at(at)?;
        let debug = self.caches.debug(module)?;
        let scope = debug.scopes.at(module.linked(at)).last()?.clone();
        let begins = scope.entry == module.linked(at);
        begins.then(|| (debug.table.get(scope.die), vars::is_external(debug.dies(), scope.die)))
    }

    /// The type of a function with code of its own in a source file of a module, and whether other files can call it
    /// (`DW_AT_external`, DWARF 5, section 3.3.1).
    #[must_use]
    pub fn function_in_file(&self, module: &Module, file: &str, name: &str) -> Option<(Type, bool)> {
        let debug = self.caches.debug(module)?;
        let units = debug.dies().units_called(file);
        debug.named_in(name, false, |unit| units.contains(&unit)).find_map(|at| {
            let value = self.entry_value_of(&debug, (module.bias, None), at, name)?;
            let found = value.ty().is_function().then(|| value.ty().clone())?;
            Some((found, vars::is_external(debug.dies(), at)))
        })
    }

    /// A variable of a function: of its innermost frame around `frame`, or a static one. `None` when the function has
    /// no such variable, `Some(None)` when it has, but no frame.
    #[must_use]
    pub fn variable_in_function(
        &self,
        frame: Option<&Frame>,
        function: &str,
        name: &str,
    ) -> Option<Option<Value>> {
        let is_it = |frame: &&Frame| {
            frame.function().and_then(|scope| scope.name.as_deref()).is_some_and(|known| known == function)
        };
        let frames = frame.map(|frame| self.frames(frame.tid, MAX_FRAMES).frames).unwrap_or_default();
        if let Some(frame) = frames.iter().find(is_it) {
            return self.local(frame, name).map(Some);
        }
        self.modules.iter().find_map(|module| {
            let debug = self.caches.debug(module)?;
            debug.named(function).find_map(|at| {
                let found = variables_in(&debug.table, at).into_iter().find(|known| &*known.name == name)?;
                let fixed = vars::whereabouts(debug.dies(), found.die, FileAddr(0));
                let pointer = frame.map(|frame| frame.physical.regs.fs_base);
                let around = FrameContext::global(self, module.bias, pointer);
                let value = evaluate(&debug, found.ty.get(), &fixed, &around);
                Some(value.address().is_some().then_some(value))
            })
        })
    }

    pub(super) fn local(&self, frame: &Frame, name: &str) -> Option<Value> {
        let (scope, debug) = (frame.function()?, frame.physical.debug.as_ref()?);
        let named = |variable: &Variable| &*variable.name == name;
        scope.blocks.iter().rev().chain([&scope.die]).chain(&scope.loose).find_map(|block| {
            let found = variables_in(&debug.table, *block).into_iter().find(named)?;
            Some(self.value_of(debug, frame, &found))
        })
    }

    /// A variable or function of the frame's own unit: a `static` of the same name elsewhere is another one.
    fn unit_static(&self, frame: &Frame, name: &str) -> Option<Value> {
        let debug = frame.physical.debug.as_ref()?;
        let here = debug.dies().unit_index_at(frame.physical.file_lookup())?;
        let mut found = debug.named_in(name, true, |unit| unit == here);
        let pointer = Some(frame.physical.regs.fs_base);
        found.find_map(|at| self.entry_value_of(debug, (frame.physical.bias, pointer), at, name))
    }

    /// A variable, function or constant outside of functions, by its name with all its scopes.
    pub(super) fn global(&self, name: &str) -> Option<Value> {
        self.global_of(name, None)
    }

    /// The same for the thread with this thread pointer: it has its own of some variables.
    fn global_of(&self, name: &str, pointer: Option<u64>) -> Option<Value> {
        let find = |external: bool, gone: bool| {
            self.modules.iter().find_map(|module| {
                let debug = self.caches.debug(module)?;
                debug.named_in(name, true, |_| true).find_map(|at| {
                    let fits = vars::is_external(debug.dies(), at) == external;
                    let value = fits.then(|| self.entry_value_of(&debug, (module.bias, pointer), at, name));
                    let value = value.flatten();
                    value.filter(|value| value.is_optimized_out() == gone)
                })
            })
        };
        // What everybody can see comes before what is private to some other unit, and what is there before what the
        // compiler left out.
        find(true, false)
            .or_else(|| find(false, false))
            .or_else(|| find(true, true).map(|value| self.where_the_linker_has_it(name, value)))
            .or_else(|| find(false, true))
    }

    /// A variable that debug info only declares is where the linker's symbol of its name is (gdb's LOC_UNRESOLVED).
    fn where_the_linker_has_it(&self, name: &str, value: Value) -> Value {
        let found = self.modules.iter().find_map(|module| {
            let mut symbols = module.image.as_ref()?.symbols_named(name);
            let data = symbols.find(|symbol| symbol.kind == SymbolKind::Data)?;
            Some(data.address.at(module.bias))
        });
        found.map_or(value.clone(), |at| Value::at(value.ty().clone(), at))
    }

    /// The global variable, function or constant called `name` that an entry describes, in a module with this bias, for
    /// the thread with this thread pointer.
    pub(super) fn entry_value_of(
        &self,
        debug: &ModuleDebug,
        (bias, pointer): (u64, Option<u64>),
        at: DieRef,
        name: &str,
    ) -> Option<Value> {
        if let Some(variable) = variable_at(&debug.table, at) {
            let whereabouts = vars::whereabouts(debug.dies(), at, FileAddr(0));
            let around = FrameContext::global(self, bias, pointer);
            return Some(evaluate(debug, variable.ty.get(), &whereabouts, &around));
        }
        if let (Some(entry), _) = vars::function_at(debug.dies(), at) {
            return Some(Value::at(debug.table.get(at), entry.at(bias)));
        }
        let ty = debug.table.get(at);
        let Kind::Enum(of) = ty.kind() else { return None };
        let last = qualified::split(name).1;
        let (_, value) =
            of.values.iter().find(|(known, _)| !of.scoped && qualified::split(known).1 == last)?;
        Some(Value::integer(ty.clone(), *value))
    }

    fn value_of(&self, debug: &ModuleDebug, frame: &Frame, variable: &Variable) -> Value {
        let around = FrameContext::of(self, &frame.physical);
        let ty = self.sized(debug, frame, &variable.ty.get(), 0);
        let whereabouts = vars::whereabouts(debug.dies(), variable.die, frame.physical.file_lookup());
        evaluate(debug, ty, &whereabouts, &around)
    }

    /// What a parameter held when its function was entered. gdb asks only for those that come in a register (or a
    /// word of the frame) and nowhere else.
    fn value_at_entry(
        &self,
        debug: &ModuleDebug,
        frame: &Frame,
        scope: &FunctionScope,
        variable: &Variable,
    ) -> Option<Value> {
        // Also of what was inlined gdb asks where it is at the beginning of the function around it.
        let entry = frame.physical.function().unwrap_or(scope).entry;
        let Whereabouts::Expression(unit, bytes) = vars::whereabouts(debug.dies(), variable.die, entry)
        else {
            return None;
        };
        // The parameters of a function that was inlined into one that jumped away were never passed.
        if frame.physical.tail_call && scope.inlined {
            return None;
        }
        let key = location::entry_key(debug.dies(), unit, bytes)?;
        let around = FrameContext::of(self, &frame.physical);
        let value = around.entry_value(key)?;
        Some(Value::from_bytes(variable.ty.get(), value.to_le_bytes().to_vec()))
    }

    /// The type with the lengths that the running program gave to its variable length arrays.
    fn sized(&self, debug: &ModuleDebug, frame: &Frame, ty: &Type, depth: u32) -> Type {
        let stripped = ty.strip();
        let Kind::Array(array) = stripped.kind() else { return ty.clone() };
        if depth > 32 {
            return ty.clone();
        }
        let element = array.element.get();
        let inner = self.sized(debug, frame, &element, depth + 1);
        let Count::Dynamic(bound) = &array.count else {
            if inner.is(&element) {
                return ty.clone();
            }
            return Type::new(Kind::Array(Array { element: inner.into(), ..array.clone() }));
        };
        let around = FrameContext::of(self, &frame.physical);
        let last = match bound {
            Bound::UpperDie(at) => {
                let at = DieRef { offset: *at };
                let found =
                    variable_at(&debug.table, at).map(|variable| self.value_of(debug, frame, &variable));
                found.and_then(|value| value.as_i128(self.memory()).ok())
            }
            Bound::UpperExpression(at, bytes) => {
                let unit = DieRef { offset: *at };
                location::compute(debug.dies(), unit, bytes, &around).ok().map(|last| i128::from(last as i64))
            }
        };
        let count = match last.and_then(|last| u64::try_from(last + 1).ok()) {
            Some(count) => Count::Known(count),
            None => Count::Unknown,
        };
        Type::new(Kind::Array(Array { element: inner.into(), count, vector: array.vector }))
    }

    /// What a function of this type returned, when it just did: the System V calling convention's registers,
    /// made a value. Nothing for `void`.
    #[must_use]
    pub fn return_value(&self, function: &Type, regs: &FrameRegs) -> Option<Value> {
        super::returned::value(function, regs)
    }
}

/// The value of a variable of type `ty` that is at `whereabouts`.
fn evaluate(debug: &ModuleDebug, ty: Type, whereabouts: &Whereabouts, around: &FrameContext<'_>) -> Value {
    let pieces = match whereabouts {
        Whereabouts::Nowhere => return Value::optimized_out(ty),
        Whereabouts::Constant(bytes) => return Value::from_bytes(ty, bytes.clone()),
        Whereabouts::Expression(unit, bytes) => location::locate(debug.dies(), *unit, bytes, around),
    };
    let made = pieces.and_then(|pieces| from_pieces(&ty, &pieces, around));
    made.unwrap_or_else(|error| match error {
        LocationError::OptimizedOut => Value::optimized_out(ty),
        LocationError::Fault(fault) => Value::failed(ty, ValueError::Fault(fault)),
        LocationError::Other(why) => Value::failed(ty, ValueError::Other(why)),
    })
}

fn from_pieces(ty: &Type, pieces: &[Piece], around: &FrameContext<'_>) -> Result<Value, LocationError> {
    let place = match pieces {
        [] => return Ok(Value::optimized_out(ty.clone())),
        [Piece { at: At::Memory(at), bits: None, first_bit: 0 }] => return Ok(Value::at(ty.clone(), *at)),
        [Piece { at: At::Register(number), bits: None, .. }] => Place::Register(*number),
        [Piece { at: At::Bytes(_), bits: None, .. }] => Place::Nowhere,
        _ => Place::Scattered,
    };
    let size = usize::try_from(ty.size()).unwrap_or(usize::MAX);
    let (bytes, gaps) = assemble(pieces, size, around)?;
    if gaps.iter().any(|(range, gap)| *gap == Gap::OptimizedOut && range.len() >= bytes.len()) {
        return Ok(Value::optimized_out(ty.clone()));
    }
    Ok(Value::in_place(ty.clone(), place, bytes, gaps))
}
