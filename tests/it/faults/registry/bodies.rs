//! Bodies that are too large, swell on arrival, or are something else than they say.

use super::*;

const LIMIT: u64 = 4 * 1024 * 1024;

#[tokio::test]
async fn bodies_without_measure_are_not_read() {
    let Some(real) = Real::start().await else {
        return;
    };
    let pinned = real.place(&format!("@{}", real.digest));
    let typed = [("content-type", INDEX)];
    for (fault, reason, most) in [
        (
            Fault::header("content-length", "209715200"),
            "Invalid",
            10_000,
        ),
        (
            Fault::header("content-length", "9223372036854775808"),
            "Invalid",
            10_000,
        ),
        (
            Fault::header("content-length", "92233720368547758080"),
            "InternalError",
            10_000,
        ),
        // What is on its way when we hang up lies in buffers of the system's.
        (Fault::endless(&typed), "Invalid", 4 * LIMIT),
        (Fault::gzip_bomb(10_000_000, &typed), "Invalid", 200_000),
    ] {
        real.proxy.heal();
        real.proxy.forget();
        real.proxy.rule(Rule::on("GET", ""), fault);
        let error = describe(&real.client(), &pinned).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        let read = real.proxy.bytes().1;
        assert!(read < most, "{read} bytes for {error}");
    }
}

#[tokio::test]
async fn what_is_not_exactly_one_image_or_one_index_is_none() {
    let Some(real) = Real::start().await else {
        return;
    };
    let good = r#"{"schemaVersion":2,"manifests":[],"annotations":{"a":"1"}}"#;
    let digest = Digest::sha256(b"config");
    let config = format!(
        r#""config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}"}}"#
    );
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bad = [
        (good.replace("}}", &format!(r#"}},"x":{deep}}}"#)), INDEX),
        (good.replace('{', "\u{feff}{"), INDEX),
        (good.replacen('2', "NaN", 1), INDEX),
        (format!("{good}{good}"), INDEX),
        (good.replacen("[]", r#"[],"manifests":[]"#, 1), INDEX),
        (good.replace(r#""a":"1""#, r#""a":"1","a":"2""#), INDEX),
        (
            good.replacen("[]", &format!(r#"[],"layers":[],{config}"#), 1),
            INDEX,
        ),
        (
            format!(r#"{{"schemaVersion":2,"layers":[],"manifests":[],{config}}}"#),
            MANIFEST,
        ),
        (good.to_owned(), MANIFEST),
        (
            good.replacen('2', &format!(r#"2,"mediaType":"{MANIFEST}""#), 1),
            INDEX,
        ),
        ("[]".to_owned(), INDEX),
        (String::new(), INDEX),
    ];
    for (body, media_type) in bad {
        let pinned = Digest::sha256(body.as_bytes()).to_string();
        real.proxy.heal();
        real.proxy.forget();
        // The registry's own word is consistent: only reading it tells that it is nonsense.
        let sent = body.clone();
        real.proxy.rule(
            Rule::any(),
            Fault::change(move |reply| {
                reply.set_header("content-type", media_type);
                reply.drop_header("docker-content-digest");
                reply.body = sent.clone().into_bytes();
            }),
        );
        let shown: String = body.chars().take(80).collect();
        let error = real.resolve(&real.client()).await.unwrap_err();
        assert_eq!(
            (error.reason(), error.is_transient()),
            ("Invalid", false),
            "{shown}"
        );
        let image = real.place(&format!("@{pinned}"));
        real.proxy.heal();
        real.proxy.rule(
            Rule::any(),
            Fault::reply(200, &[("content-type", media_type)], body),
        );
        let error = describe(&real.client(), &image).await.unwrap_err();
        assert_eq!(error.reason(), "Invalid", "{shown}");
    }
}

#[tokio::test]
async fn what_a_registry_says_in_a_refusal_is_not_repeated() {
    let Some(real) = Real::start().await else {
        return;
    };
    for code in [400, 401, 403, 404, 418, 500, 503] {
        real.proxy.heal();
        let body = "<script>canary-body</script>\u{1b}[31m";
        let headers = [
            ("www-authenticate", "canary-challenge"),
            ("x", "canary-header"),
        ];
        real.proxy
            .rule(Rule::any(), Fault::reply(code, &headers, body));
        let error = real.resolve(&real.client()).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(
            !said.contains("canary") && !said.contains('\u{1b}'),
            "{said}"
        );
    }
}
