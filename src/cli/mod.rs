//! The command line: arguments, one file per verb, output, exit codes.
