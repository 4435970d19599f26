//! What went wrong, for people: the thing, its causes once each, and what to do.

use std::error::Error;
use std::fmt;

use super::exit::Exit;
use crate::config::ConfigError;
use crate::telemetry::TelemetryError;

/// An error that ends a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    /// How the process ends.
    pub exit: Exit,
    /// What went wrong: lower case, no full stop.
    pub message: String,
    /// Why, from the nearest cause to the farthest; nothing twice.
    pub causes: Vec<String>,
    /// What to do, if that is known.
    pub help: Option<String>,
}

impl CliError {
    /// An error of this kind.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            help: None,
        }
    }

    /// It failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// The command line or the settings are wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// An error with the causes behind it.
    pub fn from_error(exit: Exit, error: &(dyn Error + 'static)) -> Self {
        let mut texts = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            texts.push(cause.to_string());
            source = cause.source();
        }
        Self::from_texts(exit, texts.into_iter())
    }

    /// The first text is the message, the others are causes; what an earlier one says already is left out.
    fn from_texts(exit: Exit, texts: impl Iterator<Item = String>) -> Self {
        let mut kept: Vec<String> = Vec::new();
        for text in texts {
            if !kept.iter().any(|earlier| earlier.contains(&text)) {
                kept.push(text);
            }
        }
        let mut kept = kept.into_iter();
        let mut error = Self::new(exit, kept.next().unwrap_or_default());
        error.causes = kept.collect();
        error
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With another way to end the process.
    #[must_use]
    pub const fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// With one cause more, behind those that are there.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// With something in front: the old message becomes the first cause.
    #[must_use]
    pub fn context(mut self, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, inner);
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes
            .iter()
            .try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl Error for CliError {}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self {
            help: error.help(),
            ..Self::from_error(Exit::Usage, &error)
        }
    }
}

impl From<TelemetryError> for CliError {
    fn from(error: TelemetryError) -> Self {
        Self::from_error(Exit::Usage, &error)
    }
}

impl From<serde_json::Error> for CliError {
    fn from(error: serde_json::Error) -> Self {
        Self::from_error(Exit::Failed, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_says_everything_once() {
        let texts = [
            "cannot read the base",
            "cannot fetch main: connection reset",
            "connection reset",
        ];
        let error = CliError::from_texts(Exit::Failed, texts.map(str::to_owned).into_iter());
        assert_eq!(error.message, "cannot read the base");
        assert_eq!(error.causes, ["cannot fetch main: connection reset"]);
        assert_eq!(error.exit, Exit::Failed);
    }
}
