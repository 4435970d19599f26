//! The allocator of the program. A pass over a large repository needs much memory for a moment, and then little for a
//! long time: what is freed goes back to the system, which the C library's allocator does for a part of it only.

#[cfg(not(feature = "jemalloc"))]
pub use std::alloc::System as Allocator;

#[cfg(feature = "jemalloc")]
pub use tikv_jemallocator::Jemalloc as Allocator;

/// How long freed pages may wait for their next use, in milliseconds: of all arenas to come, and of the first one.
#[cfg(feature = "jemalloc")]
const DECAY: [&[u8]; 2] = [b"arenas.dirty_decay_ms\0", b"arena.0.dirty_decay_ms\0"];

/// Has freed memory go back to the system at once. To be called before there is a second thread. Where [`Allocator`] is not
/// the program's, or does not know the setting, nothing happens: it is no more than a wish.
pub fn give_back_at_once() {
    #[cfg(feature = "jemalloc")]
    for name in DECAY {
        use tikv_jemalloc_ctl::{Access as _, AsName as _};

        let _ = name.name().write(0_isize);
    }
}
