//! Settings from all their places at once: precedence, origins, unknown keys, and secrets that show nowhere.

use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::*;
use crate::model::{Delivery, GuardedKind};

const SECRET: &str = "hunter2-correct-horse";

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("op.yaml"), yaml).unwrap();
        Self { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("op.yaml")
    }

    fn inputs(&self, variables: &[(&str, &str)]) -> Inputs {
        Inputs {
            file: Some(self.file()),
            variables: variables
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            ..Inputs::default()
        }
    }

    fn load(&self, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        load(&self.inputs(variables))
    }
}

#[test]
fn flags_go_over_variables_over_the_file_over_defaults_and_each_says_so() {
    let place = Place::new(
        "git:\n  base: trunk\n  cacheDir: /a\nlog:\n  level: info\n  format: json\ndaemon: {tick: 5m}\n",
    );
    let mut inputs = place.inputs(&[
        ("HEADWATER_GIT__CACHE_DIR", "/b"),
        ("HEADWATER_LOG__LEVEL", "debug"),
    ]);
    inputs.flags = vec![("log.level".into(), "trace".into(), "-v".into())];
    let loaded = load(&inputs).unwrap();
    assert_eq!(loaded.settings.git.base.as_deref(), Some("trunk"));
    assert_eq!(loaded.settings.log.level, "trace");
    assert_eq!(loaded.settings.daemon.tick.as_seconds(), 300);
    let file = place.file().display().to_string();
    for (path, origin) in [
        ("git.base", format!("{file}:2")),
        ("git.cacheDir", "HEADWATER_GIT__CACHE_DIR".to_owned()),
        ("log.level", "-v".to_owned()),
        ("log.format", format!("{file}:6")),
        ("daemon.tick", format!("{file}:7")),
        ("daemon.listen", "default".to_owned()),
    ] {
        assert_eq!(loaded.origins.of(path), origin, "{path}");
    }
}

#[test]
fn variables_reach_into_lists_and_split_at_commas() {
    let place = Place::new(
        "registry:\n  credentials:\n  - {host: quay.io, username: bot, password: from-the-file}\n",
    );
    let loaded = place
        .load(&[
            ("HEADWATER_REGISTRY__CREDENTIALS__0__PASSWORD", SECRET),
            ("HEADWATER_REGISTRY__ALLOWED", "quay.io, ghcr.io"),
            ("HEADWATER_GUARDS__PROD__DELIVERY", "pullRequest"),
            ("HEADWATER_GUARDS__PROD__GATES", "signature, soak"),
        ])
        .unwrap();
    let credential = &loaded.settings.registry.credentials[0];
    assert_eq!(credential.host, "quay.io");
    assert_eq!(credential.password.expose_secret(), SECRET);
    assert_eq!(loaded.settings.registry.allowed, ["quay.io", "ghcr.io"]);
    let guard = &loaded.settings.guards[&"prod".parse().unwrap()];
    assert_eq!(guard.delivery, Some(Delivery::PullRequest));
    assert_eq!(guard.gates, [GuardedKind::Signature, GuardedKind::Soak]);
}

#[test]
fn variables_match_regardless_of_case_and_underscores() {
    let place = Place::new(
        "git: {cacheDir: /file}\nregistry:\n  registries:\n  - {host: quay.io, tokenRealms: [a.example, b.example]}\n",
    );
    for name in [
        "HEADWATER_GIT__CACHE_DIR",
        "HEADWATER_GIT__CACHEDIR",
        "HEADWATER_git__cacheDir",
    ] {
        let loaded = place.load(&[(name, "/variable")]).unwrap();
        assert_eq!(loaded.settings.git.cache_dir, PathBuf::from("/variable"));
        assert_eq!(loaded.origins.of("git.cacheDir"), name);
    }
    let name = "HEADWATER_REGISTRY__REGISTRIES__0__TOKEN_REALMS__1";
    let loaded = place.load(&[(name, "c.example")]).unwrap();
    let entry = &loaded.settings.registry.registries[0];
    assert_eq!(entry.token_realms, ["a.example", "c.example"]);
    let path = "registry.registries[0].tokenRealms";
    assert_eq!(loaded.origins.of(&format!("{path}[1]")), name);
    assert!(loaded.origins.of(path).ends_with("op.yaml:4"));
}

