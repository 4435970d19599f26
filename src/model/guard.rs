//! Guards: what the operator fixes for environments, whatever the repository says. The repository may only be stricter.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::environment::Delivery;
use super::gate::{Approvals, Gate};
use super::verifying_key::Fingerprint;

/// What is fixed for the environments that a pattern means.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Guard {
    /// How every write below the environment is handed over, at the loosest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// Kinds of conditions that every stage of the environment must have.
    #[serde(deserialize_with = "some", skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GuardedKind>,
    /// The only keys that `signature` gates of the environment may use.
    #[serde(deserialize_with = "some", skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Fingerprint>,
    /// People and teams of whom one at least must approve what moves a stage of the environment forward.
    #[serde(deserialize_with = "owners", skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
}

impl Guard {
    /// The loosest delivery: whoever must be asked can only be asked in a pull request.
    pub fn delivery(&self) -> Option<Delivery> {
        match self.owners.is_empty() {
            true => self.delivery,
            false => Some(Delivery::PullRequest),
        }
    }

    /// The setting by which nothing may be pushed below the environment, if one says so.
    pub fn forbids_pushes(&self) -> Option<String> {
        if self.delivery == Some(Delivery::PullRequest) {
            return Some("delivery: pullRequest".to_owned());
        }
        let owners = self.owners.join(", ");
        (!owners.is_empty()).then(|| format!("owners: {owners}"))
    }

    /// The approval that is asked for, if it is.
    pub fn approvals(&self) -> Option<Approvals> {
        let from = self.owners.clone();
        (!from.is_empty()).then_some(Approvals { count: 1, from })
    }
}

/// A kind of condition that a guard may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GuardedKind {
    /// `age`.
    Age,
    /// `window`.
    Window,
    /// `signature`.
    Signature,
    /// `expression`, before arrival or after it.
    Expression,
    /// `soak`.
    Soak,
    /// `workflow`.
    Workflow,
    /// `checks`.
    Checks,
    /// `http`.
    Http,
    /// Somebody has to approve.
    Approvals,
}

impl GuardedKind {
    /// The kind as written in YAML, and as conditions name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Window => "window",
            Self::Signature => "signature",
            Self::Expression => "expression",
            Self::Soak => "soak",
            Self::Workflow => "workflow",
            Self::Checks => "checks",
            Self::Http => "http",
            Self::Approvals => "approvals",
        }
    }

    /// Whether it may stand under `enter`.
    pub const fn may_enter(self) -> bool {
        matches!(
            self,
            Self::Age | Self::Window | Self::Signature | Self::Expression
        )
    }

    /// Whether it may stand under `verify`.
    pub const fn may_verify(self) -> bool {
        matches!(
            self,
            Self::Soak | Self::Workflow | Self::Checks | Self::Http | Self::Expression
        )
    }

    /// Whether a gate is one.
    pub fn is(self, gate: &Gate) -> bool {
        self.as_str() == gate.kind()
    }
}

impl fmt::Display for GuardedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A list with something in it, and nothing twice: an empty one would look as if it fixed something.
fn some<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + PartialEq + fmt::Display,
{
    let all = Vec::<T>::deserialize(deserializer)?;
    if all.is_empty() {
        return Err(de::Error::custom(
            "this list is empty and fixes nothing: name something, or leave it out",
        ));
    }
    let twice = all.iter().enumerate();
    let twice = twice.filter(|(at, one)| all[..*at].contains(one));
    match twice.map(|(_, one)| one).next() {
        Some(one) => Err(de::Error::custom(format!("`{one}` is named twice"))),
        None => Ok(all),
    }
}

/// People and teams, spelled as `approvals` do.
fn owners<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let all: Vec<String> = some(deserializer)?;
    let odd = |name: &&String| {
        name.trim_start_matches('@').is_empty() || name.chars().any(char::is_whitespace)
    };
    match all.iter().find(odd) {
        Some(name) => Err(de::Error::custom(format!(
            "`{name}` names nobody: write `@ann`, `@acme/release` or an address"
        ))),
        None => Ok(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_gate_can_be_asked_for_and_stands_where_the_gate_may() {
        let gates = [
            r#"{"age": "2h"}"#,
            r#"{"window": {"allow": ["Mon-Thu 09:00-16:00"], "timeZone": "UTC"}}"#,
            r#"{"signature": {"key": "keys/a.pub"}}"#,
            r#"{"expression": "true"}"#,
            r#"{"soak": "1h"}"#,
            r#"{"workflow": {"repository": "acme/app", "file": "e2e.yaml"}}"#,
            r#"{"checks": ["e2e"]}"#,
            r#"{"http": {"url": "https://t.example/x", "expect": "true"}}"#,
        ];
        for text in gates {
            let gate: Gate = serde_json::from_str(text).unwrap();
            let kind: GuardedKind =
                serde_json::from_value(serde_json::Value::from(gate.kind())).unwrap();
            assert!(kind.is(&gate), "{text}");
            let kinds = (kind.may_enter(), kind.may_verify());
            assert_eq!(kinds, (gate.may_guard_entry(), gate.may_verify()), "{text}");
        }
    }

    #[test]
    fn what_was_written_down_when_only_the_delivery_could_be_fixed_is_read() {
        let old: Guard = serde_json::from_str(r#"{"delivery": "pullRequest"}"#).unwrap();
        assert_eq!(old.delivery(), Some(Delivery::PullRequest));
        let none: Guard = serde_json::from_str(r#"{"delivery": null}"#).unwrap();
        assert_eq!(none, Guard::default());
        assert_eq!(serde_json::to_string(&none).unwrap(), "{}");
    }

    #[test]
    fn owners_can_only_be_asked_in_a_pull_request() {
        let text = r#"{"delivery": "commit", "owners": ["@acme/release"]}"#;
        let guard: Guard = serde_json::from_str(text).unwrap();
        assert_eq!(guard.delivery(), Some(Delivery::PullRequest));
        assert_eq!(
            guard.forbids_pushes().as_deref(),
            Some("owners: @acme/release")
        );
    }
}
