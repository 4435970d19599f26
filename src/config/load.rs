//! Gathers settings from their places: the operator's file, over it variables, over them flags. Never the repository.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use config::{Config, Map, Source, Value};
use secrecy::SecretString;

use super::Settings;
use super::origin::{ConfigLine, Origins};
use super::{environment, read, secret, yaml};
use crate::model::{Fault, Faulty, Party};

/// What settings are gathered from.
#[derive(Clone, Default)]
pub struct Inputs {
    /// The file named by the operator; absent means the first of the usual places that exists.
    pub file: Option<PathBuf>,
    /// The process's environment.
    pub variables: BTreeMap<String, String>,
    /// Defaults of the verb that differ from the general ones: path and value.
    pub defaults: Vec<(String, String)>,
    /// Settings given as flags: path, value and the flag's name.
    pub flags: Vec<(String, String, String)>,
}

/// Something wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the setting; empty when there is none.
    pub path: String,
    /// `file:line:column`, variable or flag.
    pub origin: Option<String>,
    /// What is wrong; never holds a secret.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    pub(super) const fn new(message: String) -> Self {
        Self {
            path: String::new(),
            origin: None,
            message,
            help: None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.origin {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

/// Why there are no settings. All of these are the operator's to mend; none is transient.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The file is too long.
    #[error("the settings `{}` are longer than 1 MiB", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The file is no YAML map.
    #[error("{place}: {message}")]
    Syntax {
        /// File and line.
        place: String,
        /// What the parser says, without content of the file.
        message: String,
    },
    /// A variable names no setting.
    #[error("the variable `{name}` names no setting")]
    Variable {
        /// The variable.
        name: String,
        /// How it should look.
        help: String,
    },
    /// Values do not fit.
    #[error("{}", first(.0))]
    Invalid(Vec<Problem>),
    /// The layers could not be laid over each other: our fault.
    #[error("settings could not be merged")]
    Merge,
}

fn first(problems: &[Problem]) -> String {
    let mut text = String::from("settings are not usable");
    for problem in problems {
        text.push_str(&format!("\n  {problem}"));
        if let (Some(help), true) = (&problem.help, problems.len() > 1) {
            text.push_str(&format!(": {help}"));
        }
    }
    text
}

impl ConfigError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Variable { help, .. } => Some(help.clone()),
            Self::Invalid(problems) => match problems.as_slice() {
                [problem] => problem.help.clone(),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Faulty for ConfigError {
    fn fault(&self) -> Fault {
        Fault::of(match self {
            Self::Merge => Party::Us,
            Self::Unreadable { .. }
            | Self::TooLong { .. }
            | Self::Syntax { .. }
            | Self::Variable { .. }
            | Self::Invalid(_) => Party::Operator,
        })
    }
}

/// All layers merged, not yet typed. Kept apart so that secrets can be made known before anything is said about values.
pub struct Gathered {
    root: Value,
    file: Option<PathBuf>,
}

impl fmt::Debug for Gathered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gathered")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// Typed settings and where each came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Where each came from.
    pub origins: Origins,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
}

/// Merges all layers.
pub fn gather(inputs: &Inputs) -> Result<Gathered, ConfigError> {
    let file = match &inputs.file {
        Some(file) => Some(file.clone()),
        None => usual_places(&inputs.variables)
            .into_iter()
            .find(|path| path.is_file()),
    };
    let mut builder = Config::builder().add_source(layer(&inputs.defaults, "default"));
    if let Some(file) = &file {
        builder = builder.add_source(Layer::Tree(yaml::read(file)?));
    }
    builder = builder.add_source(Layer::Paths(environment::read(&inputs.variables)?));
    for (path, value, flag) in &inputs.flags {
        builder = builder.add_source(layer(&[(path.clone(), value.clone())], flag));
    }
    let root = builder.build().map_err(|_| ConfigError::Merge)?;
    let root: Value = root.collect().map_err(|_| ConfigError::Merge)?.into();
    Ok(Gathered { root, file })
}

/// Gathers and reads in one go.
pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigError> {
    gather(inputs)?.settings()
}

impl Gathered {
    /// Every secret among the values, to be kept out of logs and messages.
    pub fn secrets(&self) -> Vec<SecretString> {
        let mut secrets = Vec::new();
        secret::collect(&self.root, false, &mut secrets);
        secrets
    }

    /// The typed settings.
    pub fn settings(self) -> Result<Loaded, ConfigError> {
        let (settings, origins) = read::read(self.root).map_err(ConfigError::Invalid)?;
        Ok(Loaded {
            settings,
            origins,
            file: self.file,
        })
    }
}

impl Loaded {
    /// Every setting with its origin; secrets are `(set)`.
    pub fn lines(&self) -> Result<Vec<ConfigLine>, serde_json::Error> {
        Ok(self.origins.lines(&serde_json::to_value(&self.settings)?))
    }
}

/// Where settings are looked for when no file is named.
pub fn usual_places(variables: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let folder = |name: &str| {
        variables
            .get(name)
            .filter(|folder| Path::new(folder).is_absolute())
            .map(PathBuf::from)
    };
    [
        folder("XDG_CONFIG_HOME"),
        folder("HOME").map(|home| home.join(".config")),
        Some(PathBuf::from("/etc")),
    ]
    .into_iter()
    .flatten()
    .map(|folder| folder.join("headwater/config.yaml"))
    .collect()
}

/// One layer of settings, in the shape the `config` crate takes.
#[derive(Clone)]
enum Layer {
    /// A whole tree.
    Tree(Value),
    /// Values by path.
    Paths(Map<String, Value>),
}

fn layer(values: &[(String, String)], origin: &str) -> Layer {
    let origin = origin.to_owned();
    Layer::Paths(
        values
            .iter()
            .map(|(path, value)| (path.clone(), Value::new(Some(&origin), value.as_str())))
            .collect(),
    )
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer(..)")
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        match self {
            Self::Tree(root) => root.clone().into_table(),
            Self::Paths(paths) => Ok(paths.clone()),
        }
    }
}
