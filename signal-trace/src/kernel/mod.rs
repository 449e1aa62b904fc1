//! The kernel side as user space sees it: find the members, load the programs, attach them.

pub mod btf;
pub mod drops;
pub mod error;
pub mod layout;
pub mod loader;
mod mapped;
mod positions;
mod private_tracefs;
pub mod requirements;
pub mod watch;

pub use error::LoadError;
pub use loader::{LoadOptions, Loaded, load};
pub use positions::Positions;
pub use requirements::Paths;
