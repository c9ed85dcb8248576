//! Showing what strangers send.

/// The text on one line, cut after so many characters: what a stranger's server sends is stored and shown.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    let mut kept: String = text.trim().chars().take(limit).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().chars().nth(limit).is_some() {
        kept.push('…');
    }
    kept
}
