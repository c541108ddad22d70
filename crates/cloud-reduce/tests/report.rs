//! What a pickle does is found and told, however it hides it, and what a policy allows is not.

use cloud_reduce::{FindingKind, Policy, Report, Use, scan};

/// The findings of a pickle under a policy, in words.
fn found(pickle: &[u8], policy: &Policy) -> Vec<String> {
    let found = scan(pickle.to_vec(), policy);
    let findings: Vec<String> = found.findings.iter().map(ToString::to_string).collect();
    match found.error {
        Some(error) => [findings, vec![format!("unreadable: {error}")]].concat(),
        None => findings,
    }
}

#[test]
fn what_a_pickle_hides_is_found() {
    let nested = b"\x80\x04cos\nsystem\n\x8c\x02id\x85R.";
    let within = [b"\x80\x04cacme\nload\nC\x14", &nested[..], b"\x85R."].concat();
    assert_eq!(nested.len(), 0x14);
    for (name, pickle, expected) in [
        ("a plain call", &b"cos\nsystem\n(S'id'\ntR."[..], &["calls os.system('id') at byte 19"][..]),
        ("by Python 2's name", b"c__builtin__\neval\n(S'1'\ntR.", &["calls builtins.eval('1') at byte 25"]),
        ("an import alone", b"cantigravity\nfly\n.", &["imports antigravity.fly at byte 0"]),
        ("an import that is thrown away", b"cantigravity\nfly\n0N.", &["imports antigravity.fly at byte 0"]),
        ("INST", b"(S'id'\nios\nsystem\n.", &["calls os.system('id') at byte 7"]),
        ("OBJ", b"(cos\nsystem\nS'id'\no.", &["calls os.system('id') at byte 18"]),
        ("NEWOBJ", b"\x80\x02csubprocess\nPopen\n)\x81.", &["makes an instance of subprocess.Popen at byte 21"]),
        (
            "names from the memo",
            b"\x80\x04\x8c\x02osq\x010\x8c\x06systemq\x020h\x01h\x02\x93)R.",
            &["calls os.system() at byte 26"],
        ),
        (
            "a memo that is put over",
            b"\x80\x04\x8c\x03abcq\x010\x8c\x02osq\x010h\x01\x8c\x06system\x93)R.",
            &["calls os.system() at byte 29"],
        ),
        ("a name that is doubled", b"\x80\x04\x8c\x03pdb2\x93)R.", &["calls pdb.pdb() at byte 10"]),
        (
            "a getattr chain",
            b"\x80\x04cbuiltins\ngetattr\ncimportlib\nimport_module\n\x8c\x02os\x85R\x8c\x06system\x86R\x8c\x02id\x85R.",
            &[
                "imports the module os at byte 50",
                "calls importlib.import_module('os') at byte 50",
                "calls os.system('id') at byte 66",
            ],
        ),
        (
            "attributes of what is allowed",
            b"\x80\x04\x8c\x0bcollections\x8c\x0f_sys.modules.os\x93.",
            &["imports collections:_sys.modules.os at byte 32"],
        ),
        (
            "a computed name",
            b"\x80\x04\x8c\x02os\x8c\x03strcbuiltins\nstr\n\x8c\x06system\x85R\x93)R.",
            &[
                "imports by a computed name: find_class('str', builtins.str(...)) at byte 35",
                "calls an instance of pickle:Unpickler.find_class at byte 37",
            ],
        ),
        ("a partial", b"cfunctools\npartial\n(cacme\nf\ntR(tR.", &["calls acme.f() at byte 32"]),
        (
            "a partial with another function",
            b"cfunctools\npartial\n(cbuiltins\nset\ntR(cos\nsystem\n(t}Ntb(tR.",
            &["imports os.system at byte 37", "calls what another call returned at byte 56"],
        ),
        ("what a call returned", b"cacme\nf\n(tR(tR.", &["calls acme.f() at byte 10", "calls an instance of acme.f at byte 13"]),
        (
            "a setstate set before",
            b"ccollections\nCounter\n)R}(S'__setstate__'\ncos\nsystem\nubS'id'\nb.",
            &["imports os.system at byte 41", "sets the method __setstate__ at byte 53"],
        ),
        ("the state of a class", b"ccollections\nCounter\n}S'a'\nK\x01sb.", &["changes collections.Counter at byte 30"]),
        (
            "items of what was imported",
            b"\x80\x02ccollections\nCounter\nS'os'\nK\x01s.",
            &["changes collections.Counter at byte 31"],
        ),
        ("an extension code", b"\x82\x07.", &["imports by extension code 7 at byte 0"]),
        ("a persistent id", b"Pabc\n.", &["names an object by a persistent id at byte 0"]),
        (
            "a pickle within",
            &within,
            &[
                "calls acme.load(b'\\x80\\x04cos\\nsystem\\n\\x8c\\x02id\\x85R.') at byte 36",
                "has a pickle inside, given to acme.load at byte 36; there: calls os.system('id') at byte 18",
            ],
        ),
        (
            "an opcode that crosses the end of a frame",
            b"\x80\x05\x95\x05\0\0\0\0\0\0\0B\x05\0\0\0hello.",
            &["has an opcode that crosses the end of a frame, so that readers may differ on what it says, at byte 11"],
        ),
        (
            "a frame within a frame",
            b"\x80\x05\x95\x0b\0\0\0\0\0\0\0N\x95\x01\0\0\0\0\0\0\0.",
            &["has an opcode that crosses the end of a frame, so that readers may differ on what it says, at byte 12"],
        ),
        ("nothing at all", b"", &["unreadable: Ran out of input (at byte 0)"]),
        (
            "an error afterwards",
            b"cos\nsystem\n(S'id'\ntRX\xff\0\0\0.",
            &["calls os.system('id') at byte 19", "is broken: pickle data was truncated (BINUNICODE at byte 20)"],
        ),
        (
            "behind a state that is nothing to pickle.py",
            b"](NNtb0cos\nsystem\n(S'id'\ntR.",
            &["calls os.system('id') at byte 26"],
        ),
        ("a second pickle", b"N.cos\nsystem\n)R.", &["calls os.system() at byte 14"]),
        (
            "the hundredth call",
            &[&b"cos\nsystem\nq\0"[..], &b")R0h\0".repeat(99), b")R."].concat(),
            &["calls os.system() at byte 14, and 99 times more"],
        ),
    ] {
        assert_eq!(found(pickle, &Policy::plain()), expected, "{name}");
    }
}

