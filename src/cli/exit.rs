//! Exit codes: one table for the program, its help and its tests.

use std::process::ExitCode;

use crate::model::{Fault, Retry};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exit {
    /// Everything is settled, or merely waiting.
    Settled,
    /// It failed.
    Failed,
    /// The command line or the settings are wrong.
    Usage,
    /// Manifests are invalid.
    Invalid,
    /// Done, but something is broken.
    Broken,
    /// Changes are pending (`plan --exit-code`), or two stages differ (`drift --exit-code`).
    Pending,
    /// Somebody else was faster too often, or a service is away: try again later.
    TryAgain,
}

impl Exit {
    /// All of them, by code.
    pub const ALL: [Self; 7] = [
        Self::Settled,
        Self::Failed,
        Self::Usage,
        Self::Invalid,
        Self::Broken,
        Self::Pending,
        Self::TryAgain,
    ];

    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Settled => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::Broken => 4,
            Self::Pending => 10,
            Self::TryAgain => 75,
        }
    }

    /// How an error of an edge ends the process: later is another try, never is a failure.
    pub const fn of(fault: Fault) -> Self {
        match fault.retry {
            Retry::Now | Retry::Later(_) => Self::TryAgain,
            Retry::Never => Self::Failed,
        }
    }

    /// What it means, in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Settled => "settled, or merely waiting",
            Self::Failed => "failed",
            Self::Usage => "the command line or the settings are wrong",
            Self::Invalid => "manifests are invalid",
            Self::Broken => "done, but something is broken",
            Self::Pending => "changes are pending (`plan --exit-code`)",
            Self::TryAgain => "try again later",
        }
    }

    /// The table as help shows it.
    pub fn table() -> String {
        let mut table = String::from("Exit codes:");
        for exit in Self::ALL {
            table.push_str(&format!("\n  {:<4}{}", exit.code(), exit.meaning()));
        }
        table
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_contract() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 10, 75]);
    }

    #[test]
    fn the_long_help_shows_the_table() {
        use clap::CommandFactory as _;
        let help = crate::cli::args::Args::command()
            .render_long_help()
            .to_string();
        for exit in Exit::ALL {
            assert!(help.contains(exit.meaning()), "{help}");
        }
        assert!(help.contains("Exit codes:"));
    }
}
