//! What a function returned: the System V AMD64 ABI, section 3.2.3, read backwards.
//!
//! Small values come back in registers, eight bytes at a time, each of them in a general or in a vector register;
//! large ones, and small classes that are not copied byte by byte, in memory, whose address is in rax. `long double` comes back in the x87 stack, which frames
//! do not have: that gap is told and not filled.

use crate::addr::Addr;
use crate::regs::FrameRegs;
use crate::symbols::passing;
use crate::symbols::types::{Base, Count, Encoding, Kind, Role, Type};

use super::value::{Place, Value, ValueError};

/// DWARF numbers of rax and rdx.
const RESULTS: [u16; 2] = [0, 1];

/// How eight bytes of a value are returned.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Class {
    Nothing,
    Integer,
    Sse,
    X87,
    Memory,
}

/// The value that a function of this type left in `regs`; nothing for `void`.
pub(crate) fn value(function: &Type, regs: &FrameRegs) -> Option<Value> {
    let stripped = function.strip();
    let Kind::Function(function) = stripped.kind() else { return None };
    let ty = function.returns.get();
    if matches!(ty.strip().kind(), Kind::Void) {
        return None;
    }
    let classes = classify(&ty);
    if classes.contains(&Class::Memory) {
        return Some(match regs.get(RESULTS[0]) {
            Some(at) => Value::at(ty, Addr(at)),
            None => Value::optimized_out(ty),
        });
    }
    if classes.contains(&Class::X87) {
        let why = "the value is in a floating point register, which is not read".to_owned();
        return Some(Value::failed(ty, ValueError::Other(why)));
    }
    let (mut integers, mut vectors) = (0, 0);
    let mut bytes = Vec::new();
    for class in classes {
        let word = if class == Class::Sse {
            vectors += 1;
            let vector = regs.xmm.as_ref().and_then(|xmm| xmm.get(vectors - 1));
            vector.and_then(|vector| vector.first_chunk::<8>().copied())
        } else {
            integers += 1;
            RESULTS.get(integers - 1).and_then(|number| regs.get(*number)).map(u64::to_le_bytes)
        };
        match word {
            Some(word) => bytes.extend(word),
            None => return Some(Value::optimized_out(ty)),
        }
    }
    bytes.truncate(ty.size() as usize);
    Some(Value::in_place(ty, Place::Register(RESULTS[0]), bytes, Vec::new()))
}

/// Whether a function leaves a value of this type in memory that its caller has to name.
#[must_use]
pub fn returns_in_memory(ty: &Type) -> bool {
    !matches!(ty.strip().kind(), Kind::Void) && classify(ty).contains(&Class::Memory)
}

/// The classes of a value's eightbytes: one or two of them, or memory.
fn classify(ty: &Type) -> Vec<Class> {
    let size = ty.size();
    if size > 16 || size == 0 || passing::by_reference(ty) {
        return vec![Class::Memory];
    }
    let mut classes = [Class::Nothing; 2];
    mark(ty, 0, &mut classes, 0);
    let used = size.div_ceil(8) as usize;
    classes[..used].to_vec()
}

fn mark(ty: &Type, at: u64, classes: &mut [Class; 2], depth: u32) {
    if depth > 32 {
        return merge(classes, at, Class::Memory);
    }
    match ty.strip().kind() {
        Kind::Base(Base { encoding: Encoding::Float, size, .. }) if *size > 8 => {
            merge(classes, at, Class::X87)
        }
        Kind::Base(Base { encoding: Encoding::Complex, size, .. }) if *size > 16 => {
            merge(classes, at, Class::X87)
        }
        Kind::Base(Base { encoding: Encoding::Float, .. }) => merge(classes, at, Class::Sse),
        Kind::Base(Base { encoding: Encoding::Complex, size, .. }) => {
            merge(classes, at, Class::Sse);
            merge(classes, at + size / 2, Class::Sse);
        }
        Kind::Base(base) if base.size == 16 => {
            merge(classes, at, Class::Integer);
            merge(classes, at + 8, Class::Integer);
        }
        Kind::Record(record) => {
            for member in &record.members {
                match (member.role, member.bits) {
                    (Role::Static, _) => {}
                    (Role::VirtualBase, _) => merge(classes, at, Class::Memory),
                    (_, Some(_)) => merge(classes, at + member.offset, Class::Integer),
                    _ => mark(&member.ty.get(), at + member.offset, classes, depth + 1),
                }
            }
        }
        Kind::Array(array) => {
            let element = array.element.get();
            let Count::Known(count) = array.count else { return };
            for index in 0..count.min(16) {
                mark(&element, at + index * element.size(), classes, depth + 1);
            }
        }
        _ => merge(classes, at, Class::Integer),
    }
}

fn merge(classes: &mut [Class; 2], at: u64, with: Class) {
    let Some(class) = classes.get_mut((at / 8) as usize) else { return };
    *class = match (*class, with) {
        (Class::Memory, _) | (_, Class::Memory) => Class::Memory,
        (Class::Nothing, other) | (other, Class::Nothing) => other,
        (Class::Integer, _) | (_, Class::Integer) => Class::Integer,
        (_, other) => other,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Sparse;
    use crate::symbols::types::{Function, Member, Record, Tag};
    use std::sync::Arc;

    fn record(members: &[(&str, u64)], size: u64) -> Type {
        let members = members.iter().map(|(ty, offset)| Member {
            name: Some("m".into()),
            ty: Type::builtin(ty).unwrap().into(),
            offset: *offset,
            bits: None,
            role: Role::Data,
        });
        Type::new(Kind::Record(Record::new(Tag::Struct, Some("s".into()), size, members.collect())))
    }

    fn returned(ty: Type) -> Option<Value> {
        let mut regs = FrameRegs::default();
        regs.gpr[0] = Some(0x1_0000_0007);
        regs.gpr[1] = Some(9);
        let mut xmm = [[0; 16]; 16];
        xmm[0][..8].copy_from_slice(&2.5f64.to_le_bytes());
        regs.xmm = Some(Arc::new(xmm));
        let function =
            Function { returns: ty.into(), parameters: Vec::new(), prototyped: true, variadic: false };
        value(&Type::new(Kind::Function(function)), &regs)
    }

    #[test]
    fn values_come_back_as_the_abi_says() {
        let memory = Sparse::default();
        assert!(returned(Type::void()).is_none());
        assert_eq!(returned(Type::builtin("int").unwrap()).unwrap().as_i128(&memory), Ok(7));
        assert_eq!(returned(Type::builtin("double").unwrap()).unwrap().as_f64(&memory), Ok(2.5));
        let mixed = returned(record(&[("double", 0), ("long", 8)], 16)).unwrap();
        let mut expected = 2.5f64.to_le_bytes().to_vec();
        expected.extend(0x1_0000_0007u64.to_le_bytes());
        assert_eq!(mixed.bytes(&memory).unwrap().as_ref(), expected);
        // An int beside a float in one eightbyte makes it an integer one.
        let packed = returned(record(&[("float", 0), ("int", 4)], 8)).unwrap();
        assert_eq!(packed.bytes(&memory).unwrap().as_ref(), 0x1_0000_0007u64.to_le_bytes());
        let large = returned(record(&[("long", 0), ("long", 8), ("long", 16)], 24)).unwrap();
        assert_eq!(large.address(), Some(Addr(0x1_0000_0007)));
    }
}