#[test]
fn an_op_that_cannot_be_read_and_crosses_the_end_of_a_frame_is_a_finding() {
    let pickle = |frame: u8| [b"\x80\x05\x95", &[frame, 0, 0, 0, 0, 0, 0, 0][..], b"c\x81acos\nsystem\n."].concat();
    let found = scan(pickle(4), &Policy::plain());
    let kinds: Vec<_> = found.findings.iter().map(|finding| (finding.kind, finding.offset)).collect();
    assert_eq!(kinds, [(FindingKind::Frames, 11), (FindingKind::Broken, 11)]);
    let found = scan(pickle(15), &Policy::plain());
    assert!(found.findings.is_empty() && found.error.is_some(), "{found:?}");
}

#[test]
fn objects_that_hold_each_other_too_often_to_be_walked_over_are_a_finding() {
    // Each list holds the one before it nine times.
    let layers = |layers: usize| [b"]".to_vec(), b"q\0(h\0h\0h\0h\0h\0h\0h\0h\0h\0l".repeat(layers), b".".to_vec()].concat();
    let kinds = |pickle: Vec<u8>| -> Vec<FindingKind> {
        scan(pickle, &Policy::nothing()).findings.iter().map(|finding| finding.kind).collect()
    };
    for (count, expected) in [
        (1, &[][..]),
        (7, &[]),
        (9, &[FindingKind::Expansion]),
        (40, &[FindingKind::Expansion]),
        (5000, &[FindingKind::Expansion]),
    ] {
        assert_eq!(kinds(layers(count)), expected, "{count} layers");
    }
    let large = [&b"]q\0("[..], &b"N".repeat(100_000), b"e0(", &b"h\0".repeat(100_000), b"l."].concat();
    assert_eq!(kinds(large), [], "one large list held by many");
    assert_eq!(kinds(b"]q\0(h\0h\0e.".to_vec()), [], "a list twice within itself");
}

