//! A GitHub App as who we are: it proves itself with a word that it signs, finds where it is installed, and is given tokens
//! for this repository alone. They live for an hour and in memory only.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderMap, Method, StatusCode};
use octocrab::jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::http::{Answered, Asked, Http};
use super::stopped::{AppTrouble, Stopped};
use super::why::one_line;
use crate::config::forge::{GitHubApp, TOKEN_USER};
use crate::config::known;
use crate::forge::ForgeError;
use crate::model::Timestamp;

/// What we ask for, as far as the installation grants it: nothing that is not needed.
const WANTED: [(&str, &str); 6] = [
    ("checks", "read"),
    ("contents", "write"),
    ("pull_requests", "write"),
    ("statuses", "write"),
    ("members", "read"),
    ("metadata", "read"),
];
/// The same where GitHub is told of deployments.
const DEPLOYMENTS: (&str, &str) = ("deployments", "write");
/// The same where workflows are started.
const ACTIONS: (&str, &str) = ("actions", "write");
/// GitHub takes no word that is issued later than now, and clocks differ: it advises to date it back by so many seconds.
const BACK: i64 = 60;
/// So many seconds from now it is good: GitHub allows ten minutes.
const GOOD: i64 = 9 * 60;
/// A token is replaced so many seconds before it ends.
const AHEAD: i64 = 300;
/// What GitHub refused is not asked again within so many seconds.
const REST: i64 = 30;
/// Between looks whether a new token is known to all of GitHub's servers.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// What time it is.
pub(super) type Clock = fn() -> Timestamp;

/// An App.
pub(super) struct App {
    id: String,
    /// The installation that the operator names.
    named: Option<u64>,
    /// `owner/name`.
    repository: String,
    /// Whether we record deployments.
    deployments: bool,
    /// Whether we start workflows.
    actions: bool,
    key: EncodingKey,
    clock: Clock,
    /// How many seconds GitHub's clock is ahead of ours, as far as it matters.
    ahead: AtomicI64,
    held: Mutex<Held>,
}

/// What was found out, and given.
#[derive(Default)]
struct Held {
    installation: Option<Installation>,
    token: Option<Token>,
    refused: Option<(Stopped, Timestamp)>,
}

/// Where an App is installed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Installation {
    id: u64,
    app_slug: String,
    #[serde(default)]
    pub(super) permissions: BTreeMap<String, String>,
    #[serde(default)]
    suspended_at: Option<Timestamp>,
}

struct Token {
    secret: SecretString,
    since: Timestamp,
    until: Timestamp,
}

/// What GitHub gives for a token.
#[derive(Deserialize)]
struct Given {
    token: SecretString,
    expires_at: Timestamp,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "App {}", self.id)
    }
}

impl Installation {
    /// The login that the App acts under.
    pub(super) fn login(&self) -> String {
        format!("{}[bot]", self.app_slug)
    }
}

impl Token {
    /// Whether it is to be used: it ends later than soon. One that was given for less than that is used up to its half.
    fn is_good(&self, now: Timestamp) -> bool {
        let life = self.until.as_second() - self.since.as_second();
        let left = self.until.as_second() - now.as_second();
        left > AHEAD.min(life / 2)
    }
}

impl App {
    /// An App for a repository.
    pub(super) fn new(app: &GitHubApp, repository: &str, clock: Clock) -> Result<Self, ForgeError> {
        let key = EncodingKey::from_rsa_pem(app.key.expose_secret().as_bytes());
        let key = key.map_err(|_| {
            ForgeError::Invalid(
                "`forge.github.app.privateKey` is no RSA private key in PEM (`-----BEGIN RSA PRIVATE KEY-----`): take the file that the App's page on GitHub gave, whole"
                    .to_owned(),
            )
        })?;
        Ok(Self {
            id: app.id.clone(),
            named: app.installation,
            repository: repository.to_owned(),
            deployments: false,
            actions: false,
            key,
            clock,
            ahead: AtomicI64::new(0),
            held: Mutex::default(),
        })
    }

    /// The same, which records deployments and starts workflows if somebody wants that.
    pub(super) fn recording(self, deployments: bool, actions: bool) -> Self {
        Self {
            deployments,
            actions,
            ..self
        }
    }

    /// What time it is at GitHub.
    fn now(&self) -> Timestamp {
        let seconds = (self.clock)().as_second() + self.ahead.load(Ordering::Relaxed);
        Timestamp::from_second(seconds).unwrap_or_else(|_| (self.clock)())
    }

