//! Arguments of the verbs that look at image streams as `oc` does.

use clap::Args;

use super::{At, Selector};

/// `get`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater get is
         headwater get istag keycloak:25.0 -o wide
         headwater get is keycloak -o yaml --for-cluster | oc apply -f -

Kinds are is, istag, isimage and imagetag, by their long names too. The work tree is read as it lies there; without one, the base.")]
pub struct GetArgs {
    /// A kind and names of that kind, or KIND/NAME
    #[arg(value_name = "KIND", required = true, num_args = 1..)]
    pub asked: Vec<String>,
    /// Of all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Only of streams with these labels (app=web,tier!=test)
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<Selector>,
    /// As the base was at this commit or time ("2026-11-20", "2h ago")
    #[arg(long, value_name = "COMMIT|TIME")]
    pub at: Option<At>,
    /// Image streams as a cluster takes them: without status and records, images by digest (yaml, json)
    #[arg(long)]
    pub for_cluster: bool,
}

/// `describe`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: headwater describe is keycloak
         headwater describe istag keycloak:25.0 --refresh
         headwater describe is keycloak --at 2026-11-20

Kinds are is, istag and isimage, by their long names too. The work tree is read as it lies there; without one, the base.")]
pub struct DescribeArgs {
    /// A kind and names of that kind, or KIND/NAME
    #[arg(value_name = "KIND", required = true, num_args = 1..)]
    pub asked: Vec<String>,
    /// Of all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Only of streams with these labels (app=web,tier!=test)
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<Selector>,
    /// As the base was at this commit or time ("2026-11-20", "2h ago")
    #[arg(long, value_name = "COMMIT|TIME")]
    pub at: Option<At>,
    /// Ask the registry what the images say about themselves
    #[arg(long)]
    pub refresh: bool,
}
