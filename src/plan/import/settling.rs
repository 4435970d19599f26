//! Digests that settle: a changed one waits for others that may come with it, or until several checks saw it, so that a tag
//! which moves again and again makes one change.

use super::{Place, is_news};
use crate::model::{Digest, ImageStream, Settle, TagKey, TagReference, Timestamp};
use crate::plan::desk::Desk;
use crate::plan::due;
use crate::plan::facts::CheckMemory;
use crate::plan::report::{State, Subject};

/// Whether a new digest, just answered, still waits; then it is told.
pub(super) fn settles(
    key: &TagKey,
    tag: &TagReference,
    digest: &Digest,
    memory: &CheckMemory,
    desk: &mut Desk<'_>,
) -> bool {
    let now = desk.now();
    match desk.obs.facts.settings.settle {
        None => false,
        Some(Settle::Time(settle)) => {
            let seen = memory.seen.as_ref().filter(|(seen, _)| seen == digest);
            let until = settle.after(seen.map_or(now, |(_, at)| *at));
            let why = format!("until it is {settle} old");
            until > now && tell(key, digest, &why, until, desk)
        }
        Some(Settle::Checks(number)) => {
            let times = memory.times_seen(digest, now);
            let source = tag.from.as_ref().map_or("", |from| &from.name);
            let next = due::next(source, due::interval(tag, desk.docs), now);
            times < number && tell(key, digest, &in_checks(times, number), next, desk)
        }
    }
}

/// Whether what was seen of a tag waits for more checks, which come when they are due and not with every pass.
pub(super) fn waits_for_checks(memory: &CheckMemory, desk: &Desk<'_>) -> bool {
    let Some(Settle::Checks(number)) = desk.obs.facts.settings.settle else {
        return false;
    };
    memory.seen.is_some() && memory.times < number
}

/// Tells of a digest that waits for more checks, between these.
pub(super) fn settles_still(
    at: Place<'_>,
    stream: &ImageStream,
    source: &str,
    memory: &CheckMemory,
    desk: &mut Desk<'_>,
) {
    let Some(Settle::Checks(number)) = desk.obs.facts.settings.settle else {
        return;
    };
    let (Some((digest, _)), Some(last)) = (&memory.seen, memory.last_check) else {
        return;
    };
    let head = stream.head(&at.tag.name);
    if head.is_some_and(|head| is_news(at, source, digest, head, desk)) {
        let key = at.key();
        let next = due::next(source, due::interval(at.tag, desk.docs), last);
        tell(&key, digest, &in_checks(memory.times, number), next, desk);
    }
}

fn in_checks(times: u32, number: u32) -> String {
    format!("until {number} checks have seen it, one after the other: {times} so far")
}

