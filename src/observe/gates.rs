//! What hosts of `http` gates and Argo CD servers are asked, all at once, and what came of it.

use super::answers::Asked;
use super::error::ObserveError;
use super::polls::{self, Came, Poll as _, Told};
use super::{Observer, State, argocd, http};
use crate::model::Timestamp;
use crate::plan::Facts;
use crate::plan::question::{ArgoCdAsk, HttpAsk};

/// What was known already, and what came of the rest.
pub(super) struct Polled {
    http: (Told<HttpAsk>, Came<HttpAsk>),
    argocd: (Told<ArgoCdAsk>, Came<ArgoCdAsk>),
}

impl Observer {
    /// Asks whoever is due.
    pub(super) async fn poll(&self, asked: &Asked<'_>, now: Timestamp) -> Polled {
        let ((http, http_due), (argocd, argocd_due), silent) = {
            let state = self.state.lock().await;
            let (http, argocd) = (asked.http.clone(), asked.argocd.clone());
            let silent = (state.http.troubles(), state.argocd.troubles());
            let http = state.http.split(http, now);
            (http, state.argocd.split(argocd, now), silent)
        };
        let hurried = (self.egress.hurried(), self.argocd.hurried());
        let host = |name: &str| match polls::is_hurried(&silent.0, name) {
            true => &hurried.0,
            false => &self.egress,
        };
        let server = |name: &str| match polls::is_hurried(&silent.1, name) {
            true => &hurried.1,
            false => &self.argocd,
        };
        let (http_came, argocd_came) = tokio::join!(
            polls::ask(http_due, async |question| {
                http::one(host(question.host()), question).await
            }),
            polls::ask(argocd_due, async |question| {
                argocd::one(server(question.host()), question).await
            }),
        );
        Polled {
            http: (http, http_came),
            argocd: (argocd, argocd_came),
        }
    }
}

impl Polled {
    /// Remembers it, and gives it as facts.
    pub(super) async fn tell(
        self,
        state: &mut State,
        facts: &mut Facts,
        now: Timestamp,
    ) -> Result<(), ObserveError> {
        let ((http, http_came), (argocd, argocd_came)) = (self.http, self.argocd);
        facts.http.extend(http);
        facts.http.extend(state.http.learn(http_came, now).await?);
        facts.http_trouble = state.http.troubles();
        facts.argocd.extend(argocd);
        let came = state.argocd.learn(argocd_came, now).await?;
        facts.argocd.extend(came);
        facts.argocd_trouble = state.argocd.troubles();
        Ok(())
    }
}
