//! The real case: nginx and `bundle_loop` with OpenSSL inside, built by `tests/case/build-target.sh`. Long suite.

use std::path::PathBuf;

use crate::common::compare::differences;
use crate::common::json::{number, object, text};
use crate::common::{Debugger, Output, brkwater_path, long, recording, scratch};

const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

struct Case {
    root: PathBuf,
}

impl Case {
    /// Where the case was built; `None`, with a word about it, when the long suite was not asked for.
    fn built() -> Option<Case> {
        if !long() {
            return None;
        }
        let root = std::env::var_os("BRKWATER_CASE")
            .map(PathBuf::from)
            .expect("BRKWATER_CASE is set by ./tests/run --all");
        assert!(root.join("bin/nginx").exists(), "{} has no bin/nginx", root.display());
        Some(Case { root })
    }

    fn path(&self, below: &str) -> String {
        self.root.join(below).to_str().unwrap().to_owned()
    }

    fn nginx(&self, debugger: Debugger) -> Output {
        let (nginx, run) = (self.path("bin/nginx"), self.path("run"));
        debugger.limit(180).args(&[&nginx, "-p", &run, "-c", "conf/n5.conf", "-t"])
    }
}

fn frames(block: &str) -> usize {
    block.lines().filter(|line| line.starts_with('#')).count()
}

#[test]
fn nginx_opens_the_bundle_once_per_location() {
    let Some(case) = Case::built() else { return };
    let opens = case
        .nginx(Debugger::brkwater().ex("break open").ex("ignore 1 1000").ex("run").ex("info breakpoints"));
    opens.must_have("breakpoint already hit 11 times");
    let condition = format!("break open if strcmp($rdi, \"{BUNDLE}\") == 0");
    let bundles =
        case.nginx(Debugger::brkwater().ex(&condition).ex("ignore 1 1000").ex("run").ex("info breakpoints"));
    bundles.must_have("breakpoint already hit 6 times");
}

#[test]
fn both_backtraces_of_nginx_are_gdb_s() {
    let Some(case) = Case::built() else { return };
    let ours = case.nginx(
        Debugger::brkwater()
            .ex(&format!("break open if strcmp($rdi, \"{BUNDLE}\") == 0"))
            .ex("run")
            .blocks(&["bt", "info registers", "break mmap", "continue", "bt", "info registers"]),
    );
    let theirs = case.nginx(
        Debugger::gdb()
            .ex("break main")
            .ex("run")
            .ex("delete")
            .ex(&format!("break open if $_streq((char*)$rdi, \"{BUNDLE}\")"))
            .ex("continue")
            .blocks(&["bt", "info registers", "break mmap", "continue", "bt", "info registers"]),
    );
    assert_eq!(frames(ours.block(0)), 22, "{}", ours.text);
    for index in [0, 1, 4, 5] {
        let found = differences(ours.block(index), theirs.block(index));
        assert!(found.is_empty(), "block {index}:\n{}", found.join("\n"));
    }
}

#[test]
fn the_chain_on_nginx_names_the_planter() {
    let Some(case) = Case::built() else { return };
    let chain = format!("break open if strcmp($rdi, \"{BUNDLE}\") == 0 then mmap");
    let ours = case.nginx(Debugger::brkwater().ex(&chain).ex("run").blocks(&[
        "bt",
        "explain",
        "info heap",
        "info blockers",
        "info heap -json",
    ]));
    let depth = frames(ours.block(0));
    assert!((40..=50).contains(&depth), "{depth} frames:\n{}", ours.block(0));
    for frame in [
        "sysmalloc_mmap_fallback (",
        "sysmalloc (",
        "CRYPTO_malloc (",
        "X509_load_cert_crl_file_ex (",
        "main (argc=",
    ] {
        assert!(ours.block(0).contains(frame), "{frame:?} is not in:\n{}", ours.block(0));
    }
    for index in [1, 3, 4] {
        assert!(ours.block(index).contains("ngx_http_lua_limit_data_segment"), "{}", ours.block(index));
    }
    let heap = crate::common::json::object(ours.block(4));
    assert_eq!(crate::common::json::number(&heap, "arenas/0/unaccounted"), 0, "{heap}");
}

#[test]
fn the_small_program_behaves_as_nginx_does() {
    let Some(case) = Case::built() else { return };
    let program = case.path("bin/bundle_loop-blocker");
    let ours = Debugger::brkwater()
        .ex(&format!("break open if strcmp($rdi, \"{BUNDLE}\") == 0"))
        .ex("run")
        .blocks(&["bt", "b mmap", "c", "bt", "info registers"])
        .limit(120)
        .args(&[&program, "20"]);
    let theirs = Debugger::gdb()
        .ex("break main")
        .ex("run")
        .ex("delete")
        .ex(&format!("break open if $_streq((char*)$rdi, \"{BUNDLE}\")"))
        .ex("c")
        .blocks(&["bt", "b mmap", "c", "bt", "info registers"])
        .limit(120)
        .args(&[&program, "20"]);
    for index in [0, 3, 4] {
        let found = differences(ours.block(index), theirs.block(index));
        assert!(found.is_empty(), "block {index}:\n{}", found.join("\n"));
    }
    ours.must_not_have("panicked");
}

#[test]
fn the_page_is_the_same_amount_in_another_place() {
    let Some(case) = Case::built() else { return };
    let dir = scratch("case-diff");
    let files = [("keep", "a.rec"), ("blocker-keep", "b.rec")].map(|(variant, file)| {
        let program = case.path(&format!("bin/bundle_loop-{variant}"));
        let file = dir.join(file);
        recording::record(&file, &["run"], &[&program, "50"]);
        file
    });
    let output =
        std::process::Command::new(brkwater_path()).arg("diff").arg("--json").args(&files).output().unwrap();
    let found = object(&String::from_utf8(output.stdout).unwrap());
    let headline = text(&found, "headline");
    assert!(headline.starts_with("Same amount, other place, from event "), "{headline}");
    assert!(
        headline.contains(" on: A moves the break, B maps 1 MiB instead, because a mapping stands at 0x"),
        "{headline}"
    );
    assert!(headline.contains("(planted by plant_blocker (bundle_loop.c:"), "{headline}");
    // Nothing was refused without the page, and hardly anything came by the break with it.
    assert_eq!(number(&found, "a/refused"), 0, "{headline}");
    assert!(number(&found, "b/refused") > 100, "{found}");
    // CRYPTO_malloc alone would say little: for whom it asked does.
    assert_eq!(text(&found, "owners/0/function"), "CRYPTO_malloc", "{found}");
    assert!(text(&found, "owners/0/below").contains(" below "), "{found}");
    assert!(
        number(&found, "a/totals/heap") > 30 << 20 && number(&found, "b/totals/heap") < 1 << 20,
        "{found}"
    );
}
