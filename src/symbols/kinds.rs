//! What kind of type a type is, behind its names and qualifiers.

use super::types::{Base, Encoding, Kind, MAX_LAYERS, Role, Type};

impl Type {
    /// Whether it is an integer, a character, a truth value or an enumeration.
    #[must_use]
    pub fn is_integral(&self) -> bool {
        match self.strip().kind() {
            Kind::Base(base) => {
                !matches!(base.encoding, Encoding::Float | Encoding::Complex | Encoding::Other)
            }
            Kind::Enum(_) | Kind::Flags { .. } => true,
            _ => false,
        }
    }

    /// Whether it is a floating point number.
    #[must_use]
    pub fn is_float(&self) -> bool {
        matches!(self.strip().kind(), Kind::Base(Base { encoding: Encoding::Float, .. }))
    }

    /// Whether it is a pointer.
    #[must_use]
    pub fn is_pointer(&self) -> bool {
        matches!(self.strip().kind(), Kind::Pointer(_))
    }

    /// Whether it is a struct, union or class.
    #[must_use]
    pub fn is_record(&self) -> bool {
        matches!(self.strip().kind(), Kind::Record(_))
    }

    /// Whether it is an array.
    #[must_use]
    pub fn is_array(&self) -> bool {
        matches!(self.strip().kind(), Kind::Array(_))
    }

    /// Whether it is a function.
    #[must_use]
    pub fn is_function(&self) -> bool {
        matches!(self.strip().kind(), Kind::Function(_))
    }

    /// Whether its numbers are signed. Pointers are not.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        match self.strip().kind() {
            Kind::Base(base) => {
                matches!(base.encoding, Encoding::Signed | Encoding::SignedChar | Encoding::Float)
            }
            Kind::Enum(of) => of.signed,
            _ => false,
        }
    }

    /// Whether gdb shows values of it as characters: any integer of one byte that is no truth value.
    #[must_use]
    pub fn is_character(&self) -> bool {
        match self.strip().kind() {
            Kind::Base(base) => {
                let integer = !matches!(
                    base.encoding,
                    Encoding::Bool | Encoding::Float | Encoding::Complex | Encoding::Other
                );
                // gdb's own types of registers and of what `x` reads are numbers.
                let integer = integer && !matches!(&*base.name, "int8_t" | "uint8_t");
                integer && (base.size == 1 || base.encoding == Encoding::Utf || self.wide_name().is_some())
            }
            _ => false,
        }
    }

    /// The letter before a wide character's quote (`L`, `u`, `U`), found by the names that gdb looks for.
    #[must_use]
    pub fn wide_name(&self) -> Option<char> {
        let mut ty = self.clone();
        for _ in 0..MAX_LAYERS {
            let (name, next) = match ty.kind() {
                Kind::Typedef { name, of } => (name, Some(of.get())),
                Kind::Base(base) => (&base.name, None),
                Kind::Qualified { of, .. } => {
                    ty = of.get();
                    continue;
                }
                _ => return None,
            };
            match &**name {
                "wchar_t" => return Some('L'),
                "char16_t" => return Some('u'),
                "char32_t" => return Some('U'),
                _ => ty = next?,
            }
        }
        None
    }

    /// Whether it is a truth value.
    #[must_use]
    pub fn is_bool(&self) -> bool {
        matches!(self.strip().kind(), Kind::Base(Base { encoding: Encoding::Bool, .. }))
    }

    /// The alignment that a value of this type needs (psABI x86-64, 3.1.2): that of its most demanding part.
    #[must_use]
    pub fn alignment(&self) -> u64 {
        self.alignment_within(16)
    }

    fn alignment_within(&self, depth: u32) -> u64 {
        let stripped = self.strip();
        let Some(depth) = depth.checked_sub(1) else { return 8 };
        match stripped.kind() {
            Kind::Array(array) => array.element.get().alignment_within(depth),
            Kind::Record(record) => {
                let parts = record.members.iter().filter(|member| member.role != Role::Static);
                parts.map(|member| member.ty.get().alignment_within(depth)).max().unwrap_or(1)
            }
            Kind::MemberPointer { .. } => 8,
            _ => stripped.size().clamp(1, 16),
        }
    }
}
