//! Arguments of the verbs that `oc` users know: the same names, flags and short forms.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};

use super::Selector;
use super::verbs::WriteArgs;
use crate::model::Period;
use crate::plan::streams::tag::{Policies, SourceKind};

/// `create`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater create is keycloak")]
pub struct CreateArgs {
    /// What is made.
    #[command(subcommand)]
    pub what: CreateVerb,
}

/// What `create` makes.
#[derive(Debug, Clone, Subcommand)]
pub enum CreateVerb {
    /// An image stream, empty
    #[command(
        visible_alias = "is",
        after_help = "Example: headwater create is keycloak"
    )]
    Imagestream {
        /// Its name
        #[arg(value_name = "[NAMESPACE/]NAME")]
        name: String,
        /// Short names in pod specs of its namespace resolve through it
        #[arg(long)]
        lookup_local: bool,
        /// Where it is written.
        #[command(flatten)]
        write: WriteArgs,
    },
    /// A tag that is not there yet
    #[command(
        visible_alias = "istag",
        after_help = "Example: headwater create istag keycloak:25.0 --from-image quay.io/keycloak/keycloak:25.0.2"
    )]
    Imagestreamtag(CreateTagArgs),
}

/// `create imagestreamtag`
#[derive(Debug, Clone, Args)]
#[group(id = "source", required = true, multiple = false, args = ["from_image", "from"])]
pub struct CreateTagArgs {
    /// Its name
    #[arg(value_name = "[NAMESPACE/]STREAM:TAG")]
    pub name: String,
    /// An image of a registry
    #[arg(long, value_name = "PULLSPEC")]
    pub from_image: Option<String>,
    /// A tag or an image of a stream, with its namespace in front if it is another one; or :TAG of this stream
    #[arg(long, value_name = "STREAM:TAG|STREAM@DIGEST|:TAG")]
    pub from: Option<String>,
    /// An annotation of the tag, KEY=VALUE
    #[arg(long = "annotation", short = 'A', value_name = "KEY=VALUE", value_parser = pair)]
    pub annotations: Vec<(String, String)>,
    /// How the tag is set.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Keep the string, import nothing
    #[arg(long)]
    pub reference: bool,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// How a tag is set. What is not said stays as it is.
#[derive(Debug, Clone, Default, Args)]
pub struct PolicyArgs {
    /// Look at the registry again from time to time
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub scheduled: Option<bool>,
    /// Use the registry although its certificate is not known, if the operator lists it
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub insecure: Option<bool>,
    /// How workloads refer to the image: source or local
    #[arg(long, value_name = "POLICY", value_parser = reference_policy)]
    pub reference_policy: Option<String>,
    /// What is imported of an image for several platforms: PreserveOriginal (all) or Legacy (one)
    #[arg(long, value_name = "MODE", value_parser = import_mode)]
    pub import_mode: Option<String>,
}

impl PolicyArgs {
    /// In the core's words.
    pub fn policies(&self, reference: Option<bool>) -> Policies {
        Policies {
            reference,
            scheduled: self.scheduled,
            insecure: self.insecure,
            reference_policy: self.reference_policy.clone(),
            import_mode: self.import_mode.clone(),
        }
    }
}

/// `tag`
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example: headwater tag quay.io/keycloak/keycloak:25.0.3 keycloak:25.0 --scheduled\n         headwater tag -d keycloak:19.0"
)]
pub struct TagArgs {
    /// An image of a registry, or a tag or image of a stream; then the tags, as STREAM:TAG or NAMESPACE/STREAM:TAG
    #[arg(value_name = "SOURCE DEST", required = true, num_args = 1..)]
    pub names: Vec<String>,
    /// Delete the tags, with their history
    #[arg(
        long,
        short,
        conflicts_with_all = ["alias", "reference", "scheduled", "insecure", "source", "reference_policy", "import_mode"]
    )]
    pub delete: bool,
    /// What SOURCE is: imagestreamtag, imagestreamimage or docker; without it its looks say
    #[arg(long, value_name = "KIND")]
    pub source: Option<SourceKind>,
    /// Follow SOURCE from now on; both must be of one image stream
    #[arg(long, conflicts_with_all = ["scheduled", "insecure"])]
    pub alias: bool,
    /// Keep the string, import nothing
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub reference: Option<bool>,
    /// How the tags are set.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `import-image`
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example: headwater import-image keycloak:25.0 --from=quay.io/keycloak/keycloak:25.0.2 --confirm"
)]
pub struct ImportImageArgs {
    /// The stream, or one tag of it; `latest` without
    #[arg(value_name = "[NAMESPACE/]STREAM[:TAG]")]
    pub target: String,
    /// Where it is imported from; without it where the tag says
    #[arg(long, value_name = "PULLSPEC")]
    pub from: Option<String>,
    /// Make the stream if there is none, or use another repository than the recorded one
    #[arg(long)]
    pub confirm: bool,
    /// Import every tag
    #[arg(long)]
    pub all: bool,
    /// How the tags are set.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `set`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater set image-lookup keycloak")]
pub struct SetArgs {
    /// What is set.
    #[command(subcommand)]
    pub what: SetVerb,
}

/// What `set` sets.
#[derive(Debug, Clone, Subcommand)]
pub enum SetVerb {
    /// Whether short names in pod specs resolve through image streams; without names a table
    #[command(
        after_help = "Example: headwater set image-lookup keycloak --enabled=false
         headwater set image-lookup deployment/web --commit
         headwater set image-lookup -f apps/web.yaml --list

For an image stream it is `spec.lookupPolicy.local`; for an object with pods the annotation
alpha.image.policy.openshift.io/resolve-names, by which every image name in it is looked up whatever the streams say."
    )]
    ImageLookup(LookupArgs),
    /// Which tags of image streams move the images of objects with pods; without a change a table
    #[command(after_help = "Example: headwater set triggers deployment/web
         headwater set triggers deployment/web --from-image=shop:latest -c web --commit
         headwater set triggers deployment/web --from-image=shop:latest --manual
         headwater set triggers -f apps/web.yaml --from-image=shop:latest --remove

