//! Compiles the demo's target with the system's C compiler into `OUT_DIR/demo`, to be embedded.
//!
//! A machine without a C compiler still builds brkwater: `demo` is then empty, and `OUT_DIR/demo.why` holds the
//! sentence that `brkwater demo` shows. (cargo itself links with `cc`, so that is rare.)

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory that the demo's debug info names: it exists on no machine, and brkwater finds the source,
/// which ships inside it, by `directory`.
const SOURCE_DIR: &str = "/brkwater/demo";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=assets/demo.c");
    println!("cargo:rerun-if-env-changed=CC");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let assets = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("assets");
    let why = match compile(&assets, &out.join("demo")) {
        Ok(()) => String::new(),
        Err(why) => {
            println!("cargo:warning=brkwater demo will not work: {why}");
            fs::write(out.join("demo"), b"")?;
            why
        }
    };
    fs::write(out.join("demo.why"), why)?;
    Ok(())
}

/// Compiles `assets/demo.c` to `to`: not position independent, for only then is its break low enough for the
/// page that it plants; not optimised, so that its backtraces have every frame and every argument.
#[allow(clippy::disallowed_methods)] // a build script has no targets whose exit it could steal
fn compile(assets: &Path, to: &Path) -> Result<(), String> {
    let cc = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let done = Command::new(&cc)
        .args(["-g", "-O0", "-fno-pie", "-no-pie", "-fno-omit-frame-pointer", "-Wall", "-o"])
        .arg(to)
        .arg(format!("-fdebug-prefix-map={}={SOURCE_DIR}", assets.display()))
        .arg("demo.c")
        .current_dir(assets)
        .output()
        .map_err(|error| {
            format!("when brkwater was built, the C compiler `{cc}` could not be run: {error}")
        })?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let first = said.lines().find(|line| line.contains("error")).unwrap_or("it gave no reason");
    Err(format!("when brkwater was built, the C compiler `{cc}` failed: {first}"))
}
