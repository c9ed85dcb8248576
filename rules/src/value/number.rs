//! Numbers by exact decimal value: 1 = 1.0 = 1e0, and 9007199254740993 is not 9007199254740992.

use std::cmp::Ordering;
use std::fmt;

/// A JSON number, exact at any length. Exponents past ±10^18 count as ±10^18.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number(Repr);

/// One value has one representation, so equality and hashing are those of the parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Repr {
    Int(i64),
    /// Not an i64, and its shortest decimal form is exactly the number.
    Float(FiniteBits),
    /// Anything else: compared exactly, never calculated with.
    Exact(Decimal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct FiniteBits(u64);

/// `digits` × 10^`exponent`; no leading or trailing zero digit; zero is never kept here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Decimal {
    negative: bool,
    digits: Box<str>,
    exponent: i64,
}

const EXPONENT_LIMIT: i64 = 1_000_000_000_000_000_000;

impl Number {
    /// The number that a JSON number literal (RFC 8259 section 6) means; `None` when the text is none.
    #[must_use]
    pub fn parse(literal: &str) -> Option<Self> {
        if literal.len() < 19 && !literal.starts_with("-0") {
            let plain = literal.strip_prefix('-').unwrap_or(literal);
            let is_plain = plain.bytes().all(|b| b.is_ascii_digit()) && (plain.len() == 1 || !plain.starts_with('0'));
            if is_plain && let Ok(integer) = literal.parse() {
                return Some(Self(Repr::Int(integer)));
            }
        }
        let decimal = Decimal::parse(literal)?;
        Some(Self(decimal.map_or(Repr::Int(0), |decimal| decimal.into_repr(literal))))
    }

    /// The number with the value of a finite float's shortest decimal form; `None` when it is not finite.
    #[must_use]
    pub fn from_f64(float: f64) -> Option<Self> {
        if float.is_finite() { Self::parse(&format!("{float:e}")) } else { None }
    }

    /// The integer, when it is one that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Int(integer) => Some(integer),
            _ => None,
        }
    }

    /// The non-negative integer, when it is one that fits.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Int(integer) => u64::try_from(*integer).ok(),
            Repr::Float(_) | Repr::Exact(_) => {
                let decimal = self.decimal()?;
                let zeros = usize::try_from(decimal.exponent).ok().filter(|zeros| *zeros < 20)?;
                if decimal.negative {
                    return None;
                }
                format!("{}{}", decimal.digits, "0".repeat(zeros)).parse().ok()
            }
        }
    }

    /// The float, when the number is not an i64 and a float's shortest decimal form is exactly it.
    #[must_use]
    pub fn as_exact_f64(&self) -> Option<f64> {
        match self.0 {
            Repr::Float(bits) => Some(f64::from_bits(bits.0)),
            _ => None,
        }
    }

    /// `None` for zero.
    fn decimal(&self) -> Option<Decimal> {
        match &self.0 {
            Repr::Int(integer) => Decimal::parse(&integer.to_string()).flatten(),
            Repr::Float(bits) => Decimal::parse(&format!("{:e}", f64::from_bits(bits.0))).flatten(),
            Repr::Exact(decimal) => Some(decimal.clone()),
        }
    }
}

