//! Registries that ask for patience, in all the ways there are.

use super::*;

#[tokio::test]
async fn a_pause_is_kept_by_everybody_and_no_other_host_waits() {
    let (Some(busy), Some(other)) = (Real::start().await, Real::start().await) else {
        return;
    };
    busy.proxy.rule(
        Rule::any().once(),
        Fault::reply(429, &[("retry-after", "7")], ""),
    );
    let client = plain_all(&[&busy.proxy, &other.proxy]);
    let error = busy.resolve(&client).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::RateLimited { .. }) && error.is_transient(),
        "{error:?}"
    );
    assert!((6..=7).contains(&seconds_from_now(&error)), "{error}");
    let others = other.tags(20).await;
    other.proxy.forget();
    for _ in 0..20 {
        assert!(busy.resolve(&client).await.is_err());
    }
    assert_eq!(right(&client, &others).await, 20);
    assert_eq!(busy.proxy.seen().len(), 1, "nobody knocks during the pause");
    assert_eq!(other.proxy.seen().len(), 20);
    let doors = client.doors();
    let door = doors.iter().find(|d| d.host == busy.proxy.host()).unwrap();
    assert!(door.shut_until.is_some() && !door.failing, "{door:?}");
}

#[tokio::test]
async fn a_pause_is_a_date_a_guess_or_an_hour_at_most() {
    let Some(real) = Real::start().await else {
        return;
    };
    let date = "Wed, 21 Oct 2015 07:28:09 GMT";
    let now = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
    for (headers, bounds) in [
        (vec![now, ("retry-after", date)], 8..=9),
        (vec![], 0..=2),
        (vec![("retry-after", "soon")], 0..=2),
        (vec![("retry-after", "999999999")], 3598..=3600),
    ] {
        real.proxy.heal();
        real.proxy
            .rule(Rule::any(), Fault::reply(429, &headers, ""));
        let error = real.resolve(&real.client()).await.unwrap_err();
        let pause = seconds_from_now(&error);
        assert!(bounds.contains(&pause), "{headers:?}: {pause}");
    }
    assert_eq!(real.proxy.seen().len(), 4, "a 429 is not asked again");
}

#[tokio::test]
async fn a_503_that_names_its_end_is_a_pause_too() {
    let Some(real) = Real::start().await else {
        return;
    };
    let busy = Fault::reply(503, &[("retry-after", "30")], "");
    real.proxy.rule(Rule::any().once(), busy);
    let client = real.client();
    let error = real.resolve(&client).await.unwrap_err();
    assert!((28..=30).contains(&seconds_from_now(&error)), "{error:?}");
    assert!(real.resolve(&client).await.is_err());
    assert_eq!(real.proxy.seen().len(), 1);
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_heeded_before_anybody_refuses() {
    let Some(real) = Real::start().await else {
        return;
    };
    real.proxy.rule(
        Rule::any(),
        Fault::change(|reply| {
            reply.set_header("ratelimit-limit", "100;w=600");
            reply.set_header("ratelimit-remaining", "0;w=600");
        }),
    );
    let client = real.client();
    assert!(real.resolve(&client).await.is_ok());
    let error = real.resolve(&client).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::RateLimited { .. }),
        "{error:?}"
    );
    assert!((590..=600).contains(&seconds_from_now(&error)), "{error:?}");
    assert_eq!(real.proxy.seen().len(), 1);
}
