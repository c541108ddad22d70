//! Whatever way a pickle takes to run code that it carries while it is loaded is a finding, and what cloudpickle itself writes of
//! such code is none.

use cloud_reduce::{Finding, FindingKind, Policy, Report};
use pickle_emit::write_op;
use pickle_opcodes::{GlobalName, Op};

/// Opcodes of a pickle, which leave one object on the stack.
#[derive(Clone)]
struct Ops(Vec<u8>);

impl Ops {
    fn of<'a>(ops: impl IntoIterator<Item = Op<'a>>) -> Ops {
        let mut bytes = Vec::new();
        ops.into_iter().for_each(|op| write_op(&mut bytes, &op).unwrap());
        Ops(bytes)
    }

    fn then<'a>(mut self, ops: impl IntoIterator<Item = Op<'a>>) -> Ops {
        self.0.extend(Ops::of(ops).0);
        self
    }

    fn and(mut self, next: Ops) -> Ops {
        self.0.extend(next.0);
        self
    }

    /// Keeps the object in the memo.
    fn put(self, index: u8) -> Ops {
        self.then([Op::BinPut(index)])
    }

    /// Does this for what it does, and goes on without its object.
    fn before(self, next: Ops) -> Ops {
        self.then([Op::Pop]).and(next)
    }

    fn pickle(self) -> Vec<u8> {
        Ops::of([Op::Proto(4)]).and(self).then([Op::Stop]).0
    }
}

fn get(index: u8) -> Ops {
    Ops::of([Op::BinGet(index)])
}

fn none() -> Ops {
    Ops::of([Op::None])
}

fn int(value: u8) -> Ops {
    Ops::of([Op::BinInt1(value)])
}

fn text(text: &str) -> Ops {
    Ops::of([Op::ShortBinUnicode(text.as_bytes())])
}

fn name(module: &str, name: &str) -> Ops {
    Ops::of([Op::Global(GlobalName { module: module.as_bytes(), name: name.as_bytes() })])
}

/// What lies between a mark and an op that takes it.
fn marked(items: impl IntoIterator<Item = Ops>, last: Op<'_>) -> Ops {
    items.into_iter().fold(Ops::of([Op::Mark]), Ops::and).then([last])
}

fn tuple(items: impl IntoIterator<Item = Ops>) -> Ops {
    marked(items, Op::Tuple)
}

fn list(items: impl IntoIterator<Item = Ops>) -> Ops {
    Ops::of([Op::EmptyList]).and(marked(items, Op::Appends))
}

fn dict(items: impl IntoIterator<Item = (Ops, Ops)>) -> Ops {
    let items = items.into_iter().flat_map(|(key, value)| [key, value]);
    Ops::of([Op::EmptyDict]).and(marked(items, Op::SetItems))
}

fn call(callee: Ops, args: impl IntoIterator<Item = Ops>) -> Ops {
    callee.and(tuple(args)).then([Op::Reduce])
}

fn builtin(function: &str, args: impl IntoIterator<Item = Ops>) -> Ops {
    call(name("builtins", function), args)
}

/// A call of one of cloudpickle's functions.
fn cloudpickle(function: &str, args: impl IntoIterator<Item = Ops>) -> Ops {
    call(name("cloudpickle.cloudpickle", function), args)
}

fn new(class: Ops, args: impl IntoIterator<Item = Ops>) -> Ops {
    class.and(tuple(args)).then([Op::NewObj])
}

fn build(object: Ops, state: Ops) -> Ops {
    object.and(state).then([Op::Build])
}

/// A function that the pickle carries: the judge does not ask what is in it.
fn function() -> Ops {
    let empty = || Ops::of([Op::EmptyDict]);
    cloudpickle("_make_function", [none(), empty(), none(), none(), none()])
}

/// A class that the pickle carries, without attributes.
fn skeleton(metaclass: Ops, bases: impl IntoIterator<Item = Ops>, kwargs: Ops) -> Ops {
    cloudpickle("_make_skeleton_class", [metaclass, text("K"), tuple(bases), kwargs, none(), none()])
}

fn kind() -> Ops {
    name("builtins", "type")
}

/// Gives a class in the memo its attributes; leaves the class.
fn filled(index: u8, attributes: Ops) -> Ops {
    let empty = Ops::of([Op::EmptyDict]);
    cloudpickle("_class_setstate", [get(index), tuple([attributes, empty])]).then([Op::Pop]).and(get(index))
}