impl Decimal {
    /// `Some(None)` is zero.
    #[expect(
        clippy::option_option,
        reason = "not a number, zero, and a number are three answers of one private parser"
    )]
    fn parse(literal: &str) -> Option<Option<Self>> {
        let negative = literal.starts_with('-');
        let rest = literal.strip_prefix('-').unwrap_or(literal);
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], parse_exponent(&rest[at + 1..])?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty()
            || !all_digits(whole)
            || !all_digits(fraction)
            || (whole.len() > 1 && whole.starts_with('0'))
        {
            return None;
        }
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Some(None);
        }
        let trailing = digits.len() - digits.trim_end_matches('0').len();
        let shift = i64::try_from(trailing).ok()? - i64::try_from(fraction.len()).ok()?;
        let exponent = exponent.saturating_add(shift).clamp(-EXPONENT_LIMIT, EXPONENT_LIMIT);
        Some(Some(Self { negative, digits: significant.into(), exponent }))
    }

    fn into_repr(self, literal: &str) -> Repr {
        if (0..19).contains(&self.exponent) && self.digits.len() < 20 {
            let zeros = usize::try_from(self.exponent).unwrap_or_default();
            let sign = if self.negative { "-" } else { "" };
            if let Ok(integer) = format!("{sign}{}{}", self.digits, "0".repeat(zeros)).parse() {
                return Repr::Int(integer);
            }
        }
        if self.digits.len() <= 17
            && let Ok(float) = literal.parse::<f64>()
            && float.is_finite()
            && Self::parse(&format!("{float:e}")) == Some(Some(self.clone()))
        {
            return Repr::Float(FiniteBits(float.to_bits()));
        }
        Repr::Exact(self)
    }

    /// The power of ten just above the number: 0 for 0.5, 1 for 5, 2 for 50.
    fn magnitude(&self) -> i64 {
        self.exponent.saturating_add(i64::try_from(self.digits.len()).unwrap_or(i64::MAX))
    }

    fn cmp_positive(&self, other: &Self) -> Ordering {
        self.magnitude().cmp(&other.magnitude()).then_with(|| self.digits.cmp(&other.digits))
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse::<i64>().unwrap_or(EXPONENT_LIMIT).min(EXPONENT_LIMIT);
    Some(if text.starts_with('-') { -size } else { size })
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Int(a), Repr::Int(b)) => return a.cmp(b),
            // Two floats are in the order of their shortest decimal forms.
            (Repr::Float(a), Repr::Float(b)) => return f64::from_bits(a.0).total_cmp(&f64::from_bits(b.0)),
            (Repr::Int(a), Repr::Float(b)) if let Ok(a) = i32::try_from(*a) => {
                return f64::from(a).total_cmp(&f64::from_bits(b.0));
            }
            (Repr::Float(a), Repr::Int(b)) if let Ok(b) = i32::try_from(*b) => {
                return f64::from_bits(a.0).total_cmp(&f64::from(b));
            }
            _ => {}
        }
        let sign = |decimal: &Option<Decimal>| decimal.as_ref().map_or(0, |d| if d.negative { -1 } else { 1 });
        let (a, b) = (self.decimal(), other.decimal());
        sign(&a).cmp(&sign(&b)).then_with(|| match (a, b) {
            (Some(a), Some(b)) if a.negative => b.cmp_positive(&a),
            (Some(a), Some(b)) => a.cmp_positive(&b),
            _ => Ordering::Equal,
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i64> for Number {
    fn from(integer: i64) -> Self {
        Self(Repr::Int(integer))
    }
}

impl From<u64> for Number {
    fn from(integer: u64) -> Self {
        i64::try_from(integer).map_or_else(
            |_| Self::parse(&integer.to_string()).unwrap_or(Self(Repr::Int(i64::MAX))),
            |integer| Self(Repr::Int(integer)),
        )
    }
}

impl fmt::Display for Number {
    /// A JSON number literal of exactly this value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(integer) => write!(f, "{integer}"),
            Repr::Float(bits) => {
                let float = f64::from_bits(bits.0);
                if (1e-7..1e21).contains(&float.abs()) { write!(f, "{float}") } else { write!(f, "{float:e}") }
            }
            Repr::Exact(decimal) => {
                let sign = if decimal.negative { "-" } else { "" };
                match usize::try_from(decimal.exponent) {
                    Ok(zeros) if zeros < 20 => write!(f, "{sign}{}{}", decimal.digits, "0".repeat(zeros)),
                    _ => write!(f, "{sign}{}e{}", decimal.digits, decimal.exponent),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
