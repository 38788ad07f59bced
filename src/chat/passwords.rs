//! Password hashes: argon2id, bounded, off the async threads.
