//! Readers of what people and the kernel write: expressions, places, names, scripts, maps.

use brkwater::addr::{Addr, Pid, Tid};
use brkwater::kernel::{cgroup, limits};
use brkwater::maps::Mapping;
use brkwater::memory::{Memory, Sparse};
use brkwater::pattern::Pattern;
use brkwater::regs::Regs;
use brkwater::scene::expr::{Condition, Context, FastContext, Printing, Vars, evaluate, parse, print_line};
use brkwater::scene::pretty::OwnPrinter;
use brkwater::scene::{PrintOptions, Scene, SceneCaches};
use brkwater::source::Source;
use brkwater::symbols::{Linespec, Modules, demangled, qualified, shortnames};
use brkwater::unwind::Unwinder;

/// Lines of `/proc/PID/maps`.
pub const MAPS: &[&str] = &[
    "00400000-00401000 r--p 00000000 fe:01 1234                               /tmp/a file (deleted)\n7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0 [vdso]\n",
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n",
];

/// What the kernel says of limits: files of `/proc` and of cgroups, one behind the other.
pub const LIMITS: &[&str] = &[
    "4:memory:/docker/a b\n0::/docker\n36 31 0:32 /docker /sys/fs/cgroup/mem\\040ory rw - cgroup cgroup rw,memory\n41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
    "VmPeak:\t  10 kB\nVmRSS:\t 18014398509481983 kB\nCapEff:\t000001fffeffffff\nPss: 7 kB\nPrivate_Clean: 18014398509481983 kB\nPrivate_Dirty: 18014398509481983 kB\nMemTotal: 3 kB\n",
    "Max data size             1048576              unlimited            bytes     \noom_kill 18446744073709551615\ninactive_file 5\n9223372036854771712\nmax\n",
];

/// Expressions and conditions.
pub const EXPRESSIONS: &[&str] = &[
    "$rdi + 4 * (int) -1 == 0x10 && strcmp((char *) $rsi, \"a\\x41\\n\") != 0",
    "*(unsigned long *)($rsp + 8) % 3 ? $arg1 : -$hits << 3",
    "((char *) 4096)[3]@5",
    "{int [4]} 4096",
    "$x = 1e-3 * 2.5f / 7",
    "sizeof(unsigned long [4]) + 'a' - '\\n'",
    "$y++ - --$z, $_, $__, $1, $$2",
    "(short) 0x8000000000000000 / -1",
    "a::b<c, d>::e.0.1->f[1][2]",
    "/x -elements 3 -- 64K | 0b11 ^ 017",
    "static_cast<long>(5) >> 65",
    "$_strlen((char *) 4096) + $_memeq(4096, 4100, 4)",
    "\"abc\"[1] + sizeof(\"x\" \"y\")",
    "1u8 + 0xffusize as i32 - crate::m::N",
];

/// Places in a program.
pub const PLACES: &[&str] =
    &["main", "t.c:12", "*0x401136", "+3", "-1", "ns::f(int, char const*)", "'t.c':main", "f<int>::g"];

/// Names as linkers and debug info write them.
pub const NAMES: &[&str] = &[
    "_ZNSt6vectorIiSaIiEE9push_backERKi",
    "_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE",
    "_RNvCs1234_7mycrate3foo",
    "std::map<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, int>::operator[]",
    "<alloc::vec::Vec<T> as core::ops::Drop>::drop",
    "operator<<(std::ostream&, (anonymous namespace)::x const&)",
];

/// Regular expressions.
pub const PATTERNS: &[&str] = &["^ma.n$", "\\(a\\|b\\)*c\\{2,3\\}", "[[:alpha:]]\\+x\\?", "a.*b\\1"];

/// Lines of scripts, and descriptions of printers.
pub const SCRIPTS: &[&str] = &[
    "ngx_str_t text data len",
    "my::Box<int> member inner.value",
    "t.c:12 thread 2 if x == \"if\" then mmap if $arg2 > 64K once in process",
    "open then every close same-thread",
    "\"%5d %-10.3s %#llx %%\\n\", x, f(a, b), \"c,d\"",
    "1 3-5 2.1 4294967295 7-4294967295",
    "'two words' \"a\\\"b\" $arg0$argc ~/x",
];

