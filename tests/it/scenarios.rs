//! Stories that must come out right, each told in a world of its own.

mod straight;