#[test]
fn a_list_put_together_from_several_places_names_them_all() {
    let place = Place::new("registry:\n  allowed:\n  - quay.io\n  - ghcr.io\n");
    for (variables, origin) in [
        (&[][..], "FILE:3"),
        (
            &[("HEADWATER_REGISTRY__ALLOWED", "a.example,b.example")],
            "HEADWATER_REGISTRY__ALLOWED",
        ),
        (
            &[("HEADWATER_REGISTRY__ALLOWED__1", "b.example")],
            "FILE:3, HEADWATER_REGISTRY__ALLOWED__1",
        ),
        (
            &[
                ("HEADWATER_REGISTRY__ALLOWED__0", "a.example"),
                ("HEADWATER_REGISTRY__ALLOWED__1", "b.example"),
            ],
            "HEADWATER_REGISTRY__ALLOWED__0, HEADWATER_REGISTRY__ALLOWED__1",
        ),
    ] {
        let lines = place.load(variables).unwrap().lines().unwrap();
        let line = lines.iter().find(|line| line.path == "registry.allowed");
        let origin = origin.replace("FILE", &place.file().display().to_string());
        assert_eq!(line.unwrap().origin, origin);
    }
}

#[test]
fn a_flag_goes_over_a_variable_however_that_is_spelt() {
    for name in ["HEADWATER_GIT__CACHE_DIR", "HEADWATER_GIT__CACHEDIR"] {
        let mut inputs = Place::new("").inputs(&[(name, "/variable")]);
        inputs.file = None;
        inputs.flags = vec![("git.cacheDir".into(), "/flag".into(), "--cache".into())];
        let loaded = load(&inputs).unwrap();
        assert_eq!(loaded.settings.git.cache_dir, PathBuf::from("/flag"));
        assert_eq!(loaded.origins.of("git.cacheDir"), "--cache");
    }
}

#[test]
fn a_file_spells_keys_as_they_are() {
    for (yaml, help) in [
        ("git: {cache_dir: /a}", "did you mean `cacheDir`?"),
        ("git: {cachedir: /a}", "did you mean `cacheDir`?"),
        (
            "forge: {offline: {allowed_signers: x}}",
            "did you mean `allowedSigners`?",
        ),
    ] {
        assert_eq!(place_error(yaml, &[]).help().as_deref(), Some(help));
    }
}

