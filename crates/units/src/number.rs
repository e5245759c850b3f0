//! Plain digits.

/// The value of a text of ASCII digits alone; what does not fit is `u128::MAX`,
/// which no range of ours contains.
pub(crate) fn whole(text: &str) -> Option<u128> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Digits alone can only fail to parse by being too many.
    Some(text.parse().unwrap_or(u128::MAX))
}
