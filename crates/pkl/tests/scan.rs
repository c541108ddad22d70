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

#[test]
fn what_a_file_in_a_folder_does_is_told_whatever_its_name() {
    let folder = folder("scan-names");
    for (below, name, content, code) in [
        ("stop", "model.bin", &BAD[..BAD.len() - 1], 1),
        ("packed", "model.7z", b"7z\xbc\xaf\x27\x1c\0\x04", 1),
        ("text", "classes.txt", b"cat\nhorse\n", 0),
        ("lisp", "example.lisp", b"(in-package :example)\n\n", 0),
        ("empty", "empty", b"", 0),
        ("empty-pickle", "empty.pkl", b"", 2),
    ] {
        fs::create_dir(folder.join(below)).unwrap();
        fs::write(folder.join(below).join(name), content).unwrap();
        let output = pkl(&folder, &["scan", below]);
        assert_eq!(output.status.code(), Some(code), "{below}: {}", text(&output));
    }
}

#[cfg(unix)]
#[test]
fn links_to_files_are_followed_and_those_to_nothing_cannot_be_read() {
    let folder = folder("scan-links");
    fs::write(folder.join("bad"), BAD).unwrap();
    for (below, target, link, code) in [
        ("file", "../bad", "link", 1),
        ("nothing", "missing", "link.pkl", 2),
        ("no-pickle", "missing", "link.txt", 0),
        ("loop", ".", "link", 0),
    ] {
        fs::create_dir(folder.join(below)).unwrap();
        std::os::unix::fs::symlink(target, folder.join(below).join(link)).unwrap();
        let output = pkl(&folder, &["scan", below]);
        assert_eq!(output.status.code(), Some(code), "{below}: {}", text(&output));
    }
}

#[cfg(unix)]
#[test]
fn names_of_files_command_no_terminal() {
    let folder = folder("scan-escapes");
    let name = "a\u{1b}[2Jb.pkl";
    fs::write(folder.join(name), GOOD).unwrap();
    for args in [&["tree", name, name][..], &["tree", "missing\u{1b}[2J"], &["scan", "-v", name]] {
        let output = pkl(&folder, args);
        let all = [output.stdout, output.stderr].concat();
        assert!(!all.is_empty() && !all.contains(&0x1b), "{args:?}");
    }
}