    /// A token that is good now.
    pub(super) async fn token(&self, http: &Http) -> Result<SecretString, Stopped> {
        let mut held = self.held.lock().await;
        let now = self.now();
        if let Some(token) = held.token.as_ref().filter(|token| token.is_good(now)) {
            return Ok(token.secret.clone());
        }
        if let Some((why, at)) = &held.refused
            && (0..REST).contains(&(now.as_second() - at.as_second()))
        {
            return Err(why.clone());
        }
        held.refused = None;
        match self.mint(http, &mut held).await {
            Ok(token) => {
                let secret = token.secret.clone();
                held.token = Some(token);
                Ok(secret)
            }
            Err(why) => {
                held.token = None;
                held.installation = None;
                if !why.fault().heals() {
                    held.refused = Some((why.clone(), now));
                }
                Err(why)
            }
        }
    }

    /// Takes in that GitHub did not accept a token: another one is asked for next.
    pub(super) async fn refused(&self, secret: &SecretString) {
        let mut held = self.held.lock().await;
        let same = |token: &Token| token.secret.expose_secret() == secret.expose_secret();
        if held.token.as_ref().is_some_and(same) {
            held.token = None;
        }
    }

    /// Where it is installed, and what it is granted there.
    pub(super) async fn installed(&self, http: &Http) -> Result<Installation, Stopped> {
        self.token(http).await?;
        let held = self.held.lock().await;
        let gone = Stopped::App(AppTrouble::Gone(self.repository.clone()));
        held.installation.clone().ok_or(gone)
    }

    async fn mint(&self, http: &Http, held: &mut Held) -> Result<Token, Stopped> {
        let found = match held.installation.take() {
            Some(known) => match self.given(http, &known).await {
                // It may have been removed and installed anew meanwhile.
                Err(Stopped::App(AppTrouble::Gone(_))) => None,
                given => Some((given?, known)),
            },
            None => None,
        };
        let (given, installation) = match found {
            Some(found) => found,
            None => {
                let installation = self.find(http).await?;
                (self.given(http, &installation).await?, installation)
            }
        };
        held.installation = Some(installation);
        known::meet_login(TOKEN_USER, &given.token);
        let token = Token {
            secret: given.token,
            since: self.now(),
            until: given.expires_at,
        };
        self.settle(http, &token.secret).await?;
        Ok(token)
    }

    /// The installation in the repository.
    async fn find(&self, http: &Http) -> Result<Installation, Stopped> {
        let route = format!("/repos/{}/installation", self.repository);
        let answered = self.signed(http, Method::GET, &route, None).await?;
        let installation: Installation = match answered.status {
            StatusCode::OK => parsed(&answered)?,
            StatusCode::NOT_FOUND if words(&answered).contains("Integration") => {
                return Err(Stopped::App(AppTrouble::Unknown(self.id.clone())));
            }
            StatusCode::NOT_FOUND => {
                let repository = self.repository.clone();
                return Err(Stopped::App(AppTrouble::NotInstalled(repository)));
            }
            _ => return Err(refusal(&answered)),
        };
        if installation.suspended_at.is_some() {
            return Err(Stopped::App(AppTrouble::Suspended));
        }
        match self.named {
            Some(named) if named != installation.id => Err(Stopped::App(AppTrouble::Another {
                named,
                found: installation.id,
            })),
            _ => Ok(installation),
        }
    }

    /// A token of an installation, for this repository and for what we need alone.
    async fn given(&self, http: &Http, installation: &Installation) -> Result<Given, Stopped> {
        let route = format!("/app/installations/{}/access_tokens", installation.id);
        let name = self.repository.split('/').nth(1).unwrap_or_default();
        let body = json!({
            "repositories": [name],
            "permissions": asked_for(&installation.permissions, self.deployments, self.actions),
        });
        let answered = self.signed(http, Method::POST, &route, Some(&body)).await?;
        match answered.status {
            StatusCode::CREATED => parsed(&answered),
            StatusCode::NOT_FOUND => Err(Stopped::App(AppTrouble::Gone(self.repository.clone()))),
            StatusCode::FORBIDDEN if words(&answered).contains("suspended") => {
                Err(Stopped::App(AppTrouble::Suspended))
            }
            StatusCode::UNPROCESSABLE_ENTITY => {
                Err(Stopped::App(AppTrouble::NotGranted(words(&answered))))
            }
            _ => Err(refusal(&answered)),
        }
    }

    /// Waits until GitHub knows a token that it has just given: its servers do not all hear of it at once.
    async fn settle(&self, http: &Http, token: &SecretString) -> Result<(), Stopped> {
        let asked = self.asked(
            http,
            Method::GET,
            &format!("/repos/{}", self.repository),
            None,
        )?;
        for pause in PAUSES.into_iter().map(Some).chain([None]) {
            let answered = http.ask(&asked, token, None).await?;
            match (answered.status, pause) {
                (StatusCode::UNAUTHORIZED, Some(pause)) => tokio::time::sleep(pause).await,
                (StatusCode::UNAUTHORIZED, None) => break,
                _ => return Ok(()),
            }
        }
        Err(Stopped::App(AppTrouble::NotTaken))
    }

