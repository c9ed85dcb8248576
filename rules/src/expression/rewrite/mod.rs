//! From the words of an expression to what the engine parses.
//!
//! The rewriting resolves what the language says differently from the engine (`null`, `'text'`, `and`, reserved words
//! as members), checks every name, and refuses what is no expression. Members become lookups by text (`a.b` is
//! `a["b"]`) and variables get a prefix, so no reserved word of the engine can be in the way. What comes out is one
//! line of ASCII.

mod brackets;
mod names;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rhai::Position;

use brackets::{Bracket, Depth, Inside, Open};

use super::error::ExpressionError;
use super::lexer::{Kind, Token};
use super::limits;
use super::names::Names;

/// An expression as the engine parses it.
#[derive(Debug)]
pub(super) struct Rewritten {
    pub(super) code: String,
    /// The roots that the expression names, as the user writes them.
    pub(super) roots: BTreeSet<String>,
    /// Where each word begins in the code, and where and how long it is in the expression.
    origins: Vec<(usize, usize, usize)>,
}

impl Rewritten {
    /// The word of the expression that made the code at this position: its offset and length in bytes.
    pub(super) fn origin(&self, position: Position) -> Option<(usize, usize)> {
        let column = position.position()?.checked_sub(1).filter(|column| *column < self.code.len())?;
        let next = self.origins.partition_point(|(at, ..)| *at <= column);
        self.origins.get(next.checked_sub(1)?).map(|(_, offset, length)| (*offset, *length))
    }
}

/// The name that the engine knows a variable by.
pub(super) fn variable(name: &str) -> String {
    format!("v_{name}")
}

/// The function that turns a number literal that no native number holds into its value.
pub(super) const EXACT: &str = "exact_number";

/// The function that turns a list or a map of the engine into a value of ours.
pub(super) const VALUE: &str = "made_value";

pub(super) struct Rewriter<'t> {
    tokens: &'t [Token<'t>],
    names: &'t Names,
    at: usize,
    out: Rewritten,
    brackets: Vec<Bracket<'t>>,
    open: Vec<Open<'t>>,
    /// Does what came last end a value, so that an operator may follow?
    after_value: bool,
    depth: Depth,
}

