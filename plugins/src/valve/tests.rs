use super::*;

fn valve(failures: u32) -> Valve {
    Valve::new(ValveSettings { rate: None, breaker: BreakerSettings { failures, open: Duration::from_secs(30) } })
}

fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

#[tokio::test]
async fn without_a_rate_everything_passes_until_a_pause_is_asked_for() {
    let valve = valve(10);
    for _ in 0..100 {
        valve.enter(in_a_minute()).await.unwrap().well();
    }
    valve.pause(Instant::now(), Some(Duration::from_hours(1)));
    let Held::Full(after) = valve.enter(in_a_minute()).await.unwrap_err() else { panic!("it is paused") };
    assert!(after > Duration::from_mins(59), "{after:?}");
}

#[tokio::test]
async fn what_is_known_goes_on_where_the_settings_stay_the_same() {
    let before = valve(1);
    before.enter(in_a_minute()).await.unwrap().badly(Instant::now());
    before.pause(Instant::now(), Some(Duration::from_hours(1)));
    assert!(matches!(valve(1).after(&before).enter(in_a_minute()).await, Err(Held::Open(_))));
    assert!(matches!(valve(2).after(&before).enter(in_a_minute()).await, Err(Held::Full(_))));
    let rate = Some(Rate { count: 100, per: Duration::from_secs(1) });
    let other = Valve::new(ValveSettings { rate, breaker: BreakerSettings::default() });
    other.after(&before).enter(in_a_minute()).await.unwrap().well();
}
