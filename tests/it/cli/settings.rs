//! The operator's settings through the real binary: every one of them with its origin, and keys that do not exist.

use super::{Home, SECRET, Said};
use crate::support::git_http::bare_repository;

/// Sets every setting there is; each line that sets some ends with a comment that lists them as `config` prints them.
const EVERYTHING: &str = r#"git:
  base: trunk # git.base = trunk
  cacheDir: /var/cache/headwater # git.cacheDir = /var/cache/headwater
  committer:
    name: Headwater # git.committer.name = Headwater
    email: bot@example.org # git.committer.email = bot@example.org
  signingKey: /etc/key # git.signingKey = /etc/key
  commits: push # git.commits = push
  caFile: /etc/git.pem # git.caFile = /etc/git.pem
  timeouts:
    connect: 5s # git.timeouts.connect = 5s
    read: 20s # git.timeouts.read = 20s
    total: 10m # git.timeouts.total = 10m
  credentials:
    - origin: https://git.example/acme # git.credentials[0].origin = https://git.example/acme
      username: bot # git.credentials[0].username = bot
      password: correct-horse-battery # git.credentials[0].password = (set)
registry:
  allowed: [quay.io, "*.example.com"] # registry.allowed = [quay.io, *.example.com]
  dockerConfig: /etc/docker.json # registry.dockerConfig = /etc/docker.json
  useDockerConfig: false # registry.useDockerConfig = false
  maxManifestBytes: 1048576 # registry.maxManifestBytes = 1048576
  concurrency: 4 # registry.concurrency = 4
  connectTimeout: 5s # registry.connectTimeout = 5s
  readTimeout: 9s # registry.readTimeout = 9s
  totalTimeout: 50s # registry.totalTimeout = 50s
  registries:
    - host: registry.example # registry.registries[0].host = registry.example
      mirror: http://127.0.0.1:5000 # registry.registries[0].mirror = http://127.0.0.1:5000
      plainHttp: true # registry.registries[0].plainHttp = true
      skipVerify: true # registry.registries[0].skipVerify = true
      caFile: /etc/registry.pem # registry.registries[0].caFile = /etc/registry.pem
      concurrency: 2 # registry.registries[0].concurrency = 2
      tokenRealms: [auth.example] # registry.registries[0].tokenRealms = [auth.example]
  credentials:
    - host: ghcr.io # registry.credentials[0].host = ghcr.io
      prefix: acme # registry.credentials[0].prefix = acme
      namespaces: [myapp] # registry.credentials[0].namespaces = [myapp]
      username: robot # registry.credentials[0].username = robot
      password: correct-horse-battery # registry.credentials[0].password = (set)
forge:
  kind: offline # forge.kind = offline
  offline:
    trust: push # forge.offline.trust = push
    allowedSigners: /etc/signers # forge.offline.allowedSigners = /etc/signers
    refs: heads # forge.offline.refs = heads
    teams:
      "@acme/release": [ann, bob] # forge.offline.teams.@acme/release = [ann, bob]
  github:
    repository: acme/deploy # forge.github.repository = acme/deploy
    api: https://ghe.example/api/v3 # forge.github.api = https://ghe.example/api/v3
    noreply: github@example.org # forge.github.noreply = github@example.org
    token: correct-horse-battery # forge.github.token = (set)
    app:
      id: 4242 # forge.github.app.id = 4242
      installation: 700100 # forge.github.app.installation = 700100
      privateKey: correct-horse-battery # forge.github.app.privateKey = (set)
      privateKeyFile: /etc/app.pem # forge.github.app.privateKeyFile = /etc/app.pem
    deployments: true # forge.github.deployments = true
    workflows: [acme/app] # forge.github.workflows = [acme/app]
    budget:
      pause: 2s # forge.github.budget.pause = 2s
      perMinute: 40 # forge.github.budget.perMinute = 40
      perHour: 200 # forge.github.budget.perHour = 200
daemon:
  tick: 5m # daemon.tick = 5m
  stalledAfter: 30m # daemon.stalledAfter = 30m
  listen: 127.0.0.1:9090 # daemon.listen = 127.0.0.1:9090