#[test]
fn unknown_keys_are_all_named_with_file_line_and_nearest_key() {
    let place = Place::new(
        "git:\n  bsae: main\nforge:\n  offline:\n    alowedSigners: x\nregistries: []\n",
    );
    let error = place.load(&[]).unwrap_err();
    let text = error.to_string();
    for part in [
        "`git.bsae`: unknown key `bsae`",
        "op.yaml:2:9)",
        "did you mean `base`?",
        "did you mean `allowedSigners`?",
        "op.yaml:5:20)",
        "did you mean `registry`?",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    for (variable, help) in [
        ("HEADWATER_GIT_BASE", "did you mean HEADWATER_GIT__BASE?"),
        ("HEADWATER_FROB", "write it like HEADWATER_GIT__BASE"),
    ] {
        let told = place_error("", &[(variable, "x")]).help();
        assert!(told.as_ref().is_some_and(|t| t.contains(help)), "{told:?}");
    }
    let error = place_error("", &[("HEADWATER_DAEMON__TICKS", "1m")]);
    assert!(error.to_string().contains("(HEADWATER_DAEMON__TICKS)"));
    assert_eq!(error.help().as_deref(), Some("did you mean `tick`?"));
}

fn place_error(yaml: &str, variables: &[(&str, &str)]) -> ConfigError {
    Place::new(yaml).load(variables).unwrap_err()
}

#[test]
fn values_that_do_not_fit_say_where_and_what_is_expected() {
    for (yaml, part) in [
        (
            "daemon: {tick: soon}",
            "`daemon.tick`: `soon` is not a length of time",
        ),
        (
            "daemon: {listen: everywhere}",
            "an address like 127.0.0.1:8080",
        ),
        ("git: {base: 12}", "`git.base`: this must be text"),
        ("git: [1]", "`git`: expected a map of settings"),
        (
            "forge: {kind: githbu}",
            "`forge.kind`: unknown value `githbu`",
        ),
        (
            "guards: {Prod: {delivery: commit}}",
            "`guards.Prod`: `Prod` is not a valid name",
        ),
        (
            "guards: {'*-eu': {delivery: commit}}",
            "`guards.*-eu`: `*-eu` is not a valid name",
        ),
        (
            "guards: {prod: {gates: [signatur]}}",
            "`guards.prod.gates[0]`: unknown value `signatur`",
        ),
        (
            "guards: {\"p*d\": {delivery: commit}}",
            "`guards.p*d`: `p*d` is not a valid name: one `*` may stand at the end",
        ),
        (
            "guards: {prod: {gates: []}}",
            "`guards.prod.gates`: this list is empty and fixes nothing",
        ),
        (
            "guards: {prod: {gates: [soak, soak]}}",
            "`guards.prod.gates`: `soak` is named twice",
        ),
        (
            "guards: {prod: {keys: [\"sha256:12\"]}}",
            "`guards.prod.keys[0]`: `sha256:12` is no fingerprint of a key",
        ),
        (
            "guards: {prod: {owners: []}}",
            "`guards.prod.owners`: this list is empty",
        ),
        (
            "guards: {prod: {owners: [\"@\"]}}",
            "`guards.prod.owners`: `@` names nobody",
        ),
        (
            "registry: {credentials: [{host: a}]}",
            "`registry.credentials[0]`: `username` is missing",
        ),
    ] {
        let text = place_error(yaml, &[]).to_string();
        assert!(text.contains(part), "{part} is not in {text}");
        assert!(text.contains("op.yaml:1:"), "{text}");
    }
}

#[test]
fn a_guard_that_fixes_nothing_is_told_by_its_name() {
    let text = place_error("guards: {prod: {}}", &[]).to_string();
    let part = "`guards.prod`: this guard fixes nothing: write `delivery`";
    assert!(text.contains(part), "{text}");
}

#[test]
fn hosts_and_addresses_that_cannot_be_used_are_told_with_their_place_wherever_they_come_from() {
    for (yaml, place, words) in [
        (
            "registry:\n  allowed: [quay.io, \"https://ghcr.io\"]",
            "`registry.allowed[1]`",
            "neither a host nor `*.domain`",
        ),
        (
            "registry:\n  allowed: [quay.io/acme]",
            "`registry.allowed[0]`",
            "without a path",
        ),
        (
            "registry:\n  allowed: [\"*.*.x\"]",
            "`registry.allowed[0]`",
            "neither a host",
        ),
        (
            "registry:\n  registries: [{host: a b}]",
            "`registry.registries[0].host`",
            "no host",
        ),
        (
            "registry:\n  registries: [{host: a.example, mirror: \"file:///x\"}]",
            "`registry.registries[0].mirror`",
            "http or https",
        ),
        (
            "registry:\n  registries: [{host: a.example, mirror: \"http://u:hunter2@x/\"}]",
            "`registry.registries[0].mirror`",
            "credentials have their own list",
        ),
        (
            "registry:\n  registries: [{host: a.example, tokenRealms: [\"https://b\"]}]",
            "`registry.registries[0].tokenRealms[0]`",
            "no host",
        ),
        (
            "registry:\n  registries: [{host: a.example}, {host: A.example}]",
            "`registry.registries`",
            "listed twice",
        ),
        (
            "registry:\n  credentials: [{host: \"u:hunter2@a.example\", username: u, password: p}]",
            "`registry.credentials[0].host`",
            "no host",
        ),
        (
            "git:\n  credentials: [{origin: git.example, password: p}]",
            "`git.credentials[0].origin`",
            "write https://host",
        ),
        (
            "git:\n  credentials: [{origin: \"git.example:443\", password: p}]",
            "`git.credentials[0].origin`",
            "write https://host",
        ),
        (
            "git:\n  credentials: [{origin: \"https://u:hunter2@git.example\", password: p}]",
            "`git.credentials[0].origin`",
            "holds no login",
        ),
    ] {
        let text = place_error(yaml, &[]).to_string();
        for part in [place, words, "op.yaml:2:"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("hunter2"), "{text}");
    }
    for (name, value) in [
        ("HEADWATER_REGISTRY__ALLOWED__0", "https://quay.io"),
        ("HEADWATER_REGISTRY__ALLOWED", "quay.io, https://ghcr.io"),
        ("HEADWATER_GIT__CREDENTIALS__0__ORIGIN", "git.example"),
    ] {
        let password = ("HEADWATER_GIT__CREDENTIALS__0__PASSWORD", "p");
        let both = [(name, value), password];
        let alone = usize::from(name.contains("GIT")) + 1;
        let text = place_error("", &both[..alone]).to_string();
        assert!(text.contains(&format!("({name})")), "{text}");
    }
}

#[test]
fn hosts_are_named_as_streams_name_them() {
    let yaml = "registry: {allowed: [\"*\", \"*.acme.example\", QUAY.io, \"localhost:5000\"]}";
    assert!(Place::new(yaml).load(&[]).is_ok());
}

#[test]
fn a_gap_in_a_list_of_variables_is_told() {
    for (yaml, name, item) in [
        (
            "",
            "HEADWATER_REGISTRY__ALLOWED__2",
            "`registry.allowed[0]`",
        ),
        (
            "registry: {allowed: [quay.io]}",
            "HEADWATER_REGISTRY__ALLOWED__2",
            "`registry.allowed[1]`",
        ),
        (
            "",
            "HEADWATER_REGISTRY__REGISTRIES__1__HOST",
            "`registry.registries[0]`",
        ),
        (
            "",
            "HEADWATER_FORGE__OFFLINE__TEAMS__RELEASE__1",
            "`forge.offline.teams.release[0]`",
        ),
    ] {
        let error = place_error(yaml, &[(name, "a.example")]);
        let text = error.to_string();
        assert!(
            text.contains(&format!("{item}: nothing sets this item")),
            "{text}"
        );
        assert!(text.contains(&format!("({name})")), "{text}");
        assert!(error.help().unwrap().contains("without a gap"), "{error:?}");
    }
}

#[test]
fn an_empty_section_is_a_section_left_out() {
    let loaded = Place::new("git:\nlog:\n  level:\n").load(&[]).unwrap();
    assert_eq!(loaded.settings.log, LogSettings::default());
}

#[test]
fn listening_can_be_switched_off() {
    for off in ["off", "\"off\"", "false"] {
        let loaded = Place::new(&format!("daemon: {{listen: {off}}}"))
            .load(&[])
            .unwrap();
        assert_eq!(loaded.settings.daemon.listen, None);
    }
    assert!(DaemonSettings::default().listen.unwrap().ip().is_loopback());
}

#[test]
fn a_secret_shows_in_no_output_wherever_it_was_set() {
    let yaml = format!(
        "git:\n  credentials:\n  - {{origin: \"https://h\", username: u, password: {SECRET}}}\n"
    );
    let from_file = (yaml.as_str(), vec![]);
    let from_variable = (
        "git:\n  credentials:\n  - {origin: \"https://h\", username: u}\n",
        vec![("HEADWATER_GIT__CREDENTIALS__0__PASSWORD", SECRET)],
    );
    for (yaml, variables) in [from_file, from_variable] {
        let place = Place::new(yaml);
        let gathered = gather(&place.inputs(&variables)).unwrap();
        assert!(
            gathered
                .secrets()
                .iter()
                .any(|secret| secret.expose_secret() == SECRET)
        );
        assert!(!format!("{gathered:?}").contains(SECRET));
        let loaded = gathered.settings().unwrap();
        let lines = loaded.lines().unwrap();
        let shown = lines
            .iter()
            .find(|line| line.path == "git.credentials[0].password")
            .unwrap();
        assert_eq!(shown.value, "(set)");
        for text in [
            format!("{loaded:?}"),
            format!("{lines:?}"),
            serde_json::to_string(&loaded.settings).unwrap(),
        ] {
            assert!(!text.contains(SECRET), "{text}");
        }
    }
}

#[test]
fn a_misplaced_secret_shows_in_no_error() {
    for yaml in [
        format!("git:\n  pasword: {SECRET}\n"),
        format!("git: {SECRET}\n"),
        format!("git:\n  credentials:\n  - {{origin: x, username: u, password: [{SECRET}]}}\n"),
        format!("git:\n  credentials: {SECRET}\n"),
        "git:\n  credentials:\n  - {origin: x, username: u, password: 12345678}\n".to_owned(),
        format!("git:\n  password: \"{SECRET}\n"),
    ] {
        let error = place_error(&yaml, &[]);
        let text = format!("{error} {error:?} {:?}", error.help());
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.contains("12345678"), "{text}");
    }
}

#[test]
fn the_usual_places_are_the_operators_own() {
    let variables = [
        ("XDG_CONFIG_HOME".to_owned(), "/xdg".to_owned()),
        ("HOME".to_owned(), "/home/ann".to_owned()),
    ];
    let places = load::usual_places(&variables.into());
    assert_eq!(
        places,
        [
            "/xdg/headwater/config.yaml",
            "/home/ann/.config/headwater/config.yaml",
            "/etc/headwater/config.yaml"
        ]
        .map(PathBuf::from)
    );
}
