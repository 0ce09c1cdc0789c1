//! The page for a browser: one file with its pictures inside, no script, and a policy that forbids it to load anything.

use super::super::document::{Document, Frame};
use super::super::escape::xml;
use super::super::markdown::{arguments, function, gdb_line, place};
use super::super::words::count;
use super::page::Page;
use super::svg;

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:15px/1.45 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.35rem}h2{font-size:1.1rem;margin-top:2rem}code,pre,td{font:13px/1.4 ui-monospace,monospace}\
pre{overflow-x:auto;padding:.6rem;border:1px solid #8886}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;vertical-align:top;padding:.15rem .6rem .15rem 0;border-bottom:1px solid #8884;\
overflow-wrap:anywhere}figure{margin:1rem 0}svg{max-width:100%;height:auto}.tag{opacity:.75}.note{font-style:italic}\
tr:target{outline:2px solid}summary{cursor:pointer}";

/// The page.
pub(super) fn write(page: &Page) -> String {
    let document = &page.document;
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"generator\" content=\"brkwater {}\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{}</h1>\n<p><strong>{}</strong></p>\n",
        env!("CARGO_PKG_VERSION"),
        xml(&document.title),
        xml(&document.title),
        xml(&document.explanation.headline)
    );
    if let Some(text) = document.stop["text"].as_str().filter(|text| !text.is_empty()) {
        out.push_str(&format!("<p><code>{}</code></p>\n", xml(text)));
    }
    out.push_str(&format!("<figure>\n{}</figure>\n", svg::picture(page)));
    out.push_str("<h2>Why</h2>\n<ol>\n");
    for sentence in &document.explanation.sentences {
        let (tag, text) = (sentence.evidence.to_string(), xml(&sentence.text));
        out.push_str(&format!("<li><code class=\"tag\">{tag}</code> {text}</li>\n"));
    }
    out.push_str("</ol>\n");
    backtrace(document, &mut out);
    block("Address space", &document.layout_text, true, &mut out);
    block("Growth", &document.growth_text, true, &mut out);
    block("Latest memory calls", &document.call_lines(), false, &mut out);
    let frames: Vec<String> = document.frames.iter().map(gdb_line).collect();
    block("Backtrace as gdb prints it", &frames, false, &mut out);
    block("Unknown", &document.unknown, true, &mut out);
    block("Environment", &document.environment_lines(), false, &mut out);
    block("Reproduce", &document.reproduce, true, &mut out);
    if document.redacted > 0 {
        out.push_str(&format!(
            "<p><em>{} replaced in this export.</em></p>\n",
            count(document.redacted, "secret")
        ));
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn backtrace(document: &Document, out: &mut String) {
    out.push_str("<h2>Backtrace</h2>\n");
    if document.frames.is_empty() {
        out.push_str("<p>No stack.</p>\n");
        return;
    }
    let folded = |frame: &Frame| document.fold.iter().find(|fold| (fold.from..=fold.to).contains(&frame.n));
    let table = "<table>\n<tr><th>#</th><th>function</th><th>arguments</th><th>where</th></tr>\n";
    out.push_str(table);
    for frame in &document.frames {
        let fold = folded(frame);
        if let Some(fold) = fold.filter(|fold| fold.from == frame.n) {
            out.push_str(&format!(
                "</table>\n<details><summary>{} frames in {}</summary>\n{table}",
                fold.count(),
                xml(&fold.label)
            ));
        }
        row(frame, out);
        if fold.is_some_and(|fold| fold.to == frame.n) {
            out.push_str(&format!("</table>\n</details>\n{table}"));
        }
    }
    out.push_str("</table>\n");
}

fn row(frame: &Frame, out: &mut String) {
    let inlined = if frame.inlined { " (inlined)" } else { "" };
    out.push_str(&format!(
        "<tr id=\"frame-{0}\"><td><a href=\"#frame-{0}\">{0}</a></td><td>{1}{inlined}</td><td>{2}</td><td>{3}</td></tr>\n",
        frame.n,
        xml(&function(frame)),
        xml(&arguments(frame)),
        xml(&place(frame))
    ));
    for note in &frame.notes {
        out.push_str(&format!("<tr><td></td><td colspan=\"3\" class=\"note\">{}</td></tr>\n", xml(note)));
    }
}

/// Lines as they are, with a title; nothing when there are none.
fn block(title: &str, lines: &[String], open: bool, out: &mut String) {
    if lines.is_empty() {
        return;
    }
    let text: String = lines.iter().map(|line| xml(line) + "\n").collect();
    out.push_str(&match open {
        true => format!("<h2>{title}</h2>\n<pre>{text}</pre>\n"),
        false => format!("<details><summary>{title}</summary>\n<pre>{text}</pre>\n</details>\n"),
    });
}