#[test]
fn small_pickles_without_end_are_a_finding() {
    for (name, pickle, expected) in [
        (
            "a list within itself",
            [&b"]q\0("[..], &b"h\0".repeat(60), b"e."].concat(),
            "holds an object that holds itself 60 times",
        ),
        ("item by item", [&b"]q\0"[..], &b"h\0a".repeat(200), b"."].concat(), "holds an object that holds itself 200 times"),
        (
            "a dict within itself",
            [&b"}q\0("[..], &(0..20).flat_map(|key| [b'K', key, b'h', 0]).collect::<Vec<u8>>(), b"u."].concat(),
            "holds an object that holds itself 20 times",
        ),
        (
            "copies that nothing takes",
            [&b"]"[..], &b"2".repeat(150), b"."].concat(),
            "doubles what is on the stack 150 times by DUP, which no pickler writes",
        ),
        (
            "layers of copies",
            b"((((S'lol'\n2222l222l222l.".to_vec(),
            "doubles what is on the stack 10 times by DUP, which no pickler writes",
        ),
    ] {
        assert_eq!(found(&pickle, &Policy::nothing()), [expected], "{name}");
    }
}

#[test]
fn findings_of_several_pickles_have_their_offsets_from_the_start_of_the_file() {
    let call = |name: &str| format!("cos\n{name}\n)R.");
    let file = format!("N.{}K\u{1}.{}{}", call("system"), call("popen"), call("system"));
    assert_eq!(
        found(file.as_bytes(), &Policy::plain()),
        ["calls os.system() at byte 14", "calls os.popen() at byte 30", "calls os.system() at byte 44"]
    );
    let scanned = scan(file.into_bytes(), &Policy::plain());
    assert_eq!((scanned.pickles, scanned.trailing), (5, 0));
}

#[test]
fn what_a_policy_allows_is_no_finding() {
    let mut acme = Policy::plain();
    acme.allow("new:acme.*".parse().unwrap());
    acme.allow("acme:Circle.unit".parse().unwrap());
    for (name, pickle, policy) in [
        ("plain data", &b"\x80\x04](K\x01}N\x88e."[..], Policy::nothing()),
        ("an ordered dict", b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93)R.", Policy::plain()),
        ("an instance", b"\x80\x02cacme\nCircle\n)\x81}U\x01rK\x01sb.", acme.clone()),
        ("an instance by copyreg", b"ccopyreg\n_reconstructor\n(cacme\nCircle\nc__builtin__\nobject\nNtR.", acme.clone()),
        ("a named tuple of PySpark", b"cpyspark.serializers\n_restore\n(S'P'\n(S'x'\nt(K\x01ttR.", Policy::cloudpickle()),
        ("a lock, as Beam pickles it", b"c_thread\nallocate_lock\n)R.", Policy::cloudpickle()),
        (
            "flags, as Beam pickles them",
            b"capache_beam.internal.cloudpickle_pickler\n_create_absl_flags\n)R.",
            Policy::cloudpickle(),
        ),
        ("a method of a class", b"cbuiltins\ngetattr\n(cacme\nCircle\nS'unit'\ntR(tR.", acme),
    ] {
        assert_eq!(found(pickle, &policy), [""; 0], "{name}");
    }
}

