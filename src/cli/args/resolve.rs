//! What was typed, understood: the repository, how loud, and where an act is written.

use std::path::PathBuf;

use super::{GlobalArgs, ServeArgs, Verb, WriteArgs};
use crate::cli::error::CliError;
use crate::cli::output::Format;
use crate::model::Namespace;

/// What every verb works with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Globals {
    /// The repository.
    pub repository: Repository,
    /// Namespace of streams that are named without one; absent means the repository's default.
    pub namespace: Option<Namespace>,
    /// Whether a work tree without a remote is its own base.
    pub local: bool,
}

/// Where the repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repository {
    /// A work tree or a bare repository on this machine.
    Path(PathBuf),
    /// A remote.
    Url(String),
}

impl Repository {
    /// As text for the Git edge.
    pub fn location(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Url(url) => url.clone(),
        }
    }
}

/// Where an act is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// Into the work tree.
    WorkTree,
    /// Into a commit.
    Commit,
    /// Into a commit that is pushed to the base.
    Push,
    /// Into a pull request.
    PullRequest,
}

impl WriteArgs {
    /// Where it is written.
    pub const fn destination(&self) -> Destination {
        match (self.pull_request, self.push, self.commit) {
            (true, ..) => Destination::PullRequest,
            (_, true, _) => Destination::Push,
            (.., true) => Destination::Commit,
            _ => Destination::WorkTree,
        }
    }
}

impl Globals {
    /// Understands what was typed, and refuses formats the verb does not have.
    pub fn resolve(raw: &GlobalArgs, verb: &Verb) -> Result<Self, CliError> {
        if matches!(raw.output, Format::Github | Format::Sarif) && !matches!(verb, Verb::Check(_)) {
            return Err(
                CliError::usage(format!("`{}` has no such output", verb.word()))
                    .help("github and sarif are for `check`; use text, wide, name, json or yaml"),
            );
        }
        Ok(Self {
            repository: repository(&raw.repo)?,
            namespace: raw.namespace.clone(),
            local: raw.local,
        })
    }
}

fn repository(text: &str) -> Result<Repository, CliError> {
    if text.is_empty() {
        return Err(CliError::usage("`--repo` names nothing"));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let authority = rest.split('/').next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        if user.is_some_and(|user| user.contains(':') || !text.starts_with("ssh://")) {
            return Err(CliError::usage(
                "the repository's URL holds credentials, and everybody on this machine can read command lines",
            )
            .help("put them under `git.credentials` of the settings"));
        }
        return Ok(Repository::Url(text.to_owned()));
    }
    match text.split_once(':') {
        Some((host, _)) if host.contains('@') && !host.contains('/') => {
            Ok(Repository::Url(text.to_owned()))
        }
        _ => Ok(Repository::Path(PathBuf::from(text))),
    }
}

