//! What lies inside what: brackets, blocks, closures, and how deep it gets.

use super::super::error::ExpressionError;
use super::super::functions::Function;
use super::super::lexer::{Kind, Token};
use super::super::limits;
use super::names::check_arguments;
use super::{Rewriter, variable};

/// An open bracket.
pub(super) struct Bracket<'t> {
    pub(super) open: &'t Token<'t>,
    pub(super) kind: Inside,
    commas: usize,
    depth: Depth,
}

/// How deep the tree of a part is, at most: the engine answers it by recursion.
#[derive(Default)]
pub(super) struct Depth {
    /// Of what a comma, an `and` or an `or` has ended.
    ended: usize,
    /// Of the brackets since then.
    inner: usize,
    /// The operators and members since then.
    operators: usize,
}

impl Depth {
    pub(super) fn end_operand(&mut self) {
        *self = Self { ended: self.total(), inner: 0, operators: 0 };
    }

    fn total(&self) -> usize {
        self.ended.max(self.inner + self.operators)
    }
}

#[derive(Clone, Copy)]
pub(super) enum Inside {
    Group,
    /// The arguments of a function; a method has one before its bracket.
    Call(&'static Function, usize),
    List,
    Index,
    Map,
    Block,
}

/// What has no closing word: a closure until its body is over, a `not` until its operand is, an `if` until its block.
/// They end with their bracket or before a comma; the number is how many brackets were open.
pub(super) enum Open<'t> {
    Closure(usize, Vec<&'t str>),
    Not(usize),
    If(usize),
}

impl<'t> Rewriter<'t> {
    pub(super) fn open_bracket(
        &mut self,
        open: &'t Token<'t>,
        kind: Inside,
        code: &str,
    ) -> Result<(), ExpressionError> {
        self.emit(open, code);
        self.brackets.push(Bracket { open, kind, commas: 0, depth: Depth::default() });
        self.after_value = false;
        self.check_nesting(open)
    }

    pub(super) fn open_block(&mut self, token: &'t Token<'t>) -> Result<(), ExpressionError> {
        let before = self.at.checked_sub(2).and_then(|before| self.tokens.get(before));
        let opens_body = before
            .is_some_and(|before| before.is_word("else") || ((before.is("|") || before.is("||")) && !self.after_value));
        if !opens_body {
            self.end_operands_of(|open| matches!(open, Open::Not(_)));
            let depth = self.brackets.len();
            match self.open.last() {
                Some(Open::If(at)) if *at == depth && self.after_value => {
                    self.open.pop();
                }
                _ => {
                    return Err(token
                        .error("`{` begins nothing here")
                        .with_hint("a map is written `#{ name: value }`"));
                }
            }
        }
        self.open_bracket(token, Inside::Block, "{")
    }

    pub(super) fn close_bracket(&mut self, token: &'t Token<'t>) -> Result<(), ExpressionError> {
        self.end_operands();
        let Some(bracket) = self.brackets.pop() else {
            return Err(token.error(format!("this `{}` closes nothing", token.text)));
        };
        let expected = match bracket.kind {
            Inside::Group | Inside::Call(..) => ")",
            Inside::List | Inside::Index => "]",
            Inside::Map | Inside::Block => "}",
        };
        if token.text != expected {
            let message = format!("`{}` closes `{}`, but `{expected}` is due", token.text, bracket.open.text);
            return Err(token.error(message));
        }
        let before = self.at.checked_sub(2).and_then(|before| self.tokens.get(before));
        let is_empty = before.is_some_and(|before| std::ptr::eq(before, bracket.open));
        let after_comma = before.is_some_and(|before| before.is(","));
        if let Inside::Call(function, given) = bracket.kind {
            let written = if is_empty || after_comma { bracket.commas } else { bracket.commas + 1 };
            check_arguments(bracket.open, function, given, written)?;
        } else if is_empty && matches!(bracket.kind, Inside::Group) {
            return Err(token.error("nothing stands between these brackets").with_hint("what is not there is `null`"));
        }
        let code = match bracket.kind {
            Inside::List => "])",
            Inside::Map => "})",
            _ => expected,
        };
        self.value(token, code);
        let inner = bracket.depth.total() + 1;
        let depth = self.depth();
        depth.inner = depth.inner.max(inner);
        self.deepen(token)
    }

