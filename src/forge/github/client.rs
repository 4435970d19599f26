//! Calls to GitHub's API, one after the other where they change something: GitHub's limits ask for that, and none is
//! repeated here. Whether a call is made again is decided by the next pass, which looks before it creates.

use std::sync::Arc;

use octocrab::{AuthState, FromResponse, Octocrab, OctocrabBuilder, Page};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::http::{Http, PATIENCE};
use super::login::Login;
use super::pace::Pace;
use super::transport::Transport;
use super::why::{failed, why};
use crate::forge::error::ForgeError;
use crate::model::{Fault, Party, Period};

/// So many pages of a list are read, of a hundred each.
pub(super) const MOST_PAGES: usize = 50;
/// Items of a page, as we ask for them.
const LONGEST_PAGE: usize = 100;

/// What is added to a call's address.
pub(super) type Parameters<'a> = [(&'a str, &'a str)];

/// The API of one GitHub.
#[derive(Debug)]
pub(super) struct Client {
    octocrab: Octocrab,
    /// Where GraphQL is.
    graphql: String,
    pace: Pace,
}

impl Client {
    /// Of a GitHub, as somebody.
    pub(super) fn new(http: Arc<Http>, login: Arc<Login>, pause: Period) -> Self {
        let graphql = http.graphql();
        let transport = Transport::new(http, login);
        let builder = OctocrabBuilder::new_empty().with_service(transport);
        let octocrab = match builder.with_auth(AuthState::None).build() {
            Ok(octocrab) => octocrab,
            Err(never) => match never {},
        };
        Self {
            octocrab,
            graphql,
            pace: Pace::new(pause),
        }
    }

    /// Reads one thing, or the first page of a list. An answer that is known already costs nothing.
    pub(super) async fn get<T: FromResponse>(
        &self,
        what: &str,
        route: &str,
        parameters: &Parameters<'_>,
    ) -> Result<T, ForgeError> {
        let call = self.octocrab.get(route, Some(parameters));
        within(what, call).await
    }

    /// A list, to be read page by page.
    pub(super) fn list<'a, T>(
        &'a self,
        what: &'a str,
        route: &'a str,
        parameters: &'a Parameters<'a>,
    ) -> Pages<'a, T> {
        Pages {
            client: self,
            what,
            route,
            parameters,
            read: 0,
            after: None,
        }
    }

    /// Creates something.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        what: &str,
        route: &str,
        body: &impl Serialize,
    ) -> Result<T, ForgeError> {
        let _turn = self.pace.turn().await;
        within(what, self.octocrab.post(route, Some(body))).await
    }

    /// Has something done that may be answered by nothing at all.
    pub(super) async fn post_maybe<T: DeserializeOwned>(
        &self,
        what: &str,
        route: &str,
        body: &impl Serialize,
    ) -> Result<Option<T>, ForgeError> {
        let _turn = self.pace.turn().await;
        let call = async {
            let response = self.octocrab._post(route, Some(body)).await?;
            let response = octocrab::map_github_error(response).await?;
            self.octocrab.body_to_string(response).await
        };
        let text = within(what, call).await?;
        match text.trim().is_empty() {
            true => Ok(None),
            false => serde_json::from_str(&text).map(Some).map_err(|_| {
                let fault = Fault::of(Party::Remote).later(None);
                failed(what, "its answer cannot be read", "Malformed", fault)
            }),
        }
    }

    /// Asks GraphQL, which changes nothing.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        what: &str,
        query: &str,
        variables: &Value,
    ) -> Result<T, ForgeError> {
        let body = serde_json::json!({ "query": query, "variables": variables });
        within(what, self.octocrab.post(&self.graphql, Some(&body))).await
    }

    /// Has GraphQL change something.
    pub(super) async fn mutate<T: DeserializeOwned>(
        &self,
        what: &str,
        query: &str,
        variables: &Value,
    ) -> Result<T, ForgeError> {
        let _turn = self.pace.turn().await;
        let body = serde_json::json!({ "query": query, "variables": variables });
        within(what, self.octocrab.post(&self.graphql, Some(&body))).await
    }

    /// Changes something.
    pub(super) async fn patch<T: DeserializeOwned>(
        &self,
        what: &str,
        route: &str,
        body: &impl Serialize,
    ) -> Result<T, ForgeError> {
        let _turn = self.pace.turn().await;
        within(what, self.octocrab.patch(route, Some(body))).await
    }

    /// Puts something in another's place, or carries it out.
    pub(super) async fn put<T: DeserializeOwned>(
        &self,
        what: &str,
        route: &str,
        body: &impl Serialize,
    ) -> Result<T, ForgeError> {
        let _turn = self.pace.turn().await;
        within(what, self.octocrab.put(route, Some(body))).await
    }
}

/// A list that is being read.
pub(super) struct Pages<'a, T> {
    client: &'a Client,
    what: &'a str,
    route: &'a str,
    parameters: &'a Parameters<'a>,
    read: usize,
    after: Option<Page<T>>,
}

impl<T: DeserializeOwned> Pages<'_, T> {
    /// The items of the next page; `None` after the last, and after as many as are read of any list: [`Self::is_cut`].
    pub(super) async fn next(&mut self) -> Result<Option<Vec<T>>, ForgeError> {
        let page = match &self.after {
            None if self.read == 0 => {
                let first = self.client.octocrab.get(self.route, Some(self.parameters));
                within::<Page<T>>(self.what, first).await?
            }
            Some(page) if page.next.is_some() && self.read < MOST_PAGES => {
                let next = self.client.octocrab.get_page(&page.next);
                match within(self.what, next).await? {
                    Some(page) => page,
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        self.read += 1;
        let (items, rest) = parted(page);
        self.after = Some(rest);
        if items.len() > LONGEST_PAGE {
            let message = format!("a page of its list has {} items", items.len());
            let fault = Fault::of(Party::Remote).later(None);
            return Err(failed(self.what, &message, "Malformed", fault));
        }
        Ok(Some(items))
    }

    /// Everything, or that there is more than is read of any list.
    pub(super) async fn all(mut self) -> Result<Vec<T>, ForgeError> {
        let mut all = Vec::new();
        while let Some(mut items) = self.next().await? {
            all.append(&mut items);
        }
        match self.is_cut() {
            false => Ok(all),
            true => Err(failed(
                self.what,
                &format!(
                    "its list goes on beyond {MOST_PAGES} pages of {LONGEST_PAGE}, and what is not read may matter"
                ),
                "TooMany",
                Fault::of(Party::Operator),
            )),
        }
    }

    /// Whether it goes on beyond what was read.
    pub(super) fn is_cut(&self) -> bool {
        let goes_on = self.after.as_ref().is_some_and(|page| page.next.is_some());
        goes_on && self.read >= MOST_PAGES
    }
}

/// The items of a page, and what leads to the next one.
fn parted<T>(mut page: Page<T>) -> (Vec<T>, Page<T>) {
    (page.take_items(), page)
}

async fn within<T>(
    what: &str,
    call: impl Future<Output = octocrab::Result<T>>,
) -> Result<T, ForgeError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(why(what, &error)),
        Err(_) => Err(failed(
            what,
            "it did not answer in time",
            "Unavailable",
            Fault::of(Party::Remote).later(None),
        )),
    }
}
