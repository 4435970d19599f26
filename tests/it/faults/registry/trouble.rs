//! Registries that stumble, fall, or never answer.

use std::time::Duration;

use super::*;
use crate::support::world::{World, small};

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_fails_one_time_in_ten_gives_every_tag_all_the_same() {
    let Some(real) = Real::start().await else {
        return;
    };
    let tags = real.tags(200).await;
    for code in [500, 502, 503] {
        real.proxy.heal();
        real.proxy.seed(u64::from(code));
        real.proxy.rule(
            Rule::on("HEAD", "/manifests/").ratio(0.1),
            Fault::status(code),
        );
        real.proxy.forget();
        assert_eq!(right(&real.client(), &tags).await, 200);
        let (asked, failed) = (
            real.proxy.seen().len(),
            real.proxy.requests("HEAD", "", code),
        );
        assert!(asked <= 240, "{asked} requests for 200 tags");
        assert!(failed > 5, "{failed} of them failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_down_is_left_alone_and_holds_nobody_up() {
    let (Some(down), Some(other)) = (Real::start().await, Real::start().await) else {
        return;
    };
    let (lost, good) = (down.tags(100).await, other.tags(100).await);
    down.proxy.rule(Rule::any(), Fault::status(503));
    down.proxy.forget();
    other.proxy.forget();
    let client = plain_all(&[&down.proxy, &other.proxy]);
    let (none, all) = tokio::join!(right(&client, &lost), right(&client, &good));
    assert_eq!((none, all), (0, 100));
    let knocks = down.proxy.seen().len();
    assert!(knocks <= 20, "{knocks} requests to a host that is down");
    assert_eq!(other.proxy.seen().len(), 100);

    down.proxy.heal();
    let error = resolve(&client, &lost[0].0).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Unavailable { .. }) && error.is_transient(),
        "{error:?}"
    );
    assert!((20..=30).contains(&seconds_from_now(&error)));
    assert_eq!(right(&client, &lost).await, 0);
    assert_eq!(down.proxy.seen().len(), knocks, "not one more");
    let doors = client.doors();
    let door = doors.iter().find(|d| d.host == down.proxy.host()).unwrap();
    assert!(door.failing && door.shut_until.is_some(), "{door:?}");
    assert_eq!((door.free, door.waiting), (door.permits, 0));
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again_and_half_an_answer_is_none() {
    let Some(real) = Real::start().await else {
        return;
    };
    let digest = format!("@{}", real.digest);
    for fault in [Fault::Reset, Fault::CutHead(0), Fault::CutHead(40)] {
        real.proxy.heal();
        real.proxy.forget();
        real.proxy.rule(Rule::on("HEAD", "").once(), fault);
        let resolved = real.resolve(&real.client()).await.unwrap();
        assert_eq!(resolved.digest, real.digest);
        assert_eq!(real.proxy.seen().len(), 2);
    }
    for fault in [Fault::CutBody(0), Fault::CutBody(30), Fault::CutHead(60)] {
        real.proxy.heal();
        real.proxy.forget();
        real.proxy.rule(Rule::on("GET", "").once(), fault);
        let described = describe(&real.client(), &real.place(&digest)).await;
        assert_eq!(described.unwrap().labels["name"], "v1");
        assert_eq!(real.proxy.requests("GET", "", 0), 2);
    }
    real.proxy.heal();
    real.proxy.forget();
    real.proxy.rule(Rule::on("GET", ""), Fault::CutBody(30));
    let error = describe(&real.client(), &real.place(&digest))
        .await
        .unwrap_err();
    assert!(
        matches!(error, RegistryError::Network { .. }) && error.is_transient(),
        "{error:?}"
    );
    assert_eq!(real.proxy.requests("GET", "", 0), 3);
}

#[tokio::test]
async fn chunks_without_an_end_are_no_answer() {
    let upstream = OddRegistry::start(|_| {
        let body = index("v1");
        let pieces = [body[..20].to_owned(), body[20..].to_owned()].map(Ok::<_, std::io::Error>);
        let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
        status(200, &[("content-type", INDEX)], body)
    })
    .await;
    let proxy = FaultProxy::before(&upstream.host()).await;
    let whole = index("v1").len() as u64;
    // All of the content, but not the chunk that says so.
    proxy.rule(Rule::on("GET", "").nth(1..=3), Fault::CutBody(whole + 12));
    let client = plain(&proxy.host());
    let pinned = place(
        &proxy,
        &format!("@{}", Digest::sha256(index("v1").as_bytes())),
    );
    let error = describe(&client, &pinned).await.unwrap_err();
    assert!(matches!(error, RegistryError::Network { .. }), "{error:?}");
    assert!(describe(&client, &pinned).await.is_ok());
    assert_eq!(proxy.seen().len(), 4);
}

#[tokio::test]
async fn a_host_where_nobody_listens_is_a_matter_of_time() {
    let Some(mut real) = Real::start().await else {
        return;
    };
    real.proxy.close().await;
    let client = real.client();
    let error = real.resolve(&client).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Network { .. }) && error.is_transient(),
        "{error:?}"
    );
    assert_eq!(client.stats().count("HEAD", "none"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_silent_or_trickles_gives_its_places_back() {
    let faults = [
        Fault::Silence,
        Fault::Drip(1, Duration::from_millis(100)),
        Fault::Drip(30, Duration::from_millis(500)),
    ];
    join_all(faults.map(gives_its_places_back)).await;
}

async fn gives_its_places_back(fault: Fault) {
    let (Some(slow), Some(other)) = (Real::start().await, Real::start().await) else {
        return;
    };
    let (lost, good) = (slow.tags(30).await, other.tags(30).await);
    slow.proxy.rule(Rule::any(), fault);
    slow.proxy.forget();
    let entry = |real: &Real| json!({"host": real.proxy.host(), "plainHttp": true});
    let settings = json!({
        "registries": [entry(&slow), entry(&other)], "readTimeout": "3s", "totalTimeout": "3s",
    });
    let client = client(&settings.to_string());
    let (none, all) = tokio::join!(right(&client, &lost), right(&client, &good));
    assert_eq!((none, all), (0, 30));
    let knocks = slow.proxy.seen().len();
    assert!(
        knocks <= 10,
        "{knocks} requests to a host that says nothing"
    );
    let doors = client.doors();
    let door = doors.iter().find(|d| d.host == slow.proxy.host()).unwrap();
    assert!(door.failing && door.free == door.permits, "{door:?}");
}

#[tokio::test]
async fn a_tag_that_is_gone_for_a_moment_is_not_found_and_then_there_again() {
    let Some(real) = Real::start().await else {
        return;
    };
    real.proxy.rule(Rule::any(), Fault::status(404));
    let client = real.client();
    let error = real.resolve(&client).await.unwrap_err();
    assert_eq!((error.reason(), error.is_transient()), ("NotFound", false));
    assert_eq!(real.proxy.seen().len(), 2, "GET has the last word");
    real.proxy.heal();
    assert_eq!(real.resolve(&client).await.unwrap().digest, real.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_cannot_be_read_change_no_manifest_and_are_no_lack_of_a_version() {
    let template = small::TEMPLATE.replace(
        "            - name: COLOUR\n",
        "            - name: VERSION\n              value: {{version}}\n            - name: COLOUR\n",
    );
    let mut world = World::with(&[(small::TEMPLATE_PATH, &template)]).await;
    world.delivered("1.0.0").await;
    let all = |world: &World| ["dev", "qa", "prod"].map(|place| world.rendered(place, "app"));
    let before = all(&world);
    assert!(
        before.iter().all(|text| text.contains("value: \"1.0.0\"")),
        "{before:?}"
    );

    // Nothing is remembered, and the registry says nothing useful.
    world.forget();
    world.registry.fail_next(500, 10_000, None);
    for _ in 0..4 {
        let pass = world.pass().await;
        assert!(pass.receipt.done.is_empty(), "{:?}", pass.receipt);
        assert_eq!(all(&world), before);
        world.advance("1m");
    }
    world.registry.heal();
    // A process of its own has no reason to leave the host alone for a while.
    world.restart();
    world.advance("1h");
    world.settle().await;
    assert_eq!(all(&world), before);

    // A new build comes in with its labels or not at all.
    let build = world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "dev"), Some(build));
    assert!(world.rendered("dev", "app").contains("value: \"1.1.0\""));
    assert!(
        world
            .plan()
            .await
            .holds
            .iter()
            .all(|hold| hold.reason != "Stalled")
    );
}
