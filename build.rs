//! Makes cargo look at the built web client. The derive that embeds it (`src/http/client/files.rs`)
//! notices when a file changes, not when one appears.
//!
//! The folder is in git, empty but for `.gitkeep`: were it missing, cargo would run this, and compile
//! the server again, at every build.

fn main() {
    println!("cargo::rerun-if-changed=web-client/dist");
}
