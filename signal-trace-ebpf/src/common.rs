//! The source of `signal-trace-common`, taken in as modules and not as a dependency: cargo mixes the
//! absolute path of a dependency that lies outside the workspace into its symbols, and so the
//! bytes of the object would depend on the folder of the repository.
#![expect(dead_code, reason = "user space needs more of it")]
#![expect(
    clippy::struct_field_names,
    reason = "the kernel's names: `task->flags` beside `signal->flags`"
)]

#[path = "../../signal-trace-common/src/filter.rs"]
pub mod filter;
#[path = "../../signal-trace-common/src/layout.rs"]
pub mod layout;
#[path = "../../signal-trace-common/src/wire.rs"]
pub mod wire;
