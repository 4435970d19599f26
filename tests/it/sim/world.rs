//! The world of a simulated day: two pipelines in one repository, each with a registry of its own, whose moods and whose
//! Git server's are in the hands of chance.

use headwater::config::registry::RegistryEntry;
use headwater::model::{Digest, Period};

use super::front::Front;
use crate::laws::ledger::Road;
use crate::support::world::{World, small};

/// `app` waits, soaks and is approved; `lib` goes live by itself.
pub(super) const ROADS: [Road; 3] = [
    Road {
        tag: "app:qa",
        source: "app:dev",
        stage: "app/qa",
        environment: "qa",
        by_commit: true,
    },
    Road {
        tag: "app:prod",
        source: "app:qa",
        stage: "app/prod",
        environment: "prod",
        by_commit: false,
    },
    Road {
        tag: "lib:live",
        source: "lib:dev",
        stage: "lib/live",
        environment: "shop",
        by_commit: true,
    },
];

/// Streams and the repositories they come from.
pub(super) const STREAMS: [(&str, &str); 2] = [("app", "acme/app"), ("lib", "acme/lib")];

const PIPELINE: &str = r#"apiVersion: headwater.dev/v1alpha1
kind: Pipeline
metadata: {name: app}
spec:
  stages:
    - name: dev
    - name: qa
      verify:
        - expression: 'image.labels["tests"] == "passed"'
        - soak: 3m
    - name: prod
      from: [qa]
      enter:
        - age: 6m
"#;

const LIBRARY: &str = r#"apiVersion: headwater.dev/v1alpha1
kind: Pipeline
metadata: {name: lib}
spec:
  stages:
    - name: dev
    - name: live
      environments: [shop]
"#;

/// The path of the stream `lib`.
pub(super) const LIBRARY_STREAM: &str = "pipelines/lib/imagestream.yaml";

/// The world, in which 2030 has begun: what the real clock says is long past.
pub(super) async fn begin(served: bool) -> (World, [Front; 2]) {
    let stream = small::stream("lib").replace("registry.example", "other.example");
    let dev = small::environment("dev", "delivery: commit", &["app", "lib"]);
    let shop = small::environment("shop", "delivery: commit", &["lib"]);
    let files = [
        (small::PIPELINE_PATH, PIPELINE),
        ("pipelines/lib/pipeline.yaml", LIBRARY),
        (LIBRARY_STREAM, &stream),
        ("environments/dev.yaml", &dev),
        ("environments/shop.yaml", &shop),
    ];
    let mut world = if served {
        World::served(&files).await
    } else {
        World::with(&files).await
    };
    let fronts = [
        Front::before(&world.registry.url()).await,
        Front::before(&world.registry.url()).await,
    ];
    let mirrors = [fronts[0].url(), fronts[1].url()];
    world.operator(|settings| {
        let hosts = ["registry.example", "other.example"]
            .into_iter()
            .zip(mirrors);
        let entries = hosts.map(|(host, mirror)| RegistryEntry {
            host: host.to_owned(),
            mirror: Some(mirror),
            plain_http: true,
            skip_verify: false,
            ca_file: None,
            concurrency: None,
            token_realms: Vec::new(),
        });
        settings.registry.registries = entries.collect();
        // Every server answers somehow. Where one is slow it is the machine that is, and no fault of this story.
        let day = Period::seconds(24 * 3600);
        let (git, registry) = (&mut settings.git.timeouts, &mut settings.registry);
        (git.connect, git.read, git.total) = (day, day, day);
        (registry.connect_timeout, registry.read_timeout) = (day, day);
        registry.total_timeout = day;
    });
    world.advance("209w");
    (world, fronts)
}

/// Whether a registry ever said that the source of a stream has this digest.
pub(super) fn is_known(fronts: &[Front; 2], stream: &str, digest: &Digest) -> bool {
    let place = STREAMS.iter().zip(fronts).find(|((s, _), _)| *s == stream);
    place.is_some_and(|((_, repository), front)| front.given(repository).contains(digest))
}