    pub(super) fn comma(&mut self, token: &'t Token<'t>) -> Result<(), ExpressionError> {
        self.end_operands();
        match self.brackets.last_mut() {
            Some(bracket) if !matches!(bracket.kind, Inside::Group | Inside::Index | Inside::Block) => {
                bracket.commas += 1;
                bracket.depth.end_operand();
            }
            _ => return Err(token.error("`,` separates nothing here").with_hint("a list is written `[a, b]`")),
        }
        self.emit(token, ",");
        self.after_value = false;
        Ok(())
    }

    /// `|a, b|` or `||`: the names are known until the closure ends.
    pub(super) fn closure(&mut self, bar: &'t Token<'t>) -> Result<(), ExpressionError> {
        let mut names = Vec::new();
        self.emit(bar, bar.text);
        if bar.is("|") {
            loop {
                let name = self.peek(0).filter(|name| name.kind == Kind::Word && is_closure_name(name.text));
                let Some(name) = name else {
                    return Err(bar.error("a closure is written `|x| x.name`, its names in ASCII letters"));
                };
                if self.names.has_root(name.text) || self.is_local(name.text) {
                    let error = name.error(format!("`{}` already means something else here", name.text));
                    return Err(error.with_hint("take another name for the closure"));
                }
                names.push(name.text);
                self.emit(name, &variable(name.text));
                self.at += 2;
                match self.tokens.get(self.at - 1) {
                    Some(next) if next.is(",") => self.emit(next, ","),
                    Some(next) if next.is("|") => {
                        self.emit(next, "|");
                        break;
                    }
                    _ => return Err(bar.error("a closure's names are closed by a second `|`")),
                }
            }
        }
        self.open.push(Open::Closure(self.brackets.len(), names));
        self.check_nesting(bar)
    }

    /// Begins what ends with its bracket.
    pub(super) fn begin(&mut self, token: &'t Token<'t>, code: &str, open: Open<'t>) -> Result<(), ExpressionError> {
        self.emit(token, code);
        self.open.push(open);
        self.after_value = false;
        self.check_nesting(token)
    }

    pub(super) fn check_nesting(&self, token: &Token<'_>) -> Result<(), ExpressionError> {
        if self.brackets.len() + self.open.len() <= limits::NESTING {
            return Ok(());
        }
        let error = token.error(format!("the expression is nested deeper than {} levels", limits::NESTING));
        Err(error.with_hint("take a part of it into a `set` step"))
    }

    /// Counts what makes the tree deeper without a bracket.
    pub(super) fn deepen(&mut self, token: &Token<'_>) -> Result<(), ExpressionError> {
        let depth = self.depth();
        depth.operators += 1;
        if depth.total() <= limits::DEPTH {
            return Ok(());
        }
        let message = format!("more than {} operators and members depend on each other here", limits::DEPTH);
        Err(token.error(message).with_hint("take a part of it into a `set` step"))
    }

    pub(super) fn depth(&mut self) -> &mut Depth {
        self.brackets.last_mut().map_or(&mut self.depth, |bracket| &mut bracket.depth)
    }

    /// Ends the closures and the `not`s of the current bracket.
    pub(super) fn end_operands(&mut self) {
        self.end_operands_of(|_| true);
    }

    pub(super) fn end_operands_of(&mut self, ends: impl Fn(&Open<'_>) -> bool) {
        let depth = self.brackets.len();
        while let Some(open) = self.open.last() {
            let (Open::Closure(at, _) | Open::Not(at) | Open::If(at)) = open;
            if *at < depth || !ends(open) {
                return;
            }
            if matches!(open, Open::Not(_)) {
                self.out.code.push_str(" )");
            }
            self.open.pop();
        }
    }
}

fn is_closure_name(name: &str) -> bool {
    const KEYWORDS: [&str; 10] = ["true", "false", "null", "and", "or", "not", "in", "if", "else", "time"];
    name.is_ascii() && !KEYWORDS.contains(&name)
}
