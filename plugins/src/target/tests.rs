use super::*;

fn target(rate: &str) -> Target {
    Target {
        url: "https://cms.example/hooks".parse().unwrap(),
        sign: Sign::None,
        headers: HeaderMap::new(),
        expect: None,
        rate: Some(rate.parse().unwrap()),
        breaker: BreakerSettings { failures: 1, open: Duration::from_secs(30) },
        allow_private: false,
        timeout: None,
    }
}

fn named(rate: &str) -> BTreeMap<String, Target> {
    BTreeMap::from([("cms".to_owned(), target(rate))])
}

#[tokio::test]
async fn a_target_that_is_read_again_keeps_what_is_known_of_it() {
    let targets = Targets::new(named("1/h"));
    let soon = Instant::now() + Duration::from_mins(1);
    let enter = async || targets.get("cms").unwrap().enter(soon).await.map(Pass::well);
    assert_eq!(enter().await, Ok(()));
    targets.replace(named("1/h"));
    assert!(matches!(enter().await, Err(Held::Full(_))));
    targets.replace(named("2/h"));
    let pass = targets.get("cms").unwrap().enter(Instant::now() + Duration::from_secs(9)).await.unwrap();
    pass.badly(Instant::now());
    targets.replace(named("3/h"));
    assert!(matches!(enter().await, Err(Held::Open(_))));
    targets.replace(BTreeMap::new());
    assert!(targets.get("cms").is_none());
}

#[tokio::test]
async fn a_full_target_delays_until_there_is_room() {
    let place = Targets::new(named("1000/s")).get("cms").unwrap();
    let deadline = Instant::now() + Duration::from_hours(1);
    for _ in 0..3 {
        place.enter(deadline).await.unwrap().well();
    }
}