/// What the engine parses for these words.
pub(super) fn rewrite(tokens: &[Token<'_>], names: &Names) -> Result<Rewritten, ExpressionError> {
    if let Some(beyond) = tokens.get(limits::WORDS) {
        return Err(beyond.error(format!("an expression of more than {} words", limits::WORDS)));
    }
    let out = Rewritten { code: String::new(), roots: BTreeSet::new(), origins: Vec::new() };
    let mut rewriter = Rewriter {
        tokens,
        names,
        at: 0,
        out,
        brackets: Vec::new(),
        open: Vec::new(),
        after_value: false,
        depth: Depth::default(),
    };
    while let Some(token) = tokens.get(rewriter.at) {
        rewriter.at += 1;
        rewriter.token(token)?;
    }
    if let Some(bracket) = rewriter.brackets.last() {
        return Err(bracket.open.error(format!("this `{}` is never closed", bracket.open.text)));
    }
    rewriter.end_operands();
    Ok(rewriter.out)
}

impl<'t> Rewriter<'t> {
    fn token(&mut self, token: &'t Token<'t>) -> Result<(), ExpressionError> {
        match &token.kind {
            Kind::Number(number) => {
                match (number.as_i64(), number.as_exact_f64()) {
                    (Some(integer), _) => self.emit(token, &integer.to_string()),
                    (None, Some(float)) => self.emit(token, &format!("{float:e}")),
                    (None, None) => self.emit(token, &format!("{EXACT}(\"{number}\")")),
                }
                self.after_value = true;
            }
            Kind::Text(_) | Kind::Word if self.is_key() => self.key(token),
            Kind::Text(text) => {
                self.emit(token, &literal(text));
                self.after_value = true;
            }
            Kind::Word => self.word(token)?,
            Kind::Symbol => self.symbol(token)?,
        }
        Ok(())
    }

    fn emit(&mut self, token: &Token<'_>, code: &str) {
        if !self.out.code.is_empty() {
            self.out.code.push(' ');
        }
        self.out.origins.push((self.out.code.len(), token.offset, token.text.len()));
        self.out.code.push_str(code);
    }

    /// The word `ahead` words further; 0 is the one after the current.
    fn peek(&self, ahead: usize) -> Option<&'t Token<'t>> {
        self.tokens.get(self.at + ahead)
    }

    fn peek_is(&self, ahead: usize, symbol: &str) -> bool {
        self.peek(ahead).is_some_and(|token| token.is(symbol))
    }

    /// Is the current word the name of a map entry?
    fn is_key(&self) -> bool {
        let begins = self.at.checked_sub(2).and_then(|before| self.tokens.get(before));
        self.brackets.last().is_some_and(|bracket| matches!(bracket.kind, Inside::Map))
            && begins.is_some_and(|token| token.is("#{") || token.is(","))
            && self.peek_is(0, ":")
    }

    fn key(&mut self, token: &Token<'_>) {
        let name = if let Kind::Text(text) = &token.kind { text } else { token.text };
        self.emit(token, &literal(name));
    }

    fn word(&mut self, token: &'t Token<'t>) -> Result<(), ExpressionError> {
        match token.text {
            "true" | "false" => self.value(token, token.text),
            "null" => self.value(token, "()"),
            "and" => self.operator(token, "&&")?,
            "or" => self.operator(token, "||")?,
            "in" => self.operator(token, "in")?,
            "not" if self.after_value && self.peek(0).is_some_and(|next| next.is_word("in")) => {
                self.at += 1;
                self.operator(token, "!in")?;
            }
            "not" => self.begin(token, "!(", Open::Not(self.brackets.len()))?,
            "if" => self.begin(token, "if", Open::If(self.brackets.len()))?,
            "else" => self.operator(token, "else")?,
            name => self.name(token, name)?,
        }
        Ok(())
    }

    fn value(&mut self, token: &Token<'_>, code: &str) {
        self.emit(token, code);
        self.after_value = true;
    }

    fn symbol(&mut self, token: &'t Token<'t>) -> Result<(), ExpressionError> {
        match token.text {
            "(" => self.open_bracket(token, Inside::Group, "("),
            "[" | "?[" if self.after_value => {
                self.check_has_members(token)?;
                self.open_bracket(token, Inside::Index, "[")
            }
            "[" => self.open_bracket(token, Inside::List, &format!("{VALUE}([")),
            "#{" => self.open_bracket(token, Inside::Map, &format!("{VALUE}(#{{")),
            "{" => self.open_block(token),
            ")" | "]" | "}" => self.close_bracket(token),
            "," => self.comma(token),
            "." | "?." => self.member(token),
            ":" => {
                self.emit(token, ":");
                Ok(())
            }
            "|" | "||" if !self.after_value => self.closure(token),
            "|" => Err(token.error("there is no `|` between values").with_hint("write `or`")),
            "?" => Err(token
                .error("there is no `?` operator")
                .with_hint("write `if a { b } else { c }`, or `a ?? b` for what may be null")),
            "=" => Err(token.error("an expression assigns nothing").with_hint("`==` compares")),
            ";" => Err(token.error("an expression is one value, without `;`")),
            "-" | "+" | "!" if !self.after_value => {
                self.emit(token, token.text);
                self.deepen(token)
            }
            other => self.operator(token, other),
        }
    }

    fn operator(&mut self, token: &'t Token<'t>, code: &str) -> Result<(), ExpressionError> {
        if code == "&&" || code == "||" {
            self.end_operands_of(|open| matches!(open, Open::Not(_)));
            self.depth().end_operand();
        }
        self.deepen(token)?;
        self.emit(token, code);
        self.after_value = false;
        Ok(())
    }
}

/// A text literal of the engine, in ASCII.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            ' '..='~' => out.push(letter),
            _ => {
                // Writing to a String cannot fail.
                let _written = write!(out, "\\U{:08x}", u32::from(letter));
            }
        }
    }
    out.push('"');
    out
}
