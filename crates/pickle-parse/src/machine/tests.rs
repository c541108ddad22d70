//! What the machine does for each opcode, and what it refuses.

use super::*;
use crate::Items;

/// Builds texts that tell what was called.
#[derive(Default)]
struct Told {
    discarded: Vec<String>,
}

type Built = Result<String, String>;

fn all(items: Items<'_, String>) -> String {
    items.collect::<Vec<_>>().join(",")
}

macro_rules! told {
    ($($name:ident($($arg:ident: $ty:ty),*) $format:literal;)*) => {
        $(fn $name(&mut self, $($arg: $ty),*) -> Built { Ok(format!($format)) })*
    };
}

impl Builder for Told {
    type Value = String;
    type Error = String;

    told! {
        none() "None";
        bool(value: bool) "{value}";
        int(value: i64) "{value}";
                float(value: f64) "{value:?}";
        next_buffer() "buffer";
        readonly_buffer(buffer: String) "readonly({buffer})";
        empty_list() "[]";
        empty_dict() "{{}}";
        empty_set() "set()";
        empty_tuple() "()";
        stack_global(module: String, name: String) "{module}.{name}";
        extension(code: i32) "ext{code}";
        reduce(callable: String, args: String) "{callable}{args}";
        new_obj(class: String, args: String) "new {class}{args}";
        new_obj_ex(class: String, args: String, kwargs: String) "new {class}{args}{kwargs}";
        bin_persistent_id(id: String) "pid({id})";
    }

    fn long(&mut self, bytes: &[u8]) -> Built {
        Ok(format!("{}L", num_bigint::BigInt::from_signed_bytes_le(bytes)))
    }
    fn str(&mut self, utf8: &[u8]) -> Built {
        Ok(format!("{:?}", String::from_utf8_lossy(utf8)))
    }
    fn string(&mut self, bytes: &[u8]) -> Built {
        Ok(format!("s'{}'", bytes.escape_ascii()))
    }
    fn bytes(&mut self, bytes: &[u8]) -> Built {
        Ok(format!("b'{}'", bytes.escape_ascii()))
    }
    fn bytearray(&mut self, bytes: &[u8]) -> Built {
        Ok(format!("bytearray'{}'", bytes.escape_ascii()))
    }
    fn tuple(&mut self, items: Items<'_, String>) -> Built {
        Ok(format!("({})", all(items)))
    }
    fn list(&mut self, items: Items<'_, String>) -> Built {
        Ok(format!("[{}]", all(items)))
    }
    fn dict(&mut self, items: Items<'_, String>) -> Built {
        Ok(format!("{{{}}}", all(items)))
    }
    fn frozenset(&mut self, items: Items<'_, String>) -> Built {
        Ok(format!("frozenset({})", all(items)))
    }
    fn append(&mut self, list: &String, item: String) -> Result<(), String> {
        self.discarded.push(format!("{list}+{item}"));
        Ok(())
    }
    fn extend(&mut self, list: &String, items: Items<'_, String>) -> Result<(), String> {
        self.append(list, all(items))
    }
    fn set_item(&mut self, dict: &String, key: String, value: String) -> Result<(), String> {
        self.append(dict, format!("{key},{value}"))
    }
    fn set_items(&mut self, dict: &String, items: Items<'_, String>) -> Result<(), String> {
        self.append(dict, all(items))
    }
    fn add_items(&mut self, set: &String, items: Items<'_, String>) -> Result<(), String> {
        self.append(set, all(items))
    }
    fn global(&mut self, module: &[u8], name: &[u8]) -> Built {
        if name == b"missing" {
            return Err("no such name".to_owned());
        }
        Ok(format!("{}.{}", module.escape_ascii(), name.escape_ascii()))
    }
    fn inst(&mut self, module: &[u8], name: &[u8], args: Items<'_, String>) -> Built {
        Ok(format!("{}.{}({})", module.escape_ascii(), name.escape_ascii(), all(args)))
    }
    fn obj(&mut self, class: String, args: Items<'_, String>) -> Built {
        Ok(format!("{class}({})", all(args)))
    }
    fn build(&mut self, object: &String, state: String) -> Result<(), String> {
        self.append(object, state)
    }
    fn persistent_id(&mut self, id: &[u8]) -> Built {
        Ok(format!("pid({})", id.escape_ascii()))
    }
    const FOLLOWS_POPPED: bool = true;