    /// Asks as the App itself. Where clocks differ by more than GitHub takes, its own clock is read from the refusal.
    async fn signed(
        &self,
        http: &Http,
        method: Method,
        route: &str,
        body: Option<&Value>,
    ) -> Result<Answered, Stopped> {
        let asked = self.asked(http, method, route, body)?;
        let answered = http.ask(&asked, &self.word()?, None).await?;
        if answered.status != StatusCode::UNAUTHORIZED {
            return Ok(answered);
        }
        let Some(theirs) = date(&answered.headers) else {
            return Err(Stopped::App(AppTrouble::Signature(words(&answered))));
        };
        let ahead = theirs.as_second() - (self.clock)().as_second();
        if (ahead - self.ahead.swap(ahead, Ordering::Relaxed)).abs() < BACK / 2 {
            return Err(Stopped::App(AppTrouble::Signature(words(&answered))));
        }
        let again = http.ask(&asked, &self.word()?, None).await?;
        match again.status {
            StatusCode::UNAUTHORIZED => Err(Stopped::App(AppTrouble::Signature(words(&again)))),
            _ => Ok(again),
        }
    }

    fn asked(
        &self,
        http: &Http,
        method: Method,
        route: &str,
        body: Option<&Value>,
    ) -> Result<Asked, Stopped> {
        let uri = route.parse().map_err(|_| Stopped::Circles)?;
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        Ok(Asked {
            method,
            url: http.resolve(&uri)?,
            headers: HeaderMap::new(),
            body,
        })
    }

    /// What proves that we are the App, good for some minutes.
    fn word(&self) -> Result<SecretString, Stopped> {
        let now = self.now().as_second();
        let claims = json!({ "iss": self.id, "iat": now - BACK, "exp": now + GOOD });
        let word = encode(&Header::new(Algorithm::RS256), &claims, &self.key);
        let word = word.map_err(|error| Stopped::App(AppTrouble::Key(error.to_string())))?;
        let word = SecretString::from(word);
        known::meet_token(&word);
        Ok(word)
    }
}

/// What is wanted, as far as it is granted.
fn asked_for(
    granted: &BTreeMap<String, String>,
    deployments: bool,
    actions: bool,
) -> BTreeMap<&'static str, &'static str> {
    let more = [
        deployments.then_some(&DEPLOYMENTS),
        actions.then_some(&ACTIONS),
    ];
    let all = WANTED.iter().chain(more.into_iter().flatten());
    let wanted = all.filter_map(|&(area, level)| {
        let granted = granted.get(area)?.as_str();
        let level = if granted == "read" { "read" } else { level };
        Some((area, level))
    });
    wanted.collect()
}

fn parsed<T: serde::de::DeserializeOwned>(answered: &Answered) -> Result<T, Stopped> {
    serde_json::from_slice(&answered.body).map_err(|_| Stopped::NoData)
}

/// GitHub's message.
fn words(answered: &Answered) -> String {
    let body: Value = serde_json::from_slice(&answered.body).unwrap_or_default();
    one_line(body["message"].as_str().unwrap_or("without a word"))
}

fn refusal(answered: &Answered) -> Stopped {
    Stopped::Refused {
        status: answered.status.as_u16(),
        headers: Box::new(answered.headers.clone()),
        message: words(answered),
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_767_603_600 + 60 * minute).unwrap()
    }

    #[test]
    fn a_token_is_replaced_before_it_ends() {
        let token = |life| Token {
            secret: "t".to_owned().into(),
            since: at(0),
            until: at(life),
        };
        assert!(token(60).is_good(at(54)));
        assert!(!token(60).is_good(at(55)));
        assert!(token(4).is_good(at(1)), "a short one is used too");
        assert!(!token(4).is_good(at(2)));
        assert!(!token(-10).is_good(at(0)));
    }

    #[test]
    fn only_what_is_needed_and_granted_is_asked_for() {
        let granted = |pairs: &[(&str, &str)]| {
            let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
            pairs.iter().map(owned).collect::<BTreeMap<_, _>>()
        };
        let much = granted(&[
            ("actions", "write"),
            ("administration", "write"),
            ("contents", "write"),
            ("deployments", "write"),
            ("members", "read"),
            ("pull_requests", "read"),
        ]);
        assert!(asked_for(&much, true, false).contains_key("deployments"));
        assert!(asked_for(&much, false, true).contains_key("actions"));
        let asked: Vec<_> = asked_for(&much, false, false).into_iter().collect();
        assert_eq!(
            asked,
            [
                ("contents", "write"),
                ("members", "read"),
                ("pull_requests", "read")
            ]
        );
    }

    #[test]
    fn the_clock_of_an_answer_is_read() {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, "Mon, 05 Jan 2026 09:00:00 GMT".parse().unwrap());
        assert_eq!(date(&headers), Some(at(0)));
        headers.insert(DATE, "yesterday".parse().unwrap());
        assert_eq!(date(&headers), None);
    }
}
