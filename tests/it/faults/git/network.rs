//! The network between us and a Git server: transfers that stall, break off or lie are given up in time, leave nothing
//! behind, and are made again once it heals; a lost answer never makes anything twice.

use std::time::Duration;

use headwater::config::git::GitTimeouts;
use headwater::model::Period;
use headwater::reconciler::Pass;

use crate::support::fault_proxy::{Fault, FaultProxy, Reply, Rule};
use crate::support::git_http::git;
use crate::support::world::World;

const FETCH: &str = "/git-upload-pack$";
const PUSH: &str = "/git-receive-pack$";

/// A served world that is reached through a proxy.
async fn behind_a_proxy() -> (World, FaultProxy) {
    let mut world = World::served(&[]).await;
    let origin = world.server().origin();
    let proxy = FaultProxy::before(origin.strip_prefix("http://").unwrap()).await;
    let url = proxy.through(&world.server().url("base.git"));
    world.reach_at(&url);
    (world, proxy)
}

/// One pass with little patience: what hangs is given up after a second or two.
async fn impatient_pass(world: &mut World) -> Option<String> {
    world.operator(|settings| {
        settings.git.timeouts.read = Period::seconds(1);
        settings.git.timeouts.total = Period::seconds(2);
    });
    let ended = world.engine.reconciler.pass(world.now()).await;
    world.operator(|settings| settings.git.timeouts = GitTimeouts::default());
    trouble(ended)
}

/// What goes wrong with a pass, in words; it must be something that heals by itself.
fn trouble(ended: Result<Pass, headwater::observe::ObserveError>) -> Option<String> {
    match ended {
        Err(error) => {
            assert!(error.is_transient(), "{error}");
            Some(error.to_string())
        }
        Ok(pass) => {
            let refused = pass.receipt.refused;
            assert!(refused.iter().all(|r| r.fault.heals()), "{refused:?}");
            refused.first().map(|refusal| refusal.why.clone())
        }
    }
}

/// In the middle of a pack, where there is one.
fn turn_a_bit(reply: &mut Reply) {
    let pack = reply.body.windows(4).position(|four| four == b"PACK");
    if let Some(byte) = pack.and_then(|at| reply.body.get_mut(at + 20)) {
        *byte ^= 1;
    }
}

