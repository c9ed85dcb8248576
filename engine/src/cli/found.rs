//! All rows of a list, before anything is done about one of them: the list would change under way.

use serde_json::Value;

use super::Failure;
use super::client::Client;
use super::progress::Progress;

/// Rows of a page.
const PAGE: &str = "1000";

/// Every row that a query finds, newest first.
pub(super) async fn found(client: &Client, path: &str, query: &[(&str, String)]) -> Result<Vec<Value>, Failure> {
    let mut progress = Progress::start("looking");
    let mut found = Vec::new();
    let mut before: Option<String> = None;
    loop {
        let mut query = query.to_vec();
        query.push(("limit", PAGE.to_owned()));
        query.extend(before.map(|row| ("before", row)));
        let mut page = client.get(path, &query).await?;
        if let Some(items) = page["items"].as_array_mut() {
            found.append(items);
        }
        progress.update(|| format!("{} found", found.len()));
        before = page["next"].as_str().map(str::to_owned);
        if before.is_none() {
            return Ok(found);
        }
    }
}
