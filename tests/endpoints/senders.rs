//! Who may send: requests that are signed as others publish it, and what was altered in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use standardwebhooks::Webhook;

use super::{Headers, digits, folder, seconds};
use crate::support::Serving;

const SECRET: &str = "a secret that only the sender has";
const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

const ENDPOINTS: &str = "
secrets: { shared: \"${env:SHARED}\", old: \"${env:OLD}\", new: \"${env:NEW}\" }
endpoints:
  - path: /hooks/github
    source: github
    type: \"github.${{ headers['x-github-event'] }}\"
    dedupe: \"${{ headers['x-github-delivery'] }}\"
    verify: { hmac_sha256: { header: X-Hub-Signature-256, prefix: 'sha256=', secret: \"${{ secrets.shared }}\" } }
  - path: /hooks/stripe
    source: stripe
    type: \"${{ body.type }}\"
    dedupe: \"${{ body.id }}\"
    verify: { timestamped: { header: Stripe-Signature, secrets: [\"${{ secrets.new }}\", \"${{ secrets.old }}\"], tolerance: 2m } }
  - path: /hooks/contacts
    source: contacts
    type: \"${{ body.type }}\"
    verify: { standard: { secrets: [\"${{ secrets.new }}\", \"${{ secrets.old }}\"] } }
  - path: /hooks/shop
    source: shop
    type: Decided
    verify: { hmac_sha256: { header: X-Shopify-Hmac-Sha256, encoding: base64, secret: \"${{ secrets.shared }}\" } }
  - { path: /hooks/token, source: token, type: Decided, verify: { bearer: { secrets: [\"${{ secrets.new }}\", \"${{ secrets.old }}\"] } } }
  - { path: /hooks/password, source: password, type: Decided, verify: { basic: { user: desk, secret: \"${{ secrets.shared }}\" } } }
  - { path: /open, source: anyone, type: Decided, insecure: true }
";

fn start(folder: &crate::support::Folder) -> Serving {
    Serving::start_with(folder, &[("SHARED", SECRET), ("OLD", OLD), ("NEW", NEW)])
}

/// Sends what must be refused; the word for it.
async fn refused(serving: &Serving, path: &str, headers: Headers<'_>, body: &str) -> String {
    let (status, answer) = serving.send(path, headers, body).await;
    assert_eq!(status, 401, "{path} {headers:?} {body}: {answer}");
    answer["error"]["code"].as_str().unwrap().to_owned()
}

/// Nothing of what was refused is there, in the store or in the log, and nobody was told a secret.
async fn nothing_else_is_there(serving: &Serving, events: u64) {
    assert_eq!(serving.stored().await.0, events);
    assert_eq!(serving.get("/quarantine").await["items"].as_array().unwrap().len(), 0);
    let log = serving.log();
    assert!([SECRET, OLD, NEW].iter().all(|secret| !log.contains(secret)), "{log}");
}

#[tokio::test]
async fn a_request_that_github_signed_is_taken_once_and_an_altered_one_never() {
    let folder = folder(ENDPOINTS);
    let serving = start(&folder);
    let body = r#"{"ref":"refs/heads/main","repository":{"full_name":"octo/example"}}"#;
    let signed = format!("sha256={}", digits(SECRET, body));
    let headers =
        [("X-GitHub-Event", "push"), ("X-GitHub-Delivery", "72d3162e"), ("X-Hub-Signature-256", signed.as_str())];
    let (status, first) = serving.send("/hooks/github", &headers, body).await;
    assert_eq!((status, &first["duplicate"]), (200, &false.into()), "{first}");
    let (status, again) = serving.send("/hooks/github", &headers, body).await;
    assert_eq!((status, &again["event"], &again["duplicate"]), (200, &first["event"], &true.into()), "{again}");

    let with = |signature: &'static str| [headers[0], headers[1], ("X-Hub-Signature-256", signature)];
    let wrong = format!("sha256={}", digits("another secret", body));
    let wrong = [headers[0], headers[1], ("X-Hub-Signature-256", wrong.as_str())];
    assert_eq!(refused(&serving, "/hooks/github", &headers, &body.replace("main", "evil")).await, "signature_wrong");
    assert_eq!(refused(&serving, "/hooks/github", &headers, &format!("{body} ")).await, "signature_wrong");
    assert_eq!(refused(&serving, "/hooks/github", &wrong, body).await, "signature_wrong");
    assert_eq!(refused(&serving, "/hooks/github", &with("sha256="), body).await, "signature_wrong");
    assert_eq!(refused(&serving, "/hooks/github", &with(signed[7..].to_owned().leak()), body).await, "signature_wrong");
    assert_eq!(refused(&serving, "/hooks/github", &headers[..2], body).await, "signature_missing");
    nothing_else_is_there(&serving, 1).await;
    assert_eq!(serving.heard(1).await[0]["type"], "github.push");
}

#[tokio::test]
async fn a_request_that_stripe_signed_is_taken_in_its_time_and_an_altered_one_never() {
    let folder = folder(ENDPOINTS);
    let serving = start(&folder);
    let body = r#"{"id":"evt_1","type":"invoice.paid","data":{"object":{"amount_due":2000}}}"#;
    let signed = |secret: &str, time: i64| format!("t={time},v1={}", digits(secret, format!("{time}.{body}")));
    let now = seconds();
    let send = async |signature: &str| serving.send("/hooks/stripe", &[("Stripe-Signature", signature)], body).await;
    let (status, first) = send(&signed(OLD, now)).await;
    assert_eq!(status, 200, "{first}");
    // Signed anew with the new secret, as Stripe signs a second attempt.
    let (status, again) = send(&format!("{},v0=00", signed(NEW, now - 1))).await;
    assert_eq!((status, &again["event"]), (200, &first["event"]), "{again}");

    let wrong = async |signature: &str, body: &str| {
        refused(&serving, "/hooks/stripe", &[("Stripe-Signature", signature)], body).await
    };
    assert_eq!(wrong(&signed(NEW, now - 150), body).await, "signature_out_of_time");
    assert_eq!(wrong(&signed(NEW, now + 150), body).await, "signature_out_of_time");
    assert_eq!(wrong(&signed(NEW, now), &body.replace("2000", "1")).await, "signature_wrong");
    assert_eq!(wrong(&signed(SECRET, now), body).await, "signature_wrong");
    let moved = signed(NEW, now).replace(&now.to_string(), &(now + 1).to_string());
    assert_eq!(wrong(&moved, body).await, "signature_wrong");
    assert_eq!(wrong(&signed(NEW, now).replace("v1=", "v0="), body).await, "signature_wrong");
    assert_eq!(refused(&serving, "/hooks/stripe", &[], body).await, "signature_missing");
    nothing_else_is_there(&serving, 1).await;
    assert_eq!(serving.heard(1).await[0]["type"], "invoice.paid");
}

#[tokio::test]
async fn what_the_reference_library_of_standard_webhooks_signs_is_taken_and_nothing_that_was_altered() {
    let folder = folder(ENDPOINTS);
    let serving = start(&folder);
    let body = r#"{"type":"contact.created","data":{"name":"中文"}}"#;
    let sign =
        |secret: &str, id: &str, time: i64| Webhook::new(secret).unwrap().sign(id, time, body.as_bytes()).unwrap();
    let now = seconds();
    let send = async |id: &str, time: i64, signature: &str, body: &str| {
        let time = time.to_string();
        let headers = [("webhook-id", id), ("webhook-timestamp", time.as_str()), ("webhook-signature", signature)];
        let (status, answer) = serving.send("/hooks/contacts", &headers, body).await;
        (status, answer["event"].as_str().or(answer["error"]["code"].as_str()).unwrap().to_owned())
    };
    let (status, first) = send("msg_1", now, &sign(OLD, "msg_1", now), body).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(send("msg_1", now - 1, &sign(NEW, "msg_1", now - 1), body).await, (200, first));
    let both = format!("{} {}", sign("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "msg_2", now), sign(NEW, "msg_2", now));
    assert_eq!(send("msg_2", now, &both, body).await.0, 200);

    let wrong = |code: &str| (401, code.to_owned());
    let signed = sign(NEW, "msg_3", now);
    assert_eq!(send("msg_3", now, &signed, &body.replace("created", "deleted")).await, wrong("signature_wrong"));
    assert_eq!(send("msg_4", now, &signed, body).await, wrong("signature_wrong"));
    assert_eq!(send("msg_3", now - 1, &signed, body).await, wrong("signature_wrong"));
    assert_eq!(send("msg_3", now - 400, &sign(NEW, "msg_3", now - 400), body).await, wrong("signature_out_of_time"));
    assert_eq!(send("msg_3", now + 400, &sign(NEW, "msg_3", now + 400), body).await, wrong("signature_out_of_time"));
    let other = sign("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "msg_3", now);
    assert_eq!(send("msg_3", now, &other, body).await, wrong("signature_wrong"));
    assert_eq!(refused(&serving, "/hooks/contacts", &[("webhook-id", "msg_3")], body).await, "signature_missing");
    nothing_else_is_there(&serving, 2).await;
}

#[tokio::test]
async fn base64_tokens_and_passwords_prove_a_sender_too() {
    let folder = folder(ENDPOINTS);
    let serving = start(&folder);
    let body = r#"{"id":1}"#;
    let base64 = STANDARD.encode(hex::decode(digits(SECRET, body)).unwrap());
    let password = format!("Basic {}", STANDARD.encode(format!("desk:{SECRET}")));
    let good = [
        ("/hooks/shop", ("X-Shopify-Hmac-Sha256", base64.clone())),
        ("/hooks/token", ("Authorization", format!("Bearer {OLD}"))),
        ("/hooks/password", ("Authorization", password)),
        ("/open", ("Authorization", "whatever".to_owned())),
    ];
    for (path, (header, value)) in &good {
        let (status, answer) = serving.send(path, &[(header, value)], body).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
    assert_eq!(
        refused(&serving, "/hooks/shop", &[("X-Shopify-Hmac-Sha256", &digits(SECRET, body))], body).await,
        "signature_wrong"
    );
    for (path, value) in [
        ("/hooks/token", format!("Bearer {SECRET}")),
        ("/hooks/token", OLD.to_owned()),
        ("/hooks/password", format!("Basic {}", STANDARD.encode(format!("other:{SECRET}")))),
        ("/hooks/password", format!("Bearer {SECRET}")),
    ] {
        assert_eq!(refused(&serving, path, &[("Authorization", &value)], body).await, "wrong_credentials");
        assert_eq!(refused(&serving, path, &[], body).await, "wrong_credentials");
    }
    nothing_else_is_there(&serving, 4).await;
    assert_eq!(serving.heard(4).await.len(), 4);
}
