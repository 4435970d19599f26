//! What a tag does that follows a rule (`headwater.dev/follow`): it asks which tags there are, and moves on to the newest.
//! A list that fails, is empty or lacks what the tag has changes nothing.

use super::following::Following;
use super::settling::{settles_still, waits_for_checks};
use super::{Answer, Import, Imports, Place, answered, failed, is_due_anyway};
use crate::model::follow::Step;
use crate::model::image_stream::ObjectReference;
use crate::model::{ImageReference, ImageStream, TagKey, Timestamp};
use crate::plan::desk::{Desk, Known};
use crate::plan::due;
use crate::plan::facts::{CheckMemory, Failure, FollowMemory};
use crate::plan::failing::{report_failure, report_silence};
use crate::plan::report::{State, Subject};

/// The word for a tag whose rule leads nowhere.
const NOT_FOLLOWED: &str = "NotFollowed";

/// What was found of newer tags.
pub(super) enum Found {
    /// Nothing to be said: it follows no rule, has the newest, or the answer is not there yet.
    Nothing,
    /// The newest, with its digest.
    Import(Box<Import>),
    /// Asking failed just now; with what was remembered before.
    Failed(ImageReference, Box<(Failure, CheckMemory)>),
    /// It failed before, and is not asked again yet.
    Fails(ImageReference, Box<CheckMemory>),
    /// It was asked and has not answered.
    Silent(ImageReference, Timestamp),
    /// The rule leads nowhere: why, and what a person can do.
    Nowhere(State, String, String),
}

impl Found {
    /// Whether the tag counts as failing for it, whatever its present source answers.
    pub(super) const fn fails(&self) -> bool {
        matches!(self, Self::Failed(..) | Self::Fails(..))
    }

    /// Tells it, where `failing` does not say the same of the present source already.
    pub(super) fn tell(
        self,
        key: &TagKey,
        stream: &ImageStream,
        failing: bool,
        desk: &mut Desk<'_>,
        all: &mut Imports,
    ) {
        match self {
            Self::Nothing | Self::Import(_) => {}
            Self::Failed(about, with) if !failing => {
                failed(key, stream, &about, &with.0, &with.1, desk, all);
            }
            Self::Fails(about, memory) if !failing => report_failure(key, &about, &memory, desk),
            Self::Failed(..) | Self::Fails(..) => {}
            Self::Silent(about, since) => report_silence(key, &about, since, desk),
            Self::Nowhere(state, why, help) => {
                let tag = Subject::Tag(key.clone());
                desk.hold(tag, state, NOT_FOLLOWED, why).help = Some(help);
            }
        }
    }
}

/// Looks for a newer tag than a tag has.
pub(super) fn look(
    at: Place<'_>,
    stream: &ImageStream,
    from: &ObjectReference,
    memory: &CheckMemory,
    desk: &mut Desk<'_>,
) -> Found {
    let Some(following) = Following::of(at.stream, at.tag) else {
        return Found::Nothing;
    };
    let looked = Looked {
        at,
        stream,
        following,
    };
    let Some(has) = looked.following.has().map(str::to_owned) else {
        let why = format!(
            "{} is a digest, which never changes, and so `{}` has nothing to follow",
            from.name,
            looked.following.text()
        );
        return looked.nowhere(State::Held, why, "write a tag in `from`", desk);
    };
    let never = FollowMemory::default();
    let source = looked.following.source();
    let known = memory.follow.as_deref();
    let known = known.filter(|known| known.list.source == source);
    let known = known.filter(|known| !known.list.is_ahead(desk.now()));
    looked.choose(&has, known.unwrap_or(&never), desk)
}

struct Looked<'a> {
    at: Place<'a>,
    stream: &'a ImageStream,
    following: Following<'a>,
}

