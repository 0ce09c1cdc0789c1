//! Exports, each opened with a reader of its format: gdb, `go tool pprof`, JSON Schema, XML, CSV, a browser.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::json::{at, number, object};
use crate::common::{Debugger, Output, have, long, scratch, target};

const FORMATS: [&str; 11] =
    ["md", "text", "html", "svg", "json", "folded", "speedscope", "pprof", "perfetto", "chrome", "csv"];

/// brkwater at a stop in the middle of the target `blocker`.
fn stopped() -> Debugger {
    Debugger::brkwater().ex("break checkpoint if $_streq(name, \"grown\")").ex("run")
}

/// Adds a command for each format; the files are called as the formats.
fn exporting(debugger: Debugger, dir: &Path, flags: &str) -> Debugger {
    FORMATS.iter().fold(debugger, |debugger, format| {
        debugger.ex(&format!("export {format} {} {flags}", dir.join(format).display()))
    })
}

fn blocker(debugger: Debugger) -> Output {
    let output = debugger.args(&[&target("blocker"), "plant", "3000", "100"]);
    output.exits(0);
    output
}

/// Every format of one stop.
fn exported(name: &str) -> PathBuf {
    let dir = scratch(name);
    blocker(exporting(stopped(), &dir, ""));
    dir
}

fn read(dir: &Path, format: &str) -> String {
    fs::read_to_string(dir.join(format)).unwrap()
}

/// What a program says about a file; fails when it does not like it.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// A Python that has this module; without one the test says so.
fn python(module: &str) -> Option<Command> {
    let has = |path: &&str| {
        let import = format!("import {module}");
        Command::new(path).args(["-c", &import]).output().is_ok_and(|output| output.status.success())
    };
    let Some(path) = ["python3", "/usr/bin/python3"].into_iter().find(has) else {
        let missing = format!("Python's module `{module}` is missing; ./tests/run installs it");
        assert!(
            std::env::var_os("BRKWATER_TOOLS").is_none() && std::env::var_os("CI").is_none(),
            "{missing}"
        );
        eprintln!("nothing tested: {missing}");
        return None;
    };
    Some(Command::new(path))
}

/// Validates files with a JSON Schema. A key that the schema does not name is an error here: what is published is
/// complete.
const VALIDATE: &str = r#"
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
validator = jsonschema.validators.validator_for(schema)
validator.check_schema(schema)
def close(part):
    for below in part.values() if isinstance(part, dict) else part if isinstance(part, list) else []:
        close(below)
    if isinstance(part, dict) and isinstance(part.get("properties"), dict) and "additionalProperties" not in part:
        part["additionalProperties"] = False
close(schema)
wrong = 0
for path in sys.argv[2:]:
    for error in validator(schema).iter_errors(json.load(open(path))):
        wrong += 1
        print(path, list(error.path), error.message[:300])
sys.exit(wrong > 0)
"#;

fn validates(schema: &str, files: &[PathBuf]) {
    let Some(mut python) = python("jsonschema") else { return };
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join(schema);
    said(python.arg("-c").arg(VALIDATE).arg(schema).args(files));
}

/// The published schema holds for a stop with a refused brk, one without a cause, a stable one, and after the end.
#[test]
fn json_keeps_its_published_schema() {
    let dir = scratch("formats_schema");
    let file = |name: &str| dir.join(name);
    let export = |name: &str, flags: &str| format!("export json {} {flags}", file(name).display());
    blocker(
        Debugger::brkwater()
            .ex("break checkpoint")
            .ex("run")
            .ex(&export("begin", ""))
            .ex("continue")
            .ex(&export("refused", ""))
            .ex(&export("stable", "-stable"))
            .ex("delete")
            .ex("continue")
            .ex(&export("ended", "")),
    );
    Debugger::brkwater()
        .ex("break show")
        .ex("run")
        .ex(&export("noisy", ""))
        .args(&[&target("noisy")])
        .exits(0);
    Debugger::brkwater()
        .ex("break leaf")
        .ex("run")
        .ex(&export("calls", ""))
        .args(&[&target("calls")])
        .exits(0);
    Debugger::brkwater()
        .ex("catch syscall exit_group")
        .ex("run")
        .ex(&export("threads", ""))
        .args(&[&target("threads")])
        .exits(0);
    let all = ["begin", "refused", "stable", "ended", "noisy", "calls", "threads"].map(file);
    validates("assets/schema/brkwater.stop-1.schema.json", &all);
}

