//! The markers, where they stand, and how they are looked for.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::support::APP;

pub(super) const SIGNED_APP: u64 = 1_500_000_009;

pub(super) const CMS: &str = "marker?cms~1>>/+";
pub(super) const ONCALL: &str = "marker \"oncall\" \\ 2 \u{4e2d}\u{6587}";
pub(super) const TOKEN: &str = "marker-callback-token-3.~";
pub(super) const OLD_TOKEN: &str = "marker-second-callback-token-4";
pub(super) const SIGN_KEY: &str = "markerSignKey5";
pub(super) const SECRET_KEY: &str = "marker-secret-key-6";
pub(super) const TEMPORARY: &str = "marker-temporary-token-7";
pub(super) const SPARE: &str = "marker-spare-key-8";
pub(super) const ADMIN_TOKEN: &str = "marker-admin-token-9";

pub(super) const HOOK: &str = "whsec_bWFya2VyLWhvb2stMTAtbG9uZy1lbm91Z2g=";
pub(super) const PLAIN: &str = "marker-plain-hmac-11";
pub(super) const PATH: &str = "marker-path-12";
pub(super) const HEADER: &str = "marker-header-13";

pub(super) const ALL: [&str; 13] =
    [CMS, ONCALL, TOKEN, OLD_TOKEN, SIGN_KEY, SECRET_KEY, TEMPORARY, SPARE, ADMIN_TOKEN, HOOK, PLAIN, PATH, HEADER];

pub(super) const ENVIRONMENT: [(&str, &str); 11] = [
    ("HOOK", HOOK),
    ("PLAIN", PLAIN),
    ("PATH_KEY", PATH),
    ("HEADER_KEY", HEADER),
    ("CMS", CMS),
    ("CALLBACK", TOKEN),
    ("SIGN_KEY", SIGN_KEY),
    ("SECRET_KEY", SECRET_KEY),
    ("TEMPORARY", TEMPORARY),
    ("SPARE", SPARE),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
];

/// A configuration with a marker in each place that takes a secret.
pub(super) fn config(listen: u16, admin: u16, endpoint: SocketAddr) -> String {
    format!(
        r#"listen: 127.0.0.1:{listen}
admin: 127.0.0.1:{admin}
admin_token: "${{env:ADMIN_TOKEN}}"
vod: {{ endpoint: http://{endpoint} }}
tencent: {{ plain_loopback: true }}
secrets: {{ cms: "${{env:CMS}}", oncall: "${{file:oncall.secret}}", hook: "${{env:HOOK}}", url: "http://{endpoint}/echo/${{env:PATH_KEY}}" }}
targets:
  cms: {{ url: "http://{endpoint}/echo/${{env:PATH_KEY}}?key=${{env:PATH_KEY}}", allow_private: true, sign: standard, secret: "${{{{ secrets.hook }}}}" }}
  plain:
    url: "http://{endpoint}/echo"
    allow_private: true
    sign: {{ hmac_sha256: {{ header: X-Sign, secret: "${{env:PLAIN}}" }} }}
    headers: {{ X-Key: "Key ${{env:HEADER_KEY}}" }}
credentials:
  main: {{ secret_id: AKIDEXAMPLE, secret_key: "${{env:SECRET_KEY}}", token: "${{env:TEMPORARY}}" }}
  spare: {{ secret_id: AKIDSPARE, secret_key: "${{env:SPARE}}" }}
apps:
  - {{ subappid: {APP}, name: main, credentials: main, callback: {{ token: ["${{env:CALLBACK}}", {OLD_TOKEN}] }} }}
  - {{ subappid: {SIGNED_APP}, credentials: main, callback: {{ token: "${{env:CALLBACK}}", sign_key: "${{env:SIGN_KEY}}" }} }}
"#
    )
}

/// The configuration with every reference replaced by the marker that it stands for.
pub(super) fn written_out(config: &str) -> String {
    let quoted = serde_json::to_string(ONCALL).unwrap();
    let config = config.replace("\"${file:oncall.secret}\"", &quoted);
    ENVIRONMENT.iter().fold(config, |config, (name, value)| config.replace(&format!("${{env:{name}}}"), value))
}

/// The forms in which a marker must not be found.
pub(super) fn forms(marker: &str) -> Vec<String> {
    let bytes = marker.as_bytes();
    let percent = |keep: &[u8], upper: bool| -> String {
        let encode = |byte: u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        let keeps = |byte: u8| byte.is_ascii_alphanumeric() || keep.contains(&byte);
        bytes.iter().map(|byte| if keeps(*byte) { char::from(*byte).to_string() } else { encode(*byte) }).collect()
    };
    let json = serde_json::to_string(marker).unwrap();
    let forms = [
        marker.to_owned(),
        json.trim_matches('"').to_owned(),
        STANDARD.encode(bytes),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
        hex::encode(bytes),
        hex::encode_upper(bytes),
        percent(b"-._~", true),
        percent(b"-._~", false),
        percent(b"-._~!*'()", true),
        percent(b"*-._", true).replace("%20", "+"),
    ];
    forms.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Looks for every form of every marker in all that was heard.
pub(super) fn assert_none_in(heard: &[(String, Vec<u8>)]) {
    let mut found = Vec::new();
    for (whence, text) in heard {
        // What is no text changes, and no marker in it does. The search of texts is that of the library, which is fast in
        // builds for tests too: these are many megabytes.
        let text = String::from_utf8_lossy(text);
        for marker in ALL {
            for form in forms(marker) {
                if let Some(at) = text.find(&form) {
                    let (from, to) = (at.saturating_sub(80), (at + 120).min(text.len()));
                    let around = String::from_utf8_lossy(&text.as_bytes()[from..to]);
                    found.push(format!("{whence}: {marker} in {around:?}"));
                }
            }
        }
    }
    assert!(heard.len() > 40, "only {} places were looked at", heard.len());
    assert!(found.is_empty(), "{} markers were found:\n{}", found.len(), found.join("\n"));
}
