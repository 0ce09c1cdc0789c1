//! Exports: the page that somebody puts into a report.

use std::fs;

use crate::common::{Debugger, scratch, target};

#[test]
fn markdown_and_json_tell_the_story() {
    let dir = scratch("export");
    let (md, json) = (dir.join("page.md"), dir.join("page.json"));
    let program = target("blocker");
    let output = Debugger::brkwater()
        .ex("break checkpoint if $_streq(name, \"grown\")")
        .ex("run")
        .ex(&format!("export md {}", md.display()))
        .ex(&format!("export json {}", json.display()))
        .args(&[&program, "plant", "3000", "100"]);
    output.exits(0);

    let page = fs::read_to_string(&md).unwrap();
    for word in ["plant_the_page", "refused", "checkpoint", "blocker.c", "#"] {
        assert!(page.contains(word), "{word:?} is not in:\n{page}");
    }
    // A table is a table: each of its rows has as many cells as its head.
    let mut width = None;
    for line in page.lines() {
        if line.starts_with('|') {
            let cells = line.replace("\\|", "").matches('|').count();
            assert_eq!(*width.get_or_insert(cells), cells, "{line}\nin:\n{page}");
        } else {
            width = None;
        }
    }

    let object: serde_json::Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    let schema = object.get("schema").and_then(serde_json::Value::as_str).unwrap_or_default();
    assert!(schema.starts_with("brkwater."), "{object}");
    let text = object.to_string();
    for word in ["plant_the_page", "brk-refused", "fallback", "checkpoint"] {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

/// Nothing that a target wrote becomes markup.
#[test]
fn a_target_s_strings_stay_text() {
    let file = scratch("export_noisy").join("page.md");
    Debugger::brkwater()
        .ex("break show")
        .ex("run")
        .ex(&format!("export md {}", file.display()))
        .args(&[&target("noisy")])
        .exits(0);
    let page = fs::read(&file).unwrap();
    assert!(!page.contains(&0x1b) && !page.contains(&0x07), "{}", String::from_utf8_lossy(&page));
}

#[test]
fn an_export_that_cannot_be_written_says_so() {
    let output = Debugger::brkwater()
        .ex("break leaf")
        .ex("run")
        .ex("export md /nosuch/dir/page.md")
        .args(&[&target("calls")]);
    output.must_have("/nosuch/dir/page.md").must_have("No such file or directory").exits(1);
    let output =
        Debugger::brkwater().ex("break leaf").ex("run").ex("export nonsense page").args(&[&target("calls")]);
    output.must_have("nonsense").exits(1);
}
