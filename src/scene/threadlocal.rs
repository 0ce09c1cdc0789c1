//! Thread-local variables: `__thread int x` has one address for each thread.
//!
//! On x86-64 the thread pointer (fs_base) leads to the *dynamic thread vector*, which has a block for each module
//! (Drepper, "ELF Handling For Thread-Local Storage", section 3.4.6). The main program is module 1 by
//! definition; which number a library has is in the linker's private part of `struct link_map`, whose layout
//! the debug info of libc or of the linker tells.

use crate::addr::Addr;
use crate::symbols::location::LocationError;
use crate::symbols::types::Kind;

use super::Scene;

/// `tcbhead_t.dtv`, sysdeps/x86_64/nptl/tls.h: the ABI fixes it.
const DTV: u64 = 8;
/// `dtv_t` is a pointer and what to free.
const SLOT: u64 = 16;
/// The member of `struct link_map` that has the module's number (include/link.h).
const MODULE_ID: &str = "l_tls_modid";

impl Scene<'_> {
    /// The thread pointer of the first thread: whose copy is meant when no frame is.
    pub(crate) fn fs_base(&self) -> Option<u64> {
        let first = *self.source.threads().first()?;
        self.source.regs(first).map(|regs| regs.fs_base())
    }

    /// The address of a variable at `offset` in the thread-local block of the module with this bias, for the
    /// thread with this thread pointer.
    pub(crate) fn thread_local(&self, bias: u64, offset: u64, fs_base: u64) -> Result<Addr, LocationError> {
        let module = self.modules.iter().find(|module| module.bias == bias);
        let file = module.map_or("", |module| &module.path);
        let cannot = |why: &str| {
            let pid = self.source.pid();
            LocationError::Other(format!(
                "Cannot find thread-local storage for process {pid}, shared library {file}:\n{why}"
            ))
        };
        if fs_base == 0 {
            return Err(cannot("Cannot find thread-local variables on this target"));
        }
        let number = self
            .module_number(bias)
            .ok_or_else(|| cannot("Cannot find thread-local variables on this target"))?;
        let vector = Addr(self.memory().u64(Addr(fs_base).add(DTV))?);
        let block = self.memory().u64(vector.add(number.wrapping_mul(SLOT)))?;
        // TLS_DTV_UNALLOCATED: the block is made when the thread first uses it.
        if block == u64::MAX || block == 0 {
            return Err(cannot("TLS not allocated yet"));
        }
        Ok(Addr(block).add(offset))
    }

    fn module_number(&self, bias: u64) -> Option<u64> {
        let libraries = self.libraries();
        let at = libraries.iter().position(|library| library.bias == bias)?;
        if at == 0 {
            return Some(1);
        }
        let (offset, size) = self.member_of_link_map()?;
        let bytes = self.memory().bytes(libraries[at].entry.add(offset), size).ok()?;
        Some(super::number::little(&bytes)).filter(|number| *number > 0)
    }

    /// Where `l_tls_modid` is in `struct link_map`, as debug info of the linker or of libc has it.
    fn member_of_link_map(&self) -> Option<(u64, usize)> {
        self.modules.iter().find_map(|module| {
            let debug = self.caches.debug(module)?;
            let ty = debug.table.definition(crate::symbols::types::Tag::Struct, "link_map")?;
            let Kind::Record(record) = ty.kind() else { return None };
            let member = record.members.iter().find(|member| member.name.as_deref() == Some(MODULE_ID))?;
            Some((member.offset, member.ty.get().size().min(8) as usize))
        })
    }
}
