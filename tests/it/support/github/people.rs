//! Users, teams, tokens and the App: who may do what.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use headwater::model::Timestamp;
use octocrab::jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;

use super::call::Refusal;

/// The App's number.
pub(super) const APP: u64 = 4242;
/// The App's installation in `acme`.
pub(super) const INSTALLATION: u64 = 700_100;
/// The App's name.
pub(super) const SLUG: &str = "headwater";

/// What somebody may do with the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Permission {
    /// Not even see it.
    None,
    /// See it, comment and review.
    Read,
    /// Push, label and merge.
    Write,
    /// Everything.
    Admin,
}

impl Permission {
    /// In GitHub's word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// A user, or the one that an App acts as.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) permission: Permission,
    /// The address that the profile shows.
    pub(super) shown: Option<String>,
    /// The address of commits made at GitHub, where it is not the one that GitHub gave.
    pub(super) chosen: Option<String>,
}

impl User {
    /// The address that commits made at GitHub are by.
    pub(super) fn email(&self) -> String {
        if let Some(chosen) = &self.chosen {
            return chosen.clone();
        }
        format!("{}+{}@users.noreply.github.com", self.id, self.login)
    }
}

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Actor {
    /// A user with a token of their own.
    User(String),
    /// The App where it is installed, as its bot.
    Installation,
    /// The App itself.
    App,
    /// No one in particular.
    Anonymous,
}

/// Everybody.
pub(super) struct People {
    users: BTreeMap<String, User>,
    /// Logins by the addresses that people told GitHub.
    pub(super) emails: BTreeMap<String, String>,
    /// Members of the teams of `acme`, by slug.
    pub(super) teams: BTreeMap<String, Vec<String>>,
    tokens: BTreeMap<String, Token>,
    /// What the App was granted: area and `read` or `write`.
    pub(super) grants: BTreeMap<String, String>,
    /// Whether the App's installation is suspended.
    pub(super) suspended: bool,
    /// Whether the App is installed at all.
    pub(super) installed: bool,
    /// How many seconds the clock that tokens live by is ahead of the real one.
    pub(super) ahead: i64,
    /// How many seconds the App's tokens live.
    pub(super) life: i64,
    issued: u64,
}

/// What an App may do: area and `read` or `write`.
pub(super) type Grants = BTreeMap<String, String>;

/// A token that was given.
struct Token {
    actor: Actor,
    until: Option<Timestamp>,
    /// Less than what the App was granted, if it was asked for so.
    grants: Option<Grants>,
}

impl People {
    /// The cast.
    pub(super) fn new() -> Self {
        let write = [
            "actions",
            "checks",
            "contents",
            "deployments",
            "issues",
            "pull_requests",
            "statuses",
        ];
        let read = ["members", "metadata"];
        let granted = |areas: &[&str], level: &str| -> Vec<(String, String)> {
            areas
                .iter()
                .map(|a| ((*a).to_owned(), level.to_owned()))
                .collect()
        };
        let mut people = Self {
            users: BTreeMap::new(),
            emails: BTreeMap::new(),
            teams: BTreeMap::new(),
            tokens: BTreeMap::new(),
            grants: [granted(&write, "write"), granted(&read, "read")]
                .concat()
                .into_iter()
                .collect(),
            suspended: false,
            installed: true,
            ahead: 0,
            life: 3600,
            issued: 0,
        };
        for (login, permission) in [
            ("acme", Permission::Admin),
            ("mara", Permission::Admin),
            ("otto", Permission::Write),
            ("headwater-bot", Permission::Write),
            ("rita", Permission::Read),
            ("nobody", Permission::None),
            ("headwater[bot]", Permission::Write),
            ("ci[bot]", Permission::Write),
            ("github-merge-queue[bot]", Permission::Write),
        ] {
            people.add(login, permission);
        }
        people
    }

    /// One more, or another permission for one who is there.
    pub(super) fn add(&mut self, login: &str, permission: Permission) {
        let id = 1000 + self.users.len() as u64;
        let user = self.users.entry(login.to_owned()).or_insert(User {
            id,
            login: login.to_owned(),
            permission,
            shown: None,
            chosen: None,
        });
        user.permission = permission;
    }

    /// A user, however the login is spelt.
    pub(super) fn find(&self, login: &str) -> Option<&User> {
        let same = |user: &&User| user.login.eq_ignore_ascii_case(login);
        self.users.values().find(same)
    }

    /// Somebody has commits made at GitHub bear another address.
    pub(super) fn choose_email(&mut self, login: &str, email: &str) {
        let user = self.users.get_mut(login).unwrap();
        user.chosen = Some(email.to_owned());
    }

    /// Somebody lets their profile show an address.
    pub(super) fn show_email(&mut self, login: &str, email: &str) {
        let user = self.users.get_mut(login).unwrap();
        user.shown = Some(email.to_owned());
    }

    /// A user who is there.
    pub(super) fn user(&self, login: &str) -> &User {
        self.find(login)
            .unwrap_or_else(|| panic!("there is no user {login}"))
    }

