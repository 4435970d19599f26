//! Names and addresses that lead nowhere or too close, and certificates that prove nothing.

use super::*;
use crate::support::docker_registry::Identity;

#[tokio::test]
async fn a_name_that_nobody_knows_is_a_matter_of_time() {
    let client = client("allowed: ['*.invalid']");
    let error = resolve(&client, "registry.invalid/acme/app:v1")
        .await
        .unwrap_err();
    assert!(
        matches!(error, RegistryError::Network { .. }) && error.is_transient(),
        "{error:?}"
    );
}

#[tokio::test]
async fn addresses_of_this_machine_and_of_clouds_are_asked_only_where_they_are_listed() {
    let Some(real) = Real::start().await else {
        return;
    };
    let (_, port) = real
        .proxy
        .host()
        .rsplit_once(':')
        .map(|(h, p)| (h.to_owned(), p.to_owned()))
        .unwrap();
    real.proxy.forget();
    let any = client("allowed: ['*']");
    for host in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("2130706433:{port}"),
        format!("0x7f.1:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        "169.254.169.254:80".to_owned(),
        "10.0.0.1".to_owned(),
        "localhost:2375".to_owned(),
    ] {
        let reference = format!("{host}/acme/app:v1");
        // What is no host at all is refused even earlier.
        let Ok(reference) = reference.parse::<headwater::model::ImageReference>() else {
            continue;
        };
        if reference.repository.registry().as_str() == "docker.io" {
            continue;
        }
        let error = any.resolve(&reference, &access()).await.unwrap_err();
        assert_eq!(error.reason(), "Forbidden", "{host}: {error}");
    }
    assert_eq!(real.proxy.connections(), 0);
}

#[tokio::test]
async fn certificates_that_prove_nothing_are_refused_in_plain_words() {
    for (identity, words) in [
        (Identity::Expired, "expired"),
        (Identity::OfAnotherHost, "for another host"),
        (Identity::SelfSigned, "unknown authority"),
    ] {
        let Some(registry) = DockerRegistry::start_as(identity, None) else {
            return;
        };
        let tunnel = FaultProxy::tcp(registry.host()).await;
        let host = tunnel.host();
        let strict = client(&format!(
            "registries: [{{host: '{host}', caFile: {}}}]",
            registry.ca_file().display()
        ));
        let reference = format!("{host}/acme/app:v1").parse().unwrap();
        let wish = headwater::registry::Access {
            insecure: true,
            ..access()
        };
        let error = strict.resolve(&reference, &wish).await.unwrap_err();
        assert!(
            matches!(&error, RegistryError::Tls { detail, .. } if detail.contains(words)),
            "{error}"
        );
        assert_eq!(error.reason(), "InternalError");
        assert_eq!(tunnel.connections(), 1, "neither again nor without TLS");
        let lax = client(&format!(
            "registries: [{{host: '{host}', skipVerify: true}}]"
        ));
        let error = lax.resolve(&reference, &access()).await.unwrap_err();
        assert_eq!(
            error.reason(),
            "NotFound",
            "the operator may waive it: {error}"
        );
    }
}

#[tokio::test]
async fn old_tls_and_no_tls_are_refused_and_http_is_never_tried_instead() {
    let Some(real) = Real::start().await else {
        return;
    };
    // What a server says that knows nothing above TLS 1.0: an alert, `protocol_version`.
    let old = FaultProxy::tcp(real.registry.host()).await;
    old.rule(Rule::any(), Fault::Raw(vec![21, 3, 1, 0, 2, 2, 70]));
    let none = FaultProxy::tcp(real.registry.host()).await;
    for (proxy, words) in [(&old, "no TLS version"), (&none, "plainHttp")] {
        let host = proxy.host();
        let strict = client(&format!("registries: [{{host: '{host}'}}]"));
        let error = resolve(&strict, &format!("{host}/acme/app:v1"))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, RegistryError::Tls { detail, .. } if detail.contains(words)),
            "{error}"
        );
        assert_eq!(proxy.connections(), 1);
    }
}
