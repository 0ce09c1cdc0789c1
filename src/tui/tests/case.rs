//! The case in made-up events: nginx, whose lua module puts a page at the break; each growth is refused and
//! comes from mmap instead. Shapes and names are the real run's, times and sizes are round.

use serde_json::json;

use super::Face;
use crate::addr::{Addr, Pid, Seq, Span, Tid};
use crate::event::{Call, CallRecord, Cause, Event, EventKind, Label, StackFrame, StopReason};
use crate::maps::Mapping;
use crate::scene::view::{ArgView, Backtrace, FrameView, SourceView};
use crate::session::protocol::{Note, Request, State, View, ViewKind};

const PID: Pid = Pid(31774);
const TID: Tid = Tid(31774);
const BREAK: u64 = 0x26b2000;

const MAPS: &str = "\
00400000-00a1c000 r-xp 00000000 fe:01 11                               /opt/case/bin/nginx
00c1c000-00c83000 rw-p 0061c000 fe:01 11                               /opt/case/bin/nginx
7ffff7a00000-7ffff7bd5000 r-xp 00000000 fe:01 12                       /usr/lib/x86_64-linux-gnu/libc.so.6
7ffff7fc9000-7ffff7fcb000 r-xp 00000000 00:00 0                        [vdso]
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                        [stack]
";

/// Events of a run, numbered as they come.
pub(crate) struct Teller {
    seq: u64,
    t: f64,
}

impl Teller {
    pub(crate) fn new() -> Teller {
        Teller { seq: 0, t: 0.0 }
    }

    pub(crate) fn event(&mut self, after: f64, kind: EventKind) -> Note {
        self.seq += 1;
        self.t += after;
        Note::Event(Event { seq: Seq(self.seq), t: self.t, pid: PID, tid: TID, kind })
    }

    fn call(&mut self, after: f64, call: Call, label: Label, cause: Option<Cause>, site: StackFrame) -> Note {
        let allocator = (label != Label::Blocker).then(|| "malloc".to_owned());
        let stack = vec![site.address];
        self.event(
            after,
            EventKind::Call(CallRecord { call, label, cause, stack, site: Some(site), allocator }),
        )
    }
}

fn site(address: u64, function: &str, file: &str, line: u32) -> StackFrame {
    StackFrame {
        address: Addr(address),
        function: Some(function.to_owned()),
        file: Some(file.to_owned()),
        line: Some(line),
        module: Some("/opt/case/bin/nginx".to_owned()),
    }
}

fn anonymous(addr: u64, len: u64, prot: u32, flags: u32, ret: u64) -> Call {
    Call::Mmap { addr: Addr(addr), len, prot, flags, fd: -1, offset: 0, ret: Ok(Addr(ret)) }
}

/// The start, the blocker, and `growths` refused growths with their fallbacks; the target runs.
pub(crate) fn run(face: &mut Face, teller: &mut Teller, growths: u64) {
    face.type_line("run");
    let started = EventKind::Started {
        program: "/opt/case/bin/nginx".to_owned(),
        args: vec!["-p".to_owned(), "run".to_owned()],
        attached: false,
        core: false,
        brk: Some(Addr(BREAK - 0x314000)),
        maps: crate::maps::parse(MAPS) as Vec<Mapping>,
    };
    face.note(teller.event(0.0, started));
    face.note(teller.event(0.0, EventKind::Resumed));
    let grow = site(0x402000, "ngx_palloc", "src/core/ngx_palloc.c", 130);
    let brk = |to: u64| Call::Brk { wanted: Addr(to), got: Addr(to) };
    face.note(teller.call(0.020, brk(BREAK - 0x1000), Label::BrkGrow, None, grow.clone()));
    face.note(teller.call(0.010, brk(BREAK), Label::BrkGrow, None, grow));
    let planter = site(0x403000, "ngx_http_lua_limit_data_segment", "src/ngx_http_lua_module.c", 1291);
    let planted = anonymous(BREAK, 1, 1, 0x32, BREAK);
    face.note(teller.call(0.011, planted, Label::Blocker, None, planter));
    let blocker = Span::new(Addr(BREAK), Addr(BREAK + 0x1000));
    for n in 0..growths {
        let who = site(0x404000, "CRYPTO_malloc", "crypto/mem.c", 190);
        let refused = Call::Brk { wanted: Addr(BREAK + 0x21000), got: Addr(BREAK) };
        let cause = Cause::Occupied { blocker, planted_by: Some(Seq(5)) };
        face.note(teller.call(0.030, refused, Label::BrkRefused, Some(cause), who.clone()));
        let len = if n == 0 { 0x100000 } else { 0x21000 };
        let below = if n == 0 { 0x100000 } else { 0x100000 + n * 0x21000 };
        let taken = anonymous(0, len, 3, 0x22, 0x7ffff7a00000 - below);
        face.note(teller.call(0.001, taken, Label::Fallback, None, who));
        let usage = EventKind::Usage { rss: 9_000_000 + n * 135_168, vsz: 80_000_000 };
        face.note(teller.event(0.0, usage));
    }
    face.clock(1500);
}

