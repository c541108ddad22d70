//! What the arguments of instructions stand for that are no index and no jump, in the words of each version's `dis`.

use crate::{Implementation, PythonVersion, code::OpcodeTable};

/// `dis._nb_ops`; each is followed, 13 places on, by its form with `=`. From 3.14 on there is one more, at the end.
const OPERATORS: [&str; 13] = ["+", "&", "//", "<<", "@", "*", "%", "|", "**", ">>", "-", "/", "^"];

/// `dis._intrinsic_1_descs` and `dis._intrinsic_2_descs`.
const INTRINSICS: [&[&str]; 2] = [
    &[
        "INTRINSIC_1_INVALID",
        "INTRINSIC_PRINT",
        "INTRINSIC_IMPORT_STAR",
        "INTRINSIC_STOPITERATION_ERROR",
        "INTRINSIC_ASYNC_GEN_WRAP",
        "INTRINSIC_UNARY_POSITIVE",
        "INTRINSIC_LIST_TO_TUPLE",
        "INTRINSIC_TYPEVAR",
        "INTRINSIC_PARAMSPEC",
        "INTRINSIC_TYPEVARTUPLE",
        "INTRINSIC_SUBSCRIPT_GENERIC",
        "INTRINSIC_TYPEALIAS",
    ],
    &[
        "INTRINSIC_2_INVALID",
        "INTRINSIC_PREP_RERAISE_STAR",
        "INTRINSIC_TYPEVAR_WITH_BOUND",
        "INTRINSIC_TYPEVAR_WITH_CONSTRAINTS",
        "INTRINSIC_SET_FUNCTION_TYPE_PARAMS",
        "INTRINSIC_SET_TYPEPARAM_DEFAULT",
    ],
];

/// `dis._common_constants` of 3.15, of which 3.14 has the first five, as `dis` shows them.
const COMMON_CONSTANTS: [&str; 12] = [
    "AssertionError",
    "NotImplementedError",
    "tuple",
    "<built-in function all>",
    "<built-in function any>",
    "list",
    "set",
    "None",
    "''",
    "True",
    "False",
    "-1",
];

/// `dis._special_method_names`.
const SPECIAL_METHODS: [&str; 4] = ["__enter__", "__exit__", "__aenter__", "__aexit__"];

/// `dis.FUNCTION_ATTR_FLAGS`, the last of which came with 3.14.
const FUNCTION_ATTRIBUTES: [&str; 5] = ["defaults", "kwdefaults", "annotations", "closure", "annotate"];

/// `dis.FORMAT_VALUE_CONVERTERS`.
const CONVERSIONS: [&str; 4] = ["", "str", "repr", "ascii"];

/// What a number means to an opcode; nothing where `dis` says nothing.
pub(super) fn number(table: &OpcodeTable, opcode: &str, arg: u32) -> String {
    let index = arg as usize;
    let one_of = |names: &[&str]| names.get(index).copied().unwrap_or_default().to_owned();
    match opcode {
        "BINARY_OP" => match (OPERATORS.get(index), index.checked_sub(OPERATORS.len()).and_then(|index| OPERATORS.get(index))) {
            (Some(operator), _) => (*operator).to_owned(),
            (None, Some(operator)) => format!("{operator}="),
            (None, None) if index == 2 * OPERATORS.len() => "[]".to_owned(),
            (None, None) => String::new(),
        },
        "CALL_INTRINSIC_1" => one_of(INTRINSICS[0]),
        "CALL_INTRINSIC_2" => one_of(INTRINSICS[1]),
        "LOAD_COMMON_CONSTANT" => one_of(&COMMON_CONSTANTS),
        "LOAD_SPECIAL" => one_of(&SPECIAL_METHODS),
        "CONVERT_VALUE" => one_of(&CONVERSIONS),
        "FORMAT_VALUE" => {
            let conversion = CONVERSIONS[index & 3];
            match (conversion, arg & 4) {
                (_, 0) => conversion.to_owned(),
                ("", _) => "with format".to_owned(),
                _ => format!("{conversion}, with format"),
            }
        }
        "MAKE_FUNCTION" | "SET_FUNCTION_ATTRIBUTE" => {
            let set = FUNCTION_ATTRIBUTES.iter().enumerate().filter(|(bit, _)| arg >> bit & 1 != 0);
            set.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
        }
        "IS_OP" if is_from(table, 14) => one_of(&["is", "is not"]),
        "CONTAINS_OP" if is_from(table, 14) => one_of(&["in", "not in"]),
        _ => String::new(),
    }
}

