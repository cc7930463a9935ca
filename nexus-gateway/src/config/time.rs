//! Times on the command line.

use humantime::{format_duration, parse_duration};
use std::time::Duration;

/// Reads a time with its unit (`100ms`, `2s`, `1m 30s`), or a number alone, which counts
/// `unit`s; refuses one out of `least..=most`.
pub(super) fn time(
    unit: Duration,
    least: Duration,
    most: Duration,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    move |text| {
        let time = match text.parse::<u32>() {
            Ok(count) => unit.saturating_mul(count),
            Err(_) => parse_duration(text).map_err(|error| error.to_string())?,
        };
        match (least..=most).contains(&time) {
            true => Ok(time),
            false => {
                let [least, most] = [least, most].map(format_duration);
                Err(format!("a time is wanted from {least} to {most}"))
            }
        }
    }
}

/// The unit of a number alone, and the limits of how often a sync file is renewed.
pub(super) fn sync_time() -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync {
    const MS: Duration = Duration::from_millis(1);
    time(MS, MS, Duration::from_secs(60))
}

/// Those of how long something is waited for, in seconds.
pub(super) fn waiting_time(
    least: Duration,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync {
    time(Duration::from_secs(1), least, Duration::from_secs(86_400))
}