/// The stop at mmap, and what the engine answers to the views that are asked for then.
pub(crate) fn stop(face: &mut Face, teller: &mut Teller) {
    let reason = StopReason::Breakpoint { number: 1, stage: 2, temporary: false };
    face.note(teller.event(0.031, EventKind::Stopped(reason)));
    let text = "\nBreakpoint 1.2, __GI___mmap64 (addr=addr@entry=0x0, len=len@entry=135168, prot=prot@entry=3, flags=flags@entry=34, fd=fd@entry=-1, offset=offset@entry=0) at ../sysdeps/unix/sysv/linux/mmap64.c:47\n47\t../sysdeps/unix/sysv/linux/mmap64.c: No such file or directory.\n";
    face.note(Note::Output { text: text.to_owned(), error: false });
    done(face, true);
    answer_views(face);
    face.clock(2000);
}

/// The line at work is done.
pub(crate) fn done(face: &mut Face, live: bool) {
    let state = State {
        pid: live.then_some(PID),
        tid: live.then_some(TID),
        program: Some("/opt/case/bin/nginx".to_owned()),
        ..State::default()
    };
    let id = face.model.busy.unwrap();
    face.note(Note::Done { id, ok: true, state, quit: false });
}

/// Answers every view that was asked for and not answered yet.
pub(crate) fn answer_views(face: &mut Face) {
    let asked: Vec<(u64, ViewKind)> = face
        .effects
        .iter()
        .filter_map(|effect| match effect {
            super::Effect::Send(Request::View { id, what }) => Some((*id, what.clone())),
            _ => None,
        })
        .filter(|(id, _)| face.model.awaited.iter().any(|(awaited, _)| awaited == id))
        .collect();
    for (id, what) in asked {
        face.note(Note::View { id, view: view(&what) });
    }
}

fn view(what: &ViewKind) -> View {
    match what {
        ViewKind::Backtrace(_) => View::Backtrace(backtrace(), 2),
        ViewKind::Source(_) => View::Source(source()),
        ViewKind::Registers => View::Text("rax            0x9                 9\nrip            0x7ffff7afe8a0      0x7ffff7afe8a0 <__GI___mmap64>\n".to_owned()),
        ViewKind::Locals => View::Text("size = 135168\nbrk = 0xffffffffffffffff <error: Cannot access memory at address 0xffffffffffffffff>\n".to_owned()),
        ViewKind::Breakpoints => View::Text("Num     Type           Disp Enb Address            What\n1       breakpoint     keep y   <MULTIPLE>\n\tstop only if strcmp($rdi, \"/etc/ssl/certs/ca-certificates.crt\") == 0\n".to_owned()),
        ViewKind::Explanation => View::Text("1. malloc(32) needed a new chunk and the top chunk had no room for it.  [recorded]\n2. glibc asked brk(0x26d3000); the kernel answered 0x26b2000: refused.  [recorded]\n".to_owned()),
        ViewKind::Heap => View::Json(json!({
            "schema": "brkwater.heap/1", "pid": 31774, "glibc": "2.36",
            "arenas": [{"kind": "main", "in_use": {"chunks": 11204, "bytes": 3_000_000},
                "free": {"chunks": 240, "bytes": 100_000}, "top": {"address": "0x26b1000", "size": 1024}}],
            "doubts": [],
        })),
    }
}

fn frame(level: u32, function: &str, args: &[(&str, &str)], file: &str, line: u32) -> FrameView {
    FrameView {
        level,
        address: Addr(0x7fff_f7af_e8a0 + u64::from(level) * 64),
        show_address: level > 0,
        function: Some(function.to_owned()),
        args: args
            .iter()
            .map(|(name, value)| ArgView {
                name: (*name).to_owned(),
                value: Some((*value).to_owned()),
                entry_value: None,
            })
            .collect(),
        has_debug_info: true,
        file: Some(file.to_owned()),
        full_path: None,
        line: Some(line),
        module: Some("/usr/lib/x86_64-linux-gnu/libc.so.6".to_owned()),
        ..FrameView::default()
    }
}

