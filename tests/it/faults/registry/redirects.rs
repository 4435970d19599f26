//! Registries that send us elsewhere: on, round, or where we must not go.

use super::*;

#[tokio::test]
async fn redirects_without_end_stop_at_five() {
    let Some(real) = Real::start().await else {
        return;
    };
    for location in ["http://{host}{path}", "http://{host}{path}x", "{path}?x"] {
        real.proxy.heal();
        real.proxy.forget();
        real.proxy.rule(Rule::any(), Fault::redirect(location));
        let error = real.resolve(&real.client()).await.unwrap_err();
        assert!(error.to_string().contains("redirects"), "{error}");
        assert!(!error.is_transient());
        assert_eq!(real.proxy.seen().len(), 6, "{location}");
    }
}

#[tokio::test]
async fn a_redirect_leads_to_no_place_that_nobody_may_ask() {
    let Some(real) = Real::start().await else {
        return;
    };
    for location in [
        "http://169.254.169.254/latest/meta-data/?sig=canary",
        "http://[fe80::1]/canary",
        "http://0.0.0.0:1/canary",
        "http://[::ffff:169.254.169.254]/canary",
        "http://2852039166/canary",
        "file:///etc/passwd",
        "gopher://127.0.0.1/canary",
        "http://user:canary@127.0.0.1/x",
    ] {
        real.proxy.heal();
        real.proxy.rule(Rule::any(), Fault::redirect(location));
        let error = real.resolve(&real.client()).await.unwrap_err();
        assert_eq!(error.reason(), "Forbidden", "{location}: {error}");
        assert!(
            !format!("{error} {error:?}").contains("canary"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_store_elsewhere_sees_no_credential_and_no_cookie() {
    let (Some(real), Some(store)) = (Real::start().await, Real::start().await) else {
        return;
    };
    let to = format!("http://{}{{path}}", store.proxy.host());
    real.proxy.rule(
        Rule::any().lacking("authorization"),
        Fault::reply(401, &[("www-authenticate", "Basic realm=x")], ""),
    );
    let sent_on = Fault::answer(move |seen| {
        let to = to.replace("{path}", &seen.target);
        Reply::new(307, &[("location", &to), ("set-cookie", "id=canary")], "")
    });
    real.proxy.rule(Rule::on("GET", ""), sent_on);
    let host = real.proxy.host();
    let client = client(&format!(
        "{{registries: [{{host: '{host}', plainHttp: true}}], credentials: [{{host: '{host}', username: u, password: canary}}]}}"
    ));
    let pinned = real.place(&format!("@{}", real.digest));
    for _ in 0..2 {
        assert!(describe(&client, &pinned).await.is_ok());
    }
    assert_eq!(store.proxy.seen().len(), 2);
    for seen in store.proxy.seen().iter().chain(&real.proxy.seen()) {
        assert_eq!(seen.header("cookie"), None);
        assert_eq!(seen.header("referer"), None);
    }
    let shown = |seen: &crate::support::fault_proxy::Seen| seen.header("authorization").is_some();
    assert!(!store.proxy.seen().iter().any(shown));
    assert_eq!(real.proxy.seen().iter().filter(|s| shown(s)).count(), 2);
}

#[tokio::test]
async fn what_the_host_of_a_redirect_refuses_is_its_word_and_not_the_registrys() {
    let (Some(real), Some(store)) = (Real::start().await, Real::start().await) else {
        return;
    };
    let there = store.proxy.host();
    let location = format!("http://{there}{{path}}");
    real.proxy.rule(Rule::any(), Fault::redirect(&location));
    let host = real.proxy.host();
    let client = client(&format!(
        "{{registries: [{{host: '{host}', plainHttp: true}}], credentials: [{{host: '{host}', username: bob, password: canary}}]}}"
    ));
    for status in [401, 403, 404, 429, 503] {
        store.proxy.heal();
        store.proxy.rule(Rule::any(), Fault::reply(status, &[], ""));
        let error = real.resolve(&client).await.unwrap_err();
        let said = error.to_string();
        for word in [&host, &there, &status.to_string()] {
            assert!(said.contains(word.as_str()), "{said}");
        }
        assert!(!said.contains("bob"), "no credentials went there: {said}");
        assert!(error.is_transient(), "{said}");
    }
}