/// The schema is the one that speedscope publishes, of its release 1.25.0 (MIT licence, Copyright (c) 2018 Jamie Wong).
#[test]
fn speedscope_takes_its_file() {
    let dir = exported("formats_speedscope");
    validates("tests/schema/speedscope.json", &[dir.join("speedscope")]);
}

/// The lines of the backtrace are gdb's, byte for byte.
#[test]
fn text_has_gdb_s_backtrace() {
    if !have("gdb") {
        return;
    }
    for (name, place) in [("calls", "leaf"), ("noisy", "show"), ("inlines", "main"), ("shop", "main")] {
        let file = scratch(&format!("formats_text_{name}")).join("text");
        let export = format!("export text {} -redact none", file.display());
        let place = format!("break {place}");
        Debugger::brkwater().ex(&place).ex("run").ex(&export).args(&[&target(name)]).exits(0);
        let gdb = Debugger::gdb().ex(&place).ex("run").ex("echo <<<\\n").ex("bt").args(&[&target(name)]);
        let frames = |text: &str| -> Vec<String> {
            text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect()
        };
        let wanted = frames(gdb.text.split("<<<").nth(1).unwrap());
        assert!(!wanted.is_empty(), "{}", gdb.text);
        assert_eq!(frames(&fs::read_to_string(&file).unwrap()), wanted, "{name}");
    }
}

/// What the kernel gave, by `info growth`: bytes by label.
fn growth(output: &Output) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for row in at(&object(&output.text), "by_site").as_array().unwrap() {
        *all.entry(row["label"].as_str().unwrap().to_owned()).or_default() += number(row, "bytes");
    }
    all.retain(|_, bytes| *bytes > 0);
    all
}

#[test]
fn pprof_reads_the_profile() {
    if !have("go") {
        return;
    }
    let dir = scratch("formats_pprof");
    let output = blocker(exporting(stopped(), &dir, "").ex("info growth -json"));
    let raw = said(Command::new("go").args(["tool", "pprof", "-raw"]).arg(dir.join("pprof")));
    // `          1    1048576    1048576: 12 13 14` and below it `call:[fallback]`.
    assert!(raw.contains("calls/count space/bytes[dflt] live/bytes"), "{raw}");
    let (mut sums, mut space) = (BTreeMap::<String, u64>::new(), 0);
    for line in raw.lines() {
        if let Some((values, _)) = line.split_once(": ").filter(|(values, _)| values.starts_with("   ")) {
            let values: Vec<u64> = values.split_whitespace().flat_map(str::parse).collect();
            space = values.get(1).copied().unwrap_or(space);
        } else if let Some(label) = line.trim().strip_prefix("call:[") {
            *sums.entry(label.trim_end_matches(']').to_owned()).or_default() += space;
        }
    }
    sums.retain(|_, bytes| *bytes > 0);
    assert_eq!(sums, growth(&output), "{raw}");
    for word in ["M=1 allocate ", "plant_the_page", "blocker.c:27", "libc.so.6"] {
        assert!(raw.contains(word), "{word:?} is not in:\n{raw}");
    }
    // Every mapping has the build-id that is in its file.
    let mappings: Vec<&str> = raw.lines().skip_while(|line| *line != "Mappings").skip(1).collect();
    assert!(mappings.len() >= 3, "{raw}");
    for mapping in mappings {
        let words: Vec<&str> = mapping.split_whitespace().collect();
        let notes = said(Command::new("readelf").args(["-n", words[2]]));
        assert!(notes.contains(words[3]), "{mapping}\n{notes}");
    }
    // The addresses of locations lead to the same functions when pprof looks them up itself.
    let own = said(
        Command::new("go")
            .env("PPROF_TMPDIR", &dir)
            .args(["tool", "pprof", "-symbolize=force:local", "-raw"])
            .arg(dir.join("pprof")),
    );
    for word in [" allocate ", " plant_the_page ", " main "] {
        assert!(own.contains(word), "{word:?} is not in:\n{own}");
    }
}

