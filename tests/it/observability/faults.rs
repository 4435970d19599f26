//! Every error of every edge says whose fault it is and whether a retry helps; the tables here are whole, or do not compile.

use headwater::cli::Exit;
use headwater::config::ConfigError;
use headwater::forge::{ForgeError, PullState};
use headwater::git::GitError;
use headwater::model::{Fault, Faulty, Party, Retry, Timestamp};
use headwater::observe::ObserveError;
use headwater::registry::RegistryError;
use headwater::telemetry::TelemetryError;

use Party::{Operator, Remote, Us, User};

/// Checks one error per variant. A variant without a row does not compile; a row with another variant's example fails.
macro_rules! every {
    ($type:ident, $($variant:pat => $example:expr, $party:expr, $retry:pat,)+) => {{
        let complete = |error: &$type| match error { $($variant => (),)+ };
        $(
            let error: $type = $example;
            complete(&error);
            assert!(matches!(error, $variant), "{error:?} in the row of {}", stringify!($variant));
            let Fault { party, retry } = error.fault();
            assert!(
                party == $party && matches!(retry, $retry),
                "{error:?} is {party:?} {retry:?}"
            );
            well_told(&error);
        )+
    }};
}

/// Plain words: something is said, on one line, in lower case and without a full stop.
fn well_told(error: &impl Faulty) {
    let text = error.to_string();
    let first = text.chars().next().unwrap();
    assert!(!first.is_uppercase() && !text.ends_with('.'), "{text}");
}

fn text() -> String {
    "x".to_owned()
}

fn noon() -> Timestamp {
    "2026-01-05T12:00:00Z".parse().unwrap()
}

fn commit() -> headwater::model::CommitId {
    "1".repeat(40).parse().unwrap()
}

#[test]
fn every_error_of_a_registry_says_whose_fault_it_is_and_whether_a_retry_helps() {
    let later = Some(noon());
    every! { RegistryError,
        RegistryError::NotFound { .. } => RegistryError::NotFound { subject: text() }, User, Retry::Never,
        RegistryError::Unauthorized { .. } => RegistryError::Unauthorized { subject: text(), detail: text() }, Operator, Retry::Never,
        RegistryError::Credentials { .. } => RegistryError::Credentials { host: text(), detail: text() }, Operator, Retry::Never,
        RegistryError::Forbidden { .. } => RegistryError::Forbidden { host: text(), detail: text() }, Operator, Retry::Never,
        RegistryError::Invalid { .. } => RegistryError::Invalid { subject: text(), detail: text() }, Remote, Retry::Never,
        RegistryError::RateLimited { .. } => RegistryError::RateLimited { host: text(), retry_at: noon() }, Remote, Retry::Later(Some(_)),
        RegistryError::Unavailable { .. } => RegistryError::Unavailable { host: text(), retry_at: noon(), cause: text() }, Remote, Retry::Later(Some(_)),
        RegistryError::DigestMismatch { .. } => RegistryError::DigestMismatch { subject: text(), expected: text(), got: text() }, Remote, Retry::Never,
        RegistryError::TooLarge { .. } => RegistryError::TooLarge { subject: text(), limit: 1 }, Remote, Retry::Never,
        RegistryError::Network { .. } => RegistryError::Network { host: text(), detail: text() }, Remote, Retry::Later(None),
        RegistryError::Server { .. } => RegistryError::Server { host: text(), status: 503, retry_at: later }, Remote, Retry::Later(Some(_)),
        RegistryError::Redirects { .. } => RegistryError::Redirects { host: text(), most: 5, last: text() }, Remote, Retry::Never,
        RegistryError::Redirected { .. } => RegistryError::Redirected { host: text(), there: text(), status: 403 }, Remote, Retry::Later(None),
        RegistryError::Contradiction { .. } => RegistryError::Contradiction { host: text(), subject: text(), digest: text() }, Remote, Retry::Never,
        RegistryError::Tls { .. } => RegistryError::Tls { host: text(), detail: text() }, Operator, Retry::Never,
    }
}

