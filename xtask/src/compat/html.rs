//! The matrix as one page that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    matrix::{Cell, Matrix},
    setting::Outcome,
};

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --ok: #1a7f37; --bad: #cf222e; --off: #888; }
@media (prefers-color-scheme: dark) { :root { --ok: #3fb950; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: 0; }
table { border-collapse: collapse; margin: 1.5rem 0; }
th, td { padding: .3rem .6rem; border: 1px solid var(--line); text-align: left; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
td.passed { color: var(--ok); }
td.failed { background: var(--bad); color: #fff; font-weight: 600; }
td.failed a { color: inherit; }
td.off { color: var(--off); }
pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
@media (max-width: 50rem) { .sides { grid-template-columns: 1fr; } table { display: block; overflow-x: auto; } }
";

/// The page.
pub(super) fn page(matrix: &Matrix) -> String {
    let failed: Vec<&Cell> = matrix.cells().filter(|cell| matches!(cell.outcome, Outcome::Failed(_))).collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "cloudpickle-rs: compatibility" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Compatibility" }
                p {
                    (matrix.pythons.len()) " interpreters, " (matrix.checks.len()) " checks, "
                    @if failed.is_empty() { "none failed" } @else { strong { (failed.len()) " failed" } }
                    ", in " (format!("{:.0}", matrix.took.as_secs_f64())) " s; seed " (matrix.seed)
                    @if matrix.quick { ", quick" }
                }
                (table(matrix))
                (reasons(matrix))
                (notes(matrix))
                @for cell in failed { (failure(matrix, cell)) }
                h2 { "What the checks claim" }
                dl {
                    @for (name, claim) in &matrix.checks {
                        dt { strong { (name) } }
                        dd { (claim) }
                    }
                }
            }
        }
    }
    .into_string()
}

fn table(matrix: &Matrix) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "Python" }
                    @for (name, claim) in &matrix.checks { th title=(claim) { (name) } }
                }
            }
            tbody {
                @for python in &matrix.pythons {
                    tr {
                        th { (python) }
                        @for (check, _) in &matrix.checks {
                            @if let Some(cell) = matrix.cell(python, check) { (entry(cell)) } @else { td {} }
                        }
                    }
                }
            }
        }
    }
}

fn entry(cell: &Cell) -> Markup {
    match &cell.outcome {
        Outcome::Passed { cases, .. } => html! { td class="passed" title=(format!("{cases} cases")) { (cell.text()) } },
        Outcome::Failed(_) => html! { td class="failed" { a href=(format!("#{}", anchor(cell))) { (cell.text()) } } },
        Outcome::NotRun(why) | Outcome::NotApplicable(why) => html! { td class="off" title=(why) { (cell.text()) } },
    }
}

fn anchor(cell: &Cell) -> String {
    format!("{}-{}", cell.python.replace(' ', "-"), cell.check)
}

fn reasons(matrix: &Matrix) -> Markup {
    let reasons = matrix.reasons();
    html! {
        @if !reasons.is_empty() {
            h2 { "Not run, or not applicable" }
            ul {
                @for ((status, why), cells) in reasons {
                    li {
                        (status) ": " (why) " ("
                        (cells.iter().map(|cell| format!("{} {}", cell.python, cell.check)).collect::<Vec<_>>().join(", "))
                        ")"
                    }
                }
            }
        }
    }
}

fn notes(matrix: &Matrix) -> Markup {
    let notes: Vec<_> = matrix.notes().collect();
    html! {
        @if !notes.is_empty() {
            h2 { "Counted" }
            ul { @for (cell, note) in notes { li { (cell.python) ", " (cell.check) ": " (note) } } }
        }
    }
}

fn failure(matrix: &Matrix, cell: &Cell) -> Markup {
    let Outcome::Failed(failures) = &cell.outcome else { return html! {} };
    html! {
        section id=(anchor(cell)) {
            h2 { (cell.python) ", " (cell.check) }
            @for failure in failures {
                pre { (failure.case) }
                div class="sides" {
                    div { "ours" pre { (failure.ours) } }
                    div { "Python's" pre { (failure.theirs) } }
                }
            }
            p { "Again: " code { (cell.again(matrix)) } }
        }
    }
}
