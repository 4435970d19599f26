//! The command line: arguments, one file per verb, output, exit codes.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::Parser as _;

mod act;
pub mod apply;
pub mod args;
pub mod base;
pub mod check;
pub mod clock;
pub mod config;
pub mod create;
pub mod demo;
pub mod describe;
pub mod drift;
pub mod engine;
pub mod error;
pub mod exit;
pub mod files;
pub mod freeze;
pub mod get;
pub mod history;
pub mod hold;
pub mod import_image;
pub mod init;
pub mod observe;
pub mod output;
pub mod plan;
pub mod pr;
pub mod promote;
pub mod prompt;
pub mod prune;
mod read;
pub mod render;
pub mod rollback;
pub mod run;
pub mod serve;
pub mod set;
pub mod status;
mod streams;
pub mod tag;
pub mod unfreeze;
pub mod unhold;
pub mod view;
pub mod why;
mod work;

pub use args::{Args, Globals, SetName, Verb};
pub use clock::Clock;
pub use error::CliError;
pub use exit::Exit;
pub use output::Out;

use crate::config::{ConfigError, Inputs, Loaded, Settings};
use crate::model::Timestamp;
use crate::telemetry;
use output::Look;

/// What every verb gets: settings, what was typed for all of them, and the way out.
pub struct Context {
    /// The operator's settings and their origins.
    pub loaded: Loaded,
    /// What was typed for every verb.
    pub globals: Globals,
    /// The way out.
    pub out: Out,
    /// The process's environment, read once.
    pub variables: BTreeMap<String, String>,
    /// Where the present instant comes from.
    pub clock: Clock,
    /// What the settings were gathered from, to read them again.
    pub inputs: Inputs,
}

impl Context {
    /// The operator's settings.
    pub const fn settings(&self) -> &Settings {
        &self.loaded.settings
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Runs one command line to its end.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let variables = variables();
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return refuse(&error, &variables),
    };
    let global = &args.global;
    let look = Look::decide(global.output, global.color, global.quiet > 0, &variables);
    let out = Out::new(look);
    let (out, result) = match prepare(&args, variables, out) {
        Ok((context, log)) => {
            let result = dispatch(&context, &args.verb).await;
            // Queued log lines come before the error they lead to.
            drop(log);
            (context.out, result)
        }
        Err((out, error)) => (out, Err(error)),
    };
    end(&out, result)
}

/// Settings, secrets, logs: in this order, so that no secret is ever printed.
#[allow(clippy::result_large_err, reason = "called once")]
fn prepare(
    args: &Args,
    variables: BTreeMap<String, String>,
    out: Out,
) -> Result<(Context, telemetry::Guard), (Out, CliError)> {
    let inputs = inputs(args, &variables);
    let prepared = (|| {
        let globals = Globals::resolve(&args.global, &args.verb)?;
        let loaded = load(&inputs)?;
        let log = telemetry::start(
            &loaded.settings.log,
            out.look().color_stderr,
            out.progress().stderr(),
        )?;
        Ok((loaded, globals, log))
    })();
    let prepared = prepared.and_then(|prepared| {
        let checked = crate::config::clock::check();
        checked.map(|()| prepared).map_err(|said| {
            CliError::failed("the clock of this machine cannot be worked with")
                .because(said)
                .help("set the clock (`timedatectl`, NTP)")
        })
    });
    match prepared {
        Ok((loaded, globals, log)) => {
            let context = Context {
                loaded,
                globals,
                out,
                variables,
                clock: Clock::Wall,
                inputs,
            };
            Ok((context, log))
        }
        Err(error) => Err((out, error)),
    }
}

/// Reads settings; their secrets are known before anything is said about values.
///
/// # Errors
/// When they cannot be read or used.
pub(crate) fn load(inputs: &Inputs) -> Result<Loaded, ConfigError> {
    let gathered = crate::config::gather(inputs)?;
    gathered
        .secrets()
        .iter()
        .for_each(telemetry::register_secret);
    gathered.settings()
}

fn inputs(args: &Args, variables: &BTreeMap<String, String>) -> Inputs {
    let defaults = match args.verb {
        Verb::Serve(_) => vec![("log.level".to_owned(), "info".to_owned())],
        _ => Vec::new(),
    };
    Inputs {
        file: args.global.config.clone(),
        variables: variables.clone(),
        defaults,
        flags: args::resolve::settings(&args.global, &args.verb),
    }
}

/// One file per verb.
pub(crate) async fn dispatch(context: &Context, verb: &Verb) -> Result<Exit, CliError> {
    match verb {
        Verb::Config(_) => config::run(context, &[]),
        Verb::Check(args) => check::run(context, args).await,
        Verb::Observe(args) => observe::run(context, args).await,
        Verb::Plan(args) => plan::run(context, args).await,
        Verb::Apply(args) => apply::run(context, args).await,
        Verb::Run(args) => run::run(context, args).await,
        Verb::Serve(args) => serve::run(context, args).await,
        Verb::Status(args) => status::run(context, args).await,
        Verb::Why(args) => why::run(context, args).await,
        Verb::History(args) => history::run(context, args).await,
        Verb::Drift(args) => drift::run(context, args).await,
        Verb::Pr(args) => pr::run(context, args).await,
        Verb::Promote(args) => promote::run(context, args).await,
        Verb::Rollback(args) => rollback::run(context, args).await,
        Verb::Hold(args) => hold::run(context, args).await,
        Verb::Unhold(args) => unhold::run(context, args).await,
        Verb::Freeze(args) => freeze::run(context, args).await,
        Verb::Unfreeze(args) => unfreeze::run(context, args).await,
        Verb::Get(args) => get::run(context, args).await,
        Verb::Describe(args) => describe::run(context, args).await,
        Verb::Render(args) => render::run(context, args).await,
        Verb::Create(args) => create::run(context, args).await,
        Verb::Tag(args) => tag::run(context, args).await,
        Verb::ImportImage(args) => import_image::run(context, args).await,
        Verb::Set(args) => set::run(context, args).await,
        Verb::Prune(args) => prune::run(context, args).await,
        Verb::Init(args) => init::run(context, args).await,
        Verb::Demo(args) => demo::run(context, args).await,
    }
}

/// Prints what is left to say and decides how the process ends.
fn end(out: &Out, result: Result<Exit, CliError>) -> Exit {
    let exit = match result {
        Ok(exit) => exit,
        Err(error) => {
            out.error(&error);
            error.exit
        }
    };
    match out.finish() {
        Ok(()) => exit,
        Err(error) => {
            out.error(&CliError::failed(format!(
                "cannot print the result: {error}"
            )));
            if exit == Exit::Settled {
                Exit::Failed
            } else {
                exit
            }
        }
    }
}

/// Help and version go to stdout and are fine; anything else clap says is an error of usage.
fn refuse(error: &clap::Error, variables: &BTreeMap<String, String>) -> Exit {
    let color = Look::decide(
        output::Format::Text,
        output::ColorChoice::Auto,
        false,
        variables,
    );
    let colored = if error.use_stderr() {
        color.color_stderr
    } else {
        color.color
    };
    let text = if colored {
        error.render().ansi().to_string()
    } else {
        output::clean::clean_lines(&error.render().to_string()).into_owned()
    };
    Out::new(color).help(&text, error.use_stderr());
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Settled
    }
}

/// The environment; what is no text is left out.
fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
