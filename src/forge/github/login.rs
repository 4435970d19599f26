//! Who we are at GitHub: whoever's token the operator gave, or an App with tokens that change. The same login serves Git.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::Mutex;

use super::app::App;
use super::http::Http;
use super::stopped::Stopped;
use crate::config::forge::TOKEN_USER;
use crate::git::{GitError, Lender};

/// Who we are.
#[derive(Debug)]
pub(super) enum Login {
    /// A token's owner.
    Token(SecretString),
    /// An App where it is installed.
    App(Box<App>),
}

impl Login {
    /// A token that is good now.
    pub(super) async fn token(&self, http: &Http) -> Result<SecretString, Stopped> {
        match self {
            Self::Token(token) => Ok(token.clone()),
            Self::App(app) => app.token(http).await,
        }
    }

    /// Takes in that a token was not accepted; whether another one is to be had.
    pub(super) async fn refused(&self, token: &SecretString) -> bool {
        match self {
            Self::Token(_) => false,
            Self::App(app) => {
                app.refused(token).await;
                true
            }
        }
    }

    /// The App that we are, if we are one.
    pub(super) fn app(&self) -> Option<&App> {
        match self {
            Self::Token(_) => None,
            Self::App(app) => Some(app),
        }
    }
}

/// Lends an App's tokens to Git on the same server.
#[derive(Debug)]
pub(super) struct GitLogin {
    pub(super) http: Arc<Http>,
    pub(super) login: Arc<Login>,
    /// Where Git is.
    pub(super) origin: String,
    pub(super) last: Mutex<Option<SecretString>>,
}

impl Lender for GitLogin {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn login(&self) -> BoxFuture<'_, Result<(String, SecretString), GitError>> {
        async {
            let token = self.login.token(&self.http).await;
            let token = token.map_err(|why| self.failed(&why))?;
            *self.last.lock().await = Some(token.clone());
            Ok((TOKEN_USER.to_owned(), token))
        }
        .boxed()
    }

    fn refused(&self) -> BoxFuture<'_, ()> {
        async {
            if let Some(token) = self.last.lock().await.take() {
                self.login.refused(&token).await;
            }
        }
        .boxed()
    }
}

impl GitLogin {
    fn failed(&self, why: &Stopped) -> GitError {
        let location = self.origin.clone();
        let message = format!("GitHub gives no token for it: {why}");
        match why.fault().heals() {
            true => GitError::Network { location, message },
            false => GitError::Auth { location, message },
        }
    }
}
