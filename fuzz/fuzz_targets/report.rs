//! Any bytes: a report is made and judged within bounds, and its sizes add up.
#![no_main]

use cloud_reduce::{FindingKind, Policy, Report, Summary, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let report = Report::of(input.to_vec());
    assert!(report.length() <= input.len());
    let graph = report.graph();
    assert!(graph.ids().all(|id| report.sizes().own(id) <= report.sizes().total(id)));
    assert!(graph.ids().all(|id| report.sizes().total(id) <= input.len() as u64));
    assert!(report.actions().map(|line| line.len()).sum::<usize>() <= 8192 * (1 + input.len()));
    let tree = report.size_tree(1);
    assert!(tree.heaviest().bytes <= tree.bytes);
    for function in report.functions().flatten() {
        let _ = (report.signature(&function), report.needs(&function), report.instructions(&function.code));
    }
    let summary = report.summary(&Policy::cloudpickle());
    let carried = serde_json::to_string(&(&summary.functions, &summary.classes, &summary.enums)).unwrap();
    let count = summary.functions.len() + summary.classes.len() + summary.enums.len();
    // Each character can take six in JSON, and each text has quotes, a comma and the name of its field around it.
    assert!(carried.len() <= 64 * Summary::TEXT_PER_BYTE * input.len() + 1024 * (1 + count));
    for policy in ["nothing", "plain", "cloudpickle", "models"].into_iter().filter_map(Policy::named) {
        let findings = report.findings(&policy);
        assert_eq!(findings.last().is_some_and(|finding| finding.kind == FindingKind::Broken), report.error().is_some());
        assert!(findings.iter().all(|finding| finding.offset <= input.len() as u64 && !finding.to_string().is_empty()));
        assert!(findings.len() <= 4 * (1 + input.len()));
        let _ = scan(input.to_vec(), &policy);
    }
});
