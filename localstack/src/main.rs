//! The stand-in as a small server of its own.

fn main() {}
