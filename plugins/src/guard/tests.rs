use super::*;

fn refusal(url: &str) -> Option<Kind> {
    check(&Url::parse(url).unwrap()).err().map(|refused| refused.kind)
}

#[test]
fn an_address_is_refused_in_every_notation() {
    let loopback = [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.1/",
        "http://127.0.1/",
        "http://127.0.0.1./",
        "http://%31%32%37.0.0.1/",
        "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
        "http://127\u{3002}0\u{3002}0\u{3002}1/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://[64:ff9b::7f00:1]/",
        "http://user:pass@127.0.0.1:8080/",
    ];
    for url in loopback {
        assert_eq!(refusal(url), Some(Kind::Loopback), "{url}");
    }
    assert_eq!(refusal("http://2852039166/"), Some(Kind::LinkLocal));
    assert_eq!(refusal("http://0xA9FEA9FE/"), Some(Kind::LinkLocal));
    assert_eq!(refusal("http://0/"), Some(Kind::Unspecified));
    assert_eq!(refusal("http://1.1.1.1/"), None);
    assert_eq!(refusal("http://cms.example/"), None);
}

#[test]
fn an_address_with_a_zone_is_no_url() {
    for url in ["http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[::1%25lo]/"] {
        assert!(Url::parse(url).is_err(), "{url}");
    }
}

struct Names(Vec<&'static str>);

#[async_trait]
impl Lookup for Names {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(self.0.iter().map(|address| address.parse().unwrap()).collect())
    }
}

async fn resolved(addresses: &[&'static str], allow_private: bool) -> Result<Vec<String>, String> {
    let guarded = Guarded::new(Arc::new(Names(addresses.to_vec())), allow_private);
    let found = guarded.resolved("cms.example").await.map_err(|error| error.to_string())?;
    Ok(found.iter().map(|address| address.ip().to_string()).collect())
}

#[tokio::test]
async fn only_public_addresses_of_a_name_are_left() {
    let mixed = ["10.2.3.4", "1.1.1.1", "::1", "2606:4700::1"];
    assert_eq!(resolved(&mixed, false).await, Ok(vec!["1.1.1.1".to_owned(), "2606:4700::1".to_owned()]));
    assert_eq!(resolved(&mixed, true).await.map(|all| all.len()), Ok(4));
}

#[tokio::test]
async fn a_name_that_stands_inside_is_refused_with_its_address() {
    let refused = resolved(&["10.2.3.4", "127.0.0.1"], false).await;
    assert_eq!(refused, Err("cms.example is 10.2.3.4, a private address".to_owned()));
    assert_eq!(resolved(&[], false).await, Err("the name has no address".to_owned()));
}

#[test]
fn a_refusal_names_an_address_once() {
    let refused = check(&Url::parse("http://[::ffff:10.0.0.1]/").unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "::ffff:10.0.0.1 is a private address");
}
