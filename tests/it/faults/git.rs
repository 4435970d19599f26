//! The Git edge under faults: servers that refuse or stop in the middle, damage on disk, repositories of odd shapes.

mod disk;
mod network;
mod refused;
mod rewound;
mod shapes;
