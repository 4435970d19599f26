//! Arguments of each verb.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

use super::values::{Reason, RenderTarget, RollbackTarget, SetName};
use crate::model::{Name, StageKey};
use crate::plan::acts::freeze::When;

/// `check`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater check pipelines/ -o github
         headwater check --baseline .headwater-known --write-baseline
         headwater check --online")]
pub struct CheckArgs {
    /// Files and folders to report on; all without any
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Ask registries whether the images that streams record are still there
    #[arg(long)]
    pub online: bool,
    /// Findings that are known and do not count
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write what is found now into the baseline
    #[arg(long, requires = "baseline", conflicts_with = "paths")]
    pub write_baseline: bool,
}

/// `observe`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater observe --out facts.json")]
pub struct ObserveArgs {
    /// File for the facts; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `plan`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater plan --out plan.json --exit-code")]
pub struct PlanArgs {
    /// Facts written by `observe`, instead of asking
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// File for the plan, to be carried out by `apply`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// End with 10 if there are changes
    #[arg(long, visible_alias = "detailed-exitcode")]
    pub exit_code: bool,
    /// Show the changes of files
    #[arg(long)]
    pub diff: bool,
}

/// `apply`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater apply plan.json")]
pub struct ApplyArgs {
    /// A plan written by `plan --out`; without it, planned now
    #[arg(value_name = "FILE")]
    pub plan: Option<PathBuf>,
}

/// `run`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater run --repo https://git.example/acme/gitops.git")]
pub struct RunArgs {
    /// Ask registries for every tag now, also for those that are not due
    #[arg(long)]
    pub refresh: bool,
}

/// `serve`
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example: headwater serve --repo https://git.example/acme/gitops.git --listen 127.0.0.1:8080"
)]
pub struct ServeArgs {
    /// Address for health and status, or `off`
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Time between two passes when nothing wakes it
    #[arg(long, value_name = "PERIOD", allow_hyphen_values = true)]
    pub tick: Option<String>,
}

/// `status`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater status --all")]
pub struct StatusArgs {
    /// Show settled pipelines too
    #[arg(long)]
    pub all: bool,
}

/// `why`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater why orders/prod")]
pub struct StageArgs {
    /// The stage
    #[arg(value_name = "PIPELINE/STAGE")]
    pub stage: StageKey,
}

/// `history`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater history orders/prod -o json")]
pub struct HistoryArgs {
    /// The stage
    #[arg(value_name = "PIPELINE/STAGE")]
    pub stage: StageKey,
    /// Moves shown, newest first
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub limit: usize,
}

/// `drift`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater drift qa prod
         headwater drift prod-eu prod-us --exit-code")]
pub struct DriftArgs {
    /// A stage, or an environment
    #[arg(value_name = "STAGE|ENVIRONMENT", value_parser = alone)]
    pub left: Name,
    /// The one it is compared with
    #[arg(value_name = "STAGE|ENVIRONMENT", value_parser = alone)]
    pub right: Name,
    /// Show pipelines that hold the same in both, too
    #[arg(long)]
    pub all: bool,
    /// End with 10 if anything differs
    #[arg(long)]
    pub exit_code: bool,
}

/// A stage without its pipeline, or an environment: every pipeline that has both is compared.
fn alone(text: &str) -> Result<Name, String> {
    match text.split_once('/') {
        Some((_, stage)) => Err(format!(
            "name the stage alone, `{stage}`: every pipeline that has both is compared"
        )),
        None => text
            .parse()
            .map_err(|error: <Name as FromStr>::Err| error.to_string()),
    }
}

/// `pr`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater pr approve promote-orders-prod-3f9a12c4")]
pub struct PrArgs {
    /// What to do.
    #[command(subcommand)]
    pub act: PrVerb,
}

/// What to do with pull requests.
#[derive(Debug, Clone, Subcommand)]
pub enum PrVerb {
    /// List open pull requests
    #[command(after_help = "Example: headwater pr list --all")]
    List {
        /// Closed and merged ones too
        #[arg(long)]
        all: bool,
    },
    /// Show a pull request: what moves, on which evidence, what is missing
    #[command(after_help = "Example: headwater pr show promote-orders-prod-3f9a12c4")]
    Show(PrId),
    /// Approve the present head of a pull request as yourself
    #[command(after_help = "Example: headwater pr approve orders/prod --key ~/.ssh/id_ed25519")]
    Approve {
        /// Which.
        #[command(flatten)]
        id: PrId,
        /// Private key in OpenSSH's format to sign with; needed unless `forge.offline.trust` is `push`
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Merge a pull request, if every gate is open
    #[command(
        after_help = "Example: headwater pr merge promote-orders-prod-3f9a12c4 --method squash"
    )]
    Merge {
        /// Which.
        #[command(flatten)]
        id: PrId,
        /// How it is merged
        #[arg(long, value_enum, default_value = "squash")]
        method: MergeMethod,
    },
    /// Close a pull request: its set is refused for that stage until it is reopened or `unhold`
    #[command(
        after_help = "Example: headwater pr close promote-orders-prod-3f9a12c4 --reason \"wrong build\""
    )]
    Close {
        /// Which.
        #[command(flatten)]
        id: PrId,
        /// Why
        #[arg(long)]
        reason: Reason,
    },
    /// Open a closed pull request again: its set is held no longer
    #[command(after_help = "Example: headwater pr reopen promote-orders-prod-3f9a12c4")]
    Reopen(PrId),
}