#[test]
fn folded_stacks_add_up() {
    let dir = scratch("formats_folded");
    let output = blocker(exporting(stopped(), &dir, "").ex("info growth -json"));
    let mut sums = BTreeMap::<String, u64>::new();
    for line in read(&dir, "folded").lines() {
        let (stack, bytes) = line.rsplit_once(' ').unwrap();
        let label = stack.rsplit(';').next().unwrap().trim_matches(['[', ']']);
        *sums.entry(label.to_owned()).or_default() += bytes.parse::<u64>().unwrap();
    }
    assert_eq!(sums, growth(&output));
    let text = read(&dir, "folded");
    assert!(text.contains(";main;allocate;") && text.contains(";main;plant_the_page;"), "{text}");
}

#[test]
fn csv_and_trace_have_every_call() {
    let dir = scratch("formats_csv");
    let output = blocker(exporting(stopped(), &dir, "").ex("info syscalls 10000 -json"));
    let calls = object(&output.text);
    let calls = at(&calls, "calls").as_array().unwrap();
    let text = |call: &Value, key: &str| call[key].as_str().unwrap_or_default().to_owned();
    let wanted: Vec<[String; 3]> = calls
        .iter()
        .map(|call| [call["seq"].to_string(), text(call, "syscall"), text(call, "label")])
        .collect();
    assert!(wanted.len() > 10);
    let trace: Value = serde_json::from_str(&read(&dir, "perfetto")).unwrap();
    assert_eq!(read(&dir, "perfetto"), read(&dir, "chrome"));
    let found: Vec<[String; 3]> = at(&trace, "traceEvents")
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["cat"] == "memory")
        .map(|event| {
            let (call, label) = event["name"].as_str().unwrap().split_once(' ').unwrap();
            [event["args"]["seq"].to_string(), call.to_owned(), label.to_owned()]
        })
        .collect();
    assert_eq!(found, wanted);
    let Some(mut python) = python("csv") else { return };
    let script = "import csv, json, sys\n\
                  rows = list(csv.DictReader(open(sys.argv[1], newline=''), strict=True))\n\
                  assert all(None not in row and None not in row.values() for row in rows)\n\
                  print(json.dumps([[r['seq'], r['call'], r['label']] for r in rows if r['event'] == 'call']))";
    let rows = said(python.args(["-c", script]).arg(dir.join("csv")));
    assert_eq!(serde_json::from_str::<Vec<[String; 3]>>(&rows).unwrap(), wanted);
}

#[test]
fn pictures_are_xml_without_scripts() {
    let dir = exported("formats_svg");
    for format in ["svg", "html"] {
        let text = read(&dir, format).to_lowercase();
        for word in ["<script", "javascript:", "onload", "src=", "<link", "@import", "<iframe", "url(http"] {
            assert!(!text.contains(word), "{word} in {format}");
        }
        let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
        assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{format}");
    }
    if have("xmllint") {
        said(Command::new("xmllint").args(["--noout", "--nonet"]).arg(dir.join("svg")));
    }
}

