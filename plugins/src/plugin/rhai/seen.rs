//! Permissions that are missing, as far as a script shows what it uses: found when the plugin is loaded.

use oncue_rules::diagnostic::{Diagnostic, SourceFile, Span};
use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use super::grants::{Grants, Missing};
use crate::plugin::error;
use crate::script::error::offset;

/// What is missing for what a script plainly uses.
pub(super) fn missing(grants: &Grants, script: &AST, file: &SourceFile) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    script.walk(&mut |path: &[ASTNode<'_>]| {
        let call = match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, place)) | ASTNode::Stmt(Stmt::FnCall(call, place))) => {
                Some((&**call, *place))
            }
            _ => None,
        };
        if let Some((call, place)) = call
            && let Some(missing) = of_call(grants, call)
        {
            found.push(problem(file, place, &call.name, missing));
        }
        true
    });
    found
}

fn of_call(grants: &Grants, call: &FnCallExpr) -> Option<Missing> {
    let module = match call.namespace.path.as_slice() {
        [] => "",
        [module] => module.name.as_str(),
        _ => return None,
    };
    let literal = match call.args.first() {
        Some(Expr::StringConstant(text, _)) => Some(text.as_str()),
        _ => None,
    };
    match (module, call.name.as_str()) {
        ("http", "request") => grants.lacks_hosts(),
        ("store", _) => grants.lacks_store(),
        ("action", "run") => grants.lacks_action(literal?),
        ("", "secret") => grants.lacks_secret(literal?),
        _ => None,
    }
}

fn problem(file: &SourceFile, place: Position, name: &str, missing: Missing) -> Diagnostic {
    let start = offset(&file.text, place);
    error(file, Span { start, end: start + name.len() }, missing.message, missing.hint)
}
