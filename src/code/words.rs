//! Names of assertions and matchers, by how much they pin down. Compared without case and without `_`.

use super::strength::Form;

const EXACT: &[&str] = &[
    // unittest, pytest, numpy
    "assertequal",
    "assertequals",
    "assertis",
    "assertisnone",
    "assertdictequal",
    "assertlistequal",
    "asserttupleequal",
    "assertsetequal",
    "assertsequenceequal",
    "assertcountequal",
    "assertmultilineequal",
    "assertarrayequal",
    "assertframeequal",
    "assertseriesequal",
    "assertcalledwith",
    "assertcalledoncewith",
    "assertcalledonce",
    "assertnotcalled",
    "asserthascalls",
    // JUnit, AssertJ, Hamcrest
    "assertsame",
    "assertnull",
    "assertarrayequals",
    "assertiterableequals",
    "assertlinesmatch",
    "isequalto",
    "issameas",
    "hassize",
    "containsexactly",
    "containsexactlyinanyorder",
    "isnull",
    "iszero",
    "isempty",
    "hasmessage",
    // Rust
    "asserteq",
    "debugasserteq",
    "propasserteq",
    "assertsnapshot",
    "assertdebugsnapshot",
    "assertjsonsnapshot",
    "assertyamlsnapshot",
    // Jest, Vitest, chai, node:assert
    "tobe",
    "toequal",
    "tostrictequal",
    "tobenull",
    "tobeundefined",
    "tobenan",
    "tohavelength",
    "tomatchsnapshot",
    "tomatchinlinesnapshot",
    "tohavebeencalledwith",
    "tohavebeencalledtimes",
    "tohavebeenlastcalledwith",
    "tocalledwith",
    "equal",
    "eql",
    "equals",
    "strictequal",
    "deepequal",
    "deepstrictequal",
    "lengthof",
    "null",
    "undefined",
    "is",
    "tohavetextcontent",
    "tohavevalue",
    "tohavetext",
    "tohaveurl",
    "expect",
    // testify
    "equalvalues",
    "exactly",
    "jsoneq",
    "nil",
    "noerror",
    "erroris",
    "len",
    "zero",
    "empty",
    "equalerror",
    "elementsmatch",
    "yamleq",
];

const LOOSE: &[&str] = &[
    "assertin",
    "assertnotin",
    "assertnotequal",
    "assertnotequals",
    "assertisnot",
    "assertgreater",
    "assertgreaterequal",
    "assertless",
    "assertlessequal",
    "assertregex",
    "assertnotregex",
    "assertisinstance",
    "assertalmostequal",
    "assertalmostequals",
    "assertallclose",
    "assertcalled",
    "assertanycall",
    "assertne",
    "assertmatches",
    "assertnotsame",
    "assertrelativeeq",
    "assertabsdiffeq",
    "assertinstanceof",
    "assertcontains",
    "tocontain",
    "tocontainequal",
    "tomatch",
    "tomatchobject",
    "tobegreaterthan",
    "tobegreaterthanorequal",
    "tobelessthan",
    "tobelessthanorequal",
    "tobecloseto",
    "tobeinstanceof",
    "tohaveproperty",
    "tohavebeencalled",
    "include",
    "contain",
    "match",
    "matches",
    "notequal",
    "notstrictequal",
    "notdeepequal",
    "above",
    "below",
    "least",
    "most",
    "closeto",
    "a",
    "an",
    "instanceof",
    "property",
    "contains",
    "isgreaterthan",
    "isgreaterthanorequalto",
    "islessthan",
    "islessthanorequalto",
    "ispositive",
    "startswith",
    "endswith",
    "isinstanceof",
    "isnotequalto",
    "iscloseto",
    "isbetween",
    "isin",
    "hassizegreaterthan",
    "notequalvalues",
    "greater",
    "greaterorequal",
    "less",
    "lessorequal",
    "indelta",
    "inepsilon",
    "regexp",
    "subset",
    "istype",
    "error",
    "panics",
    "errorcontains",
    "errorcontain",
    "notcontains",
];

const EXISTS: &[&str] = &[
    "assertisnotnone",
    "assertnotnull",
    "assertdoesnotthrow",
    "assertok",
    "tobedefined",
    "tobetruthy",
    "tobefalsy",
    "ok",
    "exist",
    "exists",
    "isok",
    "isnotnull",
    "isnotempty",
    "ispresent",
    "notnil",
    "notempty",
    "notzero",
    "notpanics",
    "truthy",
    "tobeinthedocument",
    "notthrows",
    "doesnotthrow",
    "isdefined",
];

/// What a named assertion pins down; `None`: not known.
pub(super) fn form(name: &str) -> Option<Form> {
    let plain = plain(name);
    let of = |list: &[&str]| list.contains(&plain.as_str());
    if of(EXACT) {
        Some(Form::Exact)
    } else if of(LOOSE) {
        Some(Form::Loose)
    } else if of(EXISTS) {
        Some(Form::Exists)
    } else {
        None
    }
}

/// Takes a condition: what it says is what is pinned down.
pub(super) fn takes_condition(name: &str) -> Option<bool> {
    match plain(name).as_str() {
        "assert" | "asserttrue" | "true" | "debugassert" | "propassert" | "istrue" | "assertthat" => Some(true),
        "assertfalse" | "false" | "isfalse" => Some(false),
        _ => None,
    }
}

/// Takes the kind of error that must come.
pub(super) fn takes_error(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "raises"
            | "warns"
            | "assertraises"
            | "assertraisesregex"
            | "assertwarns"
            | "tothrow"
            | "tothrowerror"
            | "throws"
            | "rejects"
            | "throw"
            | "assertthrows"
            | "assertthrowsexactly"
            | "expectthrows"
            | "isinstanceof"
    )
}

/// An error so general that any will do.
pub(super) fn any_error(name: &str) -> bool {
    matches!(
        name,
        "Exception"
            | "BaseException"
            | "Throwable"
            | "Error"
            | "Exception.class"
            | "Throwable.class"
            | "RuntimeException.class"
            | ""
    )
}

/// A call that checks by its name, defined who knows where.
pub(super) fn checks_by_name(name: &str) -> bool {
    let plain = plain(name);
    ["check", "verify", "ensure", "validate", "expect", "require", "compare", "assert", "mustequal"]
        .iter()
        .any(|lead| plain.starts_with(lead))
}

/// +1 where a larger bound is weaker (`less than`), -1 where a smaller one is (`greater than`).
pub(super) fn bound(name: &str) -> Option<f64> {
    let plain = plain(name);
    if plain.contains("greater") || plain.contains("least") || plain == "above" {
        Some(-1.0)
    } else if plain.contains("less") || plain.contains("most") && !plain.contains("almost") || plain == "below" {
        Some(1.0)
    } else {
        None
    }
}

/// Takes a number of digits: fewer are weaker.
pub(super) fn takes_digits(name: &str) -> bool {
    matches!(plain(name).as_str(), "tobecloseto" | "assertalmostequal" | "assertalmostequals")
}

pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase).collect()
}