/// Settings that flags give: path, value, flag.
pub fn settings(global: &GlobalArgs, verb: &Verb) -> Vec<(String, String, String)> {
    let mut flags = Vec::new();
    let mut add = |path: &str, value: &str, flag: &str| {
        flags.push((path.to_owned(), value.to_owned(), flag.to_owned()));
    };
    match (global.verbose, global.quiet) {
        (0, 0) => {}
        (0, 1) => add("log.level", "error", "-q"),
        (0, _) => add("log.level", "off", "-qq"),
        (1, _) => add("log.level", "info", "-v"),
        (2, _) => add("log.level", "debug", "-vv"),
        _ => add("log.level", "trace", "-vvv"),
    }
    if let Verb::Serve(ServeArgs { listen, tick }) = verb {
        if let Some(listen) = listen {
            add("daemon.listen", listen, "--listen");
        }
        if let Some(tick) = tick {
            add("daemon.tick", tick, "--tick");
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::super::{Args, PrVerb};
    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("headwater").chain(line.split(' ')))
    }

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_verb_has_an_example() {
        fn examples(command: &clap::Command, path: &str) {
            for verb in command.get_subcommands() {
                let help = verb.get_after_help().map(ToString::to_string);
                assert!(
                    help.is_some_and(|help| help.contains("Example: headwater")),
                    "{path} {}",
                    verb.get_name()
                );
                examples(verb, verb.get_name());
            }
        }
        examples(&Args::command(), "headwater");
    }

    #[test]
    fn the_examples_themselves_parse() {
        for line in [
            "check pipelines/ -o github",
            "observe --out facts.json",
            "plan --out plan.json --exit-code",
            "plan --detailed-exitcode --diff",
            "apply plan.json",
            "status --all -o json --repo x",
            "--color never why orders/prod",
            "history orders/prod",
            "pr merge promote-orders-prod-3f9a12c4 --method rebase",
            "pr close x --reason wrong",
            "promote orders/prod --to 1.42.7 --skip soak --skip window --reason CHG-4711 --push --yes",
            "rollback keycloak/prod --reason INC --pull-request",
            "hold orders/prod --set 3f9a12c4 --reason audit --dry-run",
            "unhold orders/prod --reason over --commit",
            "render prod/myapp --out /tmp/x",
            "serve --listen off --tick 30s",
            // Refused by the setting, in its own words.
            "serve --tick -5s",
            "demo --keep /tmp/x",
            "create is keycloak --lookup-local",
            "create imagestreamtag keycloak:1 --from-image quay.io/k/k:1 -A description=x --scheduled",
            "create istag keycloak:1 --from :2 --reference-policy=local",
            "tag quay.io/k/k:25.0.3 keycloak:25.0 keycloak:latest --scheduled",
            "tag quay.io/k/k:25.0.3 keycloak:25.0 --scheduled=false --reference-policy local",
            "tag --source=istag rails:tip rails:prod --alias",
            "tag -d rails:tip rails:prod",
            "import-image keycloak:25.0 --from=quay.io/k/k:25.0.2 --confirm --import-mode Legacy",
            "import-image keycloak --all --dry-run",
            "set image-lookup",
            "set image-lookup is/keycloak --enabled=false",
            "prune keycloak --keep-tag-revisions=5 --keep-younger-than 2h --confirm",
            "rollback keycloak:25.0 --reason x --to sha256:3f9a12c4",
        ] {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
        }
        for line in [
            "promote orders/prod",
            "promote orders --reason x",
            "rollback a/b --reason x --push --pull-request",
            "pr close x",
            "observe",
            "check -v -q",
            "stat",
            "create istag keycloak:1",
            "create istag keycloak:1 --from-image a --from b:1",
            "tag -d rails:tip --scheduled",
            "tag rails:tip rails:prod --alias --insecure",
            "tag a rails:prod --import-mode NoPreserveOriginal",
            "tag a rails:prod --reference-policy remote",
            "tag",
            "set",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn acts_go_where_the_strongest_flag_says() {
        for (line, to) in [
            ("", Destination::WorkTree),
            (" --commit", Destination::Commit),
            (" --commit --push", Destination::Push),
            (" --pull-request", Destination::PullRequest),
        ] {
            let args = parse(&format!("hold a/b --reason x{line}")).unwrap();
            let Verb::Hold(hold) = args.verb else {
                panic!("not a hold")
            };
            assert_eq!(hold.write.destination(), to);
        }
    }

    #[test]
    fn repositories_are_paths_or_urls_and_never_hold_credentials() {
        for (text, url) in [
            (".", false),
            ("/a/b:c", false),
            ("git@host:acme/x.git", true),
            ("https://host/x.git", true),
            ("ssh://git@host/x", true),
        ] {
            let found = repository(text).unwrap();
            assert_eq!(matches!(found, Repository::Url(_)), url, "{text}");
        }
        for bad in [
            "https://u:p@host/x",
            "https://token@host/x",
            "ssh://u:p@host/x",
            "",
        ] {
            let error = repository(bad).unwrap_err();
            assert!(!error.message.contains("token"), "{error}");
        }
    }

    #[test]
    fn only_check_speaks_github_and_sarif() {
        let args = parse("status -o sarif").unwrap();
        assert!(Globals::resolve(&args.global, &args.verb).is_err());
        let args = parse("check -o sarif").unwrap();
        assert!(Globals::resolve(&args.global, &args.verb).is_ok());
        let args = parse("pr list -o name").unwrap();
        assert!(
            matches!(args.verb, Verb::Pr(ref pr) if matches!(pr.act, PrVerb::List { all: false }))
        );
    }
}
