//! Runs that have gathered their events, run again.

use super::{OtherSide, ask, count, id, run, serve, upload};

const RULES: &str = "
rules:
  - name: each
    on: NewFileUpload
    collect: { key: all, quiet: 1h, max_events: 3 }
    steps:
      - { id: first, uses: http, with: { url: 'URL/${{ events.len() }}-${{ event.file_id }}', allow_private: true } }
      - for_each: ${{ events }}
        as: one
        uses: http
        with: { url: 'URL/${{ one.file_id }}', allow_private: true }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_run_that_has_gathered_events_goes_on_with_all_of_them() {
    let other = OtherSide::start().await;
    other.answers("2", 400);
    let (folder, serving) = serve(RULES, &other);
    for file in ["1", "2", "3"] {
        upload(&serving, file).await;
    }
    let dead = run(&serving, "dead").await;
    assert_eq!(other.calls(), ["3-3", "1", "2"]);
    other.answers("2", 200);
    let (code, asked) = ask(&folder, &["runs", "retry", id(&dead)]);
    assert_eq!(code, 0, "{asked}");
    let well = run(&serving, "succeeded").await;
    assert_eq!((other.calls(), id(&well)), (vec!["2".to_owned(), "3".to_owned()], id(&dead)));
    count(&serving, "dead", 0).await;
}
