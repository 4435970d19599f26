//! The verbs that `oc` users know, with the real binary on real files: what is written, what is kept, and what the next
//! pass makes of it.

mod deliver;
mod edit;
mod follow;
mod import;
mod legacy;
mod lookup;
mod many;
mod refuse;
mod seed;
mod settle;
mod triggers;
mod upstream;
mod whole;