fn text(data: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&data[..data.len().min(4096)])
}

/// The same text as every file that tells of limits.
pub fn limits(data: &[u8]) {
    let text = text(data);
    let _ = (limits::counters_of(&text), limits::rollup_of(&text), limits::machine_of(&text));
    let _ = limits::limit_of(&text, "Max data size");
    for file in [None, Some(&text)] {
        let groups = cgroup::groups_of(&text, &text, &|_| file.map(ToString::to_string)).unwrap_or_default();
        assert!(groups.len() <= text.len());
    }
}

/// The kernel's list of mappings.
pub fn maps(data: &[u8]) {
    let maps = brkwater::maps::parse(&text(data));
    for mapping in &maps {
        let _ = (mapping.file(), mapping.span.len(), mapping.perms.to_string());
        let _ = brkwater::maps::find(&maps, mapping.span.start);
    }
    let _ = brkwater::heap::libc_data(&maps);
}

/// A stopped world without files, in which 4096 bytes are known.
struct Stopped {
    memory: Sparse,
    regs: Regs,
}

impl Source for Stopped {
    fn pid(&self) -> Pid {
        Pid(1)
    }

    fn memory(&self) -> &dyn Memory {
        &self.memory
    }

    fn mappings(&self) -> &[Mapping] {
        &[]
    }

    fn threads(&self) -> Vec<Tid> {
        vec![Tid(1)]
    }

    fn regs(&self, _: Tid) -> Option<Regs> {
        Some(self.regs)
    }
}

/// Expressions: read, computed and printed, and as conditions.
pub fn expressions(data: &[u8]) {
    let text = text(data);
    let mut memory = Sparse::default();
    memory.insert(Addr(4096), (0..4096_u32).map(|at| (at * 37) as u8).collect());
    let stopped = Stopped { memory, regs: Regs::default() };
    let specials = |name: &str| (name == "hits").then_some(i128::from(u64::MAX));
    if let Ok(condition) = Condition::parse(&text) {
        let fast = FastContext { regs: &stopped.regs, memory: &stopped.memory, specials: &specials };
        let _ = condition.test_fast(&fast);
    }
    let (modules, unwinder, caches) = (Modules::default(), Unwinder::new(), SceneCaches::default());
    let scene = Scene { source: &stopped, modules: &modules, unwinder: &unwinder, caches: &caches };
    let mut vars = Vars::default();
    let mut context = Context { scene: &scene, frame: None, specials: &specials, vars: &mut vars };
    if let Ok(expr) = parse(&text) {
        let _ = (evaluate(&expr, &mut context), expr.names());
    }
    let mut last = None;
    let _ = print_line(&text, Printing::Print, &mut context, &PrintOptions::default(), &mut last).is_ok();
}

/// Places that breakpoints are set at.
pub fn places(data: &[u8]) {
    let text = text(data);
    if let Some(spec) = Linespec::parse(&text) {
        let _ = Modules::default().resolve(&spec, Some("t.c"), &Sparse::default());
    }
}

/// Names of C++ and Rust.
pub fn symbol_names(data: &[u8]) {
    let name = text(data);
    let _ = (demangled(&name), qualified::parts(&name), qualified::split(&name), qualified::canonical(&name));
    let _ = (qualified::arguments(&name), qualified::without_arguments(&name), qualified::integer(&name));
    let _ = (shortnames::short(&name), shortnames::own(&name));
    let half = (0..=name.len() / 2).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    let (a, b) = name.split_at(half);
    let _ = (qualified::scopes_fit(a, b, true), qualified::part_fits(a, b));
}

/// Regular expressions as `info functions` takes them.
pub fn patterns(data: &[u8]) {
    if let Ok(pattern) = Pattern::parse(&text(data)) {
        let _ = pattern.fits("std::vector<int>::push_back");
    }
}

/// What commands make of the words behind them, as far as nothing is run.
pub fn scripts(data: &[u8]) {
    let text = text(data);
    if let Ok(own) = OwnPrinter::parse(&text) {
        let _ = OwnPrinter::parse(&own.line());
    }
    brkwater::command::read_only(&text);
}