/// A class with attributes, which stays in the memo.
fn class_of(index: u8, metaclass: Ops, bases: impl IntoIterator<Item = Ops>, attributes: Ops) -> Ops {
    let empty = Ops::of([Op::EmptyDict]);
    skeleton(metaclass, bases, empty).put(index).before(filled(index, attributes))
}

/// A class with one method.
fn class(index: u8, method: &str) -> Ops {
    class_of(index, kind(), [], dict([(text(method), function())]))
}

fn with_base(index: u8, base: Ops, method: &str) -> Ops {
    class_of(index, kind(), [base], dict([(text(method), function())]))
}

fn instance(method: &str) -> Ops {
    new(class(0, method), [])
}

/// An instance whose class has a property.
fn with_property(property: &str) -> Ops {
    new(class_of(0, kind(), [], dict([(text(property), builtin("property", [function()]))])), [])
}

fn enumeration(bases: impl IntoIterator<Item = Ops>, members: Ops) -> Ops {
    cloudpickle("_make_skeleton_enum", [tuple(bases), text("E"), text("E"), members, text("m"), none(), none()])
}

fn enum_class() -> Ops {
    name("enum", "Enum")
}

fn one_member(value: Ops) -> Ops {
    dict([(text("a"), value)])
}

fn findings(pickle: Ops) -> Vec<Finding> {
    let report = Report::of(pickle.pickle());
    assert!(report.error().is_none(), "{:?}", report.error());
    report.findings(&Policy::cloudpickle())
}

