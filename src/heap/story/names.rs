//! What the names on a stack tell: which frame is malloc's, which is start-up code, which is the reader's.
//!
//! glibc's inner functions (`sysmalloc`, `new_heap`) are nameless where libc is stripped, so everything here
//! works with the exported names alone and only becomes sharper with the local ones.

use crate::event::StackFrame;

/// Exported functions of an allocator, as a program calls them.
const EXPORTED: &[&str] = &[
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "memalign",
    "aligned_alloc",
    "posix_memalign",
    "valloc",
    "pvalloc",
    "free",
    "cfree",
    "malloc_trim",
    "mallopt",
    "malloc_usable_size",
    "malloc_stats",
    "malloc_info",
    "mallinfo",
    "mallinfo2",
    "operator new",
    "operator new[]",
    "operator delete",
    "operator delete[]",
];

/// glibc's own functions below those.
const INNER: &[&str] = &[
    "_int_malloc",
    "_int_realloc",
    "_int_memalign",
    "_int_free",
    "_int_free_chunk",
    "_int_free_create_chunk",
    "_int_free_merge_chunk",
    "_mid_memalign",
    "sysmalloc",
    "sysmalloc_mmap",
    "sysmalloc_mmap_fallback",
    "systrim",
    "mtrim",
    "munmap_chunk",
    "mremap_chunk",
    "new_heap",
    "alloc_new_heap",
    "delete_heap",
    "heap_trim",
    "shrink_heap",
    "arena_get2",
    "arena_get_retry",
    "_int_new_arena",
    "ptmalloc_init",
    "tcache_init",
    "tcache_key_initialize",
    "malloc_hook_ini",
    "realloc_hook_ini",
    "memalign_hook_ini",
    "malloc_consolidate",
    "__default_morecore",
    "__glibc_morecore",
    "__failing_morecore",
];

/// What stands between the allocator and the kernel.
const WRAPPERS: &[&str] = &[
    "brk",
    "sbrk",
    "mmap",
    "mmap64",
    "munmap",
    "mremap",
    "madvise",
    "mprotect",
    "syscall",
    "internal_syscall",
];

/// What runs before `main` and calls constructors.
const STARTUP: &[&str] = &[
    "_start",
    "__libc_start_main",
    "__libc_start_main_impl",
    "__libc_start_call_main",
    "call_init",
    "_dl_init",
    "_dl_start_user",
    "__libc_csu_init",
    "_init",
    "generic_start_main",
];

/// How the names of library code begin that is compiled into the program itself: the containers and
/// allocation shims of C++ and Rust, which ask for memory on behalf of whoever uses them.
const LIBRARY: &[&str] = &[
    "std::",
    "__gnu_cxx::",
    "alloc::",
    "core::",
    "hashbrown::",
    "<alloc::",
    "<core::",
    "<std::",
    "__rust_",
    "__rdl_",
    "__rustc::",
];

/// The name without what compilers and symbol versions add: `__GI___libc_malloc` is `malloc`,
/// `operator new(unsigned long)` is `operator new`, `_int_free.part.0` is `_int_free`.
#[must_use]
pub fn plain(function: &str) -> &str {
    let mut name = function.split('@').next().unwrap_or(function);
    if let Some(at) = name.find(".part.").or_else(|| name.find(".isra.")).or_else(|| name.find(".constprop."))
    {
        name = &name[..at];
    }
    if let Some(at) = name.find('(').filter(|_| name.starts_with("operator ")) {
        name = name[..at].trim_end();
    }
    if INNER.contains(&name) || STARTUP.contains(&name) {
        return name;
    }
    let bare = name.strip_prefix("__GI_").unwrap_or(name);
    let bare = bare.strip_prefix("__libc_").or_else(|| bare.strip_prefix("__")).unwrap_or(bare);
    if EXPORTED.contains(&bare) || WRAPPERS.contains(&bare) { bare } else { name }
}

/// Whether this is an allocator's function, exported or inner.
#[must_use]
pub fn is_allocator(function: &str) -> bool {
    let name = plain(function);
    EXPORTED.contains(&name) || INNER.contains(&name)
}

/// Whether the name is that of a system call's wrapper (`brk`, `sbrk`, `mmap`…).
#[must_use]
pub fn is_wrapper(function: &str) -> bool {
    WRAPPERS.contains(&plain(function))
}

/// Whether this code runs before `main` and calls constructors.
#[must_use]
pub fn is_startup(function: &str) -> bool {
    STARTUP.contains(&plain(function))
}

/// Whether the mapped file is the dynamic loader.
#[must_use]
pub fn is_loader(module: &str) -> bool {
    let file = file_name(module);
    file.starts_with("ld-linux")
        || file.starts_with("ld-musl")
        || file.starts_with("ld.so")
        || versioned(file, "ld-")
}

/// Whether the mapped file is the C library or a part of it.
#[must_use]
pub fn is_libc(module: &str) -> bool {
    let file = file_name(module);
    ["libc.so", "libpthread.so", "libc.musl"].iter().any(|name| file.starts_with(name))
        || versioned(file, "libc-")
        || versioned(file, "libpthread-")
}

/// The innermost exported allocator function on the stack (`malloc`, `realloc`…): its place and plain name.
///
/// With local names known, the innermost allocator frame may be `sysmalloc`; the name that a reader knows is
/// the next exported one above it. An allocator that has no exported frame at all is named as it is.
#[must_use]
pub fn allocator(frames: &[StackFrame]) -> Option<(usize, &str)> {
    let is_allocators = |frame: &StackFrame| frame.function.as_deref().is_some_and(is_allocator);
    let inner = frames.iter().position(|frame| is_allocators(frame) || !is_between(frame))?;
    if !is_allocators(&frames[inner]) {
        return None;
    }
    let exported = frames[inner..]
        .iter()
        .position(|frame| frame.function.as_deref().is_some_and(|name| EXPORTED.contains(&plain(name))));
    let at = inner + exported.unwrap_or(0);
    Some((at, plain(frames.get(at)?.function.as_deref()?)))
}

