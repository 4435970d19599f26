//! What hosts answer to `http` gates.

use reqwest::Url;

use super::polls::{Missed, Poll};
use crate::config::known::hide;
use crate::egress::{Egress, EgressError};
use crate::plan::facts::HttpAnswer;
use crate::plan::question::HttpAsk;

impl Poll for HttpAsk {
    type Answer = HttpAnswer;

    fn while_here(&self) -> Option<Self> {
        self.left.then(|| Self {
            left: false,
            ..self.clone()
        })
    }

    fn host(&self) -> &str {
        Self::host(self)
    }

    fn origin(&self) -> &str {
        let path = self.url.find("://").map_or(0, |at| at + "://".len());
        let end = self.url[path..].find(['/', '?']);
        end.map_or(&self.url, |end| &self.url[..path + end])
    }

    fn size(answer: &HttpAnswer) -> usize {
        let headers = answer.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
        headers + answer.body.len()
    }
}

/// Asks, and keeps of the answer what is wanted, without secrets of ours that it may repeat.
pub(super) async fn one(egress: &Egress, question: &HttpAsk) -> Result<HttpAnswer, Missed> {
    let url = Url::parse(&question.url).map_err(|_| EgressError::NotListed {
        host: question.host().to_owned(),
    })?;
    let answer = egress.get(&url, question.auth.as_deref()).await?;
    let headers = answer.headers.into_iter();
    let headers = headers.map(|(name, value)| (name, hide(&value).into_owned()));
    let keep = |wanted: bool| wanted.then(|| hide(&answer.body).into_owned());
    Ok(HttpAnswer {
        status: answer.status,
        headers: match question.headers {
            true => headers.collect(),
            false => std::collections::BTreeMap::new(),
        },
        body: keep(question.body).unwrap_or_default(),
    })
}
