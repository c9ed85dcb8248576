//! How many requests of one key VOD takes in a second (protocol sections 2, 3 and 6), as data.

use std::time::Duration;

use crate::valve::Rate;

/// Nine tenths of what the vendor publishes: what leaves evenly spaced does not arrive so.
const LIMITS: [(&str, u32); 5] = [
    // 100 in older documents, 200 in those of 2025.
    ("ProcessMedia", 90),
    ("ProcessMediaByProcedure", 90),
    ("PullEvents", 90),
    ("ConfirmEvents", 90),
    ("ModifyEventConfig", 18),
];

/// The limit of an API; none where the vendor's documents name none.
pub(crate) fn of(action: &str) -> Option<Rate> {
    let known = LIMITS.iter().find(|(known, _)| *known == action);
    known.map(|(_, count)| Rate { count: *count, per: Duration::from_secs(1) })
}
