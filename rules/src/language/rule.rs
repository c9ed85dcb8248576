//! `name`, `description`, `mode`, and the parts of a rule put together.

use crate::closure;
use crate::decode::{Field, Fields, Identifier};
use crate::ids::RuleName;
use crate::node::Node;
use crate::rule::{Mode, Rule};

use super::selected::Selected;
use super::step::Workflow;
use super::{
    Loaded, NamedAt, Surroundings, applications, collect, condition, failure, later, limit, programs, subscription,
};

/// What a person calls this part.
const WHAT: &str = "a rule";

pub(super) fn read(field: &Field<'_>, surroundings: Surroundings<'_>, names: &mut Vec<NamedAt>) -> Option<Loaded> {
    let within = |node: &Node, names: &mut Vec<NamedAt>| {
        let field = Field::new(field.findings(), field.name(), node);
        match surroundings.defaults.and_then(|defaults| defaults.add_to(&field, surroundings)) {
            Some(whole) => read_whole(&Field::new(field.findings(), field.name(), &whole), surroundings, names),
            None => read_whole(&field, surroundings, names),
        }
    };
    match programs::embed(field, surroundings) {
        Some(whole) => within(&whole, names),
        None => within(field.node(), names),
    }
}

fn read_whole(field: &Field<'_>, surroundings: Surroundings<'_>, names: &mut Vec<NamedAt>) -> Option<Loaded> {
    let mut fields = field.fields(WHAT)?;
    let name = name(&mut fields, names);
    // `Some(None)` is a description that is rightly absent.
    let description = match fields.optional("description") {
        Some(text) => text.text().map(|text| Some(text.into())),
        None => Some(None),
    };
    let on = subscription::read(&mut fields);
    let apps = applications::read(&mut fields, surroundings.apps);
    let is_reached = on.as_ref().is_none_or(|on| applications::reached(&fields, on));
    let selected = Selected::new(surroundings.apps, apps.as_ref());
    let pattern = condition::rule_match(&mut fields);
    let condition = condition::rule_condition(&mut fields, selected);
    let mode = match fields.optional("mode") {
        Some(mode) => mode.one_of(&[("live", Mode::Live), ("shadow", Mode::Shadow), ("off", Mode::Off)]),
        None => Some(Mode::default()),
    };
    let limit = limit::read(&mut fields, selected);
    let collects = fields.key_span("collect").is_some();
    let collect = collect::read(&mut fields, selected);
    later::rule_features(&mut fields);
    let mut workflow = Workflow::new(surroundings, selected);
    if collects {
        workflow.add_root("events");
    }
    let steps = fields
        .required("steps", "write what is to be done, such as `steps: [{ uses: log, with: { message: hello } }]`")
        .and_then(|steps| workflow.read_steps(&steps));
    let on_failure = match fields.optional("on_failure") {
        Some(steps) => failure::read(&mut workflow, &steps),
        None => Some(Vec::new()),
    };
    fields.finish();
    let apps = apps.filter(|_| is_reached)?;
    let (kept, pattern) = pattern.ok()?.unzip();
    let closure = closure::seal(field.node(), &apps, surroundings.vars);
    let rule = Rule {
        name: name?,
        description: description?,
        on: on?,
        apps,
        pattern: kept,
        condition: condition.ok()?,
        mode: mode?,
        limit: limit.ok()?.map(Box::new),
        collect: collect.ok()?.map(Box::new),
        steps: steps?,
        on_failure: on_failure?,
        closure: closure::hash(&closure),
    };
    Some(Loaded { rule, pattern, closure, span: field.span() })
}

fn name(fields: &mut Fields<'_>, names: &mut Vec<NamedAt>) -> Option<RuleName> {
    let field = fields.required("name", "give it a name of its own, such as `name: transcode-new-uploads`")?;
    let name = field.identifier(Identifier::Name)?;
    names.push(NamedAt { name: name.to_owned(), span: field.span() });
    Some(RuleName::from(name))
}
