//! Debug info that dwz has moved into a file that several programs share (`.gnu_debugaltlink`).

use std::path::Path;
use std::process::Command;

use crate::common::compare::must_equal;
use crate::common::{have, scratch, target, targets_dir};

const SHARED: &str = "
struct shared_point { int x; int y; struct shared_point *next; char label[16]; };
typedef struct shared_point shared_point_t;
enum shade { DARK, LIGHT = 4, PALE = 8 };
union either { long word; double real; struct shared_point *at; };
typedef int (*handler_t)(struct shared_point *, enum shade);
struct table { handler_t handlers[4]; union either slots[3]; struct shared_point origin; enum shade shade; };
";

const PROGRAM: &str = r#"
#include <stdio.h>
#include "shared.h"
static struct table table_of = { .origin = { 1, 2, 0, "it" }, .shade = LIGHT };
static int handle(struct shared_point *p, enum shade s) { return p->x + (int) s; }
int work(shared_point_t *p, enum shade s)
{
    union either e = { .at = p };
    int r = table_of.handlers[0](p, s);

    return r + (e.word != 0);
}
int main(int argc, char **argv)
{
    shared_point_t here = { argc, 5, &table_of.origin, "here" };

    table_of.handlers[0] = handle;
    printf("%d\n", work(&here, PALE));
    return 0;
}
"#;

const SCRIPT: &[&str] = &[
    "set debug-file-directory /nonexistent",
    "ptype struct table",
    "p PALE",
    "info line work",
    "break handle",
    "run",
    "bt",
    "info args",
    "p *p",
    "p p->next->label",
    "up",
    "info locals",
    "info args",
    "p e",
    "ptype e",
    "whatis e",
    "p table_of",
    "ptype struct table",
    "ptype handler_t",
    "p PALE",
    "p (enum shade)4",
    "whatis table_of.handlers",
    "ptype union either",
    "p sizeof(struct table)",
    "p sizeof(shared_point_t)",
    "p (struct shared_point *)0",
    "ptype shared_point_t",
    "list work",
    "info source",
    "finish",
];

fn done(directory: &Path, command: &str) {
    let status = Command::new("sh").args(["-c", command]).current_dir(directory).status().unwrap();
    assert!(status.success(), "{command}");
}

#[test]
fn types_and_names_are_found_in_the_supplement() {
    if !have("dwz") {
        return;
    }
    for (name, flags) in [("dwz5", "-gdwarf-5 -O1"), ("dwz4", "-gdwarf-4 -O0")] {
        let directory = scratch(name);
        std::fs::write(directory.join("shared.h"), SHARED).unwrap();
        std::fs::write(directory.join("it.c"), PROGRAM).unwrap();
        done(&directory, &format!("cc {flags} it.c -o it && cp it other && dwz -m common.debug it other"));
        done(&directory, "readelf -SW it | grep -q gnu_debugaltlink");
        must_equal(&[directory.join("it").to_str().unwrap()], &[SCRIPT]);
    }
}

#[test]
fn classes_are_found_in_the_supplement() {
    if !have("dwz") || !have("c++") {
        return;
    }
    let directory = scratch("dwz_classes");
    std::fs::copy(targets_dir().join("classes.cc"), directory.join("classes.cc")).unwrap();
    std::fs::copy(target("classes"), directory.join("classes")).unwrap();
    done(&directory, "cp classes other && dwz -m common.debug classes other");
    let script = include_str!("../parity/classes.gdb").lines();
    let script: Vec<&str> = script.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    must_equal(&[directory.join("classes").to_str().unwrap()], &[&script]);
}
