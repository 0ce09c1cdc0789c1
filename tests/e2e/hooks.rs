//! Hooks and what people's files define: gdb runs the same file, and what both print is the same.

use std::fs;

use crate::common::{Debugger, Output, scratch, target};

fn sourced(debugger: Debugger, name: &str, text: &str) -> Output {
    let file = scratch(name).join("gdbinit");
    fs::write(&file, text).unwrap();
    debugger.blocks(&[&format!("source {}", file.display())]).plain(&[&target("saved")])
}

/// What was printed on stdout, without what is told of threads and processes while the target runs.
fn printed(output: &Output) -> Vec<String> {
    let chatter = |line: &&str| {
        [
            "[Thread ",
            "[New Thread",
            "[Detaching after",
            "[Inferior ",
            "[Switching",
            "Using host",
            "warning: ",
            "Redefine ",
        ]
        .iter()
        .any(|begin| line.starts_with(begin))
    };
    let lines = output.block(0).lines().map(str::trim_end);
    lines.filter(|line| !line.is_empty() && !chatter(line)).map(str::to_owned).collect()
}

fn must_print_alike(name: &str, text: &str, wanted: &[&str]) {
    let ours = sourced(Debugger::brkwater(), name, text);
    let theirs = sourced(Debugger::gdb(), name, text);
    theirs.must_not_have("Error in sourced");
    assert_eq!(printed(&ours), printed(&theirs), "{name}:\n{}\ngdb:\n{}", ours.text, theirs.text);
    for wanted in wanted {
        ours.must_have(wanted);
    }
}

#[test]
fn a_stop_is_hooked_before_it_is_told() {
    must_print_alike(
        "hooks_stop",
        "define hook-stop\n  printf \"[stop %d]\\n\", counter\nend\ndisplay counter\nbreak other\ncommands 1\n\
         silent\necho commands\\n\nend\ntbreak last\nrun\nfinish\nstep 2\nbreak named\ncontinue\ncontinue\nnext\nstep\nstepi\nstepi\n\
         set listsize 3\nset var counter = 40\nset counter=41\nset ++counter\nprint counter\n",
        &["[stop 0]\ncommands\n", "= 42"],
    );
    // The last stop is the end.
    must_print_alike(
        "hooks_end",
        "define hook-stop\necho [stop]\\n\nend\nrun\necho over\\n\n",
        &["[stop]\nover"],
    );
}

#[test]
fn a_hook_may_let_the_program_go_on() {
    must_print_alike(
        "hooks_goes_on",
        "define hook-stop\n  if counter < 3\n    continue\n  end\nend\nbreak other\nrun\nbt 1\ncontinue\nbt 1\n\
         define hook-stop\n  nosuch\n  echo not here\\n\nend\ncontinue\necho went on\\n\n",
        &["Error while running hook_stop:", "went on"],
    );
}

#[test]
fn commands_are_hooked_on_both_sides() {
    must_print_alike(
        "hooks_commands",
        "define mine\n  echo mine $argc\\n\n  if $argc\n  echo $arg0\\n\n      else\n  echo none\\n\n  end\nend\n\
         define hook-mine\n  echo [mine]\\n\nend\ndefine hookpost-mine\n  echo [mine over]\\n\nend\n\
         define hook-backtrace\n  echo [bt]\\n\n  bt 1\nend\ndefine hookpost-backtrace\n  echo [bt over]\\n\nend\n\
         define info hook-line\n  echo [line]\\n\nend\ndefine hook-info\n  echo [info]\\n\nend\n\
         define hook-run\n  echo [run]\\n\nend\ndefine hookpost-run\n  echo [run over]\\n\nend\n\
         mine\nmine word\ntbreak named\nrun\nbt\nwhere 1\ninfo line named\ninfo frame\nshow user mine\n\
         document hook-mine\nIts text.\nend\nhelp hook-mine\nset $64BITS = 1\noutput $64BITS\n",
        &["[mine]\nmine 0\nnone\n[mine over]", "[bt]\n#0", "[line]\nLine ", "Its text."],
    );
}

/// An error in a hook is the command's; a hook of nothing is told of where it is defined.
#[test]
fn what_a_hook_cannot_do_is_told() {
    let text = "define hook-bt\nend\ndefine hook-print\n  nosuch\nend\nprint 1\necho not here\\n\n";
    for debugger in [Debugger::brkwater(), Debugger::gdb()] {
        let said = sourced(debugger, "hooks_errors", text);
        said.must_have("Your new `hook-bt' command does not hook any existing command.");
        said.must_have(
            "gdbinit:6: Error in sourced command file:\nUndefined command: \"nosuch\".  Try \"help\".",
        );
        said.must_not_have("not here").must_not_have("$1 = 1");
    }
}
