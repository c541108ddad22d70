//! `pkl inspect`, `tree`, `convert`, `optimize` and `completions` as a user meets them.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

/// Runs pkl beside the golden pickles of cloud-reduce.
fn pkl(args: &[&str]) -> Output {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../cloud-reduce/tests/data");
    Command::new(env!("CARGO_BIN_EXE_pkl")).args(args).current_dir(folder).output().unwrap()
}

fn text(args: &[&str]) -> String {
    let output = pkl(args);
    assert_eq!((String::from_utf8_lossy(&output.stderr).as_ref(), output.status.code()), ("", Some(0)), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_function_is_told_of_with_all_it_needs() {
    insta::assert_snapshot!(text(&["inspect", "--code", "lambda.pkl"]));
}

#[test]
fn the_functions_of_an_old_release_are_told_of_too() {
    insta::assert_snapshot!(text(&["inspect", "--steps", "5", "cpython-3.6-cloudpickle-0.5.6-protocol-2.pkl"]));
}

#[test]
fn a_report_in_json_has_all_of_it() {
    insta::assert_snapshot!(text(&["inspect", "--json", "lambda.pkl"]));
}

#[test]
fn each_pickle_of_a_file_is_told_of() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("several.pkl");
    std::fs::write(&path, b"K\x01.cos\nsystem\n)R. and no pickle").unwrap();
    let path = path.to_str().unwrap();
    let report = text(&["inspect", path]);
    for line in [
        "several.pkl: a pickle of protocol 1, 3 B",
        "several.pkl from byte 3 on: a pickle of protocol 1, 14 B",
        "calls os.system() at byte 12",
        "14 B behind it are no pickle, and no unpickler looks at them",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    let report = text(&["inspect", "--json", path]);
    assert!(
        report.contains("\n}\n{\n") && ["\"start\": 0,", "\"start\": 3,"].iter().all(|start| report.contains(start)),
        "{report}"
    );
}

#[test]
fn a_tree_shows_the_objects() {
    insta::assert_snapshot!(text(&["tree", "--max-items", "3", "--max-depth", "4", "lambda.pkl"]));
}

#[test]
fn a_pickle_is_written_anew_at_any_protocol() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for protocol in ["0", "1", "2", "3", "4", "5"] {
        let path = folder.join(format!("lambda-{protocol}.pkl"));
        let path = path.to_str().unwrap();
        assert_eq!(text(&["convert", "--protocol", protocol, "lambda.pkl", "--output", path]), "");
        let report = text(&["inspect", "--json", path]);
        assert!(report.contains(&format!("\"protocol\": {protocol}")), "{report}");
        assert!(report.contains("<lambda>(x)"), "{report}");
        let smaller = folder.join(format!("lambda-{protocol}-optimized.pkl"));
        assert_eq!(text(&["optimize", path, "-o", smaller.to_str().unwrap()]), "");
        let sizes = [std::fs::metadata(path).unwrap().len(), std::fs::metadata(smaller).unwrap().len()];
        assert!(sizes[1] < sizes[0], "{sizes:?}");
    }
    let output = pkl(&["convert", "--protocol", "6", "lambda.pkl"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_is_broken_is_named_with_its_place() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("broken-after-a-call.pkl");
    std::fs::write(&path, b"cos\nsystem\n(S'id'\ntRX\xff\0\0\0.").unwrap();
    let report = text(&["inspect", path.to_str().unwrap()]);
    assert!(report.contains("calls os.system('id') at byte 19"), "{report}");
    assert!(report.contains("is broken: pickle data was truncated (BINUNICODE at byte 20)"), "{report}");

    let output = pkl(&["tree", path.to_str().unwrap()]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.ends_with("broken-after-a-call.pkl: pickle data was truncated (BINUNICODE at byte 20)\n"), "{error}");
}

#[test]
fn an_archive_is_told_to_be_one_where_a_pickle_is_asked_for() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("archive.pt");
    std::fs::write(&path, b"PK\x03\x04 and more").unwrap();
    let path = path.to_str().unwrap();
    for command in [&["dis"][..], &["tree"], &["inspect"], &["convert", "-p", "2"], &["optimize"]] {
        let output = pkl(&[command, &[path]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(error.contains("archive.pt: a zip archive, which is no pickle"), "{command:?}: {error}");
    }
}

#[test]
fn help_has_examples_and_shells_are_completed() {
    for command in ["scan", "inspect", "tree", "convert", "optimize"] {
        assert!(text(&[command, "--help"]).contains("Examples:"), "{command}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(text(&["completions", shell]).contains("inspect"), "{shell}");
    }
}
