//! The host from outside: hostile guests, the cache, and the strategies of this repository as real plugins.

mod guest;
mod hostile;
mod toy;
