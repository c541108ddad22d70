//! The colours of what goes to a terminal. In a pipe, and where `NO_COLOR` says so, `anstream` leaves them out.

use anstyle::{AnsiColor, Reset, Style};

/// Findings and errors.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What may be wanted: rules, hints.
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default();
/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// Offsets, sizes and other numbers beside the point.
pub(crate) const DIM: Style = Style::new().dimmed();
/// All is well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Back to none of them.
pub(crate) const RESET: Reset = Reset;

/// A number of bytes, in the unit that leaves it at most four digits: `312 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 9999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.0} {}", UNITS[unit])
}

/// A name for a terminal: control characters, which would command it, as Rust escapes them.
pub(crate) fn name(name: &str) -> String {
    if !name.contains(char::is_control) {
        return name.to_owned();
    }
    name.chars().map(|c| if c.is_control() { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_at_most_four_digits() {
        for (size, text) in [(0, "0 B"), (9999, "9999 B"), (10_000, "10 kB"), (312_000_000, "312 MB"), (u64::MAX, "18447 PB")] {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn a_name_commands_no_terminal() {
        assert_eq!(name("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
    }
}