/// The frame that a reader wants to see: the innermost one outside the allocator, libc, the loader and the
/// code before `main`; where all is inside, the innermost that is more than a wrapper.
#[must_use]
pub fn site(frames: &[StackFrame]) -> Option<&StackFrame> {
    let is_inside = |frame: &StackFrame| {
        let of_allocator = |name: &str| is_allocator(name) || is_wrapper(name) || is_startup(name);
        frame.module.as_deref().is_some_and(|module| is_libc(module) || is_loader(module))
            || frame.function.as_deref().is_some_and(|name| of_allocator(name) || is_library(name))
    };
    let is_mine = |frame: &&StackFrame| !is_inside(frame);
    let is_more = |frame: &&StackFrame| {
        !frame.function.as_deref().is_some_and(|name| is_wrapper(name) || is_allocator(name))
    };
    frames.iter().find(is_mine).or_else(|| frames.iter().find(is_more)).or(frames.first())
}

/// Whether this is a container's or a shim's code; C++ may put the return type before the name.
fn is_library(function: &str) -> bool {
    let (mut depth, mut name) = (0_i32, function);
    for (at, letter) in function.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            ' ' if depth == 0 => name = &function[at + 1..],
            '(' if depth == 0 => break,
            _ => {}
        }
    }
    LIBRARY.iter().any(|start| function.starts_with(start) || name.starts_with(start))
}

fn is_between(frame: &StackFrame) -> bool {
    let libc = frame.module.as_deref().is_some_and(|module| is_libc(module) || is_loader(module));
    libc || frame.function.as_deref().is_none_or(is_wrapper)
}

fn file_name(module: &str) -> &str {
    let path = module.strip_suffix(" (deleted)").unwrap_or(module);
    path.rsplit('/').next().unwrap_or(path)
}

/// `libc-2.31.so`: the prefix, then a digit.
fn versioned(file: &str, prefix: &str) -> bool {
    file.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str, module: &str) -> StackFrame {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        StackFrame { function: some(function), module: some(module), ..StackFrame::default() }
    }

    const LIBC: &str = "/usr/lib/x86_64-linux-gnu/libc.so.6";

    #[test]
    fn aliases_lose_their_decoration() {
        let shown: Vec<_> =
            ["__GI___libc_malloc", "__libc_realloc", "malloc@@GLIBC_2.2.5", "_int_free.part.0", "__mmap64"]
                .map(plain)
                .into();
        assert_eq!(shown, ["malloc", "realloc", "malloc", "_int_free", "mmap64"]);
        assert_eq!(plain("operator new(unsigned long, std::nothrow_t const&)"), "operator new");
        assert_eq!(plain("__libc_start_main"), "__libc_start_main");
        assert_eq!(plain("__freelist_of_mine"), "__freelist_of_mine");
    }

    #[test]
    fn modules_are_told_by_their_file() {
        assert!(is_libc("/lib/x86_64-linux-gnu/libc-2.31.so") && is_libc(LIBC));
        assert!(!is_libc("/opt/libc-helper.so"));
        assert!(is_loader("/lib64/ld-linux-x86-64.so.2") && is_loader("/lib/x86_64-linux-gnu/ld-2.31.so"));
        assert!(!is_loader("/opt/ld-tool"));
    }

    #[test]
    fn malloc_is_found_with_and_without_local_names() {
        let full = ["mmap64", "sysmalloc_mmap_fallback", "sysmalloc", "_int_malloc", "__GI___libc_malloc"]
            .map(|name| frame(name, LIBC));
        assert_eq!(allocator(&full), Some((4, "malloc")));
        let stripped =
            [frame("mmap", LIBC), frame("timer_settime", LIBC), frame("", LIBC), frame("malloc", LIBC)];
        assert_eq!(allocator(&stripped), Some((3, "malloc")));
    }

    #[test]
    fn another_allocator_is_not_glibc() {
        let jemalloc = "/usr/lib/libjemalloc.so.2";
        let frames = [frame("mmap", LIBC), frame("os_pages_map", jemalloc), frame("malloc", jemalloc)];
        assert_eq!(allocator(&frames), None);
    }

    #[test]
    fn the_site_is_the_program_and_not_its_start_up_code() {
        let frames = [
            frame("brk", LIBC),
            frame("sbrk", LIBC),
            frame("malloc", LIBC),
            frame("fopen", LIBC),
            frame("openssl_fopen", "/bin/nginx"),
        ];
        assert_eq!(site(&frames).and_then(|f| f.function.as_deref()), Some("openssl_fopen"));
        let early = [frame("mmap", LIBC), frame("call_init", LIBC), frame("_start", "/bin/nginx")];
        assert_eq!(site(&early).and_then(|f| f.function.as_deref()), Some("call_init"));
        assert_eq!(site(&[]), None);
        let cpp = [
            frame("mmap", LIBC),
            frame("malloc", LIBC),
            frame("operator new(unsigned long)", "/usr/lib/libstdc++.so.6"),
            frame("std::__new_allocator<int>::allocate(unsigned long, void const*)", "/bin/app"),
            frame("void std::vector<int, std::allocator<int> >::_M_realloc_insert<int>(int&&)", "/bin/app"),
            frame("fill(Table&, std::string const&)", "/bin/app"),
        ];
        assert_eq!(site(&cpp).and_then(|f| f.function.as_deref()), Some("fill(Table&, std::string const&)"));
    }
}