/// A browser shows the page: its own view of the document has every section, and it has nothing to complain of.
#[test]
fn a_browser_opens_the_page() {
    if !long() || !have("chromium") {
        return;
    }
    let dir = exported("formats_html");
    let browser = |what: &str, file: &Path| {
        let profile = format!("--user-data-dir={}", dir.join("profile").display());
        let flags =
            ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", &profile, what];
        let output = Command::new("chromium").args(flags).arg(format!("file://{}", file.display())).output();
        let output = output.unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!log.contains("CONSOLE"), "{log}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let page = dir.join("page.html");
    fs::copy(dir.join("html"), &page).unwrap();
    let seen = browser("--dump-dom", &page);
    for word in
        ["<svg", "Why</h2>", "Backtrace</h2>", "id=\"frame-0\"", "class=\"blocker cell\"", "Reproduce</h2>"]
    {
        assert!(seen.contains(word), "{word} is not in:\n{seen}");
    }
    let picture = dir.join("page.png");
    browser(&format!("--screenshot={}", picture.display()), &page);
    assert!(fs::metadata(&picture).unwrap().len() > 20_000);
}

/// The kernel puts everything elsewhere in the second run.
#[test]
fn two_stable_runs_are_equal() {
    let run = |name: &str| {
        let dir = scratch(name);
        blocker(exporting(
            Debugger::brkwater()
                .ex("set disable-randomization off")
                .ex("break checkpoint if $_streq(name, \"grown\")")
                .ex("run"),
            &dir,
            "-stable",
        ));
        dir
    };
    let (one, other) = (run("formats_stable_1"), run("formats_stable_2"));
    for format in FORMATS {
        let [one, other] = [&one, &other].map(|dir| fs::read(dir.join(format)).unwrap());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(one == other, "{format}:\n{}\n-----\n{}", text(&one), text(&other));
    }
}

#[test]
fn secrets_stay_at_home() {
    let secret = "s3cr3t-0123456789";
    let run = |name: &str, flags: &str| {
        let dir = scratch(name);
        let output = exporting(stopped().env("API_TOKEN", secret), &dir, flags).args(&[
            &target("blocker"),
            "plant",
            "3000",
            "100",
            "0",
            secret,
        ]);
        output.exits(0);
        (dir, output)
    };
    let (hidden, output) = run("formats_secrets", "");
    output.must_have("1 secret replaced; \"export md ").must_have("-redact none\" leaves");
    for format in FORMATS {
        let bytes = fs::read(hidden.join(format)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{format}");
    }
    assert!(
        read(&hidden, "md").contains("[redacted API_TOKEN]")
            && read(&hidden, "html").contains("1 secret replaced")
    );
    let (shown, output) = run("formats_secrets_raw", "-redact none");
    output.must_not_have("replaced");
    assert!(read(&shown, "md").contains(secret));
}

/// A program whose path means something in every format.
#[test]
fn a_hostile_path_stays_a_name() {
    let dir = scratch("formats_hostile");
    let home = dir.join("a;b\"<c>&d,e'f \u{1b}[31m");
    fs::create_dir_all(&home).unwrap();
    let program = home.join("=x");
    fs::copy(target("blocker"), &program).unwrap();
    let output = exporting(stopped(), &dir, "").args(&[program.to_str().unwrap(), "plant", "3000", "100"]);
    output.exits(0);
    for format in FORMATS.iter().filter(|format| **format != "pprof") {
        assert!(!read(&dir, format).contains('\u{1b}'), "{format}");
    }
    validates("assets/schema/brkwater.stop-1.schema.json", &[dir.join("json")]);
    validates("tests/schema/speedscope.json", &[dir.join("speedscope")]);
    serde_json::from_str::<Value>(&read(&dir, "perfetto")).unwrap();
    if have("xmllint") {
        said(Command::new("xmllint").args(["--noout", "--nonet"]).arg(dir.join("svg")));
    }
    if have("go") {
        let raw = said(Command::new("go").args(["tool", "pprof", "-raw"]).arg(dir.join("pprof")));
        assert!(raw.contains("plant_the_page"), "{raw}");
    }
}