impl Looked<'_> {
    fn choose(&self, has: &str, known: &FollowMemory, desk: &mut Desk<'_>) -> Found {
        let due = self.is_due(known, desk);
        if !due && known.list.failures == 0 && known.newest.as_deref() == Some(has) {
            // Nearly all tags of nearly all plans: the rule need not even be read.
            return Found::Nothing;
        }
        let rule = match self.following.rule() {
            Ok(rule) => rule,
            Err(error) => {
                let help =
                    "write a rule such as `semver ~25.0`, `glob 25.0.*` or `regex ^25\\.0\\.\\d+$`";
                return self.nowhere(State::Broken, error.to_string(), help, desk);
            }
        };
        let (list, listing) = match due {
            true => self.ask(&known.list, desk),
            false => (self.remembered(&known.list), None),
        };
        let (newest, tags) = match listing {
            Some(listing) => (
                rule.newest(listing.iter().map(|tag| &**tag))
                    .map(str::to_owned),
                listing.len(),
            ),
            // Before the first list there is nothing to choose from.
            None if known.list.last_success.is_none() => return list,
            None => (known.newest.clone(), known.tags),
        };
        let Some(newest) = newest else {
            return match list {
                Found::Nothing => self.nothing_matches(has, tags, desk),
                trouble => trouble,
            };
        };
        match (rule.step(has, &newest), list) {
            (Step::Moves, list) => match self.next(&newest, known, due, desk) {
                Found::Import(import) => Found::Import(import),
                trouble if matches!(list, Found::Nothing) => trouble,
                _ => list,
            },
            (Step::Backwards, Found::Nothing) => {
                let why = format!(
                    "the newest tag of {} by `{}` is {newest} now, which is older than {has}: it stays there",
                    self.following.reference().repository,
                    self.following.text()
                );
                let help = format!("write {newest} in `from` to go back to it");
                self.nowhere(State::Held, why, &help, desk)
            }
            (Step::Stays | Step::Backwards, list) => list,
        }
    }

    fn nothing_matches(&self, has: &str, tags: usize, desk: &Desk<'_>) -> Found {
        let repository = &self.following.reference().repository;
        let rule = self.following.text();
        let why = match tags {
            0 => format!("{repository} lists no tags: it stays at {has}"),
            1 => format!("the only tag of {repository} does not match `{rule}`: it stays at {has}"),
            tags => format!(
                "none of the {tags} tags of {repository} matches `{rule}`: it stays at {has}"
            ),
        };
        let help = "change the rule if such a tag will not come";
        self.nowhere(State::Held, why, help, desk)
    }

    fn nowhere(&self, state: State, why: String, help: &str, desk: &Desk<'_>) -> Found {
        let path = desk.docs.streams.get(self.at.stream).map(|s| &s.path);
        let place = path.map_or_else(String::new, |path| {
            format!(" of tag {} in {path}", self.at.tag.name)
        });
        let why = format!("{NOT_FOLLOWED}: {why}");
        Found::Nowhere(state, why, format!("{help}: `headwater.dev/follow`{place}"))
    }

    /// A list is asked for when nothing is known, when the last try failed, and after the interval.
    fn is_due(&self, known: &FollowMemory, desk: &Desk<'_>) -> bool {
        let list = &known.list;
        if let Some(due) = is_due_anyway(list, desk) {
            return due;
        }
        let Some(last) = list.last_check.filter(|_| list.failures == 0) else {
            return true;
        };
        let interval = due::interval(self.at.tag, desk.docs);
        let repository = self.following.list().repository.to_string();
        due::is_time(&repository, interval, last, desk.now())
    }

    /// Asks for the list; the tags, if they came, else why not.
    fn ask<'d>(&self, known: &CheckMemory, desk: &mut Desk<'d>) -> (Found, Option<&'d [Box<str>]>) {
        let question = self.following.list();
        match desk.list(&question) {
            Known::Yes(tags) => (Found::Nothing, Some(tags)),
            Known::Failed(failure) => {
                let with = Box::new((failure, known.clone()));
                (Found::Failed(self.following.repository(), with), None)
            }
            Known::NotYet => {
                let since = desk.list_asked_since(&question);
                match since.filter(|_| known.failures == 0) {
                    Some(since) => (Found::Silent(self.following.repository(), since), None),
                    None => (self.remembered(known), None),
                }
            }
        }
    }

    fn remembered(&self, known: &CheckMemory) -> Found {
        match known.failures {
            0 => Found::Nothing,
            _ => Found::Fails(self.following.repository(), Box::new(known.clone())),
        }
    }

    /// Asks for the newest tag, unless its next try is still to come.
    fn next(&self, newest: &str, known: &FollowMemory, listed: bool, desk: &mut Desk<'_>) -> Found {
        let followed = self.following.to(newest);
        let never = CheckMemory::default();
        let known = Some(&known.next).filter(|next| next.source == followed.name);
        let known = known.unwrap_or(&never);
        let question = self.following.question(newest);
        let about = question.reference.clone();
        let fails = || match known.failures {
            0 => Found::Nothing,
            _ => Found::Fails(about.clone(), Box::new(known.clone())),
        };
        if is_due_anyway(known, desk) == Some(false) {
            return fails();
        }
        if !listed && waits_for_checks(known, desk) {
            settles_still(self.at, self.stream, &followed.name, known, desk);
            return Found::Nothing;
        }
        let asked = desk.asked_since(&question);
        match desk.resolve(question) {
            Known::NotYet => match asked.filter(|_| known.failures == 0) {
                Some(since) => Found::Silent(about, since),
                None => fails(),
            },
            Known::Failed(failure) => Found::Failed(about, Box::new((failure, known.clone()))),
            Known::Yes(resolved) => {
                let key = self.at.key();
                let answer = Answer {
                    key: &key,
                    tag: self.at.tag,
                    stream: self.stream,
                    reference: &about,
                    settling: Some(known),
                    troubled: false,
                    followed: Some(&followed),
                };
                match answered(answer, &resolved, desk) {
                    Ok(Some(import)) => Found::Import(Box::new(import)),
                    Ok(None) => Found::Nothing,
                    Err(failure) => Found::Failed(about, Box::new((failure, known.clone()))),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