#[test]
fn what_allowed_callables_call_is_judged_too() {
    let mut all = Policy::models();
    all.allow_all_of(&Policy::cloudpickle());
    for (name, pickle, expected) in [
        (
            "a metaclass that is no class",
            &b"ccloudpickle.cloudpickle\n_make_skeleton_class\n(cos\nsystem\nS'id'\n(t}NNtR."[..],
            &["calls os.system at byte 70"][..],
        ),
        (
            "a class that is imported gets attributes",
            b"ccloudpickle.cloudpickle\n_class_setstate\n(ccollections\nCounter\n(}}ttR.",
            &["changes collections.Counter at byte 68"],
        ),
        (
            "a function that torch calls",
            b"ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nctorch\nTensor\n(S'id'\ntNtR.",
            &["calls os.system at byte 73"],
        ),
        (
            "bytes that torch loads",
            b"\x80\x03ctorch.storage\n_load_from_bytes\nC\x0fcos\nsystem\n(tR.\x85R.",
            &["has a pickle inside, given to torch.storage._load_from_bytes at byte 52; there: calls os.system() at byte 13"],
        ),
        (
            "a class of what is not allowed",
            b"ccopyreg\n__newobj__\n(csubprocess\nPopen\ntR.",
            &["makes an instance of subprocess.Popen at byte 40"],
        ),
    ] {
        assert_eq!(found(pickle, &all), expected, "{name}");
    }
}

#[test]
fn cloudpickles_of_every_version_do_only_what_cloudpickle_does_and_what_they_name() {
    let mut policy = Policy::cloudpickle();
    // What the objects in them come from.
    for rule in ["acme.**", "numpy.**", "os.path.**", "xml.**", "concurrent.**"] {
        policy.allow(rule.parse().unwrap());
    }
    let (mut files, mut unexpected) = (0, Vec::new());
    for entry in std::fs::read_dir("tests/data").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pkl") {
            continue;
        }
        files += 1;
        let report = Report::of(std::fs::read(&path).unwrap());
        assert!(report.error().is_none(), "{}", path.display());
        let findings = report.findings(&policy);
        let more = findings.iter().filter(|finding| finding.kind != FindingKind::Import);
        // An object of the old releases' pickles is made by a call of a function of `__main__`.
        let more = more.filter(|finding| !(finding.kind == FindingKind::CarriedCode && &*finding.subject == "_factory()"));
        unexpected.extend(more.map(|finding| format!("{}: {finding}", path.display())));
        assert!(!report.python().is_empty(), "{}", path.display());
    }
    assert!(files > 15);
    assert_eq!(unexpected, [""; 0]);
}

#[test]
fn a_report_tells_what_is_done_where() {
    let report = Report::of(&b"\x80\x02ccollections\nOrderedDict\n)R}U\x01aK\x01sb.rest"[..]);
    let lines: Vec<String> = report.events().iter().map(|event| format!("{} {}", event.offset, report.describe(event))).collect();
    assert_eq!(
        lines,
        [
            "2 imports collections.OrderedDict",
            "28 calls collections.OrderedDict()",
            "36 sets the state of collections.OrderedDict(...): {... 1}",
        ]
    );
    assert_eq!((report.length(), report.protocol().to_string()), (38, "2".to_owned()));
}

#[test]
fn every_byte_of_a_pickle_is_of_some_object() {
    let list = b"\x80\x04](\x8c\x03abcB\x05\0\0\0hello}K\x01\x8c\x01zse.";
    let report = Report::of(&list[..]);
    let (graph, sizes) = (report.graph(), report.sizes());
    let items = graph.node(graph.root()).as_list().unwrap();
    assert_eq!(items.iter().map(|&item| sizes.total(item)).collect::<Vec<_>>(), [6, 10, 7]);
    // MARK counts with the first of three, and PROTO, EMPTY_LIST, APPENDS and STOP with the list.
    assert_eq!(sizes.total(graph.root()), list.len() as u64);
    assert_eq!((sizes.pickle(), report.length()), (list.len() as u64, list.len()));
}