    fn discard(&mut self, value: String) -> Option<usize> {
        self.discarded.push(format!("-{value}"));
        Some(self.discarded.len() - 1)
    }
    fn replaced(&mut self, popped: usize, _: &String, last: &String) {
        self.discarded[popped].push_str(&format!("<{last}"));
    }
}

/// The value, and the changes and discards on the way.
fn run(input: &[u8]) -> String {
    let mut machine = Machine::new(Told::default());
    match machine.run(input) {
        Ok((value, length)) => {
            assert!(input[..length].ends_with(b"."));
            let discarded = machine.into_builder().discarded.join(" ");
            [value, discarded].join(" ").trim_end().to_owned()
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn each_opcode_does_what_its_name_says() {
    for (input, expected) in [
        (&b"N."[..], "None"),
        (b"\x88\x89\x86.", "(true,false)"),
        (
            b"(I01\nI-7\nL12345678901234567890L\nL-7\nJ\xff\xff\xff\xffM\x01\x01K\x05t.",
            "(true,-7,12345678901234567890L,-7L,-1,257,5)",
        ),
        (b"\x8a\x02\x00\xff\x8a\x00\x8b\x09\0\0\0aaaaaaaaa\x87.", "(-256L,0L,1796351171915119944033L)"),
        (b"I12345678901234567890\n.", "12345678901234567890L"),
        (b"F1.5\nG\xbf\xf0\0\0\0\0\0\0\x86.", "(1.5,-1.0)"),
        (b"(Va\\u00e9\nX\x01\0\0\0bt.", "(\"a\u{e9}\",\"b\")"),
        (b"(S'a\\n'\nU\x01bT\x01\0\0\0ct.", "(s'a\\n',s'b',s'c')"),
        (b"(C\x01aB\x01\0\0\0b\x96\x01\0\0\0\0\0\0\0ct.", "(b'a',b'b',bytearray'c')"),
        (b"\x97\x98.", "readonly(buffer)"),
        (b"](K\x01K\x02e.", "[] []+1,2"),
        (b"](e.", "[]"),
        (b"]K\x01a.", "[] []+1"),
        (b"(K\x01l.", "[1]"),
        (b"}(K\x01K\x02u.", "{} {}+1,2"),
        (b"}K\x01K\x02s.", "{} {}+1,2"),
        (b"(K\x01K\x02d.", "{1,2}"),
        (b"\x8f(K\x01K\x02\x90.", "set() set()+1,2"),
        (b"(K\x01\x91.", "frozenset(1)"),
        (b")K\x01\x85\x86.", "((),(1))"),
        (b"K\x01K\x02K\x03K\x04\x87.", "(2,3,4) -1"),
        (b"K\x01K\x020.", "1 -2"),
        (b"K\x020K\x01\x85.", "(1) -2<(1)"),
        (b"](K\x010K\x020K\x03K\x04e.", "[] -1<2 -2<3 []+3,4"),
        (b"K\x01(K\x02K\x031.", "1 -2 -3"),
        (b"K\x01(0.", "1"),
        (b"K\x012\x86.", "(1,1)"),
        (b"K\x01\x94p7\nq\x08r\x09\0\0\0N(g0\ng7\nh\x08j\x09\0\0\0t.", "(1,1,1,1) -1 -None"),
        (b"cos\npath.join\n.", "os.path.join"),
        (b"\x8c\x01a\x8c\x01b\x93.", "\"a\".\"b\""),
        (b"\x82\x01\x83\x00\x01\x84\0\0\0\x01\x87.", "(ext1,ext256,ext16777216)"),
        (b"ca\nf\n(K\x01tR.", "a.f(1)"),
        (b"ca\nC\n)\x81.", "new a.C()"),
        (b"ca\nC\n)}\x92.", "new a.C(){}"),
        (b"ca\nC\n)\x81}b.", "new a.C() new a.C()+{}"),
        (b"(K\x01ia\nC\n.", "a.C(1)"),
        (b"(ca\nC\nK\x01o.", "a.C(1)"),
        (b"Pmy id\n.", "pid(my id)"),
        (b"K\x01Q.", "pid(1)"),
        (b"\x80\x04\x95\x02\0\0\0\0\0\0\0N..", "None"),
        (b"(K\x01.", "1"),
    ] {
        assert_eq!(run(input), expected, "{}", input.escape_ascii());
    }
}

#[test]
fn what_cpython_refuses_is_refused_in_its_words() {
    for (input, expected) in [
        (&b""[..], "Ran out of input (at byte 0)"),
        (b"N", "Ran out of input (at byte 1)"),
        (b"NK", "pickle data was truncated (BININT1 at byte 1)"),
        (b".", "unpickling stack underflow (STOP at byte 0)"),
        (b"(.", "unexpected MARK found (STOP at byte 1)"),
        (b"N(.", "unexpected MARK found (STOP at byte 2)"),
        (b"0", "unpickling stack underflow (POP at byte 0)"),
        (b"(K\x01000", "unpickling stack underflow (POP at byte 5)"),
        (b"t", "could not find MARK (TUPLE at byte 0)"),
        (b"ia", "could not find MARK (INST at byte 0)"),
        (b"(ia", "pickle data was truncated (INST at byte 1)"),
        (b"(ia\n\n", "pickle data was truncated (INST at byte 1)"),
        (b"(o", "unpickling stack underflow (OBJ at byte 1)"),
        (b"(K\x01d", "odd number of items for DICT (DICT at byte 3)"),
        (b"}(K\x01u", "odd number of items for SETITEMS (SETITEMS at byte 4)"),
        (b"K\x01a", "unpickling stack underflow (APPEND at byte 2)"),
        (b"](K\x01a", "unexpected MARK found (APPEND at byte 4)"),
        (b"(e", "unpickling stack underflow (APPENDS at byte 1)"),
        (b"((e", "unexpected MARK found (APPENDS at byte 2)"),
        (b"}K\x01(K\x02s", "unexpected MARK found (SETITEM at byte 6)"),
        (b"K\x01(K\x01b", "unexpected MARK found (BUILD at byte 5)"),
        (b"K\x01(\x85", "unexpected MARK found (TUPLE1 at byte 3)"),
        (b"K\x01(\x94", "unexpected MARK found (MEMOIZE at byte 3)"),
        (b"p1\n", "unpickling stack underflow (PUT at byte 0)"),
        (b"Np-1\n", "negative PUT argument (PUT at byte 1)"),
        (b"Npx\n", "invalid literal for int() with base 10: 'x\\n' (PUT at byte 1)"),
        (b"g-1\n", "Memo value not found at index -1 (GET at byte 0)"),
        (b"Nq\x01h\x02", "Memo value not found at index 2 (BINGET at byte 3)"),
        (b"j\xff\xff\xff\xff", "Memo value not found at index 4294967295 (LONG_BINGET at byte 0)"),
        (b"\x80\x06", "unsupported pickle protocol: 6 (PROTO at byte 0)"),
        (b"\x95\x02\0\0\0\0\0\0\0.", "pickle data was truncated (FRAME at byte 0)"),
        (b"\x82\0", "EXT specifies code <= 0 (EXT1 at byte 0)"),
        (b"\x84\xff\xff\xff\xff", "EXT specifies code <= 0 (EXT4 at byte 0)"),
        (b"c\nx\n", "pickle data was truncated (GLOBAL at byte 0)"),
        (b"Ncos\nmissing\n.", "no such name (GLOBAL at byte 1)"),
    ] {
        assert_eq!(run(input), expected, "{}", input.escape_ascii());
    }
}

/// The same value or error however the pickle comes: at once, in parts, and op by op.
fn run_by(rules: Rules, input: &[u8]) -> String {
    let whole = match Machine::new(Told::default()).with_rules(rules).run(input) {
        Ok((value, _)) => value,
        Err(error) => error.to_string(),
    };
    for capacity in (1..=input.len()).chain([64]) {
        let mut machine = Machine::new(Told::default()).with_rules(rules);
        let reader = std::io::BufReader::with_capacity(capacity, input);
        let made = in_parts(&mut machine, &mut crate::OpReader::new(reader), capacity % 2 == 1);
        let made = made.unwrap_or_else(|error| error.to_string());
        // of a stream, what a frame claims is not known to be missing before it is missed
        if !whole.starts_with("pickle data was truncated (FRAME") {
            assert_eq!(made, whole, "{} in parts of {capacity}", input.escape_ascii());
        }
    }
    whole
}

fn in_parts(
    machine: &mut Machine<Told>,
    reader: &mut crate::OpReader<std::io::BufReader<&[u8]>>,
    by_steps: bool,
) -> Result<String, MachineError<String>> {
    loop {
        if !by_steps {
            let part = machine.run_part(reader.offset(), reader.buffered()?.to_vec().as_slice())?;
            reader.skip(part.executed, part.value.is_some());
            if let Some(value) = part.value {
                return Ok(value);
            }
        }
        let (offset, op) = match reader.next_op() {
            Ok(Some(read)) => read,
            Ok(None) => return Err(Error::new(ErrorKind::RanOut, 0, None).into()),
            Err(error) => return Err(machine.unread(error, reader).into()),
        };
        if let Some(value) = machine.step(offset, &op)? {
            return Ok(value);
        }
    }
}

#[test]
fn pickles_are_read_by_the_rules_of_the_version_that_is_asked_for() {
    let straddles = "pickle exhausted before end of frame";
    let nests = "beginning of a new frame before end of current frame (FRAME at byte";
    let cut = "pickle data was truncated";
    let negative = "BINSTRING pickle has negative byte count (BINSTRING at byte 0)";
    // Nothing said is what the version before does.
    for (input, in_3_13, in_3_14, in_3_15) in [
        // frames that end where an op does, and one that STOP does not wait for
        (&b"\x95\x01\0\0\0\0\0\0\0N."[..], "None", "", ""),
        (b"\x95\0\0\0\0\0\0\0\0N.", "None", "", ""),
        (b"\x95\x03\0\0\0\0\0\0\0N.K", "None", "", ""),
        (b"\x95\x09\0\0\0\0\0\0\0\x95\x02\0\0\0\0\0\0\0N.", "None", "", ""),
        (b"\x95\x02\0\0\0\0\0\0\0K\x01\x95\x02\0\0\0\0\0\0\0K\x02\x86.", "(1,2)", "", ""),
        // ones that end between an opcode, a length, a line and the next
        (b"\x95\x01\0\0\0\0\0\0\0K\x01.", "1", "", ""),
        (b"\x95\x01\0\0\0\0\0\0\0Vab\n.", "\"ab\"", "", ""),
        (b"\x95\x02\0\0\0\0\0\0\0C\x02ab.", "b'ab'", "", ""),
        (b"\x95\x04\0\0\0\0\0\0\0cos\npath\n.", "os.path", "", ""),
        (b"\x95\x01\0\0\0\0\0\0\0\x95\x02\0\0\0\0\0\0\0N.", "None", "", ""),
        (b"\x95\x01\0\0\0\0\0\0\0K", "pickle data was truncated (BININT1 at byte 9)", "", ""),
        // and within one of these
        (b"\x95\x02\0\0\0\0\0\0\0J\x01\0\0\0.", "1", &format!("{straddles} (BININT at byte 9)"), ""),
        (b"\x95\x06\0\0\0\0\0\0\0Vhelloworld\n.", "\"helloworld\"", &format!("{straddles} (UNICODE at byte 9)"), ""),
        (b"\x95\x03\0\0\0\0\0\0\0C\x02ab.", "b'ab'", &format!("{straddles} (SHORT_BINBYTES at byte 9)"), ""),
        (b"\x95\x03\0\0\0\0\0\0\0X\x02\0\0\0ab.", "\"ab\"", &format!("{straddles} (BINUNICODE at byte 9)"), ""),
        (b"\x95\x06\0\0\0\0\0\0\0cos\npath\n.", "os.path", &format!("{straddles} (GLOBAL at byte 9)"), ""),
        (b"\x95\x03\0\0\0\0\0\0\0NM\x01\x01.", "257", &format!("{straddles} (BININT2 at byte 10)"), ""),
        (b"\x95\x03\0\0\0\0\0\0\0N\x95\0\0\0\0\0\0\0\0.", "None", &format!("{straddles} (FRAME at byte 10)"), ""),
        (
            b"\x95\x02\0\0\0\0\0\0\0Va",
            "pickle data was truncated (UNICODE at byte 9)",
            &format!("{straddles} (UNICODE at byte 9)"),
            "",
        ),
        // frames in frames
        (b"\x95\x0b\0\0\0\0\0\0\0N\x95\0\0\0\0\0\0\0\0.", "None", &format!("{nests} 10)"), ""),
        (b"\x95\x0a\0\0\0\0\0\0\0\x95\x01\0\0\0\0\0\0\0N.", "None", &format!("{nests} 9)"), ""),
        // frames that are not there
        (b"\x95\x03\0\0\0\0\0\0\0N.", &format!("{cut} (FRAME at byte 0)"), "", ""),
        // faults that are found before the end of the frame
        (b"\x95\x01\0\0\0\0\0\0\0ia\nb\n.", "could not find MARK (INST at byte 9)", "", ""),
        (b"ia", "could not find MARK (INST at byte 0)", "", ""),
        (b"\x95\x04\0\0\0\0\0\0\0c\nabcd\n.", &format!("{cut} (GLOBAL at byte 9)"), "", ""),
        // numbers in text
        (
            b"(I010\nI+1\nL010L\nt.",
            "invalid literal for int() with base 0: '010' (LONG at byte 10)",
            "(10,true,10L)",
            "(10,1,10L)",
        ),
        (b"I0x10\n.", "16", "could not convert string to int (INT at byte 0)", ""),
        // lengths
        (b"T\0\0\0\x80ab", &format!("{cut} (BINSTRING at byte 0)"), negative, ""),
        (b"T\0\0\0\x80", &format!("{cut} (BINSTRING at byte 0)"), negative, ""),
        (b"T\0\0\0\x7fab", &format!("{cut} (BINSTRING at byte 0)"), "", ""),
        (b"T\0\0\0", &format!("{cut} (BINSTRING at byte 0)"), "", ""),
    ] {
        let in_3_14 = if in_3_14.is_empty() { in_3_13 } else { in_3_14 };
        let in_3_15 = if in_3_15.is_empty() { in_3_14 } else { in_3_15 };
        for (rules, expected) in [(Rules::PYTHON_3_13, in_3_13), (Rules::PYTHON_3_14, in_3_14), (Rules::PYTHON_3_15, in_3_15)] {
            assert_eq!(run_by(rules, input), expected, "{} by {rules:?}", input.escape_ascii());
        }
    }
}

#[test]
fn an_op_that_gives_no_items_turns_to_its_object_from_3_15_on() {
    for (input, in_3_14, in_3_15) in [(&b"](e."[..], "", "[]+"), (b"\x8f(\x90.", "", "set()+"), (b"}(u.", "", "")] {
        for (rules, expected) in [(Rules::PYTHON_3_14, in_3_14), (Rules::PYTHON_3_15, in_3_15)] {
            let mut machine = Machine::new(Told::default()).with_rules(rules);
            machine.run(input).unwrap();
            assert_eq!(machine.builder().discarded.concat(), expected);
        }
    }
}

#[test]
fn the_memo_lives_on_until_it_is_cleared() {
    let mut machine = Machine::new(Told::default());
    assert_eq!(machine.run(b"K\x07q\x00.K\x08.").unwrap(), ("7".to_owned(), 5));
    assert_eq!(machine.run(b"h\x00.").unwrap().0, "7");
    machine.clear_memo();
    assert!(machine.run(b"h\x00.").is_err());
}

#[test]
fn a_run_that_failed_leaves_nothing_to_the_next() {
    let mut machine = Machine::new(Told::default());
    assert!(machine.run(b"K\x01(K\x02t\x00").is_err());
    assert_eq!(machine.run(b".").unwrap_err().to_string(), "unpickling stack underflow (STOP at byte 0)");
}

#[test]
fn steps_do_what_a_run_does() {
    let mut machine = Machine::new(Told::default());
    let values = ops(b"K\x01K\x02\x86.").map(|(offset, op)| machine.step(offset as u64, &op).unwrap());
    assert_eq!(values.last().unwrap().as_deref(), Some("(1,2)"));
}

fn ops(input: &[u8]) -> impl Iterator<Item = (usize, Op<'_>)> {
    crate::Ops::new(input).map(|op| op.unwrap())
}

#[test]
fn what_comes_in_parts_makes_what_it_makes_at_once() {
    let pickle = b"\x80\x04\x95\x0e\0\0\0\0\0\0\0(K\x01\x8c\x02abG\x3f\xf0\0\0\0\0\0\0t.rest";
    let whole = Machine::new(Told::default()).run(pickle).unwrap();
    for capacity in 1..=pickle.len() {
        let mut machine = Machine::new(Told::default());
        let mut reader = crate::OpReader::new(std::io::BufReader::with_capacity(capacity, &pickle[..]));
        let made = loop {
            let offset = reader.offset();
            let part = machine.run_part(offset, reader.buffered().unwrap()).unwrap();
            reader.skip(part.executed, part.value.is_some());
            if let Some(value) = part.value {
                break value;
            }
            let (offset, op) = reader.next_op().unwrap().unwrap();
            if let Some(value) = machine.step(offset, &op).unwrap() {
                break value;
            }
        };
        assert_eq!((made, reader.offset() as usize), whole, "{capacity}");
    }
}
