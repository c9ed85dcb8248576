//! A valve before each API and for each key that it is called with: the vendor counts requests so, and so they fail.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Request;
use crate::valve::{Rate, Valve, ValveSettings};

/// How many valves there are at most. The keys of a configuration times the APIs that its rules call are far fewer; what
/// makes more are keys that rotate, and names of APIs that `tencent.call` is given. The one that was not used for longest
/// gives way, and with it what was known of its API.
const MOST: usize = 1_024;

/// The valves of all APIs. A clone is the same.
#[derive(Clone, Default)]
pub struct Valves(Arc<Mutex<All>>);

#[derive(Default)]
struct All {
    settings: ValveSettings,
    /// Counts uses.
    uses: u64,
    valves: HashMap<Api, Entry>,
}

/// An API as one key calls it. Where it is called counts too: a mistyped endpoint is no fault of the right one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Api {
    secret_id: String,
    host: String,
    service: String,
    action: String,
}

struct Entry {
    valve: Valve,
    /// The vendor's own limit.
    limit: Option<Rate>,
    /// When it was last used, in uses.
    used: u64,
}

impl Valves {
    /// From now on valves are set so; without a rate, the limit that the vendor publishes for an API counts. What is known of
    /// an API goes on where its settings stay the same.
    pub fn set(&self, settings: ValveSettings) {
        let mut all = self.all();
        all.settings = settings;
        for entry in all.valves.values_mut() {
            entry.valve = Valve::new(settings_of(settings, entry.limit)).after(&entry.valve);
        }
    }

    /// The valve that a request goes through.
    pub(super) fn of(&self, request: &Request<'_>) -> Valve {
        let api = Api {
            secret_id: request.key.secret_id.clone(),
            host: request.endpoint.host().to_owned(),
            service: request.service.to_owned(),
            action: request.action.to_owned(),
        };
        let mut all = self.all();
        let All { settings, uses, valves } = &mut *all;
        *uses += 1;
        if valves.len() >= MOST && !valves.contains_key(&api) {
            let oldest = valves.iter().min_by_key(|(_, entry)| entry.used).map(|(api, _)| api.clone());
            oldest.and_then(|oldest| valves.remove(&oldest));
        }
        let limit = request.limit;
        let made = || Entry { valve: Valve::new(settings_of(*settings, limit)), limit, used: 0 };
        let entry = valves.entry(api).or_insert_with(made);
        entry.used = *uses;
        entry.valve.clone()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn settings_of(settings: ValveSettings, limit: Option<Rate>) -> ValveSettings {
    ValveSettings { rate: settings.rate.or(limit), ..settings }
}

impl fmt::Debug for Valves {
    /// Their number alone: keys are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Valves").field(&self.all().valves.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::tencent::client::Endpoint;
    use crate::tencent::credentials::Key;
    use crate::tencent::error::Errors;
    use crate::valve::{BreakerSettings, Held};

    /// The valve for an API, as a key calls it at an endpoint.
    fn valve(valves: &Valves, secret_id: &str, host: &str, action: &str, limit: Option<Rate>) -> Valve {
        let key = Key { secret_id: secret_id.to_owned(), secret_key: "hidden".to_owned(), token: None };
        let endpoint: Endpoint = host.parse().unwrap();
        valves.of(&Request {
            service: "vod",
            version: "2018-07-17",
            action,
            endpoint: &endpoint,
            region: None,
            payload: b"{}",
            key: &key,
            deadline: Instant::now(),
            errors: Errors::GENERAL,
            limit,
        })
    }

    fn strict(failures: u32) -> ValveSettings {
        ValveSettings { rate: None, breaker: BreakerSettings { failures, open: Duration::from_mins(1) } }
    }

    async fn enter(valve: &Valve) -> Result<(), Held> {
        valve.enter(Instant::now() + Duration::from_secs(9)).await.map(drop)
    }

    #[tokio::test]
    async fn an_api_in_trouble_is_left_alone_and_no_other_nor_with_another_key() {
        let valves = Valves::default();
        valves.set(strict(1));
        let of = |key, host, action| valve(&valves, key, host, action, None);
        of("a", "x.example", "Do").enter(Instant::now()).await.unwrap().badly(Instant::now());
        assert!(matches!(enter(&of("a", "x.example", "Do")).await, Err(Held::Open(_))));
        for (key, host, action) in
            [("b", "x.example", "Do"), ("a", "y.example", "Do"), ("a", "x.example", "Undo"), ("a", "x.example", "do")]
        {
            assert_eq!(enter(&of(key, host, action)).await, Ok(()), "{key} {host} {action}");
        }
        valves.set(strict(2));
        assert_eq!(enter(&of("a", "x.example", "Do")).await, Ok(()), "other settings begin anew");
    }

    #[tokio::test]
    async fn the_limit_of_the_vendor_counts_where_none_is_set() {
        let valves = Valves::default();
        let hourly = |count| Some(Rate { count, per: Duration::from_hours(1) });
        let slow = || valve(&valves, "a", "x.example", "Slow", hourly(1));
        assert_eq!(enter(&slow()).await, Ok(()));
        assert!(matches!(enter(&slow()).await, Err(Held::Full(_))));
        valves.set(ValveSettings::default());
        assert!(matches!(enter(&slow()).await, Err(Held::Full(_))), "the same as before");
        valves.set(ValveSettings { rate: hourly(3_600), ..ValveSettings::default() });
        assert_eq!(enter(&slow()).await, Ok(()));
    }

    #[tokio::test]
    async fn there_are_so_many_valves_and_the_one_unused_for_longest_gives_way() {
        let valves = Valves::default();
        valves.set(strict(1));
        let of = |action: &str| valve(&valves, "a", "x.example", action, None);
        for action in ["Kept", "Forgotten"] {
            of(action).enter(Instant::now()).await.unwrap().badly(Instant::now());
        }
        for number in 0..MOST {
            drop(of(&number.to_string()));
            assert!(enter(&of("Kept")).await.is_err());
        }
        assert_eq!(format!("{valves:?}"), format!("Valves({MOST})"));
        assert_eq!(enter(&of("Forgotten")).await, Ok(()));
    }
}
