//! Where requests enter.

use std::str::FromStr;

use reqwest::Url;

/// The address of an API: `https://vod.tencentcloudapi.com`, `vod.ap-guangzhou.tencentcloudapi.com`, the international
/// site's `vod.intl.tencentcloudapi.com` (protocol section 7), or a stand-in's `http://127.0.0.1:9000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    host: String,
    tls: bool,
}

/// A text is not the address of an API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no endpoint: {reason}; write a host name, or https://HOST[:PORT]")]
pub struct EndpointError {
    text: String,
    reason: String,
}

impl Endpoint {
    /// The URL that requests go to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The `Host` that is sent and signed: with the port unless it is the scheme's own.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The one that the vendor gives a service: `https://SERVICE.tencentcloudapi.com`.
    ///
    /// # Errors
    ///
    /// When the name of the service cannot be a part of a host name.
    pub fn of_service(service: &str) -> Result<Self, EndpointError> {
        let fits = !service.is_empty() && service.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !fits {
            let reason = "a service is named by small letters and digits, such as vod".to_owned();
            return Err(EndpointError { text: service.to_owned(), reason });
        }
        let host = format!("{service}.tencentcloudapi.com");
        Ok(Self { url: format!("https://{host}/"), host, tls: true })
    }

    /// Whether what is sent is encrypted.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.tls
    }

    /// Whether it is an address of this machine, written as such: `localhost` or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let Ok(url) = Url::parse(&self.url) else { return false };
        match url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']')) {
            Some("localhost") => true,
            Some(host) => host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
            None => false,
        }
    }
}

impl Default for Endpoint {
    /// VOD's.
    fn default() -> Self {
        let host = "vod.tencentcloudapi.com";
        Self { url: format!("https://{host}/"), host: host.to_owned(), tls: true }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        // What stands before an @ may be a secret.
        let shown = if text.contains('@') { "…" } else { text };
        let refuse = |reason: &str| EndpointError { text: shown.to_owned(), reason: reason.to_owned() };
        let address = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&address).map_err(|error| refuse(&error.to_string()))?;
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(refuse("its scheme is neither https nor http")),
        };
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("it names a user"));
        }
        if !bare {
            return Err(refuse("requests go to the path /, so it can have neither path nor query"));
        }
        let name = url.host_str().ok_or_else(|| refuse("it has no host"))?;
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Ok(Self { url: url.to_string(), host, tls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> String {
        text.parse::<Endpoint>().unwrap().host().to_owned()
    }

    #[test]
    fn the_host_has_a_port_only_when_it_is_sent() {
        assert_eq!(host("vod.ap-guangzhou.tencentcloudapi.com"), "vod.ap-guangzhou.tencentcloudapi.com");
        assert_eq!(host("https://vod.intl.tencentcloudapi.com:443/"), "vod.intl.tencentcloudapi.com");
        assert_eq!(host("http://127.0.0.1:9000"), "127.0.0.1:9000");
        assert_eq!(host("127.0.0.1:9000"), "127.0.0.1:9000");
        assert_eq!(host("http://[::1]:9000"), "[::1]:9000");
        assert_eq!(host("HTTP://VOD.Example:80"), "vod.example");
    }

    #[test]
    fn the_default_is_the_parsed_form_of_its_name() {
        assert_eq!(Endpoint::default(), "vod.tencentcloudapi.com".parse().unwrap());
    }

    #[test]
    fn a_service_has_the_host_of_its_name() {
        assert_eq!(Endpoint::of_service("vod").unwrap(), Endpoint::default());
        assert_eq!(Endpoint::of_service("cdn").unwrap().url(), "https://cdn.tencentcloudapi.com/");
        for service in ["", "VOD", "a.b", "evil.example/", "a-b", "x@y"] {
            assert!(Endpoint::of_service(service).is_err(), "{service}");
        }
    }

    #[test]
    fn an_address_of_this_machine_is_known_as_one() {
        let is_loopback = |text: &str| text.parse::<Endpoint>().unwrap().is_loopback();
        assert!(is_loopback("http://127.0.0.1:9000") && is_loopback("http://[::1]:9000") && is_loopback("localhost"));
        assert!(!is_loopback("http://10.0.0.1") && !is_loopback("http://localhost.example"));
    }

    #[test]
    fn what_is_no_endpoint_is_refused_without_showing_secrets() {
        for text in ["", "https://", "ftp://vod.example", "vod.example/path", "vod.example?x=1", "not a host"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
        for text in ["https://user:pass@vod.example", "ftp://user:pass@vod.example", "https://user:pass@"] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(!error.to_string().contains("pass"), "{error}");
        }
    }
}
