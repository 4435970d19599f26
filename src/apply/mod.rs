//! Effects: each plan effect is carried out by one file here; nothing is decided.
