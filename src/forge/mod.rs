//! The forge: pull requests behind one small trait.