fn faults() -> Vec<(&'static str, Fault)> {
    vec![
        (
            "hangs at the end",
            Fault::Drip(200, Duration::from_secs(3600)),
        ),
        (
            "a byte now and then",
            Fault::Drip(1, Duration::from_millis(300)),
        ),
        ("never answers", Fault::Silence),
        ("resets", Fault::Reset),
        ("cut in the head", Fault::CutHead(20)),
        ("cut in the body", Fault::CutBody(100)),
        ("a bit turned over", Fault::change(turn_a_bit)),
        (
            "unavailable",
            Fault::reply(503, &[("content-type", "text/plain")], "come back later"),
        ),
        (
            "too many requests",
            Fault::reply(429, &[("retry-after", "1")], ""),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_stalls_breaks_off_or_lies_is_given_up_and_made_again() {
    let (mut world, proxy) = behind_a_proxy().await;
    world.good_build("1.0.0");
    world.settle().await;
    for (n, (what, fault)) in faults().into_iter().enumerate() {
        world.person_commits(&[("notes.md", what)], "Something to fetch");
        let build = world.good_build(&format!("1.1.{n}"));
        let before = world.repository.line().len();
        proxy.rule(Rule::on("POST", FETCH), fault);
        proxy.forget();
        let said = impatient_pass(&mut world).await;
        assert!(said.is_some(), "{what}: it cannot have been fetched");
        // The list of refs, and one or two rounds to find out what is common.
        let asked = proxy.seen().len();
        assert!(asked <= 4, "{what}: {asked} requests");
        assert_eq!(world.repository.line().len(), before, "{what}");
        proxy.heal();
        world.settle().await;
        assert_eq!(world.head("app", "qa"), Some(build), "{what}");
    }
    let cache = world.folder().join("cache");
    let mut mirrors = 0;
    for folder in std::fs::read_dir(cache).unwrap() {
        let folder = folder.unwrap().path();
        let extension = folder.extension().unwrap_or_default();
        assert_ne!(extension, "broken", "a bad answer is no damage");
        if extension == "git" {
            mirrors += 1;
            let packs = std::fs::read_dir(folder.join("objects/pack")).unwrap();
            let names = packs.map(|e| e.unwrap().file_name().into_string().unwrap());
            let left: Vec<String> = names.filter(|n| n.starts_with("pack_")).collect();
            assert!(left.is_empty(), "{left:?}");
            git(&folder, &["fsck", "--no-dangling"]);
        }
    }
    assert!(mirrors > 0, "there is a mirror to look at");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_breaks_off_anywhere_makes_its_commit_once() {
    let (mut world, proxy) = behind_a_proxy().await;
    world.good_build("1.0.0");
    world.settle().await;
    let more = vec![
        ("its answer is lost", Fault::LoseAnswer),
        ("the request is cut", Fault::CutRequest(60)),
    ];
    for (n, (what, fault)) in faults().into_iter().chain(more).enumerate() {
        let build = world.good_build(&format!("1.2.{n}"));
        let before = world.repository.line().len();
        proxy.rule(Rule::on("POST", PUSH).once(), fault);
        impatient_pass(&mut world).await;
        proxy.heal();
        world.settle().await;
        assert_eq!(world.head("app", "qa"), Some(build), "{what}");
        assert_eq!(world.repository.line().len(), before + 2, "{what}: once");
    }
    git(world.repository.path(), &["fsck", "--strict"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_a_push_in_parts_may_be_lost_and_each_part_is_made_once() {
    for lost in 1..=3 {
        let (mut world, proxy) = behind_a_proxy().await;
        let hold = crate::support::world::small::hold("qa", "app", "qa");
        world.person_commits(&[("holds/qa.yaml", &hold)], "Wait");
        world.good_build("1.0.0");
        world.settle().await;
        world.person_deletes(&["holds/qa.yaml"], "Go on");
        world.good_build("1.1.0");
        let script = "while read -r old new ref; do
  if git diff --name-only \"$old\" \"$new\" | grep -q '^environments/qa/'; then echo 'qa is closed' >&2; exit 1; fi
done";
        crate::support::git_http::hook(world.repository.path(), "pre-receive", script);
        let before = world.repository.line().len();
        proxy.rule(Rule::on("POST", PUSH).nth(lost..=lost), Fault::LoseAnswer);
        for _ in 0..4 {
            trouble_or_refused(&world.engine.reconciler.pass(world.now()).await);
        }
        assert_eq!(world.repository.line().len(), before + 1, "answer {lost}");
        std::fs::remove_file(world.repository.path().join("hooks/pre-receive")).unwrap();
        world.advance("5m");
        world.settle().await;
        assert_eq!(
            world.head("app", "qa"),
            world.head("app", "dev"),
            "answer {lost}"
        );
        assert_eq!(world.repository.line().len(), before + 2, "answer {lost}");
    }
}

/// Nothing but what heals by itself, or the hook's refusal.
fn trouble_or_refused(ended: &Result<Pass, headwater::observe::ObserveError>) {
    match ended {
        Err(error) => assert!(error.is_transient(), "{error}"),
        Ok(pass) => {
            let good =
                |r: &headwater::apply::Refusal| r.fault.heals() || r.why.contains("qa is closed");
            assert!(pass.receipt.refused.iter().all(good), "{:?}", pass.receipt);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_a_password_or_is_none_is_asked_once_per_pass() {
    let (mut world, proxy) = behind_a_proxy().await;
    world.good_build("1.0.0");
    let asks = Fault::reply(
        401,
        &[
            ("www-authenticate", "Basic realm=\"who are you\""),
            ("content-type", "text/plain"),
        ],
        "Password:",
    );
    let page = Fault::reply(
        200,
        &[("content-type", "text/html")],
        "<html>sign in</html>",
    );
    let circles = Fault::redirect("http://{host}{path}&again");
    let bomb = Fault::gzip_bomb(
        8 << 20,
        &[(
            "content-type",
            "application/x-git-upload-pack-advertisement",
        )],
    );
    let endless = Fault::endless(&[(
        "content-type",
        "application/x-git-upload-pack-advertisement",
    )]);
    for (fault, words, most) in [
        (asks, "asks for a login", 1),
        (page, "does not speak Git's smart HTTP protocol", 1),
        (circles, "redirects", 6),
        (bomb, "", 1),
        (endless, "larger than 64 MiB", 1),
    ] {
        proxy.rule(Rule::any(), fault);
        proxy.forget();
        let error = world.engine.reconciler.pass(world.now()).await.unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert!(
            proxy.seen().len() <= most,
            "{words}: {}",
            proxy.seen().len()
        );
        proxy.heal();
    }
    world.settle().await;
    assert!(world.head("app", "qa").is_some());
}
