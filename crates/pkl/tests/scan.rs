//! `pkl scan` as a user meets it.

use std::{
    fs,
    io::{Cursor, Write},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use zip::{ZipWriter, write::SimpleFileOptions};

const BAD: &[u8] = b"cos\nsystem\n(S'echo hello'\ntR.";
const GOOD: &[u8] = b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93)R.";

/// An empty folder of this name; names are not used twice.
fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn pkl(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pkl")).args(args).current_dir(folder).output().unwrap()
}

fn text(output: &Output) -> String {
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout.clone()).unwrap().replace('\\', "/")
}

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        archive.start_file(*name, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored)).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn the_exit_code_is_0_for_clean_1_for_findings_and_2_for_unreadable() {
    let folder = folder("scan-codes");
    for (name, content) in [("good.pkl", GOOD), ("bad.pkl", BAD), ("cut.pkl", &GOOD[..10]), ("text.pkl", b"hello\n")] {
        fs::write(folder.join(name), content).unwrap();
    }
    for (args, code) in [
        (&["good.pkl"][..], 0),
        (&["bad.pkl"], 1),
        (&["cut.pkl"], 2),
        (&["text.pkl"], 2),
        (&["missing.pkl"], 2),
        (&["good.pkl", "bad.pkl", "cut.pkl"], 1),
        (&["bad.pkl", "--allow", "os.system"], 0),
        (&["bad.pkl", "--allow", "import:os.system"], 1),
        (&["bad.pkl", "--policy", "nothing", "--allow", "os.*"], 0),
        (&["good.pkl", "--policy", "nothing"], 1),
        (&["good.pkl", "--policy", "plain,numpy"], 0),
    ] {
        let output = pkl(&folder, &[&["scan"], args].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", text(&output));
    }
    let output = pkl(&folder, &["scan", "good.pkl", "--allow", "os..system"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("`os..system` is no rule: write `module.name`"), "{error}");
}

#[test]
fn folders_and_archives_are_gone_through() {
    let folder = folder("scan-folder");
    fs::create_dir_all(folder.join("below/deep")).unwrap();
    let weights: Vec<u8> = (0..=255).collect();
    let members = [("archive/data.pkl", BAD), ("archive/data/0", &weights), ("archive/version", b"3\n")];
    let inner = archive(&[("again.pt", &archive(&members))]);
    for (name, content) in [
        ("README.md", &b"(no pickle)\n"[..]),
        ("below/good.pkl", GOOD),
        ("below/several", &[GOOD, b"N.", BAD].concat()),
        ("below/model.pt", &archive(&members)),
        ("below/deep/nested.zip", &inner),
        ("below/deep/cut.pkl", b"\x80\x04\x8c"),
        ("empty", b""),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
    let output = pkl(&folder, &["scan", "."]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(text(&output));

    let output = pkl(&folder, &["scan", "--json", "below/model.pt", "below/deep"]);
    insta::assert_snapshot!(text(&output));
}

#[test]
fn there_are_no_colours_in_a_pipe() {
    let folder = folder("scan-colours");
    fs::write(folder.join("bad.pkl"), BAD).unwrap();
    assert!(!text(&pkl(&folder, &["scan", "bad.pkl"])).contains('\u{1b}'));
    let forced = Command::new(env!("CARGO_BIN_EXE_pkl"))
        .args(["scan", "bad.pkl"])
        .env("CLICOLOR_FORCE", "1")
        .env_remove("NO_COLOR")
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(text(&forced).contains('\u{1b}'));
}
