//! Text to nouns and back: finding, loading, checking and byte-exact editing of documents. Pure over an in-memory tree.