They stand in the annotation image.openshift.io/triggers of the object. A container has one: it takes the image named last.")]
    Triggers(TriggersArgs),
}

/// `set triggers`
#[derive(Debug, Clone, Args)]
pub struct TriggersArgs {
    /// Objects with pods (deployment/web, cronjob/tidy, ...)
    #[arg(value_name = "KIND/NAME", conflicts_with = "all")]
    pub names: Vec<String>,
    /// Every object with pods in this file
    #[arg(
        long = "filename",
        short = 'f',
        value_name = "FILE",
        conflicts_with = "all"
    )]
    pub files: Vec<PathBuf>,
    /// Only what has these labels (app=web,tier!=test)
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<Selector>,
    /// Every object with triggers of its own kind in the repository
    #[arg(long)]
    pub all: bool,
    /// The tag whose image the containers take
    #[arg(long, value_name = "[NAMESPACE/]STREAM:TAG")]
    pub from_image: Option<String>,
    /// The containers
    #[arg(
        short = 'c',
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        requires = "from_image"
    )]
    pub containers: Vec<String>,
    /// They fire whenever the tag moves; of all images without --from-image
    #[arg(long)]
    pub auto: bool,
    /// They do not fire; of all images without --from-image
    #[arg(long, conflicts_with = "auto")]
    pub manual: bool,
    /// Take away those of --from-image
    #[arg(long, requires = "from_image", conflicts_with_all = ["auto", "manual"])]
    pub remove: bool,
    /// Take away all
    #[arg(long, conflicts_with_all = ["from_image", "auto", "manual", "remove"])]
    pub remove_all: bool,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

impl TriggersArgs {
    /// The objects, as other verbs of `set` name them.
    pub fn objects(&self) -> LookupArgs {
        LookupArgs {
            names: self.names.clone(),
            files: self.files.clone(),
            selector: self.selector.clone(),
            enabled: true,
            all: false,
            list: true,
            write: self.write.clone(),
        }
    }
}

/// `set image-lookup`
#[derive(Debug, Clone, Args)]
pub struct LookupArgs {
    /// Image streams, with or without `is/` in front, and objects with pods (deployment/web, cronjob/tidy, ...)
    #[arg(value_name = "[NAMESPACE/]STREAM|KIND/NAME", conflicts_with = "all")]
    pub names: Vec<String>,
    /// Every image stream and every object with pods in this file
    #[arg(
        long = "filename",
        short = 'f',
        value_name = "FILE",
        conflicts_with = "all"
    )]
    pub files: Vec<PathBuf>,
    /// Only what has these labels (app=web,tier!=test)
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<Selector>,
    /// On (`true`) or off (`false`)
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = true, num_args = 1)]
    pub enabled: bool,
    /// All image streams of the namespace
    #[arg(long)]
    pub all: bool,
    /// Only show how it is set
    #[arg(long, conflicts_with = "enabled")]
    pub list: bool,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

impl LookupArgs {
    /// Whether nothing is named, which means all image streams of the namespace.
    pub const fn names_nothing(&self) -> bool {
        self.names.is_empty() && self.files.is_empty()
    }
}

/// `prune`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater prune keycloak --keep-tag-revisions 5 --confirm")]
pub struct PruneArgs {
    /// The streams; all of them without
    #[arg(value_name = "[NAMESPACE/]STREAM")]
    pub streams: Vec<String>,
    /// So many items of each tag are kept, the newest
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    pub keep_tag_revisions: usize,
    /// Items younger than this are kept
    #[arg(long, value_name = "PERIOD", default_value = "60m")]
    pub keep_younger_than: Period,
    /// Write it; without this it is only shown
    #[arg(long)]
    pub confirm: bool,
    /// Where it is written.
    #[command(flatten)]
    pub write: WriteArgs,
}

fn reference_policy(text: &str) -> Result<String, String> {
    match text.to_ascii_lowercase().as_str() {
        "source" => Ok("Source".to_owned()),
        "local" => Ok("Local".to_owned()),
        _ => Err("source or local".to_owned()),
    }
}

fn import_mode(text: &str) -> Result<String, String> {
    match text {
        "Legacy" | "PreserveOriginal" => Ok(text.to_owned()),
        _ => Err("Legacy or PreserveOriginal".to_owned()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}