/// A name, with what the flags below its index say.
pub(super) fn name(table: &OpcodeTable, opcode: &str, name: String, flags: u8) -> String {
    if name.is_empty() {
        return name;
    }
    match (opcode, flags & 1, flags & 2) {
        ("IMPORT_NAME", 1, _) => format!("{name} + lazy"),
        ("IMPORT_NAME", _, 2) => format!("{name} + eager"),
        ("IMPORT_NAME", ..) | (_, 0, _) => name,
        ("LOAD_GLOBAL", ..) if is_from(table, 13) => format!("{name} + NULL"),
        ("LOAD_GLOBAL", ..) => format!("NULL + {name}"),
        _ if is_from(table, 13) => format!("{name} + NULL|self"),
        _ => format!("NULL|self + {name}"),
    }
}

/// A comparison, with what the flags below its number say.
pub(super) fn comparison(table: &OpcodeTable, operator: &str, arg: u32) -> String {
    match is_from(table, 13) && arg & 16 != 0 {
        true => format!("bool({operator})"),
        false => operator.to_owned(),
    }
}

fn is_from(table: &OpcodeTable, minor: u8) -> bool {
    table.implementation() == Implementation::CPython && table.version() >= PythonVersion::new(3, minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_explained_as_each_versions_dis_explains_them() {
        let table = |minor| OpcodeTable::cpython(PythonVersion::new(3, minor)).unwrap();
        for (minor, opcode, arg, expected) in [
            (11, "BINARY_OP", 8, "**"),
            (13, "BINARY_OP", 13, "+="),
            (14, "BINARY_OP", 26, "[]"),
            (14, "BINARY_OP", 27, ""),
            (9, "FORMAT_VALUE", 6, "repr, with format"),
            (12, "FORMAT_VALUE", 4, "with format"),
            (9, "MAKE_FUNCTION", 9, "defaults, closure"),
            (14, "SET_FUNCTION_ATTRIBUTE", 16, "annotate"),
            (13, "CALL_INTRINSIC_1", 6, "INTRINSIC_LIST_TO_TUPLE"),
            (13, "IS_OP", 1, ""),
            (15, "IS_OP", 1, "is not"),
            (15, "LOAD_COMMON_CONSTANT", 8, "''"),
            (13, "RESUME", 0, ""),
        ] {
            assert_eq!(number(table(minor), opcode, arg), expected, "{opcode} {arg} of 3.{minor}");
        }
        for (minor, opcode, flags, expected) in [
            (11, "LOAD_GLOBAL", 1, "NULL + len"),
            (13, "LOAD_GLOBAL", 1, "len + NULL"),
            (13, "LOAD_GLOBAL", 0, "len"),
            (12, "LOAD_ATTR", 1, "NULL|self + len"),
            (14, "LOAD_ATTR", 1, "len + NULL|self"),
            (15, "IMPORT_NAME", 1, "len + lazy"),
            (9, "LOAD_GLOBAL", 0, "len"),
        ] {
            assert_eq!(name(table(minor), opcode, "len".to_owned(), flags), expected, "{opcode} {flags} of 3.{minor}");
        }
        assert_eq!(comparison(table(13), "<", 18), "bool(<)");
        assert_eq!(comparison(table(12), "<", 18), "<");
    }
}
