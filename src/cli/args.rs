//! The command line as typed: one struct per verb, plain words, an example each. What it means is in [`resolve`].

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::exit::Exit;
use super::output::{ColorChoice, Format};
use crate::model::Namespace;

pub mod at;
pub mod look;
pub mod resolve;
pub mod resource;
pub mod selector;
pub mod streams;
pub mod values;
pub mod verbs;

pub use at::At;
pub use look::*;
pub use resolve::{Destination, Globals, Repository};
pub use resource::Resource;
pub use selector::Selector;
pub use streams::*;
pub use values::{Reason, RenderTarget, RollbackTarget, SetName};
pub use verbs::*;

/// Everything typed.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "headwater",
    version,
    about = "OpenShift image streams for plain Git",
    long_about = "Headwater brings OpenShift image streams to plain Git: it imports image digests into stream files, promotes \
                  the identical digest from stage to stage, renders manifests pinned by it, and hands all of that back \
                  as commits and pull requests.",
    after_long_help = Exit::table(),
    subcommand_required = true,
    arg_required_else_help = true,
    infer_subcommands = false,
    max_term_width = 100
)]
pub struct Args {
    /// What every verb understands.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb understands.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub struct GlobalArgs {
    /// The repository: a folder, or a URL
    #[arg(long, global = true, value_name = "PATH|URL", default_value = ".")]
    pub repo: String,
    /// Operator settings; without it $XDG_CONFIG_HOME/headwater/config.yaml, then /etc/headwater/config.yaml
    #[arg(long, global = true, value_name = "FILE", env = "HEADWATER_CONFIG")]
    pub config: Option<PathBuf>,
    /// How the result is printed
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true,
        help = "How the result is printed: text, wide, name, json, yaml (`check` also github, sarif)"
    )]
    pub output: Format,
    /// Namespace of streams that are named without one
    #[arg(short, long, global = true)]
    pub namespace: Option<Namespace>,
    /// Colours: auto, always or never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub color: ColorChoice,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say less; twice for nothing
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "verbose")]
    pub quiet: u8,
    /// A work tree without a remote is its own base
    #[arg(long, global = true)]
    pub local: bool,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Verb {
    /// Load and check all documents; every problem at once
    Check(CheckArgs),
    /// Ask Git, registries and the forge, and write down what they say
    Observe(ObserveArgs),
    /// Show what would be done, and why the rest waits
    Plan(PlanArgs),
    /// Carry a plan out
    Apply(ApplyArgs),
    /// Observe, plan and apply, once
    Run(RunArgs),
    /// Observe, plan and apply again and again: the daemon
    Serve(ServeArgs),
    /// Where everything is; what needs somebody first
    Status(StatusArgs),
    /// Why a stage holds what it holds, and what its next set waits for
    Why(StageArgs),
    /// Who moved what into a stage, when, on which evidence
    History(HistoryArgs),
    /// What two stages or environments hold, and how far one is behind the other
    Drift(DriftArgs),
    /// Pull requests of the offline forge
    Pr(PrArgs),
    /// Choose the set that enters a stage next
    Promote(PromoteArgs),
    /// Go back to an earlier set, and stay there
    Rollback(RollbackArgs),
    /// Keep a stage, or one set, where it is
    Hold(HoldArgs),
    /// Lift a hold
    Unhold(HoldArgs),
    /// Let no set enter some environments for a time
    Freeze(FreezeArgs),
    /// Lift a freeze
    #[command(alias = "thaw")]
    Unfreeze(UnfreezeArgs),
    /// List image streams, their tags and their images
    Get(GetArgs),
    /// Show an image stream, a tag or an image in full
    Describe(DescribeArgs),
    /// Print manifests, or write them into a folder
    Render(RenderArgs),
    /// Show every setting and where it comes from
    Config(ConfigArgs),
    /// Make image streams and tags
    Create(CreateArgs),
    /// Point tags of image streams at an image or at another tag, or delete them
    Tag(TagArgs),
    /// Import an image into a tag now, or all tags of a stream
    ImportImage(ImportImageArgs),
    /// Change how image streams are used
    Set(SetArgs),
    /// Take old images out of the history of tags
    Prune(PruneArgs),
    /// Write down what runs already as the first set of its stage
    Init(InitArgs),
    /// See the whole story, offline, in a folder of its own
    Demo(DemoArgs),
}

impl Verb {
    /// The word typed.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Check(_) => "check",
            Self::Observe(_) => "observe",
            Self::Plan(_) => "plan",
            Self::Apply(_) => "apply",
            Self::Run(_) => "run",
            Self::Serve(_) => "serve",
            Self::Status(_) => "status",
            Self::Why(_) => "why",
            Self::History(_) => "history",
            Self::Drift(_) => "drift",
            Self::Pr(_) => "pr",
            Self::Promote(_) => "promote",
            Self::Rollback(_) => "rollback",
            Self::Hold(_) => "hold",
            Self::Unhold(_) => "unhold",
            Self::Freeze(_) => "freeze",
            Self::Unfreeze(_) => "unfreeze",
            Self::Get(_) => "get",
            Self::Describe(_) => "describe",
            Self::Render(_) => "render",
            Self::Config(_) => "config",
            Self::Create(_) => "create",
            Self::Tag(_) => "tag",
            Self::ImportImage(_) => "import-image",
            Self::Set(_) => "set",
            Self::Prune(_) => "prune",
            Self::Init(_) => "init",
            Self::Demo(_) => "demo",
        }
    }
}
