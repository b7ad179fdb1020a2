//! End-to-end tests through the built programs; see `tests/`.
