//! Readings of a function in order, for the tests of this module: a test spoils one thing.
