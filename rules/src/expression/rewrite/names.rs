//! What names mean: roots, closure parameters, steps, functions and members.

use super::super::error::ExpressionError;
use super::super::functions::{self, Function};
use super::super::lexer::{Kind, Token};
use super::super::names::closest;
use super::brackets::{Inside, Open};
use super::{Rewriter, literal, variable};

/// Words of the engine's language that would be statements, and its functions that look behind the values. Listed for
/// the sake of the message only: like any word that is not known, they could not pass.
const REFUSED: &str = "let const while loop for do until switch fn private import export as return throw try catch \
    break continue this eval print debug sleep timestamp type_of Fn call curry is_shared is_def_fn is_def_var global exit";

fn is_refused(name: &str) -> bool {
    REFUSED.split(' ').any(|refused| refused == name)
}

impl<'t> Rewriter<'t> {
    pub(super) fn name(&mut self, token: &'t Token<'t>, name: &str) -> Result<(), ExpressionError> {
        let is_local = self.is_local(name);
        if name == "time" && !is_local && !self.names.has_root(name) && self.peek_is(0, ".") && self.peek_is(2, "(") {
            let member = self.peek(1).filter(|member| member.kind == Kind::Word);
            if let Some(member) = member {
                self.at += 2;
                return self.call(member, &format!("time.{}", member.text), 0);
            }
        }
        if self.peek_is(0, "(") {
            return self.call(token, name, 0);
        }
        if is_local {
            self.value(token, &variable(name));
            return Ok(());
        }
        if !self.names.has_root(name) {
            return Err(self.unknown(token, name));
        }
        if name == "steps" {
            self.check_step()?;
        }
        self.out.roots.insert(name.into());
        self.value(token, &variable(name));
        Ok(())
    }

    pub(super) fn is_local(&self, name: &str) -> bool {
        self.open.iter().any(|open| matches!(open, Open::Closure(_, names) if names.contains(&name)))
    }

    pub(super) fn unknown(&self, token: &Token<'_>, name: &str) -> ExpressionError {
        if name == "secrets" {
            return token
                .error("a secret cannot be part of an expression")
                .with_hint("a secret stands alone as a whole parameter value: `${{ secrets.x }}`");
        }
        if name == "events" {
            let error = token.error("`events` is not known here");
            return error.with_hint("the steps of a rule with `collect` see `events`; else there is one `event`");
        }
        if name == "undefined" || name == "nil" || name == "None" {
            return token.error(format!("there is no `{name}`")).with_hint("what is not there is `null`");
        }
        if is_refused(name) {
            let error = token.error(format!("`{name}` does not belong in an expression"));
            return error
                .with_hint("an expression is one value without statements; the `script` action takes programs");
        }
        let locals =
            self.open.iter().filter_map(|open| if let Open::Closure(_, names) = open { Some(names) } else { None });
        let known = self.names.roots().chain(locals.flatten().copied());
        let error = token.error(format!("`{name}` is not known here"));
        if let Some(meant) = closest(name, known) {
            return error.with_hint(format!("did you mean `{meant}`?"));
        }
        let known: Vec<_> = self.names.roots().collect();
        error.with_hint(format!("known are {}; a text stands in quotes: '{name}'", known.join(", ")))
    }

    /// `steps` is the current word: does the step that follows exist?
    pub(super) fn check_step(&self) -> Result<(), ExpressionError> {
        let (Some(mark), Some(id)) = (self.peek(0), self.peek(1)) else { return Ok(()) };
        let name = match &id.kind {
            Kind::Word if (mark.is(".") || mark.is("?.")) && !self.peek_is(2, "(") => id.text,
            Kind::Text(text) if (mark.is("[") || mark.is("?[")) && self.peek_is(2, "]") => text,
            _ => return Ok(()),
        };
        if self.names.has_step(name) {
            return Ok(());
        }
        let error = id.error(format!("no step before this one has the id `{name}`"));
        Err(match closest(name, self.names.steps()) {
            Some(meant) => error.with_hint(format!("did you mean `steps.{meant}`?")),
            None => match self.names.steps().collect::<Vec<_>>().join(", ") {
                none if none.is_empty() => error.with_hint("give the step that is meant an `id`"),
                known => error.with_hint(format!("known are {known}")),
            },
        })
    }

    /// A call of a function, whose name is `token`; `(` follows.
    pub(super) fn call(&mut self, token: &'t Token<'t>, name: &str, given: usize) -> Result<(), ExpressionError> {
        let Some(function) = functions::find(name) else {
            if is_refused(name) {
                return Err(self.unknown(token, name));
            }
            let error = token.error(format!("there is no function `{name}`"));
            return Err(match closest(name, functions::all().map(|function| function.name)) {
                Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                None => error,
            });
        };
        self.emit(token, &function.code());
        self.at += 1;
        if let Some(open) = self.tokens.get(self.at - 1) {
            self.open_bracket(open, Inside::Call(function, given), "(")?;
        }
        Ok(())
    }

    /// `.name` becomes a lookup by text, `.name(` a method call.
    pub(super) fn member(&mut self, dot: &'t Token<'t>) -> Result<(), ExpressionError> {
        let name = self.peek(0).filter(|name| name.kind == Kind::Word && self.after_value);
        let Some(name) = name else {
            return Err(dot
                .error("a name must stand on both sides of `.`")
                .with_hint("other names go in brackets: a['b-c']"));
        };
        self.deepen(dot)?;
        self.at += 1;
        if self.peek_is(0, "(") {
            self.emit(dot, ".");
            return self.call(name, name.text, 1);
        }
        self.check_has_members(dot)?;
        self.value(name, &format!("[{}]", literal(name.text)));
        Ok(())
    }

    /// A written text or number is followed by `mark`, which asks for a member.
    pub(super) fn check_has_members(&self, mark: &Token<'_>) -> Result<(), ExpressionError> {
        let before = self.tokens.iter().rev().find(|token| token.offset < mark.offset);
        match before.map(|before| &before.kind) {
            Some(Kind::Text(_)) => {
                Err(mark.error("a text has no members").with_hint("use `sub_string(start, length)`"))
            }
            Some(Kind::Number(_)) => Err(mark.error("a number has no members")),
            _ => Ok(()),
        }
    }
}

/// A method has `given` arguments before its brackets, and `written` ones in them.
pub(super) fn check_arguments(
    open: &Token<'_>,
    function: &Function,
    given: usize,
    written: usize,
) -> Result<(), ExpressionError> {
    if function.arguments.contains(&(given + written)) {
        return Ok(());
    }
    let (least, most) =
        (function.arguments.start().saturating_sub(given), function.arguments.end().saturating_sub(given));
    let count = if least == most { least.to_string() } else { format!("{least} to {most}") };
    let noun = if count == "1" { "argument" } else { "arguments" };
    let message = format!("`{}` takes {count} {noun} here, not {written}", function.name);
    Err(open.error(message).with_hint(function.usage))
}
