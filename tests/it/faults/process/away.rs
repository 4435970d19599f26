//! The Git remote is away, and somebody wants to know where everything is.

use super::*;
use crate::support::git_http::Fate;

#[tokio::test(flavor = "multi_thread")]
async fn while_the_remote_is_away_status_shows_what_was_last_seen_headed_by_what_is_wrong() {
    let machine = Machine::start().await;
    machine.said(&["run"]).await.ends(0, &[]);
    machine.git.judged_by(|_| Fate::Unavailable);
    for tries in ["1 try", "2 tries"] {
        let said = machine.said(&["status"]).await;
        said.ends(
            75,
            &["1.0.0", "app/prod", tries, "since", "try again later"],
        );
        let of = |words: &str| said.text.find(words).unwrap_or(usize::MAX);
        assert!(of("git http") < of("PIPELINE"), "{}", said.text);
        assert!(of("PIPELINE") < usize::MAX, "{}", said.text);
    }
    let said = machine.said(&["status", "-o", "json"]).await;
    assert_eq!(said.code, Some(75), "{}", said.text);
    let mut values = serde_json::Deserializer::from_str(&said.text).into_iter::<Value>();
    let status = values.next().unwrap().unwrap();
    assert_eq!(status["edges"][0]["kind"], "git");
    assert_eq!(status["pipelines"][0]["pipeline"], "app");

    machine.git.judged_by(|_| Fate::Served);
    let said = machine.said(&["status"]).await;
    said.ends(0, &["1.0.0"]);
    assert!(!said.text.contains("git http"), "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_was_never_seen_leaves_nothing_to_show() {
    let machine = Machine::start().await;
    machine.git.judged_by(|_| Fate::Unavailable);
    let said = machine.said(&["status"]).await;
    said.ends(75, &["try again later"]);
    assert!(!said.text.contains("PIPELINE"), "{}", said.text);
}
