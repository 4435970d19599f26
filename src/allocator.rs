//! The allocator of the program. A pass over a large repository needs much memory for a moment, and then little for a
//! long time: what is freed goes back to the system, which the C library's allocator does for a part of it only.

#[cfg(not(feature = "jemalloc"))]
pub use std::alloc::System as Allocator;

#[cfg(feature = "jemalloc")]
pub use tikv_jemallocator::Jemalloc as Allocator;

/// How long freed pages may wait for their next use while something is going on, in milliseconds.
#[cfg(feature = "jemalloc")]
const DECAY: isize = 1_000;

/// Gives freed memory back to the system: to be called when there is nothing to do for a while. Where [`Allocator`] is not
/// the program's, nothing happens: it is no more than a wish.
pub fn give_back() {
    #[cfg(feature = "jemalloc")]
    {
        use tikv_jemalloc_ctl::{Access as _, AsName as _};

        let _ = b"arenas.dirty_decay_ms\0".name().write(DECAY);
        let arenas: u32 = b"arenas.narenas\0".name().read().unwrap_or_default();
        for arena in 0..arenas {
            let name = format!("arena.{arena}.dirty_decay_ms\0");
            // Pages that may not wait at all are given back by the very call that says so.
            for wait in [0, DECAY] {
                let _ = name.as_bytes().name().write(wait);
            }
        }
    }
}
