//! The error codes that every API of Tencent Cloud may answer, as data.

use Verdict::{Fatal, Limited, Retry, RetryUpTo};

/// What an error code means for the attempt that met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The service is in trouble; another attempt may succeed.
    Retry,
    /// The service is well and has had too many requests; another attempt may succeed after a pause.
    Limited,
    /// Another attempt may succeed, up to and including the one after this attempt; then it is fatal.
    RetryUpTo(u32),
    /// The vendor has this request already.
    Done,
    /// No attempt can succeed until a person acts.
    Fatal,
}

/// How often an error that the vendor does not explain is repeated.
pub const FEW: u32 = 3;

const OTHER: (Verdict, &str) = (RetryUpTo(FEW), "an error that is not known here");

/// Code, verdict, advice. A code that ends in `.*` stands for itself without that and for all its details; the longest
/// one that fits counts.
pub type Entry = (&'static str, Verdict, &'static str);

/// The codes of a service: its own, and those that every service may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errors {
    /// What the service says besides [`GENERAL`].
    pub own: &'static [Entry],
}

impl Errors {
    /// Those of a service of which nothing special is known.
    pub const GENERAL: Self = Self { own: &[] };

    /// What a code means, and what a person can do about it.
    #[must_use]
    pub fn verdict(self, code: &str) -> (Verdict, &'static str) {
        let entries = || self.own.iter().chain(GENERAL);
        let exact = entries().find(|(known, ..)| *known == code);
        let found = exact.or_else(|| {
            let fits = |known: &str| {
                known
                    .strip_suffix(".*")
                    .and_then(|stem| code.strip_prefix(stem))
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            // Of two that are equally long the last one counts.
            entries().rev().filter(|(known, ..)| fits(known)).max_by_key(|(known, ..)| known.len())
        });
        found.map_or(OTHER, |(_, verdict, advice)| (*verdict, *advice))
    }
}

/// The codes that every service may answer.
pub const GENERAL: &[Entry] = &[
    // Passing.
    ("RequestLimitExceeded.*", Limited, "the limit of requests per second is reached"),
    ("InternalError.*", Retry, "the service failed"),
    ("ServiceUnavailable.*", Retry, "the service is not available"),
    ("FailedOperation.*", RetryUpTo(FEW), "the operation failed and the vendor gives no further reason"),
    ("ResourceUnavailable.*", RetryUpTo(FEW), "the resource is not available at the moment"),
    // Each attempt signs anew and resolves its key anew.
    (
        "AuthFailure.SignatureExpire",
        RetryUpTo(1),
        "the clock of this machine is off by more than 5 minutes: set it (NTP)",
    ),
    ("AuthFailure.TokenFailure", RetryUpTo(1), "the temporary key is no longer valid: renew it"),
    // The operator must act.
    ("UnauthorizedOperation.*", Fatal, "the key may not do this: grant the action in CAM"),
    ("AuthFailure.UnauthorizedOperation", Fatal, "the key may not do this: grant the action in CAM"),
    ("AuthFailure.SecretIdNotFound", Fatal, "no such SecretId: correct the application's credentials"),
    ("AuthFailure.InvalidSecretId", Fatal, "not a SecretId of this kind of API: correct the application's credentials"),
    ("AuthFailure.SignatureFailure", Fatal, "the SecretKey does not belong to the SecretId: correct the credentials"),
    (
        "AuthFailure.InvalidAuthorization",
        Fatal,
        "the signature was not understood: check the SecretId and the endpoint",
    ),
    ("AuthFailure.MFAFailure", Fatal, "the account asks for a second factor: use the key of a CAM user without one"),
    ("AuthFailure.*", Fatal, "the key was not accepted: correct the application's credentials"),
    // The rule or the event is wrong.
    ("InvalidParameter.*", Fatal, "a parameter is wrong"),
    ("InvalidParameterValue.*", Fatal, "the value of a parameter is wrong"),
    ("MissingParameter.*", Fatal, "a parameter is missing"),
    ("UnknownParameter.*", Fatal, "a parameter is not known to the API"),
    ("ResourceNotFound.*", Fatal, "something that the request names does not exist"),
    ("LimitExceeded.*", Fatal, "a quota of the account or the application is used up: raise it with the vendor"),
    ("UnsupportedOperation.*", Fatal, "the API does not support this for what the request names"),
    ("InvalidAction.*", Fatal, "the endpoint does not know this API: correct the endpoint"),
    ("NoSuchVersion.*", Fatal, "the endpoint does not know this version of the API: correct the endpoint"),
    ("UnsupportedRegion.*", Fatal, "the service is not offered in this region: correct or drop the region"),
];