fn tell(key: &TagKey, digest: &Digest, why: &str, until: Timestamp, desk: &mut Desk<'_>) -> bool {
    let why = format!("a new digest {} settles {why}", digest.short());
    let tag = Subject::Tag(key.clone());
    desk.hold(tag, State::Waiting, "Settling", why).until = Some(until);
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::facts::{Answer, Outcome, Resolved};
    use crate::plan::import::remember;
    use crate::plan::kit::{Kit, at, digest};
    use crate::plan::question::Resolve;
    use crate::plan::{Question, plan};

    const STREAM: &str = "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: x, namespace: other}\nspec:\n  tags:\n    - name: main\n      annotations: {headwater.dev/source: '{\"importMode\":\"\",\"kind\":\"DockerImage\",\"name\":\"q.io/a/x:main\",\"namespace\":\"\",\"reference\":false}'}\n      from: {kind: DockerImage, name: 'q.io/a/x:main'}\n      importPolicy: {scheduled: true}\n";

    /// A daemon's passes over one tag that holds the image `old`.
    struct Passes {
        settle: Settle,
        memory: CheckMemory,
    }

    impl Passes {
        /// A pass at a minute at which the registry answers with this image; what it says, and whether it asked and moved.
        fn at(&mut self, minute: i64, image: &str) -> (String, bool, bool) {
            let held = digest("old");
            let text = format!(
                "{STREAM}status:\n  tags:\n    - tag: main\n      items: [{{created: '2023-11-14T00:00:00Z', dockerImageReference: 'q.io/a/x@{held}', image: '{held}', generation: 1}}]\n"
            );
            let kit = Kit::new(&[("streams/x.yaml", &text)]).now(minute);
            let mut obs = kit.observe();
            obs.facts.settings.settle = Some(self.settle);
            let key = TagKey::new("other/x".to_owned().try_into().unwrap(), "main");
            obs.facts.memory = Arc::new([(key, self.memory.clone())].into());
            let question = Resolve {
                reference: "q.io/a/x:main".parse().unwrap(),
                namespace: "other".parse().unwrap(),
                insecure: false,
            };
            let asks = plan(&obs)
                .questions
                .contains(&Question::Resolve(question.clone()));
            if asks {
                let resolved = Resolved {
                    digest: digest(image),
                    media_type: String::new(),
                };
                self.memory = remember(
                    &self.memory,
                    "q.io/a/x:main",
                    at(minute),
                    Ok(&resolved),
                    Some(held.as_str()),
                    "15m".parse().unwrap(),
                );
                let outcome = Outcome::Ok(resolved);
                let answer = Answer {
                    at: at(minute),
                    asked: None,
                    outcome,
                };
                obs.facts.resolved.insert(question, answer);
            }
            let made = plan(&obs);
            let holds = made.holds.iter().filter(|hold| hold.reason == "Settling");
            let words: String = holds.map(|hold| hold.why.as_str()).collect();
            (words, asks, !made.effects.is_empty())
        }
    }

    fn passes(settle: &str) -> Passes {
        Passes {
            settle: settle.parse().unwrap(),
            memory: CheckMemory::default(),
        }
    }

    #[test]
    fn a_tag_that_flaps_is_not_imported_until_checks_in_a_row_saw_the_same() {
        let mut daemon = passes("2 checks");
        let (words, asked, moved) = daemon.at(0, "a");
        assert!(
            words.ends_with("until 2 checks have seen it, one after the other: 1 so far"),
            "{words}"
        );
        assert!(asked && !moved);
        // Passes between two checks ask nothing and say the same.
        assert_eq!(daemon.at(5, "a"), (words, false, false));
        // It flaps: back to what the tag has, then to another one. Nothing is taken, however often.
        for (check, image) in ["old", "a", "b", "a", "b", "old"].iter().enumerate() {
            let minute = 20 * (1 + i64::try_from(check).unwrap());
            let (words, asked, moved) = daemon.at(minute, image);
            assert!(asked && !moved, "{check}");
            assert_eq!(words.is_empty(), *image == "old", "{check}: {words}");
        }
        assert!(!daemon.at(200, "b").2);
        let (words, asked, moved) = daemon.at(220, "b");
        assert!(asked && moved && words.is_empty(), "{words}");
        // What is not taken yet for another reason is looked at in every pass from now on.
        assert!(daemon.at(221, "b").1);
    }

    #[test]
    fn answers_of_one_instant_are_one_check_and_one_check_is_none_to_wait_for() {
        let mut daemon = passes("2 checks");
        assert!(!daemon.at(0, "a").2);
        let known = daemon.memory.times_seen(&digest("a"), at(0));
        assert_eq!(
            (known, daemon.memory.times_seen(&digest("a"), at(1))),
            (1, 2)
        );
        assert_eq!(daemon.memory.times_seen(&digest("b"), at(0)), 1);
        assert!(passes("1 check").at(0, "a").2);
        // By time, every pass asks until the time is over.
        let mut daemon = passes("30m");
        for (minute, moved) in [(0, false), (1, false), (29, false), (30, true)] {
            let (words, asked, moves) = daemon.at(minute, "a");
            assert_eq!((asked, moves), (true, moved), "{minute}: {words}");
        }
    }
}
