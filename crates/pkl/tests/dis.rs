//! `pkl dis` as a user meets it.

use std::{
    fs,
    io::{Read, Write},
    path::PathBuf,
    process::{Command, Output, Stdio},
};

fn pkl() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pkl"))
}

/// A file of this content; names are not used twice.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn with_stdin(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_file_is_listed_through_stop() {
    let path = file("one.pkl", b"\x80\x04\x95\x06\0\0\0\0\0\0\0](K\x01Ke.");
    let output = pkl().arg("dis").arg(&path).output().unwrap();
    assert_eq!(
        text(&output.stdout),
        r"    0: \x80 PROTO      4
    2: \x95 FRAME      6
   11: ]    EMPTY_LIST
   12: (    MARK
   13: K        BININT1    1
   15: K        BININT1    101
   17: .        STOP
highest protocol among opcodes = 4
"
    );
    assert_eq!(
        text(&output.stderr),
        format!("pkl: {}: stack not empty after STOP: [list, mark, int] (STOP at byte 17)\n", path.display())
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn standard_input_is_a_dash() {
    let output = with_stdin(pkl().args(["dis", "-"]), b"N.rest");
    assert_eq!(text(&output.stdout), "    0: N    NONE\n    1: .    STOP\nhighest protocol among opcodes = 0\n");
    assert_eq!((text(&output.stderr), output.status.code()), ("", Some(0)));
}

#[test]
fn several_files_have_a_preamble_and_may_share_a_memo() {
    let (first, second) = (file("first.pkl", b"Np0\n."), file("second.pkl", b"g0\n."));
    let output = pkl().args(["dis", "-m", "-p", "# {name}"]).args([&first, &second]).output().unwrap();
    let expected = format!(
        "# {}\n    0: N    NONE\n    1: p    PUT        0\n    4: .    STOP\nhighest protocol among opcodes = 0\n# {}\n    \
         0: g    GET        0\n    3: .    STOP\nhighest protocol among opcodes = 0\n",
        first.display(),
        second.display()
    );
    assert_eq!((text(&output.stdout), text(&output.stderr)), (&*expected, ""));

    let output = pkl().arg("dis").args([&first, &second]).output().unwrap();
    let expected = format!("pkl: {}: memo key 0 has never been stored into (GET at byte 0)\n", second.display());
    assert_eq!((text(&output.stderr), output.status.code()), (&*expected, Some(1)));
}

#[test]
fn lines_are_annotated_and_indented_as_asked_and_written_where_asked() {
    let path = file("tuple.pkl", b"(K\x01t.");
    let listing = file("tuple.txt", b"");
    let output = pkl().args(["dis", "-a", "-l", "2", "-o"]).args([&listing, &path]).output().unwrap();
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("", ""));
    assert_eq!(
        fs::read_to_string(listing).unwrap(),
        "    0: (    MARK                      Push markobject onto the stack.\n    \
         1: K      BININT1    1            Push a one-byte unsigned integer.\n    \
         3: t      TUPLE      (MARK at 0)  Build a tuple out of the topmost stack slice, after markobject.\n    \
         4: .    STOP                      Stop the unpickling machine.\nhighest protocol among opcodes = 1\n"
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    let output = pkl().args(["dis", "no/such/file"]).output().unwrap();
    assert!(text(&output.stderr).starts_with("pkl: no/such/file: "), "{output:?}");
    assert_eq!(output.status.code(), Some(1));

    let output = with_stdin(pkl().args(["dis", "-"]), b"NX\x05\0\0\0abc");
    assert_eq!(text(&output.stdout), "    0: N    NONE\n");
    assert_eq!(
        text(&output.stderr),
        "pkl: <stdin>: expected 5 bytes in a unicodestring4, but only 3 remain (BINUNICODE at byte 1)\n"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_listing_that_cannot_be_written_is_not_the_fault_of_the_pickle() {
    let path = file("full.pkl", b"N.");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = pkl().arg("dis").arg(path).stdout(full).output().unwrap();
    assert_eq!(text(&output.stderr), "pkl: the listing cannot be written: No space left on device (os error 28)\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let path = file("long.pkl", &[&b"N0".repeat(1_000_000)[..], b"N."].concat());
    let mut child = pkl().arg("dis").arg(path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut start = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((text(&start), text(&output.stderr)), ("    0: N  ", ""));
    assert!(output.status.success());
}