/// Each must be a finding of this kind.
fn all_are(kind: FindingKind, cases: impl IntoIterator<Item = (&'static str, Ops)>) {
    for (what, pickle) in cases {
        let found = findings(pickle);
        assert!(found.iter().any(|finding| finding.kind == kind), "{what}: {found:?}");
    }
}

#[test]
fn conversions_of_an_instance_run_its_methods() {
    for (callee, method) in [
        ("builtins.list", "__iter__"),
        ("builtins.tuple", "__iter__"),
        ("builtins.set", "__iter__"),
        ("builtins.frozenset", "__iter__"),
        ("builtins.dict", "keys"),
        ("builtins.int", "__int__"),
        ("builtins.float", "__float__"),
        ("builtins.complex", "__complex__"),
        ("builtins.bool", "__bool__"),
        ("builtins.str", "__str__"),
        ("builtins.bytes", "__bytes__"),
        ("builtins.range", "__index__"),
        ("builtins.property", "__getattr__"),
        ("builtins.classmethod", "__getattribute__"),
        ("builtins.ExceptionGroup", "__iter__"),
        ("builtins.OSError", "__hash__"),
        ("collections.deque", "__iter__"),
        ("collections.Counter", "__iter__"),
        ("datetime.date", "__index__"),
        ("pathlib.PurePosixPath", "__fspath__"),
        ("fractions.Fraction", "as_integer_ratio"),
        ("types.SimpleNamespace", "keys"),
        ("_weakrefset.WeakSet", "__iter__"),
        ("functools.lru_cache", "__getattr__"),
        ("abc.abstractclassmethod", "__setattr__"),
        ("cloudpickle.cloudpickle._make_dict_keys", "__iter__"),
        ("cloudpickle.cloudpickle._make_dict_values", "__iter__"),
        ("cloudpickle.cloudpickle._make_dict_items", "items"),
        ("cloudpickle.cloudpickle._get_dataclass_field_type_sentinel", "__hash__"),
    ] {
        let (module, function) = callee.rsplit_once('.').unwrap();
        for (way, arg) in [("itself", instance(method)), ("in a list", list([instance(method)]))] {
            let found = findings(call(name(module, function), [arg]));
            assert!(found.iter().any(|finding| finding.kind == FindingKind::CarriedCode), "{callee}, {way}: {found:?}");
        }
        assert_eq!(findings(call(name(module, function), [])), [], "{callee} of nothing");
    }
}

#[test]
fn methods_that_making_and_changing_an_instance_runs_are_found() {
    let slots = |key: &str| tuple([none(), dict([(text(key), int(1))])]);
    let state = || dict([(text("x"), int(1))]);
    all_are(
        FindingKind::CarriedCode,
        [
            ("__new__ by NEWOBJ", instance("__new__")),
            ("__new__ by copyreg", call(name("copyreg", "__newobj__"), [class(0, "__new__")])),
            ("__init__ by a call", call(class(0, "__init__"), [])),
            ("__del__ of what is thrown away", instance("__del__").before(none())),
            ("__del__ of what a call made", call(class(0, "__del__"), []).before(none())),
            ("__setstate__", build(instance("__setstate__"), none())),
            ("__setattr__ by slots", build(instance("__setattr__"), slots("x"))),
            ("__setattr__ of an exception", build(new(with_base(0, name("builtins", "Exception"), "__setattr__"), []), state())),
            ("__getattr__ by BUILD", build(instance("__getattr__"), state())),
            ("__getattribute__ by BUILD", build(instance("__getattribute__"), state())),
            ("a property that slots set", build(with_property("x"), slots("x"))),
            ("a property __dict__", build(with_property("__dict__"), state())),
            ("append", instance("append").and(int(1)).then([Op::Append])),
            ("append by __getattr__", instance("__getattr__").and(int(1)).then([Op::Append])),
            ("__setitem__", instance("__setitem__").and(int(1)).and(int(2)).then([Op::SetItem])),
            ("insert of a list", {
                let class = with_base(0, name("collections.abc", "MutableSequence"), "insert");
                new(class, []).and(int(1)).then([Op::Append])
            }),
            ("__hash__ of a key", dict([(instance("__hash__"), int(1))])),
            ("__eq__ of a key", dict([(instance("__eq__"), int(1))])),
            ("__hash__ of a key within a tuple", dict([(tuple((0..100).map(int).chain([instance("__hash__")])), int(1))])),
            ("__hash__ of what a key holds", {
                let key = build(new(name("uuid", "UUID"), []), dict([(text("int"), instance("__hash__"))]));
                dict([(key, int(1))])
            }),
            ("__hash__ of an item of a set", Ops::of([Op::EmptySet]).and(marked([instance("__hash__")], Op::AddItems))),
            ("__index__ of an array's item", {
                let array = call(name("array", "array"), [text("i")]);
                array.and(instance("__index__")).then([Op::Append])
            }),
            ("__int__ by NEWOBJ of int", new(name("builtins", "int"), [instance("__int__")])),
            ("__int__ by NEWOBJ of a class of int", {
                let arg = new(class(1, "__int__"), []);
                new(class_of(0, kind(), [name("builtins", "int")], dict([(text("x"), int(1))])), [arg])
            }),
            ("__iter__ by _reconstructor", {
                let list = || name("builtins", "list");
                call(name("copyreg", "_reconstructor"), [list(), list(), instance("__iter__")])
            }),
            ("__getitem__ of a state", build(new(name("random", "Random"), []), tuple([instance("__getitem__")]))),
            ("a method of what an instance holds", {
                let holder = build(call(name("types", "SimpleNamespace"), []), dict([(text("x"), instance("__repr__"))]));
                builtin("list", [list([holder])])
            }),
        ],
    );
}

#[test]
fn methods_of_library_classes_that_a_class_overrides_are_found() {
    let base = |module, base, method| with_base(0, name(module, base), method);
    all_are(
        FindingKind::CarriedCode,
        [
            ("Counter calls update", call(base("collections", "Counter", "update"), [list([int(1)])])),
            ("OrderedDict calls __setitem__", call(base("collections", "OrderedDict", "__setitem__"), [list([])])),
            ("OrderedDict gets items", {
                let made = new(base("collections", "OrderedDict", "__setitem__"), []);
                made.and(int(1)).and(int(2)).then([Op::SetItem])
            }),
            ("UserDict calls update", call(base("collections", "UserDict", "update"), [dict([])])),
            ("Random calls seed", call(base("random", "Random", "seed"), [int(1)])),
            ("Random calls setstate", build(new(base("random", "Random", "setstate"), []), tuple([int(1)]))),
            ("an address calls its parser", call(base("ipaddress", "IPv4Address", "_ip_int_from_string"), [text("1.2.3.4")])),
            ("a base that is carried", {
                let below = class(0, "__setstate__").before(class_of(1, kind(), [get(0)], dict([(text("x"), int(1))])));
                build(new(below, []), none())
            }),
        ],
    );
}

#[test]
fn what_making_a_class_runs_is_found() {
    let empty = || Ops::of([Op::EmptyDict]);
    let meta = |method| class_of(0, kind(), [kind()], dict([(text(method), function())]));
    let with_hook = || class(0, "__init_subclass__");
    let of_meta = |method| meta(method).before(class_of(1, get(0), [], dict([(text("y"), int(1))])));
    all_are(
        FindingKind::CarriedCode,
        [
            ("__init_subclass__ of a base", skeleton(kind(), [with_hook()], empty())),
            ("__init_subclass__ by type", builtin("type", [text("Y"), tuple([with_hook()]), empty()])),
            ("a function as a metaclass", skeleton(function(), [], empty())),
            ("__new__ of a metaclass", of_meta("__new__")),
            ("__call__ of a metaclass", of_meta("__call__")),
            ("__prepare__ of a metaclass", of_meta("__prepare__")),
            ("mro of a metaclass", of_meta("mro")),
            ("__setattr__ of a metaclass", of_meta("__setattr__")),
            ("__subclasscheck__ of a metaclass", of_meta("__subclasscheck__")),
            ("__hash__ of a metaclass", dict([(of_meta("__hash__"), int(1))])),
            ("__iter__ of a metaclass", builtin("list", [of_meta("__iter__")])),
            ("__set_name__ of an attribute", { skeleton(kind(), [], dict([(text("q"), instance("__set_name__"))])) }),
            ("register, which a class is asked for that has _abc_impl", {
                let attributes = [(text("register"), function()), (text("_abc_impl"), list([int(1)]))];
                class_of(0, kind(), [], dict(attributes))
            }),
            ("__subclasshook__ when a class is registered", {
                let attributes = [(text("__subclasshook__"), function()), (text("_abc_impl"), list([kind()]))];
                class_of(0, name("abc", "ABCMeta"), [], dict(attributes))
            }),
            ("__subclasshook__ below an abstract class", {
                with_base(0, name("collections.abc", "Mapping"), "__subclasshook__")
            }),
            ("__new__ of an enum's mixin", enumeration([class(0, "__new__"), enum_class()], one_member(int(1)))),
            ("__init__ of an enum's mixin", enumeration([class(0, "__init__"), enum_class()], one_member(int(1)))),
            ("__set__ of an enum's mixin", enumeration([class(0, "__set__"), enum_class()], one_member(int(1)))),
            ("__setattr__ of an enum's mixin", enumeration([class(0, "__setattr__"), enum_class()], one_member(int(1)))),
            ("__del__ of an enum's mixin", enumeration([class(0, "__del__"), enum_class()], one_member(int(1)))),
            ("__eq__ of an enum's members", enumeration([enum_class()], one_member(instance("__eq__")))),
            ("_missing_ of an enum's mixin", {
                let made = enumeration([class(0, "_missing_"), enum_class()], one_member(int(1)));
                call(made, [int(9)])
            }),
        ],
    );
    all_are(
        FindingKind::New,
        [
            ("type by NEWOBJ", new(kind(), [text("Y"), tuple([with_hook()]), empty()])),
            ("ABCMeta by NEWOBJ", new(name("abc", "ABCMeta"), [text("Y"), tuple([with_hook()]), empty()])),
        ],
    );
    all_are(
        FindingKind::CallOfResult,
        [
            (
                "bases that a call makes",
                skeleton(kind(), [], empty()).before({
                    let bases = builtin("tuple", [list([with_hook()])]);
                    cloudpickle("_make_skeleton_class", [kind(), text("K"), bases, empty(), none(), none()])
                }),
            ),
            ("arguments that a call makes", {
                let args = builtin("tuple", [list([kind(), text("K"), tuple([with_hook()]), empty(), none(), none()])]);
                name("cloudpickle.cloudpickle", "_make_skeleton_class").and(args).then([Op::Reduce])
            }),
        ],
    );
}

#[test]
fn attributes_that_a_class_or_function_gets_by_any_way_are_seen() {
    let empty = || Ops::of([Op::EmptyDict]);
    let set = |setter, object, attributes| cloudpickle(setter, [object, tuple([attributes, empty()])]);
    let method = |method| dict([(text(method), function())]);
    let plain = || skeleton(kind(), [], empty()).put(0);
    let used = || build(new(get(0), []), none());
    all_are(
        FindingKind::CarriedCode,
        [
            ("type_kwargs has __init__", call(skeleton(kind(), [], method("__init__")), [])),
            ("type_kwargs has __new__", new(skeleton(kind(), [], method("__new__")), [])),
            ("the setter's result is kept", {
                plain().before(set("_class_setstate", get(0), method("__setstate__")).put(1)).before(used())
            }),
            ("the setter's result is the instance's class", {
                let class = plain().before(set("_class_setstate", get(0), method("__setstate__")).put(1));
                class.before(build(new(get(1), []), none()))
            }),
            ("the setter of functions", {
                plain().before(set("_function_setstate", get(0), method("__setstate__")).put(1)).before(used())
            }),
            ("set twice", {
                let first = plain().before(filled(0, dict([(text("x"), int(1))])));
                first.before(set("_class_setstate", get(0), method("__setstate__"))).before(used())
            }),
            ("a computed key", {
                let key = builtin("str", [text("__setstate__")]);
                plain().before(set("_class_setstate", get(0), dict([(key, function())])).put(1)).before(used())
            }),
            ("a dict that a function has as globals", {
                let make = cloudpickle("_make_function", [none(), empty().put(1), none(), none(), none()]);
                make.before(plain()).before(set("_class_setstate", get(0), get(1))).before(used())
            }),
            ("BUILD of a class", build(class(0, "__setstate__"), dict([(text("x"), int(1))]))),
            ("BUILD of a class by slots", {
                let changed = build(class(0, "z"), tuple([none(), method("__init__")]));
                call(changed, [])
            }),
            ("BUILD of a class by type", {
                let made = builtin("type", [text("K"), tuple([]), method("__setstate__")]);
                build(made, empty())
            }),
            ("BUILD of a function that got __setstate__", {
                let made = function().put(0).before(set("_function_setstate", get(0), method("__setstate__")));
                made.before(build(get(0), empty()))
            }),
            ("a function that has keys", {
                let made = function().put(0).before(set("_function_setstate", get(0), method("keys")));
                made.before(builtin("dict", [get(0)]))
            }),
            ("a class that has items", cloudpickle("_make_dict_items", [class(0, "items")])),
            ("items of a class", class(0, "z").and(int(1)).then([Op::Append])),
        ],
    );
    all_are(
        FindingKind::CallOfResult,
        [
            ("a state that is an instance", cloudpickle("_class_setstate", [class(0, "z"), new(class(1, "__iter__"), [])])),
            ("a setter of an instance", {
                let state = tuple([empty(), dict([(text("__globals__"), empty())])]);
                cloudpickle("_function_setstate", [with_property("__globals__"), state])
            }),
            ("a setter of a partial, whose keyword arguments are another's attributes", {
                let partial = call(name("functools", "partial"), [name("builtins", "int")]);
                set("_class_setstate", partial, method("x"))
            }),
            ("BUILD of an attribute of a class", {
                let attribute = builtin("getattr", [class(0, "z"), text("z")]);
                build(attribute, empty())
            }),
        ],
    );
}

#[test]
fn calls_of_what_another_call_wrapped_or_found_are_found() {
    let partial = |function| name("functools", "partial").and(tuple([function])).then([Op::NewObj]);
    let typing_builtins = || name("typing", "__builtins__");
    let types_builtins = || cloudpickle("_builtin_type", [text("__builtins__")]);
    let getitem = |object, item| call(name("_operator", "getitem"), [object, item]);
    let cases = [
        ("a method", call(call(name("types", "MethodType"), [function(), int(1)]), [])),
        ("a partial by NEWOBJ", call(partial(function()), [])),
        ("a default dict's factory", getitem(call(name("collections", "defaultdict"), [function()]), text("x"))),
        ("__missing__", getitem(new(with_base(0, name("builtins", "dict"), "__missing__"), []), text("x"))),
        ("a property by getattr", builtin("getattr", [with_property("p"), text("p")])),
        ("an itemgetter", call(call(name("operator", "itemgetter"), [int(0)]), [instance("__getitem__")])),
        ("eval of typing's builtins", getitem(typing_builtins(), text("eval"))),
        ("builtins behind a ChainMap", {
            let map = call(name("collections", "ChainMap"), [types_builtins()]);
            map.and(text("setattr")).and(function()).then([Op::SetItem])
        }),
        ("a list of a module behind a UserList", {
            let list = build(new(name("collections", "UserList"), []), dict([(text("data"), name("typing", "__all__"))]));
            list.and(int(1)).then([Op::Append])
        }),
        (
            "filters of the root logger",
            build(call(name("logging", "getLogger"), []), dict([(text("filters"), list([function()]))])),
        ),
        ("a module by a computed name", cloudpickle("subimport", [builtin("str", [text("antigravity")])])),
        ("a type by a computed name", cloudpickle("_builtin_type", [builtin("str", [text("__builtins__")])])),
        ("a type variable's constraints", {
            let (flag, constraints) = (Ops::of([Op::NewFalse]), instance("__iter__"));
            cloudpickle("_make_typevar", [text("T"), none(), constraints, flag.clone(), flag, none()])
        }),
        ("a module's attributes", cloudpickle("dynamic_subimport", [text("m"), instance("keys")])),
        ("globals that are no dict", {
            cloudpickle("_make_function", [none(), instance("__setitem__"), none(), none(), none()])
        }),
        ("a module's dict as globals", {
            cloudpickle("_make_function", [none(), name("dataclasses", "_hash_action"), none(), none(), none()])
        }),
    ];
    for (what, pickle) in cases {
        let found = findings(pickle);
        assert!(found.iter().any(|finding| finding.kind != FindingKind::Broken), "{what}");
    }
}

#[test]
fn what_cloudpickle_writes_of_classes_and_functions_runs_nothing() {
    let empty = || Ops::of([Op::EmptyDict]);
    for (what, pickle) in [
        ("a function", function()),
        ("a class with methods", class(0, "__setstate__")),
        ("an instance of a class with methods that nothing calls", build(instance("__call__"), dict([(text("x"), int(1))]))),
        ("an instance as a value", dict([(text("x"), instance("__hash__"))])),
        ("a partial of an instance", call(name("functools", "partial"), [instance("__call__")])),
        ("a method", call(name("types", "MethodType"), [function(), instance("__hash__")])),
        ("an exception that holds an instance", builtin("ValueError", [instance("__str__")])),
        ("a class of an exception that holds one", {
            let class = class_of(1, kind(), [name("builtins", "Exception")], dict([(text("x"), int(1))]));
            call(class, [instance("__str__")])
        }),
        ("a class in a set", builtin("set", [list([class(0, "__hash__")])])),
        ("an abstract class", {
            let attributes = [(text("__subclasshook__"), function()), (text("_abc_impl"), Ops::of([Op::EmptyList]))];
            class_of(0, name("abc", "ABCMeta"), [name("abc", "ABC")], dict(attributes))
        }),
        ("an enum", {
            let made = enumeration([enum_class()], one_member(int(1))).put(0);
            made.before(filled(0, dict([(text("__str__"), function())]))).before(call(get(0), [int(1)]))
        }),
        ("an enum of a mixin", enumeration([class(0, "__str__"), enum_class()], one_member(int(1)))),
        ("a class of a subscripted type", {
            let base = call(name("_operator", "getitem"), [name("typing", "Dict"), tuple([kind(), kind()])]);
            class_of(0, kind(), [base], dict([(text("keys_of"), function())]))
        }),
        ("a function with annotations that are ordered", {
            let annotations = call(name("collections", "OrderedDict"), []).and(text("x")).and(kind()).then([Op::SetItem]);
            let state = tuple([dict([(text("__annotations__"), annotations)]), empty()]);
            function().put(0).before(cloudpickle("_function_setstate", [get(0), state])).before(get(0))
        }),
    ] {
        assert_eq!(findings(pickle), [], "{what}");
    }
}

#[test]
fn the_name_of_a_class_commands_no_terminal() {
    let empty = || Ops::of([Op::EmptyDict]);
    let named = cloudpickle("_make_skeleton_class", [kind(), text("K\u{1b}]0;x\u{7}"), tuple([]), empty(), none(), none()]);
    let made = named.put(0).before(filled(0, dict([(text("__init__"), function())]))).before(call(get(0), []));
    let report = Report::of(made.pickle());
    let lines =
        report.actions().chain(report.findings(&Policy::cloudpickle()).iter().map(ToString::to_string)).collect::<Vec<_>>();
    assert!(lines.iter().any(|line| line.contains("K\\u{1b}]0;x\\u{7}")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains(char::is_control)), "{lines:?}");
}