#[test]
fn every_error_of_git_says_whose_fault_it_is_and_whether_a_retry_helps() {
    let local = |transient| GitError::Local {
        message: text(),
        transient,
    };
    every! { GitError,
        GitError::Network { .. } => GitError::Network { location: text(), message: text() }, Remote, Retry::Later(None),
        GitError::Tls { .. } => GitError::Tls { location: text(), message: text() }, Operator, Retry::Never,
        GitError::Owner { .. } => GitError::Owner { location: text() }, Operator, Retry::Never,
        GitError::Auth { .. } => GitError::Auth { location: text(), message: text() }, Operator, Retry::Never,
        GitError::NotFound(_) => GitError::NotFound(text()), User, Retry::Never,
        GitError::NoBranch { .. } => GitError::NoBranch { location: text(), branch: text() }, User, Retry::Never,
        GitError::Rejected { .. } => GitError::Rejected { location: text(), message: text() }, Operator, Retry::Never,
        GitError::Corrupt { .. } => GitError::Corrupt { location: text(), message: text() }, Operator, Retry::Later(None),
        GitError::Locked(_) => GitError::Locked(text()), Operator, Retry::Later(None),
        GitError::Unsupported(_) => GitError::Unsupported(text()), User, Retry::Never,
        GitError::Invalid(_) => GitError::Invalid(text()), User, Retry::Never,
        GitError::Local { .. } => local(false), Operator, Retry::Never,
    }
    assert!(
        local(true).fault().heals(),
        "a full disk may be cleared away"
    );
}

#[test]
fn every_error_of_the_forge_says_whose_fault_it_is_and_whether_a_retry_helps() {
    let git = GitError::Network {
        location: text(),
        message: text(),
    };
    every! { ForgeError,
        ForgeError::Git(_) => ForgeError::Git(git), Remote, Retry::Later(None),
        ForgeError::NotFound(_) => ForgeError::NotFound(text()), User, Retry::Never,
        ForgeError::Api { .. } => ForgeError::Api {
            forge: "GitHub",
            what: text(),
            message: text(),
            reason: "Unavailable",
            fault: headwater::model::Fault::of(Remote).later(None),
        }, Remote, Retry::Later(None),
        ForgeError::NoBranch(_) => ForgeError::NoBranch(text()), User, Retry::Never,
        ForgeError::Malformed { .. } => ForgeError::Malformed { id: text(), problem: text() }, User, Retry::Never,
        ForgeError::State { .. } => ForgeError::State { id: text(), state: PullState::Merged }, User, Retry::Now,
        ForgeError::HeadMoved { .. } => ForgeError::HeadMoved { id: text(), expected: commit(), found: commit() }, User, Retry::Now,
        ForgeError::BaseMoved { .. } => ForgeError::BaseMoved { expected: commit(), found: None }, User, Retry::Now,
        ForgeError::Conflict { .. } => ForgeError::Conflict { id: text(), paths: vec![text()] }, User, Retry::Never,
        ForgeError::Refused { .. } => ForgeError::Refused { name: text(), message: text() }, Operator, Retry::Never,
        ForgeError::Contended(_) => ForgeError::Contended(text()), User, Retry::Later(None),
        ForgeError::Key { .. } => ForgeError::Key { path: text().into(), problem: text() }, User, Retry::Never,
        ForgeError::Invalid(_) => ForgeError::Invalid(text()), User, Retry::Never,
    }
}

#[test]
fn every_error_of_observing_and_of_settings_says_whose_fault_it_is() {
    every! { ObserveError,
        ObserveError::Git(_) => ObserveError::Git(GitError::NotFound(text())), User, Retry::Never,
        ObserveError::Empty(_) => ObserveError::Empty(text()), User, Retry::Never,
        ObserveError::CommitGone { .. } => ObserveError::CommitGone { commit: text(), repository: text() }, User, Retry::Never,
        ObserveError::Stopped(_) => ObserveError::Stopped(text()), Us, Retry::Later(None),
    }
    let cause = || std::io::Error::other("x");
    every! { ConfigError,
        ConfigError::Unreadable { .. } => ConfigError::Unreadable { path: text().into(), cause: cause() }, Operator, Retry::Never,
        ConfigError::TooLong { .. } => ConfigError::TooLong { path: text().into() }, Operator, Retry::Never,
        ConfigError::Syntax { .. } => ConfigError::Syntax { place: text(), message: text() }, Operator, Retry::Never,
        ConfigError::Variable { .. } => ConfigError::Variable { name: text(), help: text() }, Operator, Retry::Never,
        ConfigError::Invalid(_) => ConfigError::Invalid(Vec::new()), Operator, Retry::Never,
        ConfigError::Merge => ConfigError::Merge, Us, Retry::Never,
    }
    every! { TelemetryError,
        TelemetryError::Level(_) => TelemetryError::Level(text()), Operator, Retry::Never,
        TelemetryError::Twice => TelemetryError::Twice, Us, Retry::Never,
    }
}

#[test]
fn exit_codes_follow_the_retry() {
    let remote = Fault::of(Remote);
    assert_eq!(Exit::of(remote), Exit::Failed);
    assert_eq!(Exit::of(remote.now()), Exit::TryAgain);
    assert_eq!(Exit::of(remote.later(None)), Exit::TryAgain);
}
