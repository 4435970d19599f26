//! The hourly limit: five thousand requests of each one, by the model's clock.

use headwater::model::Timestamp;

use super::call::Refusal;
use super::people::Actor;
use super::state::State;

const HOURLY: u64 = 5000;
const HOUR: i64 = 3600;

/// What remains for somebody.
pub(super) struct Limit {
    pub(super) remaining: u64,
    /// When it begins anew, in seconds since 1970.
    pub(super) reset: i64,
}

/// What remains for an actor, and until when.
pub(super) fn limit(state: &State, actor: &Actor) -> Limit {
    let login = state.people.login(actor);
    let (hour, left) = state.remaining.get(&login).copied().unwrap_or((0, HOURLY));
    let present = hour_of(state.now);
    Limit {
        remaining: if hour == present { left } else { HOURLY },
        reset: (present + 1) * HOUR,
    }
}

/// Takes one request from an actor's limit.
pub(super) fn spend(state: &mut State, actor: &Actor) -> Result<(), Refusal> {
    let Limit { remaining, reset } = limit(state, actor);
    let login = state.people.login(actor);
    if remaining == 0 {
        return Err(exceeded(reset));
    }
    set(state, &login, remaining - 1);
    Ok(())
}

/// Sets what remains for somebody in this hour.
pub(super) fn set(state: &mut State, login: &str, remaining: u64) {
    let hour = hour_of(state.now);
    state.remaining.insert(login.to_owned(), (hour, remaining));
}

/// 403: the limit is used up until then.
pub(super) fn exceeded(reset: i64) -> Refusal {
    let mut refusal = Refusal::new(403, "API rate limit exceeded for user ID 1.");
    refusal.0.headers = vec![
        ("x-ratelimit-limit".to_owned(), HOURLY.to_string()),
        ("x-ratelimit-remaining".to_owned(), "0".to_owned()),
        ("x-ratelimit-used".to_owned(), HOURLY.to_string()),
        ("x-ratelimit-reset".to_owned(), reset.to_string()),
        ("x-ratelimit-resource".to_owned(), "core".to_owned()),
    ];
    refusal
}

/// 403: too much at once.
pub(super) fn secondary(retry_after: Option<u64>) -> Refusal {
    let message =
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let mut refusal = Refusal::new(403, message);
    let header = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
    refusal.0.headers.extend(header);
    refusal
}

/// The headers that tell it.
pub(super) fn headers(state: &State, actor: &Actor) -> Vec<(String, String)> {
    let Limit { remaining, reset } = limit(state, actor);
    [
        ("x-ratelimit-limit", HOURLY.to_string()),
        ("x-ratelimit-remaining", remaining.to_string()),
        (
            "x-ratelimit-used",
            HOURLY.saturating_sub(remaining).to_string(),
        ),
        ("x-ratelimit-reset", reset.to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn hour_of(now: Timestamp) -> i64 {
    now.as_second() / HOUR
}
