//! Acts on a small repository in memory, whose history is written as a table.