egress:
  - host: tests.example # egress[0].host = tests.example
    private: true # egress[0].private = true
    plainHttp: true # egress[0].plainHttp = true
    caFile: /etc/tests.pem # egress[0].caFile = /etc/tests.pem
    credentials:
      - name: e2e # egress[0].credentials[0].name = e2e
        token: correct-horse-battery # egress[0].credentials[0].token = (set)
        header: X-Key # egress[0].credentials[0].header = X-Key
      - name: basic # egress[0].credentials[1].name = basic
        username: bot # egress[0].credentials[1].username = bot
        password: correct-horse-battery # egress[0].credentials[1].password = (set)
argocd:
  eu:
    url: https://argocd.example/eu # argocd.eu.url = https://argocd.example/eu
    token: correct-horse-battery # argocd.eu.token = (set)
    private: true # argocd.eu.private = true
    caFile: /etc/argocd.pem # argocd.eu.caFile = /etc/argocd.pem
guards:
  prod:
    delivery: pullRequest # guards.prod.delivery = pullRequest
    gates: [signature, soak] # guards.prod.gates = [signature, soak]
    keys: ["sha256:5cd252fb0ce8932436faf8ccd1040981b89ee4ad6b9fe9e2a2b7e71aacb27cd3"] # guards.prod.keys = [sha256:5cd252fb0ce8932436faf8ccd1040981b89ee4ad6b9fe9e2a2b7e71aacb27cd3]
    owners: ["@acme/release", ann@example.org] # guards.prod.owners = [@acme/release, ann@example.org]
  prod-*:
    delivery: commit # guards.prod-*.delivery = commit
log:
  level: error # log.level = error
  format: json # log.format = json