#[test]
fn the_heaviest_part_has_a_path_in_python() {
    let report = Report::of(std::fs::read("tests/data/lambda.pkl").unwrap());
    let tree = report.size_tree(1);
    let paths: Vec<&str> = tree.parts.iter().map(|part| part.path.as_str()).collect();
    for path in [".__code__", ".__globals__", ".__qualname__"] {
        assert!(paths.contains(&path), "{path}: {paths:?}");
    }
    let code = &tree.parts[paths.iter().position(|path| *path == ".__code__").unwrap()];
    assert!(code.parts.iter().any(|part| part.path == ".__code__.co_code"), "{code:?}");
}

#[test]
fn what_allowed_names_could_be_made_to_do_is_found() {
    for (name, pickle, expected) in [
        (
            "a function where a class should be",
            &b"cnumpy.random._pickle\n__generator_ctor\n((S'rm'\nlcsklearn.utils._testing\ncheck_output\ntR."[..],
            "calls sklearn.utils._testing.check_output",
        ),
        ("a file that is mapped", b"\x80\x02cnumpy\nmemmap\n(S'/etc/passwd'\nt\x81.", "makes an instance of numpy.memmap"),
        ("what every module has", b"cnumpy\n__builtins__\n.", "imports numpy.__builtins__"),
        ("a base that is called", b"ccopyreg\n_reconstructor\n(csklearn.a\nb\ncsklearn.c\nd\nS'x'\ntR.", "calls sklearn.c.d"),
        (
            "text that is executed",
            b"\x80\x02cscipy.stats._continuous_distns\nnorm_gen\n)\x81}b.",
            "makes an instance of scipy.stats",
        ),
    ] {
        let found = found(pickle, &Policy::models());
        assert!(found.len() == 1 && found[0].starts_with(expected), "{name}: {found:?}");
    }
    let honest = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nmemmap\n(I0\ntS'b'\ntR.";
    assert_eq!(found(honest, &Policy::models()), [""; 0]);
}

#[test]
fn hostile_pickles_take_time_in_proportion_to_their_length() {
    let policy = Policy::plain();
    let deep = [&b"N"[..], &b"\x85".repeat(300_000), b"."].concat();
    let name = "n".repeat(1 << 20);
    let long = [format!("cacme\n{name}\n").as_bytes(), &b"2)R0".repeat(50_000), b"N."].concat();
    let attributes =
        [format!("cacme\n{name}\np0\n0cbuiltins\ngetattr\np1\n0").as_bytes(), &b"g1\n(g0\nS'a'\ntR0".repeat(50_000), b"N."]
            .concat();
    let chain = [&b"cbuiltins\ngetattr\np0\n0cacme\nf\n"[..], &b"p1\n0g0\n(g1\nS'a'\ntR".repeat(50_000), b"."].concat();
    let laughs = [&b"]"[..], &b"2]q\0(h\0h\0h\0h\0h\0h\0h\0h\0e0".repeat(10_000), b"."].concat();
    let states =
        [&b"ccollections\nCounter\np0\n0}("[..], &b"S'a'\nN".repeat(20_000), b"up1\n0", &b"g0\n)Rg1\nb0".repeat(20_000), b"N."]
            .concat();
    for (name, pickle) in
        [("deep", deep), ("long", long), ("attributes", attributes), ("chain", chain), ("laughs", laughs), ("states", states)]
    {
        let started = std::time::Instant::now();
        let found = scan(pickle.clone(), &policy);
        assert!(found.error.is_none() && found.findings.len() < 20, "{name}: {found:?}");
        let report = Report::of(pickle);
        let _ = (report.size_tree(1000), report.findings(&policy), report.actions().count(), report.python());
        // A debug build on a busy machine; quadratic time would be minutes.
        assert!(started.elapsed().as_secs() < 60, "{name}: {:?}", started.elapsed());
    }
}

#[test]
fn pickles_within_pickles_end_somewhere() {
    let mut pickle = b"\x80\x04cos\nsystem\n)R.".to_vec();
    for _ in 0..20 {
        let length = u32::try_from(pickle.len()).unwrap().to_le_bytes();
        pickle = [&b"\x80\x04cpickle\nloads\nB"[..], &length, &pickle, b"\x85R."].concat();
    }
    let mut policy = Policy::plain();
    policy.allow("pickle.loads".parse().unwrap());
    assert!(policy.allows("pickle", "loads", Use::Call));
    let mut finding = &scan(pickle, &policy).findings[0];
    let mut depth = 0;
    while let Some(inner) = &finding.inner {
        finding = inner;
        depth += 1;
    }
    assert_eq!((finding.kind, depth), (FindingKind::TooDeep, 8));
}

#[test]
fn the_arrays_that_joblib_writes_between_the_opcodes_are_passed_over_and_their_objects_are_not() {
    // As joblib.dump writes an array of two int16, and one of objects: the class's state tells shape and dtype.
    let wrapper = |dtype: &str, padding: &str| {
        let state =
            format!("}}(S'shape'\n(K\x02tS'dtype'\ncnumpy\ndtype\n(S'{dtype}'\ntRS'numpy_array_alignment_bytes'\n{padding}ub");
        [b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81", state.as_bytes()].concat()
    };
    let (plain, padded, objects) = (wrapper("i2", "N"), wrapper("<i2", "K\x10"), wrapper("O8", "K\x10"));
    let list = |parts: &[&[u8]]| [b"\x80\x02](", &parts.concat()[..], b"e."].concat();
    for (name, pickle, expected) in [
        ("numbers", list(&[&plain, b".\xff\xff."]), &[][..]),
        ("numbers behind padding", list(&[&padded, b"\x03\xff\xff\xff", b".\xff\xff.", &plain, b"cos\n"]), &[]),
        ("objects", list(&[&objects, b"](NNe.", &plain, b"1234"]), &[]),
        (
            "a call among objects",
            list(&[&objects, b"cos\nsystem\n)R."]),
            &[&*format!("calls os.system() at byte {}", 4 + objects.len() + 12)],
        ),
        (
            "a call behind numbers",
            list(&[&plain, b"1234", b"cos\nsystem\n)R"]),
            &[&*format!("calls os.system() at byte {}", 4 + plain.len() + 4 + 12)],
        ),
    ] {
        assert_eq!(found(&pickle, &Policy::sklearn()), expected, "{name}");
    }
}

#[test]
fn opcodes_among_the_numbers_of_joblibs_arrays_are_found() {
    let wrapper = |state: &str| format!("\u{80}\u{2}cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\u{81}}}({state}ub");
    let pickle = |state: &str, rest: &str| wrapper(state).chars().map(|c| c as u8).chain(rest.bytes()).collect::<Vec<u8>>();
    let dtype = "S'dtype'\ncnumpy\ndtype\n(S'i1'\ntR";
    let hidden = "cos\nsystem\n(S'id'\ntR.";
    let length = hidden.len();
    for (name, pickle, expected) in [
        (
            "in numbers",
            pickle(&format!("S'shape'\n(K{}t{dtype}", length as u8 as char), &format!("{hidden}.")),
            "calls os.system('id')",
        ),
        (
            "behind numbers",
            pickle(&format!("S'shape'\n(K\u{63}tS'shape'\n(K\u{2}t{dtype}"), "..cos\nsystem\n)R."),
            "calls os.system()",
        ),
        (
            "behind numbers, by a name that is written with an escape",
            pickle(&format!("S'shape'\n(K\u{63}tS'\\x73hape'\n(K\u{2}t{dtype}"), "..cos\nsystem\n)R."),
            "calls os.system()",
        ),
        ("size unknown", pickle(&format!("S'shape'\nN{dtype}"), "."), "is an array of joblib whose size cannot be told"),
    ] {
        let found = found(&pickle, &Policy::sklearn());
        assert!(found.iter().any(|finding| finding.starts_with(expected)), "{name}: {found:?}");
    }
}