/// 46 frames, as in the real run.
pub(crate) fn backtrace() -> Backtrace {
    let mut frames = vec![
        frame(
            0,
            "__GI___mmap64",
            &[("addr", "0x0"), ("len", "135168"), ("prot", "3"), ("flags", "34"), ("fd", "-1")],
            "../sysdeps/unix/sysv/linux/mmap64.c",
            47,
        ),
        frame(1, "sysmalloc_mmap_fallback", &[("s", "0x7fffffffc8f0"), ("nb", "48")], "malloc.c", 2423),
        frame(2, "sysmalloc", &[("nb", "48"), ("av", "0x7ffff7bd2c60 <main_arena>")], "malloc.c", 2730),
        frame(3, "_int_malloc", &[("av", "0x7ffff7bd2c60 <main_arena>"), ("bytes", "32")], "malloc.c", 4481),
        frame(4, "__GI___libc_malloc", &[("bytes", "32")], "malloc.c", 3321),
        frame(
            5,
            "CRYPTO_malloc",
            &[("num", "32"), ("file", "0x9f8c30 \"crypto/asn1/tasn_dec.c\"")],
            "crypto/mem.c",
            190,
        ),
    ];
    for level in 6..31 {
        frames.push(frame(
            level,
            &format!("asn1_item_embed_d2i_{level}"),
            &[("pval", "0x7fffffffcb00")],
            "crypto/asn1/tasn_dec.c",
            300 + level,
        ));
    }
    let outer = [
        ("PEM_X509_INFO_read_bio_ex", "crypto/pem/pem_info.c", 160),
        ("X509_load_cert_crl_file_ex", "crypto/x509/by_file.c", 246),
        ("by_file_ctrl_ex", "crypto/x509/by_file.c", 68),
        ("X509_LOOKUP_ctrl_ex", "crypto/x509/x509_lu.c", 91),
        ("X509_STORE_load_file_ex", "crypto/x509/x509_d2.c", 57),
        ("SSL_CTX_load_verify_file", "ssl/ssl_lib.c", 4800),
        ("SSL_CTX_load_verify_locations", "ssl/ssl_lib.c", 4817),
        ("ngx_ssl_trusted_certificate", "src/event/ngx_event_openssl.c", 1024),
        ("ngx_http_lua_set_ssl", "src/ngx_http_lua_module.c", 1240),
        ("ngx_http_lua_merge_loc_conf", "src/ngx_http_lua_module.c", 1180),
        ("ngx_http_merge_servers", "src/http/ngx_http.c", 620),
        ("ngx_http_block", "src/http/ngx_http.c", 270),
        ("ngx_conf_handler", "src/core/ngx_conf_file.c", 463),
        ("ngx_init_cycle", "src/core/ngx_cycle.c", 284),
        ("main", "src/core/nginx.c", 295),
    ];
    for (level, (function, file, line)) in (31..).zip(outer) {
        let mut one = frame(level, function, &[("cf", "0x7fffffffe0a0")], file, line);
        one.inlined =
            matches!(function, "ngx_http_lua_set_ssl" | "ngx_http_merge_servers" | "ngx_conf_handler");
        frames.push(one);
    }
    Backtrace { schema: Backtrace::SCHEMA.to_owned(), pid: PID, tid: TID, frames, stopped: None }
}

fn source() -> SourceView {
    let text = "  if (brk == (char *) (MORECORE_FAILURE))
    {
      /*
         If have mmap, try using it as a backup when MORECORE fails or
         cannot be used. This is worth doing on systems that have \"holes\" in
         address space, so sbrk cannot extend to give contiguous space, but
         space is available elsewhere.  Note that we ignore mmap max count
         and threshold limits, since the space will not be used as a
         segregated mmap region.
       */

      char *mbrk = MAP_FAILED;
      if (mp_.hp_pagesize > 0)
\tmbrk = sysmalloc_mmap_fallback (&size, nb, old_size,
\t\t\t\t\tmp_.hp_pagesize, mp_.hp_pagesize,
\t\t\t\t\tmp_.hp_flags, av);
      if (mbrk == MAP_FAILED)
\tmbrk = sysmalloc_mmap_fallback (&size, nb, old_size, pagesize,
\t\t\t\t\tMMAP_AS_MORECORE_SIZE, 0, av);
      if (mbrk != MAP_FAILED)
\t{
\t  /* We do not need, and cannot use, another sbrk call to find end */
\t  brk = mbrk;
\t  snd_brk = brk + size;
\t}
    }
";
    SourceView {
        file: "malloc.c".to_owned(),
        first: 2713,
        lines: text.lines().map(str::to_owned).collect(),
        current: Some(2730),
        breakpoints: vec![(2735, true), (2736, false)],
        missing: None,
    }
}
