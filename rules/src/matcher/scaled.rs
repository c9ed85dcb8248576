//! Numbers in the form in which most of them are compared: an integer and a power of ten.

use std::cmp::Ordering;

use crate::value::Number;

/// The most digits after the point, and the most of a number with a point.
const DIGITS: u32 = 18;

/// `digits` × 10^-`scale`. One value has one form: no digit 0 at the end after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Scaled {
    pub(super) digits: i64,
    pub(super) scale: u8,
}

/// A number that is compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Exact {
    /// Nearly every one.
    Scaled(Scaled),
    /// One that has no such form.
    Other(Box<Number>),
}

impl Scaled {
    /// The number that a JSON literal means, when it is valid and has few digits.
    fn parse(literal: &[u8]) -> Option<Self> {
        let (is_negative, rest) = match literal {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (mut digits, mut count, mut scale) = (0_i64, 0_u32, 0_u32);
        let (mut seen_point, mut at) = (false, 0);
        while let Some(byte) = rest.get(at) {
            match byte {
                b'0'..=b'9' => {
                    digits = digits.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
                    count += u32::from(digits != 0);
                    scale += u32::from(seen_point);
                }
                b'.' => seen_point = true,
                _ => break,
            }
            at += 1;
        }
        if count > DIGITS {
            return None;
        }
        let exponent = match rest.get(at..) {
            None | Some([]) => 0,
            Some(exponent) => std::str::from_utf8(exponent.get(1..)?).ok()?.parse::<i32>().ok()?,
        };
        let digits = if is_negative { -digits } else { digits };
        Self::normal(digits, i32::try_from(scale).ok()?.checked_sub(exponent)?)
    }

    fn normal(mut digits: i64, mut scale: i32) -> Option<Self> {
        if digits == 0 {
            return Some(Self { digits: 0, scale: 0 });
        }
        if scale < 0 {
            digits = digits.checked_mul(10_i64.checked_pow(scale.unsigned_abs())?)?;
            scale = 0;
        }
        while scale > 0 && digits % 10 == 0 {
            digits /= 10;
            scale -= 1;
        }
        let scale = u8::try_from(scale).ok().filter(|scale| u32::from(*scale) <= DIGITS)?;
        Some(Self { digits, scale })
    }

    fn number(self) -> Number {
        let literal = format!("{}e-{}", self.digits, self.scale);
        Number::parse(&literal).unwrap_or(Number::from(self.digits))
    }
}

impl Ord for Scaled {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.digits.cmp(&other.digits);
        }
        // At most 10^18 times an i64, which an i128 holds.
        let widened = |number: &Self, to: u8| i128::from(number.digits) * POWERS[usize::from(to - number.scale)];
        let scale = self.scale.max(other.scale);
        widened(self, scale).cmp(&widened(other, scale))
    }
}

impl PartialOrd for Scaled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

const POWERS: [i128; DIGITS as usize + 1] = {
    let mut powers = [1; DIGITS as usize + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

impl Exact {
    /// The number that a valid JSON literal means.
    pub(super) fn parse(literal: &str) -> Option<Self> {
        if let Some(scaled) = Scaled::parse(literal.as_bytes()) {
            return Some(Self::Scaled(scaled));
        }
        Number::parse(literal).map(|number| Self::of(&number))
    }

    /// The number.
    pub(super) fn of(number: &Number) -> Self {
        if let Some(digits) = number.as_i64() {
            return Self::Scaled(Scaled { digits, scale: 0 });
        }
        match Scaled::parse(number.to_string().as_bytes()) {
            Some(scaled) => Self::Scaled(scaled),
            None => Self::Other(Box::new(number.clone())),
        }
    }

    /// The number.
    pub(super) fn number(&self) -> Number {
        match self {
            Self::Scaled(scaled) => scaled.number(),
            Self::Other(number) => number.as_ref().clone(),
        }
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Scaled(a), Self::Scaled(b)) => a.cmp(b),
            _ => self.number().cmp(&other.number()),
        }
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn literal() -> impl Strategy<Value = String> {
        const EDGES: [&str; 35] = [
            "0",
            "-0",
            "0.0",
            "-0e7",
            "1",
            "10",
            "1e0",
            "100e-2",
            "1.0",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "9007199254740993",
            "9007199254740993.0",
            "1e18",
            "1e19",
            "100000000000000000000e-2",
            "0.1",
            "1e-1",
            "10e-2",
            "0.000000000000000001",
            "1e-18",
            "1e-19",
            "10e-19",
            "123456789012345678",
            "1234567890123456789",
            "0.123456789012345678",
            "1e400",
            "-1e400",
            "1e-400",
            "99999999999999999999999999",
            "1.5e3",
            "1500",
            "1e99999999999",
        ];
        prop_oneof![
            prop::sample::select(&EDGES[..]).prop_map(str::to_owned),
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
            "-?(0|[1-9][0-9]{0,2})(\\.[0-9]{1,3})?([eE][+-]?[0-9])?",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_order_and_equality_are_those_of_exact_numbers(a in literal(), b in literal()) {
            let (exact_a, exact_b) = (Exact::parse(&a).unwrap(), Exact::parse(&b).unwrap());
            let (a, b) = (Number::parse(&a).unwrap(), Number::parse(&b).unwrap());
            prop_assert_eq!(exact_a.cmp(&exact_b), a.cmp(&b), "{} {}", a, b);
            prop_assert_eq!(exact_a == exact_b, a == b);
            prop_assert_eq!(Exact::of(&a), exact_a.clone());
            prop_assert_eq!(exact_a.number(), a);
        }
    }
}