"#;

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// What `config` says about `EVERYTHING` in the usual place of `home`.
fn expected(home: &Home) -> Vec<String> {
    let file = home.path().join(".config/headwater/config.yaml");
    let mut lines: Vec<String> = EVERYTHING
        .lines()
        .zip(1..)
        .filter_map(|(line, number)| {
            let (_, shown) = line.split_once(" # ")?;
            Some(format!("{shown}  ({}:{number})", file.display()))
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn config_shows_every_setting_of_a_full_file_with_its_line() {
    let home = Home::new().settings(EVERYTHING);
    let said = home.run(&["config"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    // A setting that the file above does not know would show here as `(default)`.
    assert_eq!(sorted(&said.stdout), expected(&home));
    for format in ["text", "json", "yaml"] {
        let said = home.run(&["config", "-o", format]);
        assert!(!said.stdout.contains(SECRET), "{}", said.stdout);
    }
}

#[test]
fn variables_go_over_the_file_however_they_are_spelt() {
    let home = Home::new().settings(EVERYTHING);
    let said = Said::from(
        home.command(&["config"])
            .envs([
                ("HEADWATER_GIT__CACHE_DIR", "/tmp/cache"),
                ("HEADWATER_REGISTRY__MAXMANIFESTBYTES", "2048"),
                ("HEADWATER_registry__useDockerConfig", "true"),
                ("HEADWATER_REGISTRY__REGISTRIES__0__PLAIN_HTTP", "false"),
                ("HEADWATER_FORGE__OFFLINE__ALLOWED_SIGNERS__0", "ann key"),
                ("HEADWATER_GUARDS__PROD__DELIVERY", "commit"),
            ])
            .output()
            .unwrap(),
    );
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    for line in [
        "git.cacheDir = /tmp/cache  (HEADWATER_GIT__CACHE_DIR)",
        "registry.maxManifestBytes = 2048  (HEADWATER_REGISTRY__MAXMANIFESTBYTES)",
        "registry.useDockerConfig = true  (HEADWATER_registry__useDockerConfig)",
        "registry.registries[0].plainHttp = false  (HEADWATER_REGISTRY__REGISTRIES__0__PLAIN_HTTP)",
        "forge.offline.allowedSigners = [ann key]  (HEADWATER_FORGE__OFFLINE__ALLOWED_SIGNERS__0)",
        "guards.prod.delivery = commit  (HEADWATER_GUARDS__PROD__DELIVERY)",
    ] {
        assert!(
            said.stdout.lines().any(|shown| shown == line),
            "{line} is not in\n{}",
            said.stdout
        );
    }
    let untouched = sorted(&said.stdout)
        .into_iter()
        .filter(|line| expected(&home).contains(line))
        .count();
    assert_eq!(untouched, expected(&home).len() - 6);
}

#[test]
fn variables_of_githubs_runner_show_where_they_stand_in() {
    let home = Home::new().settings("forge: {kind: github}\n");
    let said = Said::from(
        home.command(&["config"])
            .envs([
                ("GITHUB_TOKEN", SECRET),
                ("GITHUB_REPOSITORY", "acme/deploy"),
                ("GITHUB_API_URL", "https://ghe.example/api/v3"),
            ])
            .output()
            .unwrap(),
    );
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    for line in [
        "forge.github.token = (set)  (GITHUB_TOKEN)",
        "forge.github.repository = acme/deploy  (GITHUB_REPOSITORY)",
        "forge.github.api = https://ghe.example/api/v3  (GITHUB_API_URL)",
    ] {
        assert!(
            said.stdout.contains(line),
            "{line} is not in\n{}",
            said.stdout
        );
    }
    assert!(!said.stdout.contains(SECRET), "{}", said.stdout);
}

#[test]
fn unknown_keys_are_answered_in_camel_case() {
    for (yaml, key, help) in [
        ("git: {cache_dir: /a}", "git.cache_dir", "cacheDir"),
        ("git: {cacheDri: /a}", "git.cacheDri", "cacheDir"),
        (
            "git: {commiter: {name: a, email: b}}",
            "git.commiter",
            "committer",
        ),
        (
            "registry: {max_manifest_bytes: 1}",
            "registry.max_manifest_bytes",
            "maxManifestBytes",
        ),
        (
            "registry: {registries: [{host: a, token_realm: [b]}]}",
            "registry.registries[0].token_realm",
            "tokenRealms",
        ),
        (
            "forge: {offline: {allowed_signers: x}}",
            "forge.offline.allowed_signers",
            "allowedSigners",
        ),
    ] {
        let said = Home::new().settings(yaml).run(&["config"]);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{yaml}");
        for part in [
            format!("`{key}`: unknown key"),
            format!("help: did you mean `{help}`?"),
        ] {
            assert!(said.stderr.contains(&part), "{part}: {}", said.stderr);
        }
    }
    let output = Home::new()
        .command(&["config"])
        .env("HEADWATER_REGISTRY__MAX_MANIFEST_BITES", "1")
        .output()
        .unwrap();
    let said = Said::from(output);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("did you mean `maxManifestBytes`?"));
    assert!(
        said.stderr
            .contains("HEADWATER_REGISTRY__MAX_MANIFEST_BITES")
    );
}

#[test]
fn the_operators_file_of_the_readme_is_read() {
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("## Operator settings\n").unwrap();
    let (_, rest) = section.split_once("```yaml\n").unwrap();
    let (yaml, _) = rest.split_once("```").unwrap();
    let said = Home::new().settings(yaml).run(&["config"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    for shown in [
        "git.credentials[0].password = (set)",
        "forge.offline.allowedSigners = ",
        "guards.prod.delivery = pullRequest",
    ] {
        assert!(said.stdout.contains(shown), "{shown}: {}", said.stdout);
    }
}

#[test]
fn commits_by_githubs_api_need_github_and_a_repository_there() {
    let folder = tempfile::tempdir().unwrap();
    let bare = bare_repository(folder.path(), "r.git", &[("a.yaml", "a: 1\n")]);
    let github = "forge: {kind: github, github: {repository: acme/deploy, token: t0ken}}\n";
    for (yaml, help) in [
        ("git: {commits: api}\n".to_owned(), "forge.kind: github"),
        (
            format!("git: {{commits: api}}\n{github}"),
            "name its address at GitHub",
        ),
        (
            format!("git: {{commits: api, signingKey: /etc/key}}\n{github}"),
            "take `git.signingKey` away",
        ),
    ] {
        let repo = bare.to_str().unwrap();
        let said = Home::new().settings(&yaml).run(&["plan", "--repo", repo]);
        assert_eq!(said.code, 2, "{yaml}: {}", said.stderr);
        assert!(said.stderr.contains(help), "{yaml}: {}", said.stderr);
    }
}
