//! Parts of the language that this version does not have: they are refused by name, not as unknown fields.

use crate::decode::Fields;

const RULE_FEATURES: [(&str, &str); 5] = [
    ("concurrency", "leave it out: runs of one rule may overlap"),
    ("throttle", "leave it out; `mode: shadow` shows how often a rule would run"),
    ("use", "write the steps of the template into the rule"),
    ("inputs", "write the values into the steps"),
    ("repeat", "leave it out"),
];

pub(super) fn rule_features(fields: &mut Fields<'_>) {
    for (name, hint) in RULE_FEATURES {
        refuse(fields, name, hint);
    }
}

fn refuse(fields: &mut Fields<'_>, name: &'static str, hint: &str) {
    fields.refuse(name, &format!("`{name}` is not yet supported in this version"), hint);
}
