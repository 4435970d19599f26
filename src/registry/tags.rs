//! The tags of a repository, page by page, as far as a registry may lead us.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::header::LINK;
use reqwest::{Method, Url};
use serde::Deserialize;

use super::client::{Access, Client, Question, check_status};
use super::error::RegistryError;
use crate::model::{ImageRepository, TagName};

/// Tags asked for at a time.
const PAGE: usize = 1000;
/// The most pages of a list: some registries give a hundred tags at a time.
const MAX_PAGES: usize = 1000;
/// The longest that a list may take, with all its pages.
const LONGEST: Duration = Duration::from_secs(600);
/// The most tags of a repository.
const MAX_TAGS: usize = 100_000;

#[derive(Deserialize)]
struct Page {
    tags: Option<Vec<String>>,
}

impl Client {
    /// All tags of a repository, sorted; names that no tag may have are left out. More than 100,000 tags, 1,000 pages or ten
    /// minutes are an error.
    pub async fn tags(
        &self,
        repository: &ImageRepository,
        access: &Access,
    ) -> Result<Vec<TagName>, RegistryError> {
        let listed = tokio::time::timeout(LONGEST, self.pages(repository, access)).await;
        listed.unwrap_or_else(|_| {
            Err(RegistryError::Network {
                host: repository.registry().to_string(),
                detail: format!(
                    "the list of tags of {repository} does not end within {} minutes",
                    LONGEST.as_secs() / 60
                ),
            })
        })
    }

    async fn pages(
        &self,
        repository: &ImageRepository,
        access: &Access,
    ) -> Result<Vec<TagName>, RegistryError> {
        let upstream = self.0.http.hosts.upstream(&repository.registry())?;
        let subject = repository.to_string();
        let question = Question {
            upstream: &upstream,
            repository,
            access,
            subject: &subject,
        };
        let mut tags = BTreeSet::new();
        let mut item = format!("list?n={PAGE}");
        for _ in 0..MAX_PAGES {
            let answer = self.ask(&question, Method::GET, "tags", &item).await?;
            check_status(&question, &answer)?;
            let page: Page = serde_json::from_slice(&answer.body)
                .map_err(|_| question.invalid("its list of tags cannot be read"))?;
            let before = tags.len();
            let names = page.tags.unwrap_or_default();
            tags.extend(names.iter().filter_map(|name| name.parse::<TagName>().ok()));
            if tags.len() > MAX_TAGS {
                return Err(question.invalid(format!("it has more than {MAX_TAGS} tags")));
            }
            let link = answer.header(LINK.as_str()).and_then(next_link);
            // Old registries ignore where to go on and give the same page for ever.
            let (Some(link), true) = (link, tags.len() > before) else {
                return Ok(tags.into_iter().collect());
            };
            let here = upstream.url(&repository.path(), "tags", &item)?;
            item = next_item(&here, link)
                .ok_or_else(|| question.invalid("its list of tags goes on somewhere else"))?;
        }
        Err(question.invalid(format!("its list of tags has more than {MAX_PAGES} pages")))
    }
}

/// The target of `Link: <target>; rel="next"`.
fn next_link(header: &str) -> Option<&str> {
    let (target, parameters) = header.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters
        .split(';')
        .any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next"));
    is_next.then_some(target)
}

/// The next page, if it is one of the same list on the same host.
fn next_item(here: &Url, link: &str) -> Option<String> {
    let next = here.join(link).ok()?;
    let same = next.origin() == here.origin() && next.path() == here.path();
    let query = next.query().filter(|query| same && query.len() <= 1024)?;
    Some(format!("list?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_one_of_the_same_list() {
        let here = Url::parse("https://r.example/v2/a/b/tags/list?n=2").unwrap();
        let next = |header: &str| next_link(header).and_then(|link| next_item(&here, link));
        assert_eq!(
            next(r#"</v2/a/b/tags/list?last=x&n=2>; rel="next""#).as_deref(),
            Some("list?last=x&n=2")
        );
        for bad in [
            r#"<https://evil.example/v2/a/b/tags/list?last=x>; rel="next""#,
            r#"<http://r.example/v2/a/b/tags/list?last=x>; rel="next""#,
            r#"</v2/other/tags/list?last=x>; rel="next""#,
            r#"</v2/a/b/tags/list?last=x>; rel="prev""#,
            "nonsense",
        ] {
            assert_eq!(next(bad), None, "{bad}");
        }
    }
}