/// A pull request.
#[derive(Debug, Clone, Args)]
pub struct PrId {
    /// Its id, as `pr list` shows it, or the beginning of it; or PIPELINE/STAGE for the open one of a stage
    #[arg(value_name = "ID")]
    pub id: String,
}

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum MergeMethod {
    /// One commit on the base.
    #[default]
    Squash,
    /// A merge commit.
    Merge,
    /// Its commits on top of the base.
    Rebase,
}

/// `promote`
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example: headwater promote orders/prod --to 1.42.7 --reason CHG-4711 --push"
)]
pub struct PromoteArgs {
    /// The stage it enters
    #[arg(value_name = "PIPELINE/STAGE")]
    pub stage: StageKey,
    /// The set: version, tag, or at least 8 hex digits of a digest; without it the newest candidate
    #[arg(long, value_name = "SET")]
    pub to: Option<SetName>,
    /// Pass this gate without an answer; the environment must allow it
    #[arg(long, value_name = "GATE")]
    pub skip: Vec<Name>,
    /// Why
    #[arg(long)]
    pub reason: Reason,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `rollback`
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example: headwater rollback keycloak/prod --reason \"login 500s, INC-2291\" --push
         headwater rollback keycloak:25.0 --to 2 --reason \"login 500s\" --push"
)]
pub struct RollbackArgs {
    /// The stage that goes back; or a tag of an image stream that no stage takes from another one
    #[arg(value_name = "PIPELINE/STAGE|STREAM:TAG")]
    pub target: RollbackTarget,
    /// The set: version, tag, `previous`, or at least 8 hex digits of a digest; for STREAM:TAG the beginning of a digest, or how
    /// many images back (1 is the one before)
    #[arg(long, value_name = "SET|DIGEST|N", default_value = "previous")]
    pub to: SetName,
    /// Why
    #[arg(long)]
    pub reason: Reason,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `hold` and `unhold`
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example: headwater hold orders/prod --reason \"audit until Friday\"\n         headwater unhold orders/prod --reason \"audit is over\" --push"
)]
pub struct HoldArgs {
    /// The stage
    #[arg(value_name = "PIPELINE/STAGE")]
    pub stage: StageKey,
    /// Only this set: version, tag, or at least 8 hex digits of a digest; without it the whole stage
    #[arg(long, value_name = "SET")]
    pub set: Option<SetName>,
    /// Why
    #[arg(long)]
    pub reason: Reason,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `freeze`
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example: headwater freeze prod --until 2h --reason \"INC-2291\" --push
         headwater freeze 'prod-*' --from 2026-11-26 --until 2026-12-01T08:00 --time-zone Europe/Berlin --reason CHG-4711"
)]
pub struct FreezeArgs {
    /// Environments; `*` at the end stands for any rest
    #[arg(value_name = "ENVIRONMENT", required = true)]
    pub environments: Vec<String>,
    /// Begin: a local time, a day, or how long from now; at once without it
    #[arg(long, value_name = "WHEN")]
    pub from: Option<When>,
    /// End; without it until `unfreeze`
    #[arg(long, value_name = "WHEN")]
    pub until: Option<When>,
    /// Time zone of local times, such as Europe/Berlin; UTC without it
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// A pipeline that goes on
    #[arg(long, value_name = "PIPELINE")]
    pub except: Vec<Name>,
    /// Name of the freeze and its file; like the first environment without it
    #[arg(long)]
    pub name: Option<Name>,
    /// Why
    #[arg(long)]
    pub reason: Reason,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `unfreeze`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater unfreeze prod --reason \"INC-2291 is closed\" --push")]
pub struct UnfreezeArgs {
    /// The freeze, or the environment that it alone is about
    #[arg(value_name = "FREEZE|ENVIRONMENT")]
    pub freeze: String,
    /// Why
    #[arg(long)]
    pub reason: Reason,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Where an act is written. Without a flag: into the work tree.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Where it is written (the work tree without any)")]
pub struct WriteArgs {
    /// Commit it
    #[arg(long)]
    pub commit: bool,
    /// Commit it and push it to the base
    #[arg(long, conflicts_with = "pull_request")]
    pub push: bool,
    /// Propose it as a pull request
    #[arg(long)]
    pub pull_request: bool,
    /// Do not ask before pushing
    #[arg(long, short)]
    pub yes: bool,
    /// Only show what would be written
    #[arg(long)]
    pub dry_run: bool,
}

/// `init`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater init --adopt
         headwater init --adopt orders/prod --push")]
pub struct InitArgs {
    /// Record, for each stage without a history, what its outputs say that runs there
    #[arg(long, required = true)]
    pub adopt: bool,
    /// Stages to adopt; all that have something running without any
    #[arg(value_name = "PIPELINE/STAGE")]
    pub stages: Vec<StageKey>,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `render`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater render prod/myapp --out /tmp/manifests")]
pub struct RenderArgs {
    /// An environment, or one application of it; all without
    #[arg(value_name = "ENV[/APP]")]
    pub target: Option<RenderTarget>,
    /// Folder to write into, instead of stdout
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `config`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater config -o yaml")]
pub struct ConfigArgs {}

/// `demo`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater demo --keep /tmp/headwater-demo")]
pub struct DemoArgs {
    /// Keep the repository in this folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}