    /// The user that acts.
    pub(super) fn login(&self, actor: &Actor) -> String {
        match actor {
            Actor::User(login) => login.clone(),
            Actor::Installation | Actor::App => format!("{SLUG}[bot]"),
            Actor::Anonymous => "ghost".to_owned(),
        }
    }

    /// What an actor may do with the repository in general.
    pub(super) fn permission(&self, actor: &Actor) -> Permission {
        match actor {
            Actor::User(login) => self.user(login).permission,
            Actor::Installation => Permission::Write,
            Actor::App | Actor::Anonymous => Permission::None,
        }
    }

    /// Who may do everything.
    pub(super) fn admins(&self) -> Vec<String> {
        let all = self.users.values();
        let admins = all.filter(|user| user.permission == Permission::Admin);
        admins.map(|user| user.login.clone()).collect()
    }

    /// A token for an actor.
    pub(super) fn issue(&mut self, actor: Actor, until: Option<Timestamp>) -> String {
        self.issued += 1;
        let start = if actor == Actor::Installation {
            "ghs"
        } else {
            "ghp"
        };
        let token = format!("{start}_{:036}", self.issued);
        let given = Token {
            actor,
            until,
            grants: None,
        };
        self.tokens.insert(token.clone(), given);
        token
    }

    /// A token of the App's installation, with no more than these grants, and when it ends.
    pub(super) fn issue_to_app(&mut self, grants: Grants) -> (String, Timestamp) {
        let until = Timestamp::from_second(self.now().as_second() + self.life).unwrap();
        let token = self.issue(Actor::Installation, Some(until));
        if let Some(given) = self.tokens.get_mut(&token) {
            given.grants = Some(grants);
        }
        (token, until)
    }

    /// What time it is for tokens: clients read the real clock.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_second(Timestamp::now().as_second() + self.ahead).unwrap()
    }

    /// What a token's owner was granted in an area, and the token with it.
    pub(super) fn granted(&self, token: Option<&str>, area: &str) -> Option<&str> {
        let narrowed = token.and_then(|token| self.tokens.get(token)?.grants.as_ref());
        let all = self.grants.get(area).map(String::as_str)?;
        match narrowed {
            Some(grants) => grants.get(area).map(|level| match all {
                "read" => "read",
                _ => level,
            }),
            None => Some(all),
        }
    }

    /// No token is good any more.
    pub(super) fn revoke(&mut self) {
        self.tokens.clear();
    }

    /// None of the App's tokens is good any more.
    pub(super) fn revoke_app(&mut self) {
        self.tokens
            .retain(|_, token| token.actor != Actor::Installation);
    }

    /// Whose token this is.
    pub(super) fn holder(&self, token: &str) -> Result<Actor, Refusal> {
        let Token { actor, until, .. } = self.tokens.get(token).ok_or_else(bad_credentials)?;
        if until.is_some_and(|until| until <= self.now()) {
            return Err(bad_credentials());
        }
        if *actor == Actor::Installation && self.suspended {
            return Err(suspended());
        }
        Ok(actor.clone())
    }

    /// Whether these words are signed by the App: RS256, issued by it, and good for ten minutes at most.
    pub(super) fn is_app(&self, token: &str) -> Result<(), Refusal> {
        let key = DecodingKey::from_rsa_pem(app_key().1.as_bytes()).unwrap();
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_required_spec_claims(&["exp"]);
        rules.validate_exp = false;
        let unreadable = |_| Refusal::new(401, "A JSON web token could not be decoded");
        let claims: Value = decode(token, &key, &rules).map_err(unreadable)?.claims;
        let number = |claim: &Value| claim.as_u64().or_else(|| claim.as_str()?.parse().ok());
        let second = |claim: &Value| claim.as_i64();
        let now = self.now().as_second();
        let wrong = match (second(&claims["iat"]), second(&claims["exp"])) {
            (Some(from), _) if from > now => {
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
            }
            (Some(_), Some(until)) if until <= now => {
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
            }
            (Some(_), Some(until)) if until > now + 600 => {
                "'Expiration time' claim ('exp') is too far in the future"
            }
            (Some(_), Some(_)) => "",
            _ => "'Issued at' claim ('iat') must be an Integer",
        };
        if !wrong.is_empty() {
            return Err(Refusal::new(401, wrong));
        }
        if number(&claims["iss"]) != Some(APP) {
            return Err(Refusal::new(404, "Integration not found"));
        }
        Ok(())
    }
}

/// 401.
pub(super) fn bad_credentials() -> Refusal {
    Refusal::new(401, "Bad credentials")
}

/// 403: somebody suspended the App.
pub(super) fn suspended() -> Refusal {
    Refusal::new(403, "This installation has been suspended")
}

/// The App's private and public key, made once.
pub(super) fn app_key() -> &'static (String, String) {
    static KEY: OnceLock<(String, String)> = OnceLock::new();
    KEY.get_or_init(|| {
        let algorithm = &rcgen::PKCS_RSA_SHA256;
        let key = rcgen::KeyPair::generate_rsa_for(algorithm, rcgen::RsaKeySize::_2048).unwrap();
        (key.serialize_pem(), key.public_key_pem())
    })
}
